//! `AWS::Lambda::Alias`.

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{
    Answer, Property, Provider, Work, gone, lambda_provisioned as provisioned, list, optional, required,
    seen, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Alias;

const PROPERTIES: [Property; 6] = [
    optional("Description"),
    required("FunctionName").fixed(),
    required("FunctionVersion"),
    required("Name").fixed(),
    optional("ProvisionedConcurrencyConfig"),
    optional("RoutingConfig"),
];

impl Provider for Alias {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Alias"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let input = json!({ "FunctionName": work.text("FunctionName") });
            let shown = seen(work.call("lambda", "GetFunction", input).await)?;
            let ours = work.is_of_stack(shown.as_ref().and_then(|shown| shown.get("Tags")));
            Ok(ours.then(|| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let input = Value::Object(work.pick(&["FunctionName", "Name"]));
            let Some(shown) = seen(work.call("lambda", "GetAlias", input).await)? else { return Ok(None) };
            let weights = shown.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Value::as_object);
            let weights = weights.into_iter().flatten();
            let weights = weights
                .map(|(version, weight)| json!({ "FunctionVersion": version, "FunctionWeight": weight }));
            let mut now = properties(json!({
                "Description": shown.get("Description"),
                "FunctionVersion": shown.get("FunctionVersion"),
                "RoutingConfig": { "AdditionalVersionWeights": weights.collect::<Vec<_>>() },
            }));
            work.as_given(&["FunctionName", "Name"], &mut now);
            provisioned::read(work, (&work.text("FunctionName"), &work.text("Name")), &mut now).await?;
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let answer = work.call("lambda", "CreateAlias", input(work, false)).await?;
            let arn = text(answer.get("AliasArn"));
            let made = work.made(&arn, json!({ "AliasArn": arn }));
            let (function, name) = (work.text("FunctionName"), work.text("Name"));
            provisioned::set(work, (&function, &name), None).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            work.call("lambda", "UpdateAlias", input(work, true)).await?;
            let before = old.properties.get("ProvisionedConcurrencyConfig");
            provisioned::set(work, (&work.text("FunctionName"), &work.text("Name")), before).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let (function, name) =
                (text(old.properties.get("FunctionName")), text(old.properties.get("Name")));
            gone(work.call("lambda", "DeleteAlias", json!({ "FunctionName": function, "Name": name })).await)
        })
    }
}

/// A template lists the versions that take a share, the call maps them. What it does not say any more goes.
fn input(work: &Work, updates: bool) -> Value {
    let mut input = work.pick(&["Description", "FunctionName", "FunctionVersion", "Name"]);
    let weights = list(work.get("RoutingConfig").and_then(|config| config.get("AdditionalVersionWeights")));
    let weights = weights.iter().map(|weight| {
        (text(weight.get("FunctionVersion")), weight.get("FunctionWeight").cloned().unwrap_or_default())
    });
    let weights: serde_json::Map<String, Value> = weights.collect();
    if updates {
        input.entry("Description").or_insert_with(|| "".into());
    }
    if updates || !weights.is_empty() {
        input.insert("RoutingConfig".to_owned(), json!({ "AdditionalVersionWeights": weights }));
    }
    Value::Object(input)
}
