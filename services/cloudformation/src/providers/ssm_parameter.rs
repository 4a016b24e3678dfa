//! `AWS::SSM::Parameter`. Its tags are a map; those of the stack alone may come as a list.

use serde_json::{Map, Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, tags, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Parameter;

const PROPERTIES: [Property; 9] = [
    optional("AllowedPattern"),
    optional("DataType"),
    optional("Description"),
    optional("Name").fixed(),
    optional("Policies"),
    optional("Tags"),
    optional("Tier"),
    required("Type"),
    required("Value"),
];

/// What a version of a parameter has.
const OF_VERSION: [&str; 7] =
    ["AllowedPattern", "DataType", "Description", "Policies", "Tier", "Type", "Value"];

/// What no call shows without leave to list all parameters; AWS does not read it either.
const RULES: Rules = Rules {
    unread: &["/AllowedPattern", "/Description", "/Policies", "/Tags", "/Tier"],
    whole: &[],
    ordered: &[],
};

impl Provider for Parameter {
    fn kind(&self) -> &'static str {
        "AWS::SSM::Parameter"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("Name", 1_011))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let input = json!({ "ResourceType": "Parameter", "ResourceId": work.planned });
            let shown = seen(work.call("ssm", "ListTagsForResource", input).await)?;
            let tags = shown.as_ref().and_then(|answer| answer.get("TagList"));
            Ok(work.is_marked(tags).then(|| made(work, &work.planned)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = work.call("ssm", "GetParameters", json!({ "Names": [of.id] })).await?;
            let Some(parameter) = list(shown.get("Parameters")).first() else { return Ok(None) };
            let member = |name: &str| parameter.get(name).cloned();
            Ok(Some(properties(json!({
                "DataType": member("DataType"), "Name": member("Name"), "Type": member("Type"), "Value": member("Value"),
            }))))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = version(work, &work.planned)?;
            if let Some(given) = work.get("Tags") {
                input.insert("Tags".to_owned(), tags::to_list(tags::to_map(Some(given))));
            }
            work.call("ssm", "PutParameter", Value::Object(input)).await?;
            Ok(made(work, &work.planned))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            if OF_VERSION.iter().any(|name| old.properties.get(*name) != work.get(name)) {
                let mut input = version(work, &old.id)?;
                input.insert("Overwrite".to_owned(), Value::Bool(true));
                work.call("ssm", "PutParameter", Value::Object(input)).await?;
            }
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                let of = json!({ "ResourceType": "Parameter", "ResourceId": old.id });
                tags::take_off(work, ("ssm", "RemoveTagsFromResource"), &of, "TagKeys", removed).await?;
            }
            if !set.is_empty() {
                let tags = tags::to_list(set);
                let input = json!({ "ResourceType": "Parameter", "ResourceId": old.id, "Tags": tags });
                work.call("ssm", "AddTagsToResource", input).await?;
            }
            Ok(made(work, &old.id))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move { gone(work.call("ssm", "DeleteParameter", json!({ "Name": old.id })).await) })
    }
}

fn made(work: &Work, name: &str) -> Physical {
    let attributes = json!({ "Type": work.get("Type"), "Value": work.get("Value") });
    work.made(name, attributes)
}

/// The version that a template asks for, as input of the call.
fn version(work: &Work, name: &str) -> Result<Map<String, Value>, Failure> {
    // SECURITY: a secret in a template would be one that everybody reads who reads the template.
    if text(work.get("Type")) == "SecureString" {
        let message =
            "CloudFormation does not make parameters of type SecureString: put them by their own call.";
        return Err(Failure::new(message.to_owned()).untouched());
    }
    let given = OF_VERSION.iter().filter_map(|name| Some(((*name).to_owned(), work.get(name)?.clone())));
    Ok(given.chain([("Name".to_owned(), Value::from(name))]).collect())
}
