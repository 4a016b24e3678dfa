//! The crate as its users see it: text in, tree, plan or error out.

use std::collections::HashMap;

use base::Timestamp;
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::parameter::{self, Given};
use crate::{Document, Plan, Pseudo, Resources, Scope, Template, TemplateError, sam};

fn parse(text: &str) -> Result<Value, String> {
    Document::parse(text).map(|document| document.root).map_err(|error| error.to_string())
}

fn pseudo() -> Pseudo {
    Pseudo {
        account_id: "000000000001".to_owned(),
        region: "eu-west-1".to_owned(),
        stack_id: "arn:aws:cloudformation:eu-west-1:000000000001:stack/s/1".to_owned(),
        stack_name: "s".to_owned(),
    }
}

fn plan_with(text: &str, given: &[(&str, &str)]) -> Result<Plan, TemplateError> {
    let document = Document::parse(text)?;
    let template = Template::from_document(&document)?;
    let given = given.iter().map(|(k, v)| ((*k).to_owned(), Given::Value((*v).to_owned()))).collect();
    let values = parameter::resolve(&template, &given, &IndexMap::new())?;
    let scope = Scope::new(&template, values, pseudo())?;
    Plan::new(&template, scope)
}

fn plan(text: &str) -> Result<Plan, TemplateError> {
    plan_with(text, &[])
}

/// `Ref X` is `x-of-X`, `GetAtt X.A` is `X/A`.
struct Echo;

impl Resources for Echo {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Ok(json!(format!("ref-{logical_id}")))
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        Ok(json!(format!("{logical_id}/{attribute}")))
    }

    fn import(&self, name: &str) -> Result<Value, TemplateError> {
        Ok(json!(format!("import-{name}")))
    }
}

/// `Ref X` is `x-of-X`; nothing is exported.
struct Alone;

impl Resources for Alone {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Echo.reference(logical_id)
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        Echo.attribute(logical_id, attribute)
    }
}

#[test]
fn short_tags_become_long_functions() {
    let table = [
        ("a: !Ref x", json!({"a": {"Ref": "x"}})),
        ("a: !GetAtt x.y.z", json!({"a": {"Fn::GetAtt": ["x", "y.z"]}})),
        ("a: !GetAtt [x, y]", json!({"a": {"Fn::GetAtt": ["x", "y"]}})),
        ("a: !Sub '${x}'", json!({"a": {"Fn::Sub": "${x}"}})),
        ("a: !Join [',', [1, !Ref b]]", json!({"a": {"Fn::Join": [",", [1, {"Ref": "b"}]]}})),
        ("a: !Condition c", json!({"a": {"Condition": "c"}})),
        ("a: !If [c, 013, ~]", json!({"a": {"Fn::If": ["c", "013", null]}})),
        ("a: !Base64\n  Fn::Sub: x", json!({"a": {"Fn::Base64": {"Fn::Sub": "x"}}})),
        ("a: '5'\nb: 5", json!({"a": "5", "b": 5})),
        ("a: !!str 5", json!({"a": "5"})),
        ("12: x\ntrue: y", json!({"12": "x", "true": "y"})),
        ("{\"a\": [1, true, null, \"x\"]}", json!({"a": [1, true, null, "x"]})),
        ("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3", json!({"x": {"a": 1, "b": 2}, "y": {"b": 3, "a": 1}})),
    ];
    for (text, tree) in table {
        assert_eq!(parse(text).unwrap(), tree, "{text}");
    }
}

#[test]
fn what_is_not_well_formed_is_told_with_its_line() {
    let table = [
        ("a: 1\nb: [1\n", "Template format error: YAML not well-formed."),
        ("a: 1\na: 2", "Template format error: duplicate key `a`. (line 2)"),
        ("a: !Reff x", "Template format error: unknown tag !Reff. (line 1)"),
        ("{\"a\": 1, \"a\": 2}", "Template format error: JSON not well-formed. (line 1"),
        ("a: 1\n---\nb: 2", "Template format error: a template is a single YAML document. (line 2)"),
        ("? [a]\n: b", "Template format error: a key must be a plain scalar."),
        ("<<: 5", "Template format error: `<<` merges maps only."),
    ];
    for (text, message) in table {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(message), "{text}: {error}");
    }
}

#[test]
fn hostile_documents_are_refused_in_bounded_time() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let uses = vec![format!("*a{before}"); 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{uses}]\n"));
    }
    let mut tower = "a0: &a0 [x]\n".to_owned();
    for level in 1..5_000 {
        tower.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let block = (0..400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
    for (name, text) in [
        ("alias bomb", bomb),
        ("alias tower", tower),
        ("deep flow", "[".repeat(20_000)),
        ("deep json", format!("{{\"a\":{}", "[".repeat(20_000))),
        ("deep block", block),
        ("large", "a".repeat(2_000_000)),
    ] {
        assert!(parse(&text).is_err(), "{name}");
    }
}

#[test]
fn sections_are_checked() {
    let table = [
        ("{}", "At least one Resources member must be defined."),
        ("Resources: {A: {Type: T}}\nOutput: {}", "Invalid template property or properties [Output]"),
        (
            "AWSTemplateFormatVersion: 2011-01-01\nResources: {A: {Type: T}}",
            "unsupported value for AWSTemplateFormatVersion",
        ),
        ("Resources: {A-b: {Type: T}}", "Resource name A-b is non alphanumeric."),
        ("Resources: {A: {Properties: {}}}", "Every Resources object must contain a Type member."),
        ("Resources: {A: {Type: T, Property: {}}}", "Invalid template resource property 'Property'"),
        (
            "Resources: {A: {Type: T, DeletionPolicy: Keep}}",
            "Unrecognized DeletionPolicy Keep for resource A",
        ),
        ("Resources: {A: {Type: T}}\nOutputs: {O: {}}", "must contain a Value"),
        ("Parameters: {P: {Type: Text}}\nResources: {A: {Type: T}}", "Unrecognized parameter type: Text"),
        (
            "Parameters: {P: {Type: String, Defualt: x}}\nResources: {A: {Type: T}}",
            "Invalid template parameter property 'Defualt'",
        ),
    ];
    for (text, message) in table {
        let error = plan(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn a_fault_of_a_resource_has_its_line() {
    let error = plan("Resources:\n  A: {Type: T}\n  B:\n    Type: T\n    Foo: 1\n").unwrap_err();
    assert_eq!(error.line(), Some(5));
    let error = plan("Resources:\n  A: {Type: T}\n  B:\n    Type: T\n    Properties: {X: !Ref Nothing}\n")
        .unwrap_err();
    assert_eq!(error.line(), Some(5));
}

#[test]
fn parameters_are_held_to_their_declaration() {
    let template = |declaration: &str| {
        format!("Parameters: {{P: {declaration}}}\nResources: {{A: {{Type: T, Properties: {{X: !Ref P}}}}}}")
    };
    let good = [
        ("{Type: String, Default: 013}", None, json!("013")),
        ("{Type: Number, MinValue: 1, MaxValue: 3}", Some("2"), json!("2")),
        ("{Type: CommaDelimitedList}", Some("a, b"), json!(["a", "b"])),
        ("{Type: List<Number>}", Some("1,2"), json!(["1", "2"])),
        ("{Type: String, AllowedPattern: '[a-z]+'}", Some("abc"), json!("abc")),
    ];
    for (declaration, value, resolved) in good {
        let given: Vec<(&str, &str)> = value.map(|value| ("P", value)).into_iter().collect();
        let plan = plan_with(&template(declaration), &given).unwrap();
        assert_eq!(plan.properties("A", &Echo).unwrap()["X"], resolved, "{declaration}");
    }
    let bad = [
        ("{Type: String}", None, "Parameters: [P] must have values"),
        ("{Type: String, AllowedValues: [a, b]}", Some("c"), "Parameter 'P' must be one of AllowedValues"),
        ("{Type: String, AllowedPattern: '[a-z]+'}", Some("ab1"), "Parameter 'P' must match pattern [a-z]+"),
        (
            "{Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: lower}",
            Some("A"),
            "failed to satisfy constraint: lower",
        ),
        ("{Type: String, AllowedPattern: '('}", Some("A"), "AllowedPattern cannot be evaluated"),
        (
            r"{Type: String, AllowedPattern: '\p{InGreek}'}",
            Some("A"),
            r"evaluated: \p{InGreek} is not supported.",
        ),
        (r"{Type: String, AllowedPattern: '^[\w-]+$'}", Some("é"), r"must match pattern ^[\w-]+$"),
        ("{Type: String, MaxLength: 2}", Some("abc"), "must contain at most 2 characters"),
        ("{Type: String, MinLength: 2}", Some("a"), "must contain at least 2 characters"),
        ("{Type: Number}", Some("x"), "must be a number"),
        ("{Type: Number, MinValue: 5}", Some("4"), "must be a number not less than 5"),
        ("{Type: List<Number>}", Some("1,x"), "must be a number"),
    ];
    for (declaration, value, message) in bad {
        let given: Vec<(&str, &str)> = value.map(|value| ("P", value)).into_iter().collect();
        let error = plan_with(&template(declaration), &given).unwrap_err().to_string();
        assert!(error.contains(message), "{declaration}: {error}");
    }
    let error = plan_with(&template("{Type: String}"), &[("Q", "x"), ("P", "y")]).unwrap_err();
    assert_eq!(error.message(), "Parameters: [Q] do not exist in the template");
}

#[test]
fn a_secret_parameter_is_masked_wherever_it_is_shown() {
    let plan = plan_with(
        "Parameters: {P: {Type: String, NoEcho: true, AllowedPattern: '[a-z0-9]+'}}\nResources: {A: {Type: T, Properties: {X: !Ref P}}}",
        &[("P", "hunter2")],
    )
    .unwrap();
    assert!(!format!("{:?}", plan.scope()).contains("hunter2"));
    assert_eq!(plan.properties("A", &Echo).unwrap()["X"], "hunter2");
}

#[test]
fn functions_resolve_as_cloudformation_resolves_them() {
    let table = [
        ("!Ref B", json!("ref-B")),
        ("!GetAtt B.Arn", json!("B/Arn")),
        ("!GetAtt B.Outputs.X", json!("B/Outputs.X")),
        ("!Sub 'a-${B}-${B.Arn}-${AWS::Region}-${!x}-$5'", json!("a-ref-B-B/Arn-eu-west-1-${x}-$5")),
        ("!Sub ['${v}${w}', {v: !Ref B, w: 7}]", json!("ref-B7")),
        ("!Sub 'a${AWS::NoValue}b'", json!("ab")),
        ("!Join ['-', [a, !Ref B, 3]]", json!("a-ref-B-3")),
        ("!Join ['', !Split ['-', a-b-c]]", json!("abc")),
        ("!Select [1, [a, b]]", json!("b")),
        ("!Select ['0', !Split [',', 'x,y']]", json!("x")),
        ("!FindInMap [M, !Ref AWS::Region, size]", json!("big")),
        ("!FindInMap [M, nowhere, size, {DefaultValue: !Ref B}]", json!("ref-B")),
        ("!FindInMap [M, eu-west-1, size, {DefaultValue: x}]", json!("big")),
        ("!Length [a, !Ref AWS::NoValue, b]", json!(2)),
        ("!Length {Fn::Split: [',', 'a,b,c']}", json!(3)),
        ("!ToJsonString {b: !Ref B, a: [1, true]}", json!("{\"b\":\"ref-B\",\"a\":[1,true]}")),
        ("!Cidr [10.0.0.0/16, 2, 8]", json!(["10.0.0.0/24", "10.0.1.0/24"])),
        ("!Select [1, !Cidr [10.0.0.0/16, '2', '8']]", json!("10.0.1.0/24")),
        ("!ImportValue {Fn::Sub: '${AWS::StackName}-x'}", json!("import-s-x")),
        ("!Base64 hello", json!("aGVsbG8=")),
        ("!GetAZs ''", json!(["eu-west-1a", "eu-west-1b", "eu-west-1c"])),
        ("!If [Always, a, b]", json!("a")),
        ("!If [Never, a, !Ref AWS::NoValue]", Value::Null),
        ("[a, !Ref AWS::NoValue, b]", json!(["a", "b"])),
        ("!Ref AWS::AccountId", json!("000000000001")),
        ("{a: {b: [!Ref B]}}", json!({"a": {"b": ["ref-B"]}})),
    ];
    for (function, value) in table {
        let text = format!(
            "Mappings: {{M: {{eu-west-1: {{size: big}}}}}}\nConditions: {{Always: !Equals [1, '1'], Never: !Not [!Condition Always]}}\n\
             Resources: {{B: {{Type: T}}, A: {{Type: T, Properties: {{X: {function}}}}}}}"
        );
        let resolved = plan(&text).and_then(|plan| plan.properties("A", &Echo));
        assert_eq!(resolved.unwrap()["X"], value, "{function}");
    }
}

#[test]
fn misused_functions_are_errors() {
    let table = [
        ("!Ref Nothing", "Unresolved resource dependencies [Nothing] in the Resources block of the template"),
        ("!GetAtt Nothing.Arn", "instance of Fn::GetAtt references undefined resource Nothing"),
        ("!GetAtt B", "every Fn::GetAtt object requires two non-empty parameters"),
        ("!Sub '${Nothing}'", "Unresolved resource dependencies [Nothing]"),
        ("!Sub '${B'", "must end with a brace"),
        ("!Sub [1]", "Fn::Sub intrinsic functions don't specify expected arguments"),
        ("!Join [a]", "every Fn::Join object requires two parameters"),
        ("!Select [9, [a]]", "Fn::Select cannot select nonexistent value at index 9"),
        ("!FindInMap [M, a, b]", "Unable to get mapping for M::a::b"),
        ("!If [Nope, a, b]", "Unresolved condition dependency Nope"),
        ("!ImportValue x", "No export named x found"),
        ("!Cidr [a, 1, 2]", "Fn::Cidr got the invalid CIDR block a."),
        ("!Cidr [10.0.0.0/8, 1]", "every Fn::Cidr object requires three parameters"),
        ("!Transform {Name: x}", "Encountered unsupported function: Fn::Transform"),
        (
            "{Fn::Foo: x}",
            "Encountered unsupported function: Fn::Foo Supported functions are: [Fn::Base64, Fn::GetAtt",
        ),
        ("!Length a", "Transform AWS::LanguageExtensions failed with: Fn::Length layout is incorrect"),
        (
            "!ToJsonString a",
            "Transform AWS::LanguageExtensions failed with: Fn::ToJsonString layout is incorrect",
        ),
        ("{Fn::Sub: x, y: z}", "must be the only member"),
        ("'{{resolve:ssm:x}}{{resolve:secretsmanager:x}}'", "dynamic references"),
        ("!Ref A", "Circular dependency between resources: [A]"),
    ];
    for (function, message) in table {
        let text = format!("Resources: {{B: {{Type: T}}, A: {{Type: T, Properties: {{X: {function}}}}}}}");
        let error = plan(&text).and_then(|plan| plan.properties("A", &Alone)).unwrap_err().to_string();
        assert!(error.contains(message), "{function}: {error}");
    }
}

#[test]
fn a_template_full_of_routes_is_transformed() {
    // As many as fit in a template that is passed by value: work that grew with their square would show.
    let events: Vec<String> =
        (0..800).map(|n| format!("E{n}: {{Type: Api, Properties: {{Path: /p{n}, Method: get}}}}")).collect();
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nGlobals: {{Api: {{Cors: \"'*'\", Auth: {{DefaultAuthorizer: AWS_IAM}}}}}}\nResources: {{F: \
         {{Type: AWS::Serverless::Function, Properties: {{InlineCode: x, Handler: a.b, Runtime: python3.9, Events: {{{}}}}}}}}}",
        events.join(", ")
    );
    let document = Document::parse(&text).unwrap();
    let root = sam::transform(&document.root, &IndexMap::new(), "us-east-1", Timestamp::default()).unwrap();
    assert_eq!(root["Resources"].as_object().unwrap().len(), 800 + 5);
}

#[test]
fn a_template_of_hundreds_of_resources_takes_milliseconds() {
    let functions: Vec<String> = (0..100)
        .map(|n| {
            format!(
                "F{n}: {{Type: AWS::Serverless::Function, Properties: {{InlineCode: x, Handler: a.b, Runtime: python3.12, Events: \
                 {{A: {{Type: Api, Properties: {{Path: /p{n}, Method: get}}}}, S: {{Type: Schedule, Properties: {{Schedule: \
                 rate(1 day)}}}}}}}}}}"
            )
        })
        .collect();
    let text = format!("Transform: AWS::Serverless-2016-10-31\nResources: {{{}}}", functions.join(", "));
    let started = std::time::Instant::now();
    let document = Document::parse(&text).unwrap();
    let root = sam::transform(&document.root, &IndexMap::new(), "us-east-1", Timestamp::default()).unwrap();
    let took = started.elapsed();
    assert_eq!(root["Resources"].as_object().unwrap().len(), 100 * 5 + 3);
    // Unoptimized, on a machine that does other things: the optimized figure is milliseconds.
    assert!(took.as_secs() < 10, "{took:?}");
    println!("503 resources from 100 functions: {took:?}");
}

#[test]
fn functions_do_not_multiply_without_end() {
    let mut value = "'xxxxxxxxxxxxxxxx'".to_owned();
    for _ in 0..8 {
        value = format!(
            "{{Fn::Sub: ['${{a}}${{a}}${{a}}${{a}}${{a}}${{a}}${{a}}${{a}}${{a}}${{a}}', {{a: {value}}}]}}"
        );
    }
    let alone = format!("Resources: {{A: {{Type: T, Properties: {{X: {value}}}}}}}");
    let error = plan(&alone).and_then(|plan| plan.properties("A", &Echo)).unwrap_err();
    assert!(error.message().contains("grow beyond"), "{error}");
    let wide = vec!["!Join ['', [!Ref P, !Ref P, !Ref P, !Ref P]]"; 600].join(", ");
    let many = format!(
        "Parameters: {{P: {{Type: String}}}}\nResources: {{A: {{Type: T, Properties: {{X: [{wide}]}}}}}}"
    );
    let error = plan_with(&many, &[("P", &"p".repeat(4_000))])
        .and_then(|plan| plan.properties("A", &Echo))
        .unwrap_err();
    assert!(error.message().contains("grow beyond"), "{error}");
}

#[test]
fn plain_booleans_of_yaml_are_booleans_in_all_their_spellings() {
    let text = "Parameters: {P: {Type: String, Default: yes, AllowedValues: [yes, no]}}\n\
                Resources: {A: {Type: T, Properties: {X: ON, Y: 'on', Z: !Ref P, V: y, W: !Sub off}}}";
    let properties = plan(text).unwrap().properties("A", &Echo).unwrap();
    assert_eq!(properties, json!({ "X": true, "Y": "on", "Z": "true", "V": "y", "W": "off" }));
    let error = plan_with(text, &[("P", "yes")]).unwrap_err();
    assert_eq!(error.message(), "Parameter 'P' must be one of AllowedValues");
}

#[test]
fn resources_come_behind_what_they_depend_on() {
    let plan = plan(
        "Conditions: {Never: !Equals [a, b]}\nResources:\n  D: {Type: T, DependsOn: [C, Gone]}\n  C: {Type: T, Properties: {X: !Sub '${B.Arn}'}}\n  \
         B: {Type: T, Properties: {X: !If [Never, !Ref Gone, !Ref A]}}\n  A: {Type: T}\n  Gone: {Type: T, Condition: Never}",
    )
    .unwrap();
    assert_eq!(plan.order(), ["A", "B", "C", "D"]);
    assert_eq!(plan.dependencies("D").collect::<Vec<_>>(), ["C"]);
    assert!(!plan.resources().contains_key("Gone"));
}

#[test]
fn circles_are_told() {
    let text = "Resources: {A: {Type: T, DependsOn: B}, B: {Type: T, Properties: {X: !Ref A}}, C: {Type: T}}";
    assert_eq!(plan(text).unwrap_err().message(), "Circular dependency between resources: [A, B]");
    let text = "Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}\nResources: {A: {Type: T}}";
    assert!(plan(text).unwrap_err().message().contains("Circular dependency for condition"));
}

#[test]
fn a_reference_to_a_resource_that_does_not_exist_under_its_condition_is_told() {
    let text = "Conditions: {Never: !Equals [a, b]}\nResources: {A: {Type: T, Condition: Never}, B: {Type: T, Properties: {X: !Ref A}}}";
    assert!(
        plan(text)
            .unwrap_err()
            .message()
            .contains("Unresolved resource dependencies [A] in the Resources block")
    );
    let text = "Conditions: {Never: !Equals [a, b]}\nResources: {A: {Type: T, Condition: Never}, B: {Type: T}}\nOutputs: {O: {Value: !Ref A}}";
    assert!(
        plan(text)
            .unwrap_err()
            .message()
            .contains("Unresolved resource dependencies [A] in the Outputs block")
    );
}

#[test]
fn outputs_resolve_to_text() {
    let plan = plan("Resources: {A: {Type: T}}\nOutputs: {O: {Value: !GetAtt A.Arn, Description: d, Export: {Name: !Sub '${AWS::StackName}-o'}}}").unwrap();
    let outputs = plan.outputs(&Echo).unwrap();
    assert_eq!(outputs[0].value, "A/Arn");
    assert_eq!(outputs[0].export_name.as_deref(), Some("s-o"));
}

#[test]
fn what_the_transform_does_not_support_is_named() {
    let function = |extra: &str| {
        format!(
            "Transform: AWS::Serverless-2016-10-31\nResources: {{F: {{Type: AWS::Serverless::Function, Properties: \
             {{InlineCode: x, Handler: a.b, Runtime: python3.9, {extra}}}}}}}"
        )
    };
    let starts = |api: &str| {
        let event = "{Type: Api, Properties: {RestApiId: !Ref A, Path: /e, Method: post, Auth: {Authorizer: AWS_IAM}}}";
        format!(
            "Transform: AWS::Serverless-2016-10-31\nResources: {{A: {{Type: AWS::Serverless::Api, Properties: {{StageName: a, {api}}}}}, \
             M: {{Type: AWS::Serverless::StateMachine, Properties: {{Definition: {{StartAt: X}}, Events: {{E: {event}}}}}}}}}"
        )
    };
    let table = [
        (function("Events: {E: {Type: Api, Properties: {Path: /a, Method: get, Auth: {ResourcePolicy: [a]}}}}"), "Property 'Auth.ResourcePolicy' should be a map."),
        (function("Events: {E: {Type: Api, Properties: {Path: /a, Method: get, Auth: {ResourcePolicy: {AwsAccountWhitelist: a}}}}}"), "Type of 'a' must be a list or dictionary"),
        (function("Events: {E: {Type: Api, Properties: {Path: /a, Method: get, Auth: {ResourcePolicy: {IntrinsicVpcWhitelist: !Ref V}}}}}"), "IntrinsicVpcWhitelist must be a list"),
        (function("Events: {E: {Type: Api, Properties: {Path: /a, Method: get, Auth: {ResourcePolicy: {SourceVpcBlacklist: vpc-1}}}}}"), "SourceVpcBlacklist must be a list"),
        (function("Policies: [{DynamoDBReadPolicy: {TableName: t, Index: i}}]"), "Policy template 'DynamoDBReadPolicy' has no parameter 'Index'"),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: {H: {Type: AWS::Serverless::Other}}".to_owned(),
            "The resource type AWS::Serverless::Other is not supported",
        ),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: {T: {Type: AWS::Serverless::SimpleTable, Propertys: {}}}".to_owned(),
            "The attribute Propertys is not supported",
        ),
        // Published, the first writes a route beside the REST API's own.
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::Serverless::Api, Properties: {StageName: a, OpenApiVersion: 3.0.1}}, F: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.12, Handler: a.b, InlineCode: x, Events: {E: {Type: HttpApi, Properties: {ApiId: !Ref A, Path: /e, Method: get}}}}}}".to_owned(),
            "An event of the type 'HttpApi' on an 'AWS::Serverless::Api' is not supported by this platform: its type is 'Api'.",
        ),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::Serverless::Api, Properties: {StageName: a, DefinitionBody: {swagger: '2.0', paths: {/e: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: mock}}}}}}}, F: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.12, Handler: a.b, InlineCode: x, Events: {E: {Type: Api, Properties: {RestApiId: !Ref A, Path: /e, Method: get, Auth: {OverrideApiAuth: true, Authorizer: AWS_IAM}}}}}}}".to_owned(),
            "Definition of method 'get' for path '/e' should be a map.",
        ),
        // Published, all of these leave the route as open as the author's document has it.
        (starts("DefinitionBody: {swagger: '2.0', paths: {}}"), "Event with id [E] is invalid. 'Auth' of an event has no effect on an API with a 'DefinitionBody'; write it there."),
        (starts("MergeDefinitions: true, DefinitionBody: {swagger: '2.0', paths: {}}"), "'Auth' of an event has no effect on an API with a 'DefinitionBody'; write it there."),
        (starts("DefinitionUri: s3://b/k"), "'Auth' of an event has no effect on an API whose routes are not the transform's; write it where they are."),
        (starts("DefinitionUri: s3://b/k").replace("Serverless::Api", "ApiGateway::RestApi"), "'Auth' of an event has no effect on an API whose routes are not the transform's; write it where they are."),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::Serverless::Api, Properties: {StageName: a, DefinitionUri: 's3://b/k'}}, F: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.12, Handler: a.b, InlineCode: x, Events: {E: {Type: Api, Properties: {RestApiId: !Ref A, Path: /e, Method: get, Auth: {OverrideApiAuth: true, Authorizer: AWS_IAM}}}}}}}".to_owned(),
            "'Auth' of an event has no effect on an API whose routes are not the transform's; write it where they are.",
        ),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::Serverless::Api, Properties: {StageName: a, Auth: {DefaultAuthorizer: Mine}}}}".to_owned(),
            "Unable to set DefaultAuthorizer because 'Mine' was not defined in 'Authorizers'.",
        ),
    ];
    for (text, message) in table {
        let document = Document::parse(&text).unwrap();
        let error = sam::transform(&document.root, &IndexMap::new(), "us-east-1", Timestamp::default())
            .unwrap_err()
            .message();
        assert!(error.contains(message), "{text}: {error}");
        assert!(error.starts_with(
            "Invalid Serverless Application Specification document. Number of errors found: 1. "
        ));
    }
}

#[test]
fn the_expanded_template_plans() {
    let text = include_str!("../../tests/corpus/implicit_api.yaml");
    let mut document = Document::parse(text).unwrap();
    document.root =
        sam::transform(&document.root, &IndexMap::new(), "us-east-1", Timestamp::default()).unwrap();
    let template = Template::from_document(&document).unwrap();
    let scope = Scope::new(&template, IndexMap::new(), pseudo()).unwrap();
    let plan = Plan::new(&template, scope).unwrap();
    let place: HashMap<&str, usize> =
        plan.order().iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    assert!(place["Table"] < place["GetRole"] && place["GetRole"] < place["Get"]);
    assert!(
        place["Get"] < place["ServerlessRestApi"]
            && place["ServerlessRestApi"] < place["ServerlessRestApiProdStage"]
    );
}

mod extensions;
mod nulls;
mod unknown;

mod fuzzing {
    use proptest::prelude::*;

    use crate::fuzz::fuzz_template;

    #[test]
    fn the_corpus_survives_the_fuzz_body() {
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            fuzz_template(&bytes);
            for cut in (0..bytes.len()).step_by(37) {
                fuzz_template(&bytes[..cut]);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            fuzz_template(&bytes);
        }

        #[test]
        fn no_near_template_makes_it_panic(body in "[ :\\[\\]{}&*!a-cRefSub$\"'\n-]{0,80}") {
            let text = format!("Transform: AWS::Serverless-2016-10-31\nResources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties: {body}");
            fuzz_template(text.as_bytes());
        }

        #[test]
        fn no_near_api_makes_it_panic(
            kind in prop_oneof![Just("GraphQLApi"), Just("WebSocketApi"), Just("CapacityProvider"), Just("Api"), Just("HttpApi")],
            names in proptest::collection::vec(
                prop_oneof![
                    Just("Auth"), Just("SchemaInline"), Just("DataSources"), Just("Functions"), Just("Resolvers"),
                    Just("ApiKeys"), Just("Cache"), Just("DomainName"), Just("Domain"), Just("Routes"),
                    Just("RouteSelectionExpression"), Just("VpcConfig"), Just("ScalingConfig"), Just("Tags"), Just("StageName"),
                ],
                0..8,
            ),
            values in proptest::collection::vec(
                prop_oneof![
                    Just("x"), Just("[]"), Just("{}"), Just("{Type: API_KEY}"), Just("{a: {b: {c: d}}}"), Just("{SubnetIds: [a]}"),
                    Just("{DynamoDb: {t: {TableName: n}}}"), Just("{$connect: {FunctionArn: f}}"), Just("{Ref: P}"), Just("{a: null}"),
                    Just("{f: {InlineCode: x, DataSource: NONE, Runtime: {Name: n, Version: v}}}"), Just("é"), Just("12"),
                    Just("{DomainName: é, CertificateArn: c, BasePath: [/é, ''], Route53: {HostedZoneId: z}}"), Just("{Query: {q: {Pipeline: [f]}}}"),
                ],
                8,
            ),
        ) {
            let properties: Vec<String> =
                names.iter().zip(&values).map(|(name, value)| format!("{name}: {value}")).collect();
            let text = format!(
                "Transform: AWS::Serverless-2016-10-31\nResources:\n  A:\n    Type: AWS::Serverless::{kind}\n    Properties: {{{}}}",
                properties.join(", ")
            );
            fuzz_template(text.as_bytes());
        }
    }

    #[test]
    fn a_small_template_does_not_become_a_large_one() {
        let api = |more: &str| {
            format!(
                "Transform: AWS::Serverless-2016-10-31\nResources:\n  A:\n    Type: AWS::Serverless::GraphQLApi\n{more}\n    \
                 Properties:\n      SchemaInline: x\n      Auth: {{Type: API_KEY}}\n"
            )
        };
        let transform = |text: &str| {
            let document = crate::Document::parse(text).unwrap();
            crate::sam::transform(
                &document.root,
                &indexmap::IndexMap::new(),
                "us-east-1",
                base::Timestamp::default(),
            )
        };
        let keys: String = (0..5_001).map(|number| format!("        k{number}: {{}}\n")).collect();
        let many = transform(&format!("{}      ApiKeys:\n{keys}", api(""))).unwrap_err();
        assert!(many.causes()[0].contains("Number of resources, 5001, is greater"), "{:?}", many.causes());
        let large = transform(&api(&format!("    Metadata: {}", "x".repeat(60_000)))).unwrap_err();
        assert!(large.causes()[0].contains("Its attributes have 60"), "{:?}", large.causes());
        assert!(transform(&api("")).is_ok());
    }
}

/// However deep they stand, values weigh once: large templates of stacks are deep ones.
#[test]
fn values_are_counted_once_at_any_depth() {
    let text = "a:\n b:\n  c:\n   d:\n    e:\n".to_owned() + &"    - x\n".repeat(40_000);
    let document = Document::parse(&text).unwrap();
    assert_eq!(document.root["a"]["b"]["c"]["d"]["e"].as_array().unwrap().len(), 40_000);
    let error = Document::parse(&format!("a: [{}]", "1,".repeat(200_000))).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}
