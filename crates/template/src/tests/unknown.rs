//! Functions over what is not known before resources exist.

use serde_json::{Value, json};

use super::plan;
use crate::{Resources, TemplateError};

/// Knows nothing: values stand in braces.
struct Blind;

impl Resources for Blind {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Ok(json!(format!("<{logical_id}>")))
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        Ok(json!(format!("<{logical_id}.{attribute}>")))
    }

    fn is_unknown(&self, text: &str) -> bool {
        text.contains('<')
    }
}

#[test]
fn functions_of_what_is_not_known_yet_are_not_known_yet() {
    let resolved = |function: &str| {
        let text = format!("Resources: {{B: {{Type: T}}, A: {{Type: T, Properties: {{X: {function}}}}}}}");
        plan(&text).and_then(|plan| plan.properties("A", &Blind))
    };
    for function in [
        "!Select [5, !Split [':', !GetAtt B.Arn]]",
        "!Join ['-', !GetAtt B.List]",
        "!Join ['-', !Split [':', !Sub 'x:${B}']]",
        "!Select [!Ref B, [a, b]]",
        "!Length {'Fn::Split': [',', !Ref B]}",
        "!Select [0, !Cidr [!GetAtt B.Block, 2, 8]]",
        "!ToJsonString {'Fn::Split': [',', !Ref B]}",
    ] {
        let value = resolved(function).unwrap();
        assert!(value["X"].as_str().unwrap().contains("<B"), "{function}: {value}");
    }
    // Others stand for others, and what is known is held to what it has to be.
    let of = |at: &str| resolved(&format!("!Select [{at}, !Split [':', !GetAtt B.Arn]]")).unwrap();
    assert_ne!(of("1"), of("2"));
    assert_eq!(resolved("!Select [1, [!Ref B, b]]").unwrap()["X"], "b");
    assert!(resolved("!Select [2, [!Ref B, b]]").is_err() && resolved("!Join ['-', abc]").is_err());
}
