//! `AWS::CloudFormation::Stack`: a stack in a stack, made by the same calls as any other.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::reading::{Reading, properties};
use super::{
    Answer, CREATION_CANCELLED, Failure, Property, Provider, UPDATE_CANCELLED, Work, list, optional,
    required, tags, text,
};
use crate::drift::Rules;
use crate::model;
use crate::records::Physical;
use crate::stacks;

pub(super) struct Nested;

const PROPERTIES: [Property; 4] =
    [optional("Parameters"), optional("Tags"), required("TemplateURL"), optional("TimeoutInMinutes")];

/// How often and how long apart a nested stack is looked at: an hour.
const LOOKS_MAX: usize = 18_000;
const LOOK_APART: Duration = Duration::from_millis(200);

impl Provider for Nested {
    fn kind(&self) -> &'static str {
        "AWS::CloudFormation::Stack"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn owns_planned(&self) -> bool {
        // The planned id is the nested stack's name, and it ends in twelve random characters.
        true
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules =
            Rules { unread: &["/TemplateURL", "/TimeoutInMinutes"], whole: &[], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = work.call("cloudformation", "DescribeStacks", json!({ "StackName": of.id })).await?;
            let stack = list(shown.get("Stacks")).first().cloned().unwrap_or_default();
            if status(&stack) == "DELETE_COMPLETE" {
                return Ok(None);
            }
            let parameters = list(stack.get("Parameters")).iter().map(|parameter| {
                (
                    text(parameter.get("ParameterKey")),
                    parameter.get("ParameterValue").cloned().unwrap_or_default(),
                )
            });
            let mut now = properties(json!({ "Tags": tags::own(stack.get("Tags")) }));
            now.insert("Parameters".to_owned(), as_given(work.get("Parameters"), parameters.collect()));
            Ok(Some(now))
        })
    }

    fn take_over<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let asked = json!({ "StackName": work.planned });
            let shown = match work.call("cloudformation", "DescribeStacks", asked).await {
                Err(fault) if fault.message.contains("does not exist") => return Ok(None),
                shown => shown?,
            };
            let stack = list(shown.get("Stacks")).first().cloned().unwrap_or_default();
            // SECURITY: a stack of that name that is in another one, or in none, is somebody else's.
            if text(stack.get("ParentId")) != work.place.stack_id {
                return Ok(None);
            }
            // It only waits for its creation.
            if status(&stack) == "REVIEW_IN_PROGRESS" {
                return self.create(work).await.map(Some);
            }
            ended(work, work.made(text(stack.get("StackId")), Value::Null)).await.map(Some)
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = input(work);
            input.insert("StackName".to_owned(), work.planned.clone().into());
            // It is for the creation alone.
            input.extend(work.pick(&["TimeoutInMinutes"]));
            let answer = work.call("cloudformation", "CreateStack", Value::Object(input)).await?;
            ended(work, work.made(text(answer.get("StackId")), Value::Null)).await
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            // A try that was interrupted goes on by itself in there: what it comes to is changed.
            if work.place.goes_back {
                stopped(work, &old.id).await?;
            }
            let (stack, was_cancelled) = updated(work, &old.id).await?;
            if was_cancelled {
                return Err(Failure::new(UPDATE_CANCELLED));
            }
            if work.place.goes_back && status(&stack) == "UPDATE_ROLLBACK_FAILED" {
                continued(work, &stack).await?;
            }
            let mut input = input(work);
            input.insert("StackName".to_owned(), old.id.clone().into());
            let begun = asked(work, input).await?;
            let (stack, _) = updated(work, &old.id).await?;
            let wanted: &[&str] = match work.place.goes_back {
                true => &["UPDATE_ROLLBACK_COMPLETE"],
                // What it replaced stays until the outer one has come to its end.
                false => &[model::status::UPDATE_CLEANUP, "UPDATE_COMPLETE"],
            };
            if begun && !wanted.contains(&status(&stack).as_str()) {
                return Err(failed(work, &old.id, "updated", &stack));
            }
            Ok(Physical { attributes: told(&stack), ..work.made(&old.id, Value::Null) })
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let asked = json!({ "StackName": old.id });
            match work.call("cloudformation", "DeleteStack", asked.clone()).await {
                // It is deleted once it is at rest.
                Err(fault) if fault.message.contains("_IN_PROGRESS") => {
                    settled(work, &old.id).await?;
                    work.call("cloudformation", "DeleteStack", asked).await?;
                }
                answer => drop(answer?),
            }
            let stack = match settled(work, &old.id).await {
                // A name finds no stack that is deleted.
                Err(failure) if failure.message.contains("does not exist") => return Ok(()),
                found => found?,
            };
            if status(&stack) == "DELETE_COMPLETE" {
                return Ok(());
            }
            Err(failed(work, &old.id, "deleted", &stack))
        })
    }
}

/// The nested stack that was made, once its creation is over.
async fn ended(work: &Work, made: Physical) -> Result<Physical, Failure> {
    let ended = tokio::select! {
        ended = settled(work, &made.id) => ended,
        // The outer one deletes it, whatever it is at.
        () = work.cancelled() => Err(Failure::new(CREATION_CANCELLED)),
    };
    let stack = ended.map_err(|failure| failure.after(&made))?;
    if status(&stack) != "CREATE_COMPLETE" {
        return Err(failed(work, &made.id, "created", &stack).after(&made));
    }
    Ok(Physical { attributes: told(&stack), ..made })
}

/// Asks for an update of the nested stack. False where it is what is asked.
async fn asked(work: &Work, input: Map<String, Value>) -> Result<bool, Failure> {
    let input = Value::Object(input);
    for _ in 0..LOOKS_MAX {
        match work.call("cloudformation", "UpdateStack", input.clone()).await {
            Ok(_) => return Ok(true),
            Err(fault) if fault.message.contains("No updates are to be performed") => return Ok(false),
            // It cleans up after an update that somebody asked it for directly.
            Err(fault) if fault.message.contains(model::status::UPDATE_CLEANUP) => {}
            Err(fault) => return Err(fault.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_APART) => {}
            () = work.cancelled() => return Err(Failure::new(UPDATE_CANCELLED).untouched()),
        }
    }
    Err(Failure::new("The embedded stack did not come to rest in time."))
}

/// The nested stack once its update is over, and whether it was told to stop as nobody wants it any more.
async fn updated(work: &Work, id: &str) -> Result<(Value, bool), Failure> {
    tokio::select! {
        ended = come_to(work, id, is_updated) => return Ok((ended?, false)),
        () = work.cancelled() => {}
    }
    stopped(work, id).await?;
    Ok((come_to(work, id, is_updated).await?, true))
}

/// Tells an update of the nested stack that goes on, where there is one, that nobody wants it any more.
async fn stopped(work: &Work, id: &str) -> Result<(), Failure> {
    if status(&shown(work, id).await?) == "UPDATE_IN_PROGRESS" {
        // Refused where it ends just now, or the principal may not: then what it comes to is waited for all the same.
        drop(work.call("cloudformation", "CancelUpdateStack", json!({ "StackName": id })).await);
    }
    Ok(())
}

async fn shown(work: &Work, id: &str) -> Result<Value, Failure> {
    let answer = work.call("cloudformation", "DescribeStacks", json!({ "StackName": id })).await?;
    Ok(list(answer.get("Stacks")).first().cloned().unwrap_or_default())
}

/// Continues a nested stack's own way back, which did not come to its end. What is to be skipped in it is named after it.
async fn continued(work: &Work, stack: &Value) -> Result<(), Failure> {
    let (id, name) = (text(stack.get("StackId")), text(stack.get("StackName")));
    let within = |skipped: &String| skipped.strip_prefix(&name)?.strip_prefix('.').map(str::to_owned);
    // In stacks of its own they are named after those.
    let deeper =
        |skipped: &String| within(skipped).or_else(|| skipped.contains('.').then(|| skipped.clone()));
    let skipped: Vec<String> = work.place.skipped.iter().filter_map(deeper).collect();
    let mut input = json!({ "StackName": id });
    if let Some(input) = input.as_object_mut().filter(|_| !skipped.is_empty()) {
        input.insert("ResourcesToSkip".to_owned(), skipped.into());
    }
    work.call("cloudformation", "ContinueUpdateRollback", input).await?;
    let stack = settled(work, &id).await?;
    match status(&stack).as_str() {
        "UPDATE_ROLLBACK_COMPLETE" => Ok(()),
        _ => Err(failed(work, &id, "updated", &stack)),
    }
}

/// What creation and update have in common.
fn input(work: &Work) -> Map<String, Value> {
    stack_input(&work.properties, &work.caller.capabilities)
}

/// What is asked of a nested stack that has these properties.
pub(crate) fn stack_input(properties: &Map<String, Value>, capabilities: &[String]) -> Map<String, Value> {
    let mut input = Map::new();
    input.extend(properties.get("TemplateURL").map(|url| ("TemplateURL".to_owned(), url.clone())));
    // Where none are said a stack keeps those that it has.
    let tags = properties.get("Tags").filter(|tags| !tags.is_null());
    input.insert("Tags".to_owned(), tags.cloned().unwrap_or_else(|| json!([])));
    let given = properties.get("Parameters").and_then(Value::as_object).into_iter().flatten();
    let parameters: Vec<Value> =
        given.map(|(key, given)| json!({ "ParameterKey": key, "ParameterValue": as_text(given) })).collect();
    input.insert("Parameters".to_owned(), parameters.into());
    // What the caller acknowledged of the outer stack is acknowledged of what is in it, and nothing more.
    input.insert("Capabilities".to_owned(), capabilities.to_vec().into());
    input
}

/// A parameter's value: a list is a text with commas.
fn as_text(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(|item| text(Some(item))).collect::<Vec<_>>().join(","),
        scalar => text(Some(scalar)),
    }
}

/// The nested stack, once nothing is going on in it.
async fn settled(work: &Work, id: &str) -> Result<Value, Failure> {
    come_to(work, id, is_at_rest).await
}

fn is_at_rest(status: &str) -> bool {
    !status.ends_with("_IN_PROGRESS")
}

/// True where an update is over, but for what may wait for the outer stack's end.
fn is_updated(status: &str) -> bool {
    is_at_rest(status) || status == model::status::UPDATE_CLEANUP
}

/// The nested stack, once its state is one of these.
async fn come_to(work: &Work, id: &str, there: fn(&str) -> bool) -> Result<Value, Failure> {
    for _ in 0..LOOKS_MAX {
        let stack = shown(work, id).await?;
        if there(&status(&stack)) {
            return Ok(stack);
        }
        tokio::time::sleep(LOOK_APART).await;
    }
    Err(Failure::new(format!("Embedded stack {id} did not come to rest in time.")))
}

fn status(stack: &Value) -> String {
    text(stack.get("StackStatus"))
}

/// That a nested stack is not what was asked, and why.
fn failed(work: &Work, id: &str, verb: &str, stack: &Value) -> Failure {
    let told = Some(text(stack.get("StackStatusReason"))).filter(|told| !told.is_empty());
    let reason = told.or_else(|| turned_back(work, id));
    let said = format!("Embedded stack {id} was not successfully {verb}");
    Failure::new(match reason {
        None => said,
        Some(reason) if verb == "updated" => {
            format!("{said}. Currently in {} with reason: {reason}", status(stack))
        }
        Some(reason) => format!("{said}: {reason}"),
    })
}

/// Why a nested stack's last operation turned back. That it is a stack of this one, and may be seen, is known by then; its
/// events tell the same to who may read them.
fn turned_back(work: &Work, id: &str) -> Option<String> {
    let caller = &work.caller;
    let (store, region) = (caller.pipeline.store(), caller.pipeline.region());
    stacks::by_id(store, caller.account, region.as_str(), id).ok()??.turned_back
}

/// `Outputs.Name` for each output.
fn told(stack: &Value) -> Map<String, Value> {
    let outputs = list(stack.get("Outputs")).iter();
    outputs
        .map(|output| {
            let value = output.get("OutputValue").cloned().unwrap_or_default();
            (format!("Outputs.{}", text(output.get("OutputKey"))), value)
        })
        .collect()
}

/// Parameters in the words of the template: lists are texts in a stack, and secrets are not shown.
fn as_given(given: Option<&Value>, shown: Map<String, Value>) -> Value {
    let same = |name: &str, shown: Value| {
        let own = given.and_then(|given| given.get(name));
        let masked = text(Some(&shown)) == template::parameter::MASK;
        own.filter(|own| masked || as_text(own) == text(Some(&shown))).cloned().unwrap_or(shown)
    };
    Value::Object(shown.into_iter().map(|(name, value)| (name.clone(), same(&name, value))).collect())
}
