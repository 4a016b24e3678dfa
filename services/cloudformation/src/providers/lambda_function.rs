//! `AWS::Lambda::Function`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::reading::{Reading, properties};
use super::{
    Answer, Failure, Property, Provider, Work, gone, lambda_code, list, optional, required, seen, tags, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Function;

const PROPERTIES: [Property; 24] = [
    optional("Architectures"),
    required("Code"),
    optional("CodeSigningConfigArn"),
    optional("DeadLetterConfig"),
    optional("Description"),
    optional("Environment"),
    optional("EphemeralStorage"),
    optional("FileSystemConfigs"),
    optional("FunctionName").fixed(),
    optional("Handler"),
    optional("KmsKeyArn"),
    optional("Layers"),
    optional("LoggingConfig"),
    optional("MemorySize"),
    optional("PackageType").fixed(),
    optional("RecursiveLoop"),
    optional("ReservedConcurrentExecutions"),
    required("Role"),
    optional("Runtime"),
    optional("RuntimeManagementConfig"),
    optional("SnapStart"),
    optional("Tags"),
    optional("Timeout"),
    optional("TracingConfig"),
];

/// What goes into the configuration as it is.
const CONFIGURATION: [&str; 13] = [
    "DeadLetterConfig",
    "Description",
    "Environment",
    "EphemeralStorage",
    "FileSystemConfigs",
    "Handler",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "SnapStart",
    "Timeout",
];

/// How often and how long apart a new function is looked at until it is active.
const LOOKS_MAX: usize = 120;
const LOOK_APART: Duration = Duration::from_millis(500);

impl Provider for Function {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Function"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("FunctionName", 64))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let shown = work.call("lambda", "GetFunction", json!({ "FunctionName": work.planned })).await;
            let shown = seen(shown)?.filter(|shown| work.is_marked(shown.get("Tags")));
            Ok(shown.map(|_| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules =
            Rules { unread: &["/Code"], whole: &["/Environment/Variables"], ordered: &["/Layers"] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let name = json!({ "FunctionName": of.id });
            let Some(shown) = seen(work.call("lambda", "GetFunction", name.clone()).await)? else {
                return Ok(None);
            };
            let setting = |name: &str| shown.get("Configuration").and_then(|found| found.get(name));
            let layers = list(setting("Layers")).iter().filter_map(|layer| layer.get("Arn"));
            let mut now = properties(json!({
                "FunctionName": setting("FunctionName"),
                "KmsKeyArn": setting("KMSKeyArn"),
                "Layers": layers.collect::<Vec<_>>(),
                "ReservedConcurrentExecutions": shown.pointer("/Concurrency/ReservedConcurrentExecutions"),
                "Tags": tags::own_of_map(shown.get("Tags")),
            }));
            for name in CONFIGURATION.into_iter().chain(["Architectures", "PackageType", "TracingConfig"]) {
                if name != "Layers" {
                    now.extend(setting(name).map(|value| (name.to_owned(), value.clone())));
                }
            }
            if work.get("CodeSigningConfigArn").is_some() {
                let shown = work.call("lambda", "GetFunctionCodeSigningConfig", name.clone()).await?;
                now.extend(properties(json!({ "CodeSigningConfigArn": shown.get("CodeSigningConfigArn") })));
            }
            if work.get("RuntimeManagementConfig").is_some() {
                let shown = work.call("lambda", "GetRuntimeManagementConfig", name.clone()).await?;
                now.insert("RuntimeManagementConfig".to_owned(), shown);
            }
            if work.get("RecursiveLoop").is_some() {
                let shown = work.call("lambda", "GetFunctionRecursionConfig", name).await?;
                now.extend(properties(json!({ "RecursiveLoop": shown.get("RecursiveLoop") })));
            }
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = configuration(work);
            input.extend(work.pick(&["Architectures", "CodeSigningConfigArn", "PackageType"]));
            input.insert("FunctionName".to_owned(), work.planned.clone().into());
            input.insert("Code".to_owned(), Value::Object(lambda_code::to_call(work)?));
            if let Some(given) = work.get("Tags") {
                input.insert("Tags".to_owned(), Value::Object(tags::to_map(Some(given))));
            }
            let answer = work.call("lambda", "CreateFunction", Value::Object(input)).await?;
            let made = work.made(
                &work.planned,
                json!({
                    "Arn": answer.get("FunctionArn"),
                    "SnapStartResponse": { "ApplyOn": "None", "OptimizationStatus": "Off" },
                    "SnapStartResponse.ApplyOn": "None",
                    "SnapStartResponse.OptimizationStatus": "Off",
                }),
            );
            finish(work, &made.id, None).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let differs = |name: &str| old.properties.get(name) != work.get(name);
            if ["Code", "Architectures"].into_iter().any(differs) {
                let mut input = lambda_code::to_call(work)?;
                let architectures = work.get("Architectures").cloned().unwrap_or_else(|| json!(["x86_64"]));
                input.insert("Architectures".to_owned(), architectures);
                input.insert("FunctionName".to_owned(), old.id.clone().into());
                work.call("lambda", "UpdateFunctionCode", Value::Object(input)).await?;
                wait_until_updated(work, &old.id).await?;
            }
            if CONFIGURATION.into_iter().chain(["KmsKeyArn", "TracingConfig"]).any(differs) {
                let mut input = configuration(work);
                reset_what_is_gone(&mut input, old);
                input.insert("FunctionName".to_owned(), old.id.clone().into());
                work.call("lambda", "UpdateFunctionConfiguration", Value::Object(input)).await?;
                wait_until_updated(work, &old.id).await?;
            }
            if differs("CodeSigningConfigArn") {
                sign(work, &old.id).await?;
            }
            finish(work, &old.id, Some(&old.properties)).await?;
            let arn = text(old.attributes.get("Arn"));
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                tags::take_off(
                    work,
                    ("lambda", "UntagResource"),
                    &json!({ "Resource": arn }),
                    "TagKeys",
                    removed,
                )
                .await?;
            }
            if !set.is_empty() {
                work.call("lambda", "TagResource", json!({ "Resource": arn, "Tags": set })).await?;
            }
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            gone(work.call("lambda", "DeleteFunction", json!({ "FunctionName": old.id })).await)
        })
    }
}

fn configuration(work: &Work) -> Map<String, Value> {
    let mut input = work.pick(&CONFIGURATION);
    if let Some(key) = work.get("KmsKeyArn") {
        input.insert("KMSKeyArn".to_owned(), key.clone());
    }
    if let Some(tracing) = work.get("TracingConfig") {
        input.insert("TracingConfig".to_owned(), tracing.clone());
    }
    input
}

/// A setting that the new template does not have any more goes back to Lambda's default.
fn reset_what_is_gone(input: &mut Map<String, Value>, old: &Physical) {
    let group = format!("/aws/lambda/{}", old.id);
    let defaults = [
        ("DeadLetterConfig", json!({ "TargetArn": "" })),
        ("Description", json!("")),
        ("Environment", json!({ "Variables": {} })),
        ("FileSystemConfigs", json!([])),
        ("KmsKeyArn", json!("")),
        ("Layers", json!([])),
        ("LoggingConfig", json!({ "LogFormat": "Text", "LogGroup": group })),
        ("MemorySize", json!(128)),
        ("SnapStart", json!({ "ApplyOn": "None" })),
        ("Timeout", json!(3)),
        ("EphemeralStorage", json!({ "Size": 512 })),
        ("TracingConfig", json!({ "Mode": "PassThrough" })),
    ];
    for (name, default) in defaults {
        if old.properties.get(name).is_some_and(|value| !value.is_null()) {
            let member = if name == "KmsKeyArn" { "KMSKeyArn" } else { name };
            input.entry(member).or_insert(default);
        }
    }
}

/// Waits until the function is there, and sets what its creation does not take.
async fn finish(work: &Work, name: &str, old: Option<&Value>) -> Result<(), Failure> {
    if old.is_none() {
        wait_until_updated(work, name).await?;
    }
    let (before, wanted) = (
        old.and_then(|old| old.get("ReservedConcurrentExecutions")),
        work.get("ReservedConcurrentExecutions"),
    );
    match wanted {
        same if same == before => {}
        Some(number) => {
            let input = json!({ "FunctionName": name, "ReservedConcurrentExecutions": number });
            work.call("lambda", "PutFunctionConcurrency", input).await?;
        }
        None => {
            gone(work.call("lambda", "DeleteFunctionConcurrency", json!({ "FunctionName": name })).await)?
        }
    }
    set_manners(work, name, old).await
}

/// Sets how the function's runtime is updated, and what becomes of loops through it.
async fn set_manners(work: &Work, name: &str, old: Option<&Value>) -> Result<(), Failure> {
    let before = |property: &str| old.and_then(|old| old.get(property));
    if before("RuntimeManagementConfig") != work.get("RuntimeManagementConfig") {
        let wanted = work.get("RuntimeManagementConfig").and_then(Value::as_object).cloned();
        let mut input = wanted.unwrap_or_else(|| properties(json!({ "UpdateRuntimeOn": "Auto" })));
        input.insert("FunctionName".to_owned(), name.into());
        work.call("lambda", "PutRuntimeManagementConfig", Value::Object(input)).await?;
    }
    if before("RecursiveLoop") != work.get("RecursiveLoop") {
        let wanted = work.get("RecursiveLoop").cloned().unwrap_or_else(|| json!("Terminate"));
        let input = json!({ "FunctionName": name, "RecursiveLoop": wanted });
        work.call("lambda", "PutFunctionRecursionConfig", input).await?;
    }
    Ok(())
}

/// Sets or takes away what checks the signatures of its code.
async fn sign(work: &Work, name: &str) -> Result<(), Failure> {
    match work.get("CodeSigningConfigArn") {
        Some(arn) => {
            let input = json!({ "FunctionName": name, "CodeSigningConfigArn": arn });
            work.call("lambda", "PutFunctionCodeSigningConfig", input).await?;
            Ok(())
        }
        None => gone(
            work.call("lambda", "DeleteFunctionCodeSigningConfig", json!({ "FunctionName": name })).await,
        ),
    }
}

async fn wait_until_updated(work: &Work, name: &str) -> Result<(), Failure> {
    for _ in 0..LOOKS_MAX {
        let answer = work.call("lambda", "GetFunctionConfiguration", json!({ "FunctionName": name })).await?;
        let (state, update) = (text(answer.get("State")), text(answer.get("LastUpdateStatus")));
        match (state.as_str(), update.as_str()) {
            ("Failed", _) => {
                return Err(Failure::new(format!(
                    "The function failed: {}",
                    text(answer.get("StateReason"))
                )));
            }
            (_, "Failed") => {
                let reason = text(answer.get("LastUpdateStatusReason"));
                return Err(Failure::new(format!("The function's update failed: {reason}")));
            }
            ("Pending", _) | (_, "InProgress") => tokio::time::sleep(LOOK_APART).await,
            _ => return Ok(()),
        }
    }
    Err(Failure::new(format!("The function {name} did not become active in time.")))
}
