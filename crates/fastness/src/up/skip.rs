//! Leaves out resources of types that the platform does not have, where the command line names those types.
//!
//! Nothing is left out by itself, and nothing in silence: what was skipped is told, and written into the stack's template.
//! What refers to a skipped resource would not be what its author meant, so that is an error.

use base::Clock;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use template::parameter::Given;
use template::{Document, Macros, Pseudo};

use crate::Error;

/// Types that do nothing but connect a function to something.
const CONNECTIONS: [&str; 2] = ["AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"];

/// What is left out, and what goes with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Logical ids and types.
    pub(crate) resources: Vec<(String, String)>,
    /// Outputs that tell something of them.
    pub(crate) outputs: Vec<String>,
}

/// For whom the template's macros run: they may make resources of the named types.
pub(crate) struct Target<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) stack: &'a str,
    pub(crate) parameters: &'a [(String, String)],
}

/// The template without resources of these types, macros expanded.
///
/// # Errors
/// A macro refuses the template, or something that stays refers to what goes.
pub(crate) fn types(
    document: Document,
    named: &[String],
    target: &Target<'_>,
) -> Result<(Document, Skipped), Error> {
    let given: IndexMap<String, Given> =
        target.parameters.iter().map(|(key, value)| (key.clone(), Given::Value(value.clone()))).collect();
    let pseudo = Pseudo {
        account_id: target.account.to_owned(),
        region: target.region.to_owned(),
        stack_id: String::new(),
        stack_name: target.stack.to_owned(),
    };
    let previous = IndexMap::new();
    let mut document = Macros::new(&given, &previous, &pseudo, Clock::system().now()).run(document)?;
    let skipped = remove(&mut document.root, named)?;
    Ok((document, skipped))
}

fn remove(root: &mut Value, named: &[String]) -> Result<Skipped, Error> {
    let mut skipped = Skipped::default();
    let Some(root) = root.as_object_mut() else { return Ok(skipped) };
    if let Some(Value::Object(resources)) = root.get_mut("Resources") {
        let kind =
            |resource: &Value| resource.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let doomed = resources.iter().map(|(id, resource)| (id.clone(), kind(resource)));
        skipped.resources = doomed.filter(|(_, kind)| named.contains(kind)).collect();
        resources.retain(|_, resource| !named.contains(&kind(resource)));
        // Leave for, and a way from, something that is not there is nothing.
        let gone = skipped.resources.clone();
        let connects = |resource: &Value| {
            CONNECTIONS.contains(&kind(resource).as_str()) && gone.iter().any(|(id, _)| refers(resource, id))
        };
        let connections = resources.iter().filter(|(_, resource)| connects(resource));
        skipped.resources.extend(connections.map(|(id, resource)| (id.clone(), kind(resource))));
        resources.retain(|_, resource| !connects(resource));
        for (id, resource) in resources.iter_mut() {
            forget(resource, &skipped);
            if let Some((other, kind)) = skipped.resources.iter().find(|(other, _)| refers(resource, other)) {
                return Err(format!("{id} refers to {other} ({kind}), which is to be skipped").into());
            }
        }
    }
    if let Some(Value::Object(outputs)) = root.get_mut("Outputs") {
        let tells = |output: &Value| skipped.resources.iter().any(|(id, _)| refers(output, id));
        skipped.outputs =
            outputs.iter().filter(|(_, output)| tells(output)).map(|(key, _)| key.clone()).collect();
        outputs.retain(|key, _| !skipped.outputs.contains(key));
        if outputs.is_empty() {
            root.remove("Outputs");
        }
    }
    record(root, &skipped);
    Ok(skipped)
}

/// Waiting for what is not made is no use.
fn forget(resource: &mut Value, skipped: &Skipped) {
    let is_skipped = |name: &Value| skipped.resources.iter().any(|(id, _)| name == id.as_str());
    let Some(resource) = resource.as_object_mut() else { return };
    match resource.get_mut("DependsOn") {
        Some(Value::Array(names)) => names.retain(|name| !is_skipped(name)),
        Some(name) if is_skipped(name) => {
            resource.remove("DependsOn");
        }
        _ => {}
    }
}

/// True where a tree refers to a resource.
fn refers(value: &Value, id: &str) -> bool {
    let is_it = |name: &str| name == id || name.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
    match value {
        Value::Array(items) => items.iter().any(|item| refers(item, id)),
        Value::Object(map) => map.iter().any(|(name, argument)| match (name.as_str(), argument) {
            ("Ref" | "Fn::GetAtt", Value::String(name)) => is_it(name),
            ("Fn::GetAtt", Value::Array(parts)) => parts.first().is_some_and(|first| first == id),
            ("Fn::Sub", Value::String(text)) => named_in(text, is_it),
            ("Fn::Sub", Value::Array(parts)) => {
                parts.first().and_then(Value::as_str).is_some_and(|text| named_in(text, is_it))
                    || parts.iter().skip(1).any(|part| refers(part, id))
            }
            _ => refers(argument, id),
        }),
        _ => false,
    }
}

fn named_in(text: &str, is_it: impl Fn(&str) -> bool) -> bool {
    text.split("${").skip(1).any(|piece| piece.split_once('}').is_some_and(|(name, _)| is_it(name.trim())))
}

/// Whoever reads the stack's template later sees what is missing from it.
fn record(root: &mut Map<String, Value>, skipped: &Skipped) {
    if skipped.resources.is_empty() {
        return;
    }
    let list = skipped.resources.iter().map(|(id, kind)| json!({ "LogicalId": id, "Type": kind }));
    let list: Vec<Value> = list.collect();
    let metadata = root.entry("Metadata").or_insert_with(|| json!({}));
    if let Some(metadata) = metadata.as_object_mut() {
        let own = metadata.entry("Fastness").or_insert_with(|| json!({}));
        if let Some(own) = own.as_object_mut() {
            own.insert("Skipped".to_owned(), list.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target<'_> =
        Target { account: "000000000000", region: "us-east-1", stack: "s", parameters: &[] };

    fn skip(text: &str) -> Result<(Value, Skipped), Error> {
        let named = ["AWS::SQS::Queue".to_owned(), "AWS::Events::Rule".to_owned()];
        types(Document::parse(text)?, &named, &TARGET).map(|(document, skipped)| (document.root, skipped))
    }

    #[test]
    fn named_types_go_with_what_tells_of_them_and_that_is_written_down() {
        let (root, skipped) = skip(
            "Resources:\n  Q: {Type: AWS::SQS::Queue}\n  G: {Type: AWS::Logs::LogGroup, DependsOn: [Q]}\n\
             Outputs:\n  Url: {Value: !Ref Q}\n  Arn: {Value: !Sub '${Q.Arn}'}\n  Group: {Value: !Ref G}",
        )
        .unwrap();
        assert_eq!(skipped.resources, [("Q".to_owned(), "AWS::SQS::Queue".to_owned())]);
        assert_eq!(skipped.outputs, ["Url", "Arn"]);
        assert_eq!(root["Metadata"]["Fastness"]["Skipped"][0]["LogicalId"], "Q");
        assert_eq!(root["Resources"], json!({"G": {"Type": "AWS::Logs::LogGroup", "DependsOn": []}}));
        assert_eq!(root["Outputs"], json!({"Group": {"Value": {"Ref": "G"}}}));
    }

    #[test]
    fn what_refers_to_a_skipped_resource_is_an_error() {
        for reference in ["!Ref Q", "!GetAtt Q.Arn", "!Sub 'x-${Q}'", "!Sub ['${V}', {V: !GetAtt [Q, Arn]}]"]
        {
            let text = format!(
                "Resources:\n  Q: {{Type: AWS::SQS::Queue}}\n  G: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: {reference}}}}}"
            );
            let told = skip(&text).unwrap_err().to_string();
            assert_eq!(told, "G refers to Q (AWS::SQS::Queue), which is to be skipped", "{reference}");
        }
        assert!(skip("Resources: {Q: {Type: AWS::SQS::Queue}, Other: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: Q}}}").is_ok());
    }

    #[test]
    fn what_a_macro_makes_is_skipped_too() {
        let (root, skipped) = skip(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n\
             \x20     {Runtime: python3.12, Handler: a.b, CodeUri: s3://b/k, Events: {Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}}}",
        )
        .unwrap();
        let kinds: Vec<&str> = skipped.resources.iter().map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(kinds, ["AWS::Events::Rule", "AWS::Lambda::Permission"]);
        let left = root["Resources"].as_object().unwrap().values().map(|each| each["Type"].as_str().unwrap());
        let left: std::collections::BTreeSet<&str> = left.collect();
        assert_eq!(left.into_iter().collect::<Vec<_>>(), ["AWS::IAM::Role", "AWS::Lambda::Function"]);
    }
}
