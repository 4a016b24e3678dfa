//! `AWS::Serverless::Application`: a nested stack.
//!
//! An application of AWS's repository is refused: nothing here can fetch it.

use serde_json::{Map, Value, json};

use super::context::Source;
use super::error::Problems;
use super::value::{Kind, check, member, tag_list, truthy};

pub(super) const KIND: &str = "AWS::Serverless::Application";

const PROPERTIES: [(&str, Kind); 6] = [
    ("Location", Kind::TextOrMap),
    ("TemplateUrl", Kind::Text),
    ("Parameters", Kind::Map),
    ("NotificationARNs", Kind::TextOrMapList),
    ("Tags", Kind::Map),
    ("TimeoutInMinutes", Kind::Integer),
];

/// The nested stack.
pub(super) fn expand(source: &Source<'_>) -> Result<Vec<(String, Value)>, Problems> {
    let properties = &source.properties;
    let location = member(properties, "Location");
    match location {
        None => {
            let message = "Resource is missing the required [Location] property.";
            return Err(Problems::resource(source.id, message));
        }
        Some(Value::Object(map)) => {
            let missing =
                ["ApplicationId", "SemanticVersion"].into_iter().find(|key| !map.contains_key(*key));
            return Err(match missing {
                Some(key) => {
                    let message = format!("Resource is missing the required [{key}] property.");
                    Problems::resource(source.id, message)
                }
                None => Problems::resource(
                    source.id,
                    "Applications of the AWS Serverless Application Repository are not supported by this platform.",
                ),
            });
        }
        Some(_) => {}
    }
    check(source.id, KIND, properties, &PROPERTIES, &["Location"])?;
    super::function::check_tags(source)?;
    let url = location.or_else(|| truthy(properties, "TemplateUrl")).cloned().unwrap_or_default();
    let mut stack = Map::from_iter([("TemplateURL".to_owned(), url)]);
    for name in ["Parameters", "NotificationARNs", "TimeoutInMinutes"] {
        if let Some(value) = member(properties, name) {
            stack.insert(name.to_owned(), value.clone());
        }
    }
    let mut tags = vec![json!({ "Key": "lambda:createdBy", "Value": "SAM" })];
    tags.extend(tag_list(properties.get("Tags")));
    stack.insert("Tags".to_owned(), tags.into());
    let mut body = source.part("AWS::CloudFormation::Stack", stack);
    if let (Some(depends_on), Some(body)) = (truthy(source.body, "DependsOn"), body.as_object_mut()) {
        body.insert("DependsOn".to_owned(), depends_on.clone());
    }
    Ok(vec![(source.id.to_owned(), body)])
}
