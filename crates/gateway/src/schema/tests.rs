//! Schemas against bodies, as tables.

use serde_json::json;

use super::*;

fn schemas(models: &[(&str, Value)]) -> Result<Schemas, SchemaError> {
    let models = models.iter().map(|(name, schema)| ((*name).to_owned(), schema.to_string())).collect();
    Schemas::compile(&models).map_err(|(_, error)| error)
}

fn judged(schema: &Value, body: &str) -> Vec<String> {
    schemas(&[("m", schema.clone())]).unwrap().judge("m", body.as_bytes()).err().unwrap_or_default()
}

#[test]
fn every_keyword_judges() {
    for (schema, good, bad) in [
        (json!({}), "null", ""),
        (json!({"type": "object"}), "{}", "[]"),
        (json!({"type": ["null", "integer"]}), "7", "7.5"),
        (json!({"type": "integer"}), "-3", "3.0"),
        (json!({"type": "number"}), "3", "\"3\""),
        (json!({"enum": [1, {"a": [2]}]}), r#"{"a":[2.0]}"#, r#"{"a":[2],"b":1}"#),
        (json!({"minimum": 1}), "1", "0.9"),
        (json!({"minimum": 1, "exclusiveMinimum": true}), "1.1", "1"),
        (json!({"maximum": 1}), "1", "1.1"),
        (json!({"maximum": 1, "exclusiveMaximum": true}), "0", "1"),
        (json!({"multipleOf": 3}), "9", "10"),
        (json!({"multipleOf": 0.1}), "0.3", "0.35"),
        (json!({"minLength": 2}), "\"éé\"", "\"é\""),
        (json!({"maxLength": 2}), "\"éé\"", "\"ééé\""),
        (json!({"pattern": "^a+$"}), "\"aa\"", "\"ab\""),
        (json!({"pattern": "^a+$"}), "7", "\"\""),
        (json!({"items": {"type": "string"}}), r#"["a"]"#, r#"["a",1]"#),
        (json!({"items": [{"type": "string"}], "additionalItems": false}), r#"["a"]"#, r#"["a",1]"#),
        (json!({"items": [{}], "additionalItems": {"type": "null"}}), "[1,null]", "[1,2]"),
        (json!({"items": {}, "additionalItems": false}), "[1,2,3]", "["),
        (json!({"minItems": 1}), "[1]", "[]"),
        (json!({"maxItems": 1}), "[1]", "[1,2]"),
        (json!({"uniqueItems": true}), r#"[1,2,{"a":1,"b":2}]"#, r#"[{"a":1,"b":2},{"b":2,"a":1.0}]"#),
        (json!({"properties": {"a": {"type": "string"}}}), r#"{"a":"x","b":1}"#, r#"{"a":1}"#),
        (json!({"patternProperties": {"^x-": {"type": "null"}}}), r#"{"x-a":null}"#, r#"{"x-a":1}"#),
        (json!({"properties": {"a": {}}, "additionalProperties": false}), r#"{"a":1}"#, r#"{"b":1}"#),
        (json!({"additionalProperties": {"type": "null"}}), r#"{"a":null}"#, r#"{"a":1}"#),
        (
            json!({"patternProperties": {"^x": {}}, "additionalProperties": false}),
            r#"{"xa":1}"#,
            r#"{"a":1}"#,
        ),
        (json!({"required": ["a", "b"]}), r#"{"a":1,"b":null}"#, r#"{"a":1}"#),
        (json!({"minProperties": 1}), r#"{"a":1}"#, "{}"),
        (json!({"maxProperties": 1}), r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
        (json!({"dependencies": {"a": ["b"]}}), r#"{"a":1,"b":1}"#, r#"{"a":1}"#),
        (json!({"dependencies": {"a": {"required": ["c"]}}}), r#"{"b":1}"#, r#"{"a":1}"#),
        (json!({"allOf": [{"minimum": 1}, {"maximum": 3}]}), "2", "4"),
        (json!({"anyOf": [{"type": "null"}, {"maximum": 3}]}), "3", "4"),
        (json!({"oneOf": [{"minimum": 1}, {"maximum": 3}]}), "0", "2"),
        (json!({"not": {"type": "string"}}), "1", "\"\""),
        (
            json!({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "null"}}, "type": "string"}),
            "null",
            "1",
        ),
        (
            json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": false}),
            r#"{"next":{"next":{}}}"#,
            r#"{"next":{"next":{"x":1}}}"#,
        ),
    ] {
        assert_eq!(judged(&schema, good), Vec::<String>::new(), "{schema} {good}");
        assert!(!judged(&schema, bad).is_empty(), "{schema} {bad}");
    }
}

#[test]
fn problems_are_told_in_the_validators_words() {
    let schema = json!({"type": "object", "required": ["b", "a"], "additionalProperties": false,
        "properties": {"a": {"type": "integer", "minimum": 1}, "b": {"type": "string"}, "c": {"enum": ["x"]}}});
    for (body, expected) in [
        ("{}", vec![r#"object has missing required properties (["a","b"])"#]),
        (
            r#"{"a":0,"b":1}"#,
            vec![
                "numeric instance is lower than the required minimum (minimum: 1, found: 0)",
                r#"instance type (integer) does not match any allowed primitive type (allowed: ["string"])"#,
            ],
        ),
        (
            r#"{"a":1,"b":"","c":"y","d":1}"#,
            vec![
                r#"instance value ("y") not found in enum (possible values: ["x"])"#,
                r#"object instance has properties which are not allowed by the schema: ["d"]"#,
            ],
        ),
    ] {
        assert_eq!(judged(&schema, body), expected, "{body}");
    }
}

#[test]
fn models_name_one_another() {
    let other = "https://apigateway.amazonaws.com/restapis/a1/models/Line";
    let order =
        json!({"type": "object", "properties": {"lines": {"type": "array", "items": {"$ref": other}}}});
    let line = json!({"type": "object", "required": ["sku"]});
    let both = schemas(&[("Order", order.clone()), ("Line", line)]).unwrap();
    assert!(both.judge("Order", br#"{"lines":[{"sku":1}]}"#).is_ok());
    assert!(both.judge("Order", br#"{"lines":[{}]}"#).is_err());
    assert!(both.judge("Nobody", b"{}").is_err());
    assert_eq!(schemas(&[("Order", order)]).unwrap_err(), SchemaError::Reference(other.into()));
}

#[test]
fn what_is_no_model_is_refused() {
    for (schema, expected) in [
        (json!([]), SchemaError::NoSchema),
        (json!({"type": "text"}), SchemaError::Keyword("type".into())),
        (json!({"required": "a"}), SchemaError::Keyword("required".into())),
        (json!({"minLength": -1}), SchemaError::Keyword("minLength".into())),
        (json!({"multipleOf": 0}), SchemaError::Keyword("multipleOf".into())),
        (json!({"exclusiveMinimum": 3}), SchemaError::Keyword("exclusiveMinimum".into())),
        (json!({"pattern": "(?=a)"}), SchemaError::Pattern("(?=a)".into())),
        (json!({"$ref": "http://example.com/a"}), SchemaError::Reference("http://example.com/a".into())),
        (json!({"$ref": "file:///etc/passwd"}), SchemaError::Reference("file:///etc/passwd".into())),
        (json!({"$ref": "#/nowhere"}), SchemaError::Reference("#/nowhere".into())),
        (json!({"properties": {"a": 1}}), SchemaError::Reference("m#/properties/a".into())),
    ] {
        assert_eq!(schemas(&[("m", schema.clone())]).unwrap_err(), expected, "{schema}");
    }
    let deep = format!("{}{}{}", r#"{"not":"#.repeat(120), "{}", "}".repeat(120));
    let deep = Schemas::compile(&BTreeMap::from([("m".to_owned(), deep)])).unwrap_err().1;
    assert_eq!(deep, SchemaError::TooLarge);
    let many: serde_json::Map<_, _> = (0..NODES_MAX).map(|at| (format!("p{at}"), json!({}))).collect();
    assert!(schemas(&[("m", json!({"properties": many}))]).is_err());
}

#[test]
fn hostile_models_and_bodies_end() {
    // Doubles at every step.
    let bomb = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]});
    assert_eq!(judged(&bomb, "1"), ["the body is too large or too deep to be validated"]);
    assert!(!judged(&json!({"$ref": "#"}), "1").is_empty());
    let twins = json!({"items": {"$ref": "#"}, "uniqueItems": true});
    let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert!(judged(&twins, &nested).is_empty());
    let long = format!("\"{}\"", "é".repeat(1_000_000));
    let problems = judged(&json!({"maxLength": 1, "enum": ["a"], "pattern": "^b"}), &long);
    assert_eq!(problems.len(), 3);
    assert!(problems.iter().all(|problem| problem.len() < 400), "quotes have an end");
    let wide = format!("[{}1]", "1,".repeat(500_000));
    assert!(judged(&json!({"items": {"type": "integer"}}), &wide).is_empty());
    let many = judged(&json!({"items": {"type": "string"}}), &wide);
    assert_eq!(many.len(), 16);
}
