//! Macros, rules, the parameters that look at the account, and the places of errors.

use base::Timestamp;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Echo, plan, plan_with, pseudo};
use crate::parameter::{self, Given, Lookup};
use crate::{Document, Includes, Macros, NoIncludes, Place, Plan, Scope, Template, TemplateError};

struct Files;

impl Includes for Files {
    fn text(&self, location: &str) -> Result<String, TemplateError> {
        match location {
            "s3://b/map" => Ok("X: 1\nY: !Ref A".to_owned()),
            "s3://b/text" => Ok("just text".to_owned()),
            "s3://b/sections" => {
                Ok("Resources: {More: {Type: T}}\nOutputs: {O: {Value: !Ref More}}".to_owned())
            }
            "s3://b/circle" => {
                Ok("{Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/circle}}}".to_owned())
            }
            "s3://b/bad" => Ok("a: [".to_owned()),
            other => NoIncludes.text(other),
        }
    }
}

fn expanded(text: &str, given: &[(&str, &str)]) -> Result<Value, TemplateError> {
    let given: IndexMap<String, Given> =
        given.iter().map(|(k, v)| ((*k).to_owned(), Given::Value((*v).to_owned()))).collect();
    let (previous, pseudo) = (IndexMap::new(), pseudo());
    let macros = Macros { includes: &Files, ..Macros::new(&given, &previous, &pseudo, Timestamp::default()) };
    macros.run(Document::parse(text)?).map(|document| document.root)
}

#[test]
fn what_cannot_be_told_apart_and_what_is_too_much_is_refused() {
    let keys = |count: usize| (0..count).map(|number| format!("k{number}: {{a: b}}, ")).collect::<String>();
    let mapping = |count| format!("Mappings: {{M: {{{}}}}}\nResources: {{A: {{Type: T}}}}", keys(count));
    let read = |text: &str| {
        let document = Document::parse(text).unwrap();
        let read = Template::from_document(&document).and_then(|template| template.check_references());
        read.map_err(|error| error.message().to_owned())
    };
    assert_eq!(read(&mapping(200)), Ok(()));
    assert!(read(&mapping(201)).unwrap_err().contains("201, is greater than maximum allowed, 200"));
    let same = "Parameters: {A: {Type: String, Default: x}}\nResources: {A: {Type: T}}";
    assert!(read(same).unwrap_err().contains("A is a parameter and a resource"));
}

#[test]
fn loops_are_written_out() {
    let text = "
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: 'a, b'}}
Mappings: {M: {x: {list: ['1', '2']}}}
Conditions:
  Fn::ForEach::C: [N, !Ref Names, {'Is${N}': !Equals [!Ref N, a]}]
Resources:
  Fn::ForEach::Topics:
    - N
    - !Ref Names
    - 'Topic${N}':
        Type: T
        Properties: {Name: !Join ['.', [!Ref N, fifo]], Text: '<${N}>', Sub: !Sub 'x-${N}-${AWS::Region}'}
  Fn::ForEach::Outer:
    - Area
    - [10.0, 10.1]
    - Fn::ForEach::Inner:
        - Number
        - !FindInMap [M, x, list]
        - 'Net&{Area}n${Number}': {Type: T, Properties: {Cidr: '${Area}.${Number}'}}
  Plain:
    Type: T
    Properties:
      Fn::ForEach::P: [K, [u, v], {'${K}': {Is: !Ref K}}]
      Other: 1
    DeletionPolicy: !If [x, y, z]
Outputs:
  Fn::ForEach::O: [N, !Ref Names, {'Out${N}': {Value: !GetAtt ['Topic${N}', Arn]}}]
";
    let text = text.replace(
        "    DeletionPolicy: !If [x, y, z]\n",
        "    DeletionPolicy: !Select [0, [Retain, Delete]]\n",
    );
    let root = expanded(&text, &[("Names", "a,c")]).unwrap();
    assert!(root.get("Transform").is_none());
    assert_eq!(root["Conditions"]["Isc"], json!({"Fn::Equals": ["c", "a"]}));
    assert_eq!(
        root["Resources"]["Topicc"]["Properties"],
        json!({"Name": {"Fn::Join": [".", ["c", "fifo"]]}, "Text": "<c>", "Sub": {"Fn::Sub": "x-c-${AWS::Region}"}})
    );
    let nets: Vec<&str> = root["Resources"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(nets, ["Topica", "Topicc", "Net100n1", "Net100n2", "Net101n1", "Net101n2", "Plain"]);
    assert_eq!(root["Resources"]["Net101n2"]["Properties"]["Cidr"], "10.1.2");
    assert_eq!(
        root["Resources"]["Plain"]["Properties"],
        json!({"u": {"Is": "u"}, "v": {"Is": "v"}, "Other": 1})
    );
    assert_eq!(root["Resources"]["Plain"]["DeletionPolicy"], "Retain");
    assert_eq!(root["Outputs"]["Outa"]["Value"], json!({"Fn::GetAtt": ["Topica", "Arn"]}));
}

#[test]
fn loops_that_cannot_be_written_out_are_refused() {
    let wrap =
        |body: &str| format!("Transform: AWS::LanguageExtensions\nResources: {{A: {{Type: T}}, {body}}}");
    let nested = (0..6).fold("'R${I0}${I1}${I2}${I3}${I4}${I5}': {Type: T}".to_owned(), |inner, level| {
        format!("Fn::ForEach::L{level}: [I{level}, [a], {{{inner}}}]")
    });
    let items = vec!["x1"; 1_000].join(", ");
    let wide = format!(
        "Fn::ForEach::W: [A1, [{items}], {{'${{A1}}': {{Fn::ForEach::V: [B1, [{items}], {{q: 1}}]}}}}]"
    );
    let table = [
        (wrap("Fn::ForEach::L: [N, [a, b], {Same: {Type: T}}]"), "gives the key Same twice"),
        (wrap("Fn::ForEach::L: [N, [A], {'${N}': {Type: T}}]"), "gives the key A twice"),
        (wrap("Fn::ForEach::L: [N, a, {'${N}': {Type: T}}]"), "Fn::ForEach layout is incorrect"),
        (wrap("Fn::ForEach::L: [N, [a]]"), "Fn::ForEach layout is incorrect"),
        (wrap("Fn::ForEach::L: ['N-', [a], {x: y}]"), "Fn::ForEach layout is incorrect"),
        (wrap("Fn::ForEach::L: [N, !Ref A, {'${N}': {Type: T}}]"), "Unresolved dependencies [A]"),
        (wrap(&nested), "nested deeper than 5 levels"),
        (wrap(&wide), "gives the key"),
        (
            "Resources: {A: {Type: T, Properties: {Fn::ForEach::L: [N, [a], {'${N}': 1}]}}}".to_owned(),
            "the use of Fn::ForEach::L needs the transform AWS::LanguageExtensions",
        ),
        (
            "Resources: {A: {Type: T, Properties: {X: !Length [a]}}}".to_owned(),
            "the use of Fn::Length needs the transform AWS::LanguageExtensions",
        ),
    ];
    for (text, message) in table {
        let error = expanded(&text, &[]).unwrap_err();
        assert!(error.message().contains(message), "{text}: {error}");
        assert!(error.line().is_some(), "{text}: {error} has no line");
    }
    let items: String = (0..700).map(|n| format!("x{n},")).collect();
    let square = format!(
        "Fn::ForEach::W: [A1, [{items}], {{'${{A1}}': {{Fn::ForEach::V: [B1, [{items}], {{'${{B1}}': 1}}]}}}}]"
    );
    let error = expanded(&wrap(&square), &[]).unwrap_err();
    assert!(error.message().contains("more than 200000 values"), "{error}");
}

#[test]
fn texts_are_included() {
    let include = |location: &str| {
        format!("{{Fn::Transform: {{Name: AWS::Include, Parameters: {{Location: {location}}}}}, Z: 3}}")
    };
    let body = |location: &str| {
        format!(
            "Parameters: {{P: {{Type: String, Default: map}}}}\nResources: {{A: {{Type: T, Properties: {}}}}}",
            include(location)
        )
    };
    let root = expanded(&body("!Sub 's3://b/${P}'"), &[]).unwrap();
    assert_eq!(root["Resources"]["A"]["Properties"], json!({"X": 1, "Y": {"Ref": "A"}, "Z": 3}));
    let value = "Resources: {A: {Type: T, Properties: {V: !Transform {Name: AWS::Include, Parameters: {Location: s3://b/text}}}}}";
    assert_eq!(expanded(value, &[]).unwrap()["Resources"]["A"]["Properties"]["V"], "just text");
    let sections =
        "Transform: {Name: AWS::Include, Parameters: {Location: s3://b/sections}}\nResources: {A: {Type: T}}";
    let root = expanded(sections, &[]).unwrap();
    assert_eq!(root["Resources"].as_object().unwrap().len(), 2);
    assert_eq!(root["Outputs"]["O"]["Value"], json!({"Ref": "More"}));
    let table = [
        (body("s3://b/text"), "the included text must be a map"),
        (body("s3://b/circle"), "s3://b/circle includes another text"),
        (
            body("s3://b/bad"),
            "Transform AWS::Include failed with: s3://b/bad: Template format error: YAML not well-formed",
        ),
        (body("s3://b/none"), "s3://b/none cannot be read here"),
        (body("!Ref A"), "Unresolved dependencies [A]"),
        (
            "Resources: {A: {Type: T, Properties: {V: !Transform {Name: Mine}}}}".to_owned(),
            "No transform named Mine found.",
        ),
    ];
    for (text, message) in table {
        let error = expanded(&text, &[]).unwrap_err();
        assert!(error.message().contains(message), "{text}: {error}");
    }
}

#[test]
fn a_macro_that_is_not_known_stays_named() {
    let root =
        expanded("Transform: [AWS::LanguageExtensions, Mine]\nResources: {A: {Type: T}}", &[]).unwrap();
    assert_eq!(root["Transform"], json!(["Mine"]));
}

#[test]
fn loops_come_before_the_serverless_transform_where_they_are_listed_first() {
    let text = "
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Resources:
  Fn::ForEach::Tables: [N, [One, Two], {'${N}': {Type: AWS::Serverless::SimpleTable}}]
";
    let root = expanded(text, &[]).unwrap();
    assert_eq!(root["Resources"]["Two"]["Type"], "AWS::DynamoDB::Table");
}

#[test]
fn rules_are_checked_before_anything_else() {
    let with = |rule: &str| {
        format!(
            "Parameters: {{E: {{Type: String, Default: test}}, L: {{Type: CommaDelimitedList, Default: 'a,b'}}}}\n\
             Rules: {{R: {rule}}}\nResources: {{A: {{Type: T}}}}"
        )
    };
    let good = [
        "{Assertions: [{Assert: !Contains [[test, prod], !Ref E]}]}",
        "{RuleCondition: !Equals [!Ref E, prod], Assertions: [{Assert: !Equals [a, b]}]}",
        "{Assertions: [{Assert: {Fn::EachMemberIn: [!Ref L, [a, b, c]]}}]}",
        "{Assertions: [{Assert: {Fn::EachMemberEquals: [[x, x], x]}}]}",
        "{Assertions: [{Assert: !And [!Not [!Equals [a, b]], !Or [!Equals [a, a], !Equals [a, b]]]}]}",
    ];
    for rule in good {
        plan(&with(rule)).unwrap_or_else(|error| panic!("{rule}: {error}"));
    }
    let bad = [
        (
            "{Assertions: [{Assert: !Contains [[prod], !Ref E], AssertDescription: only prod}]}",
            "Rule R is not satisfied: only prod",
        ),
        ("{Assertions: [{Assert: {Fn::EachMemberIn: [!Ref L, [a]]}}]}", "Rule R is not satisfied"),
        ("{Assertions: [{Assert: {Fn::RefAll: AWS::EC2::VPC::Id}}]}", "it looks at the account"),
        ("{Assertions: [{Assert: !Equals [!Ref A, a]}]}", "Cannot reference resources"),
        ("{Assertions: x}", "must contain a list of Assertions"),
        ("{Assertions: [{}]}", "every assertion must have an Assert"),
        ("{Assert: x}", "the member Assert is unknown"),
    ];
    for (rule, message) in bad {
        let error = plan(&with(rule)).unwrap_err();
        assert!(error.message().contains(message), "{rule}: {error}");
        assert_eq!(error.line(), Some(2), "{rule}");
    }
}

struct Account;

impl Lookup for Account {
    fn stored(&self, name: &str) -> Result<String, TemplateError> {
        match name {
            "/image" => Ok("ami-1".to_owned()),
            "/list" => Ok("x,y".to_owned()),
            _ => Err(TemplateError::new("none")),
        }
    }

    fn exists(&self, _: &str, value: &str) -> Result<bool, TemplateError> {
        Ok(matches!(value, "ami-1" | "vpc-1" | "subnet-1"))
    }
}

#[test]
fn parameters_that_name_things_of_the_account_are_looked_up() {
    let resolve = |kind: &str, value: &str, lookup: &dyn Lookup| {
        let text = format!(
            "Parameters: {{P: {{Type: '{kind}'}}}}\nResources: {{A: {{Type: T, Properties: {{X: !Ref P}}}}}}"
        );
        let template = Template::from_document(&Document::parse(&text)?)?;
        let given = IndexMap::from([("P".to_owned(), Given::Value(value.to_owned()))]);
        let values = parameter::resolve_with(&template, &given, &IndexMap::new(), lookup)?;
        let plan = Plan::new(&template, Scope::new(&template, values, pseudo())?)?;
        Ok::<Value, TemplateError>(plan.properties("A", &Echo)?["X"].clone())
    };
    let good = [
        ("AWS::SSM::Parameter::Value<String>", "/image", json!("ami-1")),
        ("AWS::SSM::Parameter::Value<List<String>>", "/list", json!(["x", "y"])),
        ("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "/image", json!("ami-1")),
        ("AWS::EC2::VPC::Id", "vpc-1", json!("vpc-1")),
        ("List<AWS::EC2::Subnet::Id>", "subnet-1,subnet-1", json!(["subnet-1", "subnet-1"])),
    ];
    for (kind, value, expected) in good {
        assert_eq!(resolve(kind, value, &Account).unwrap(), expected, "{kind}");
        assert!(resolve(kind, value, &parameter::Nothing).is_err(), "{kind}");
    }
    let error = resolve("AWS::EC2::VPC::Id", "vpc-2", &Account).unwrap_err();
    assert_eq!(
        error.message(),
        "Parameter validation failed: parameter value vpc-2 for parameter name P does not exist"
    );
    assert!(resolve("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "/list", &Account).is_err());
}

#[test]
fn policies_follow_conditions() {
    let text = "
Transform: AWS::LanguageExtensions
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {IsProd: !Equals [!Ref Stage, prod], IsDev: !Not [!Condition IsProd]}
Resources:
  A: {Type: T, DeletionPolicy: !If [IsProd, Retain, Delete], UpdateReplacePolicy: !If [IsDev, Delete, Retain]}";
    for (stage, policy) in [("prod", "Retain"), ("dev", "Delete")] {
        let root = expanded(text, &[("Stage", stage)]).unwrap();
        assert_eq!(root["Resources"]["A"]["DeletionPolicy"], policy);
        assert_eq!(root["Resources"]["A"]["UpdateReplacePolicy"], policy);
    }
    let unknown = expanded(&text.replace("!If [IsProd", "!If [Nope"), &[]).unwrap_err().to_string();
    assert!(unknown.contains("Unresolved condition dependency Nope"), "{unknown}");
}

#[test]
fn references_may_be_named_by_functions() {
    let text = "
Transform: AWS::LanguageExtensions
Parameters: {Which: {Type: String, Default: B}}
Resources:
  A:
    Type: T
    Properties:
      R: {Ref: !Join ['', [!Ref Which, b]]}
      G: {'Fn::GetAtt': [!Sub '${Which}b', Arn]}
  Bb: {Type: T}";
    let root = expanded(text, &[]).unwrap();
    assert_eq!(
        root["Resources"]["A"]["Properties"],
        json!({ "R": { "Ref": "Bb" }, "G": { "Fn::GetAtt": ["Bb", "Arn"] } })
    );
    let long = text.replace("!Ref Which, b", &format!("!Ref Which, {}", "b".repeat(300)));
    let left = &expanded(&long, &[]).unwrap()["Resources"]["A"]["Properties"]["R"]["Ref"];
    assert!(left.get("Fn::Join").is_some(), "{left}");
    let text = "Resources: {A: {Type: T, Properties: {R: {Ref: !Join ['', [B, b]]}}}, Bb: {Type: T}}";
    let refused = plan(text).unwrap().properties("A", &Echo).unwrap_err();
    assert!(refused.message().contains("Ref"), "a name that is not known is none: {refused}");
}

#[test]
fn errors_have_a_line_and_a_column() {
    let place = |line, column| Some(Place { line, column });
    let yaml = "Resources:\n  A:\n    Type: T\n    Properties:\n      List:\n        - one\n        - X: !Join ['', [!Ref Nothing]]\n";
    assert_eq!(plan(yaml).unwrap_err().place(), place(7, 26));
    let json = "{\n \"Resources\": {\n  \"A\": {\"Type\": \"T\",\n   \"Properties\": {\"X\": [1, {\"Ref\": \"No\"}]}}}}";
    assert_eq!(plan(json).unwrap_err().place(), place(4, 28));
    let table = [
        ("Resources:\n  A:\n    Type: T\n    Oops: 1", place(4, 5)),
        ("Resources:\n  A: {Type: T}\nOutputs:\n  O:\n    Value: !Select [7, [a]]", place(5, 12)),
        ("Conditions:\n  C: !Equals [a]\nResources:\n  A: {Type: T}", place(2, 3)),
        ("Resources:\n  A: {Type: T, DependsOn: [B]}", place(2, 16)),
        ("a: 1\na: 2", place(2, 1)),
        ("{\"a\": 1,\n \"a\" 2}", place(2, 6)),
    ];
    for (text, expected) in table {
        let error = plan(text).and_then(|plan| plan.outputs(&Echo)).unwrap_err();
        assert_eq!(error.place().map(|p| p.line), expected.map(|p| p.line), "{text}: {error}");
    }
    let text = "Parameters:\n  P:\n    Type: Number\nResources: {A: {Type: T}}";
    assert_eq!(plan_with(text, &[("P", "x")]).unwrap_err().place(), place(2, 3));
}

#[test]
fn one_long_line_of_json_is_walked_once() {
    let items: Vec<String> = (0..50_000).map(|n| format!("\"k{n}\": [{n}]")).collect();
    let text = format!("{{\"Metadata\": {{{}}}, \"Resources\": {{}}}}", items.join(","));
    let started = std::time::Instant::now();
    let document = Document::parse(&text).unwrap();
    assert!(document.place("Metadata/k49999/0").unwrap().column > 500_000);
    assert!(started.elapsed().as_secs() < 5);
}
