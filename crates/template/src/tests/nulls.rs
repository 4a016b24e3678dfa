//! What a template leaves empty.

use std::path::Path;

use base::Timestamp;
use indexmap::IndexMap;

use super::pseudo;
use crate::{Document, Macros, TemplateError, check_nulls, sam};

fn checked(text: &str) -> Result<(), TemplateError> {
    let (given, previous, pseudo) = (IndexMap::new(), IndexMap::new(), pseudo());
    let macros = Macros::new(&given, &previous, &pseudo, Timestamp::default());
    check_nulls(&macros.run(Document::parse(text)?)?)
}

#[test]
fn null_is_refused_wherever_it_stands() {
    let table = [
        ("Resources:\n  R:\n    Type: T\n    Properties:\n      X:", "/Resources/R/Type/X", Some(5)),
        (r#"{"Resources": {"R": {"Type": "T", "Properties": {"X": null}}}}"#, "/Resources/R/Type/X", Some(1)),
        (
            "Resources: {R: {Type: T, Properties: {X: {Y: [a, {Z: ~}]}}}}",
            "/Resources/R/Type/X/Y/1/Z",
            Some(1),
        ),
        (
            "Resources: {R: {Type: T, Properties: {Properties: {Y: null}}}}",
            "/Resources/R/Type/Properties/Y",
            Some(1),
        ),
        (
            "Resources: {R: {Type: T, Properties: {X: !If [C, null, a]}}}",
            "/Resources/R/Type/X/Fn::If/1",
            Some(1),
        ),
        ("Resources:\n  R: {Type: T, Properties: }", "/Resources/R/Properties", Some(2)),
        ("Resources: {R: {Type: T, DependsOn: [null]}}", "/Resources/R/DependsOn/0", Some(1)),
        ("Resources: {R: {Type: T, Metadata: {a: null}}}", "/Resources/R/Metadata/a", Some(1)),
        ("Resources: {R: null}", "/Resources/R", Some(1)),
        ("Resources:", "/Resources", None),
        ("Mappings: {M: {a: {b: null}}}\nResources: {R: {Type: T}}", "/Mappings/M/a/b", Some(1)),
        ("Outputs: {O: {Value: null}}\nResources: {R: {Type: T}}", "/Outputs/O/Value", Some(1)),
        ("Outputs: {O: {Value: a, Export: }}\nResources: {R: {Type: T}}", "/Outputs/O/Export", Some(1)),
        ("Outputs:\nResources: {R: {Type: T}}", "/Outputs", None),
        (
            "Parameters: {P: {Type: String, Default: }}\nResources: {R: {Type: T}}",
            "/Parameters/P/Default",
            Some(1),
        ),
        ("Conditions: {C: }\nResources: {R: {Type: T}}", "/Conditions/C", Some(1)),
        ("Description:\nResources: {R: {Type: T}}", "/Description", None),
    ];
    for (text, place, line) in table {
        let error = checked(text).unwrap_err();
        assert_eq!(
            error.message(),
            format!("[{place}] 'null' values are not allowed in templates"),
            "{text}"
        );
        assert!(line.is_none() || error.line() == line, "{text}: {:?}", error.line());
    }
    for text in [
        "Resources: {R: {Type: T, Properties: {X: !Ref AWS::NoValue, Y: '', Z: 'null'}}}",
        "Resources: {R: {Type: T, Properties: {X: !If [C, !Ref 'AWS::NoValue', a], Y: [], Z: {}, F: false, N: 0}}}",
    ] {
        checked(text).unwrap();
    }
}

/// Macros come first: what they take of a `null`, and only that, is gone by then.
#[test]
fn what_a_transform_takes_is_its_own() {
    let taken = "Transform: AWS::Serverless-2016-10-31
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, Handler: a.b, Runtime: python3.12, Description: null}}";
    checked(taken).unwrap();
    let beside = "\n  R: {Type: AWS::IAM::Role, Properties: {PermissionsBoundary: null}}";
    let error = checked(&format!("{taken}{beside}")).unwrap_err();
    assert_eq!(
        error.message(),
        "[/Resources/R/Type/PermissionsBoundary] 'null' values are not allowed in templates"
    );
    let extended = "Transform: AWS::LanguageExtensions\nResources: {R: {Type: T, Properties: {X: !Ref {'Fn::Sub': Q}, Y: !Length [a]}}}";
    checked(extended).unwrap();
    let error = checked(&extended.replace("[a]", "[a], Z: ~")).unwrap_err();
    assert!(error.message().starts_with("[/Resources/R/Type/Z] 'null'"), "{error}");
    // A reference to what names nothing is told as that.
    checked(&extended.replace("Q}", &format!("{}}}", "q".repeat(300)))).unwrap();
}

#[test]
fn the_serverless_transform_makes_no_null() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut document = Document::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let Ok(root) = sam::transform(&document.root, &IndexMap::new(), "us-east-1", Timestamp::default())
        else {
            continue;
        };
        let clean = check_nulls(&document).is_ok();
        document.root = root;
        assert!(!clean || check_nulls(&document).is_ok(), "{}: {:?}", path.display(), check_nulls(&document));
        checked += 1;
    }
    assert!(checked >= 40, "the corpus is missing");
}
