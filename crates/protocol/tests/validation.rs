//! Constraints of the model, in AWS's words.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use protocol::{
    Fault, Redact, Value, model, validate_input, value_from_json, value_to_json, write_audit_json,
};
use serde_json::{Value as Json, json};

fn input(service: &str, operation: &str, json: &Json) -> Value {
    let operation = model(service).unwrap().operation(operation).unwrap();
    value_from_json(operation.input().unwrap(), json).unwrap()
}

fn validate(service: &str, operation: &str, json: &Json) -> Result<(), Fault> {
    validate_input(model(service).unwrap().operation(operation).unwrap(), &input(service, operation, json))
}

#[test]
fn broken_constraints_are_named_as_aws_names_them() {
    let long = "a".repeat(65);
    let cases = [
        (
            ("dynamodb", "GetItem", json!({ "Key": {} })),
            "ValidationException",
            "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null".to_owned(),
        ),
        (
            ("dynamodb", "DeleteTable", json!({})),
            "ValidationException",
            "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null".to_owned(),
        ),
        (
            ("logs", "CreateLogGroup", json!({ "logGroupName": "a b" })),
            "InvalidParameterException",
            "1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+".to_owned(),
        ),
        (
            ("iam", "CreateUser", json!({ "UserName": long })),
            "ValidationError",
            format!("1 validation error detected: Value '{long}' at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64"),
        ),
        (
            ("iam", "CreateUser", json!({ "UserName": "a b" })),
            "ValidationError",
            "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-".to_owned(),
        ),
        (
            ("sts", "AssumeRole", json!({ "RoleArn": "x", "RoleSessionName": "me" })),
            "ValidationError",
            "1 validation error detected: Value 'x' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20".to_owned(),
        ),
        (
            ("sts", "AssumeRole", json!({ "RoleArn": "arn:aws:iam::123456789012:role/a", "RoleSessionName": "me", "DurationSeconds": 60 })),
            "ValidationError",
            "1 validation error detected: Value '60' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900".to_owned(),
        ),
        (
            ("dynamodb", "CreateTable", json!({ "TableName": "abc", "AttributeDefinitions": [{ "AttributeName": "k", "AttributeType": "X" }], "KeySchema": [{ "AttributeName": "k", "KeyType": "HASH" }] })),
            "ValidationException",
            "1 validation error detected: Value 'X' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [S, N, B]".to_owned(),
        ),
        (
            ("iam", "UntagUser", json!({ "UserName": "bob", "TagKeys": ["ok", ""] })),
            "ValidationError",
            "1 validation error detected: Value '[ok, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+]".to_owned(),
        ),
    ];
    for ((service, operation, json), code, message) in cases {
        let fault = validate(service, operation, &json).unwrap_err();
        assert_eq!((fault.code.as_ref(), fault.message), (code, message));
    }
}

#[test]
fn what_the_values_of_a_map_break_is_told_of_the_map() {
    let write = json!({ "DeleteRequest": { "Key": { "k": { "S": "a" } } } });
    let constraint = "Map value must satisfy constraint: [Member must have length less than or equal to 25, \
                      Member must have length greater than or equal to 1]";
    for count in [0, 26] {
        let asked = json!({ "RequestItems": { "orders": vec![write.clone(); count] } });
        let message = validate("dynamodb", "BatchWriteItem", &asked).unwrap_err().message;
        assert!(
            message.starts_with("1 validation error detected: Value '{orders=[")
                && message
                    .ends_with(&format!("' at 'requestItems' failed to satisfy constraint: {constraint}")),
            "{message}"
        );
    }
    // What lies further inside keeps its place.
    let asked = json!({ "RequestItems": { "orders": { "Keys": [] } } });
    assert_eq!(
        validate("dynamodb", "BatchGetItem", &asked).unwrap_err().message,
        "1 validation error detected: Value '[]' at 'requestItems.orders.member.keys' failed to satisfy constraint: \
         Member must have length greater than or equal to 1"
    );
}

#[test]
fn several_failures_are_counted() {
    let fault = validate("dynamodb", "CreateTable", &json!({})).unwrap_err();
    assert!(
        fault.message.starts_with("2 validation errors detected: ")
            || fault.message.starts_with("1 validation"),
        "{fault:?}"
    );
    let fault = validate("sts", "AssumeRole", &json!({})).unwrap_err();
    assert_eq!(fault.message.matches("; Value ").count(), 1, "{fault:?}");
}

#[test]
fn patterns_that_look_around_in_java_hold_here_too() {
    for (name, good) in [("live", true), ("123", false), ("1a", true), ("a b", false)] {
        let json = json!({ "FunctionName": "f", "Name": name, "FunctionVersion": "1" });
        assert_eq!(validate("lambda", "CreateAlias", &json).is_ok(), good, "{name}");
    }
    for (alias, good) in [("my-account", true), ("my--account", false), ("-a1", false), ("abc", true)] {
        assert_eq!(
            validate("iam", "CreateAccountAlias", &json!({ "AccountAlias": alias })).is_ok(),
            good,
            "{alias}"
        );
    }
}

#[test]
fn sensitive_values_are_neither_quoted_nor_recorded() {
    let json = json!({ "OldPassword": "", "NewPassword": "hunter2\u{0}" });
    let fault = validate("iam", "ChangePassword", &json).unwrap_err();
    assert!(!fault.message.contains("hunter2"), "{fault:?}");
    let operation = model("iam").unwrap().operation("ChangePassword").unwrap();
    let value = input("iam", "ChangePassword", &json);
    let mut trail = Vec::new();
    write_audit_json(operation.input().unwrap(), &value, &mut trail);
    let shown = value_to_json(operation.input().unwrap(), &value, Redact::Sensitive).to_string();
    let trail = String::from_utf8(trail).unwrap();
    assert!(!trail.contains("hunter2") && !shown.contains("hunter2"), "{trail} {shown}");
    assert!(trail.contains("\"newPassword\":\"HIDDEN_DUE_TO_SECURITY_REASONS\""), "{trail}");
}

#[test]
fn what_is_recorded_has_an_end() {
    let operation = model("iam").unwrap().operation("CreatePolicy").unwrap();
    let value =
        input("iam", "CreatePolicy", &json!({ "PolicyName": "p", "PolicyDocument": "x".repeat(200_000) }));
    let mut trail = b"before".to_vec();
    write_audit_json(operation.input().unwrap(), &value, &mut trail);
    assert_eq!(trail, b"before{\"omitted\":true,\"reason\":\"FIELD_SIZE_EXCEEDED\"}");
}

#[test]
fn internal_callers_may_not_misspell_a_member() {
    let operation = model("iam").unwrap().operation("CreateUser").unwrap();
    let fault = value_from_json(operation.input().unwrap(), &json!({ "userName": "bob" })).unwrap_err();
    assert!(fault.message.contains("userName"), "{fault:?}");
}

#[test]
fn an_api_whose_refusals_list_their_members_has_reason_and_fields() {
    let fault =
        validate("accessanalyzer", "CreateAnalyzer", &json!({"analyzerName": "1", "type": "ACCOUNT"}));
    let fault = fault.unwrap_err();
    assert_eq!(fault.code, "ValidationException");
    let members: Vec<(&str, Json)> =
        fault.members.iter().map(|(name, value)| (*name, written(value))).collect();
    assert_eq!(members[0], ("reason", json!("fieldValidationFailed")));
    let (name, fields) = &members[1];
    assert_eq!((*name, fields.as_array().map(Vec::len)), ("fieldList", Some(1)), "{fields}");
    assert_eq!(fields[0]["name"], "analyzerName");
    let message = fields[0]["message"].as_str().unwrap();
    assert!(message.starts_with("Member must satisfy regular expression pattern: "), "{message}");
    assert!(fault.message.ends_with(message), "{}", fault.message);
    // Elsewhere a refusal has no more than its message.
    let elsewhere = validate("dynamodb", "GetItem", &json!({ "Key": {} })).unwrap_err();
    assert!(elsewhere.members.is_empty());
}

fn written(value: &Value) -> Json {
    match value {
        Value::String(text) => json!(text),
        Value::List(items) => items.iter().map(written).collect(),
        Value::Structure(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.to_owned(), written(value))).collect())
        }
        other => panic!("{other:?}"),
    }
}
