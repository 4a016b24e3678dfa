//! Stand-ins for the services that stacks call: they keep what exists, and refuse when they are told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use protocol::{Fault, Redact};
use serde_json::{Value, json};
use service::{Access, AccessRequest, Call, Permit, Service, ServiceBuilder};

use crate::error::Error;

/// What exists, what was called, and what is to fail.
#[derive(Default)]
pub(super) struct Things {
    /// `role/name`, `table/name`, …, with the input that made it.
    pub(super) existing: BTreeMap<String, Value>,
    /// `Service:Operation name`, in order.
    pub(super) calls: Vec<String>,
    /// Operations that are refused.
    pub(super) broken: BTreeSet<String>,
    /// The tags that the platform put on what exists.
    pub(super) marks: BTreeMap<String, BTreeMap<String, String>>,
    /// Operations that are refused once they were called this often.
    pub(super) broken_after: BTreeMap<String, usize>,
    /// What operations answer that are refused in words of their own.
    pub(super) refusals: BTreeMap<String, String>,
    /// Operations that take nothing for a name.
    pub(super) invalid: BTreeSet<String>,
    /// Operations that panic.
    pub(super) panicking: BTreeSet<String>,
    /// Operations that do their work and never answer: the power goes before that.
    pub(super) silent: BTreeSet<&'static str>,
    /// Every call's operation and input, in order.
    pub(super) inputs: Vec<(String, Value)>,
    /// Operations that last put something over what was there: no receipt is left of that.
    overwriting: BTreeSet<String>,
    counter: u64,
}

#[derive(Default)]
pub(super) struct World(Mutex<Things>, Held);

/// Operations that wait until nobody holds them.
type Held = Arc<Mutex<BTreeSet<&'static str>>>;

/// Holds an operation back while it lives.
pub(super) struct Hold(Held, &'static str);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.lock().unwrap().remove(self.1);
    }
}

/// Operations that make a thing: the thing's kind, and the member that names it.
const MAKERS: [(&str, &str, &str); 17] = [
    ("CreateUser", "person", "UserName"),
    ("CreateGroup", "crew", "GroupName"),
    ("AddUserToGroup", "member", "UserName"),
    ("CreateRole", "role", "RoleName"),
    ("CreateTable", "table", "TableName"),
    ("CreateFunction", "function", "FunctionName"),
    ("CreateLogGroup", "group", "logGroupName"),
    ("AddPermission", "permission", "StatementId"),
    ("CreateStage", "stage", "stageName"),
    ("PutRolePolicy", "inline", "PolicyName"),
    ("PutUserPolicy", "users", "PolicyName"),
    ("PutGroupPolicy", "groups", "PolicyName"),
    ("PutBucketPolicy", "rules", "Bucket"),
    ("PutFunctionEventInvokeConfig", "settings", "FunctionName"),
    ("CreateApiKey", "key", "name"),
    ("CreateUsagePlan", "plan", "name"),
    ("CreateUsagePlanKey", "tie", "keyId"),
];

/// Operations that take a thing away.
const TAKERS: [(&str, &str, &str); 20] = [
    ("DeleteUser", "person", "UserName"),
    ("DeleteGroup", "crew", "GroupName"),
    ("RemoveUserFromGroup", "member", "UserName"),
    ("DeleteBackup", "backup", "BackupArn"),
    ("DeleteRole", "role", "RoleName"),
    ("DeleteTable", "table", "TableName"),
    ("DeleteFunction", "function", "FunctionName"),
    ("DeleteLogGroup", "group", "logGroupName"),
    ("RemovePermission", "permission", "StatementId"),
    ("DeleteStage", "stage", "stageName"),
    ("DeleteRestApi", "api", "restApiId"),
    ("DeleteDeployment", "deployment", "deploymentId"),
    ("DeleteRolePolicy", "inline", "PolicyName"),
    ("DeleteUserPolicy", "users", "PolicyName"),
    ("DeleteGroupPolicy", "groups", "PolicyName"),
    ("DeleteBucketPolicy", "rules", "Bucket"),
    ("DeleteFunctionEventInvokeConfig", "settings", "FunctionName"),
    ("DeleteApiKey", "key", "apiKey"),
    ("DeleteUsagePlan", "plan", "usagePlanId"),
    ("DeleteUsagePlanKey", "tie", "keyId"),
];

impl World {
    pub(super) fn things(&self) -> MutexGuard<'_, Things> {
        self.0.lock().unwrap()
    }

    pub(super) fn hold(&self, operation: &'static str) -> Hold {
        self.1.lock().unwrap().insert(operation);
        Hold(Arc::clone(&self.1), operation)
    }

    /// What the services do in the transaction that makes a thing without tags.
    async fn leave_receipt(
        &self,
        (service, operation): (&str, &str),
        permit: (&protocol::Value, &Call),
        answer: &protocol::Value,
    ) {
        let (input, call) = permit;
        let of_input = |member: &str| match input {
            protocol::Value::Structure(input) => input.str(member).unwrap().to_owned(),
            _ => panic!("{operation} without input"),
        };
        let of_answer = |place: &str| {
            let shape = protocol::model(service).unwrap().operation(operation).unwrap().output().unwrap();
            let answer = protocol::value_to_json(shape, answer, Redact::No);
            answer.pointer(place).and_then(Value::as_str).unwrap().to_owned()
        };
        let id = match operation {
            "CreateDeployment" | "CreateUsagePlanKey" => of_answer("/id"),
            "CreateBackup" => of_answer("/BackupDetails/BackupArn"),
            "PublishVersion" => of_answer("/FunctionArn"),
            "CreateGroup" => of_input("GroupName"),
            "AddUserToGroup" => of_input("UserName"),
            "PutRolePolicy" => format!("role/{}/{}", of_input("RoleName"), of_input("PolicyName")),
            "PutUserPolicy" => format!("user/{}/{}", of_input("UserName"), of_input("PolicyName")),
            "PutGroupPolicy" => format!("group/{}/{}", of_input("GroupName"), of_input("PolicyName")),
            "PutBucketPolicy" => of_input("Bucket"),
            "PutFunctionEventInvokeConfig" => {
                let (function, qualifier) = (of_input("FunctionName"), of_input("Qualifier"));
                format!("arn:aws:lambda:us-east-1:123456789012:function:{function}:{qualifier}")
            }
            _ => String::new(),
        };
        let overwrites = self.things().overwriting.contains(operation);
        let written: Result<(), Error> = call
            .transact(|_| {
                if !overwrites && !id.is_empty() {
                    call.made(&id);
                }
                Ok(())
            })
            .await;
        written.unwrap();
        if self.things().silent.contains(operation) {
            std::future::pending::<()>().await;
        }
    }

    async fn wait(&self, operation: &str) {
        tokio::task::yield_now().await;
        while self.1.lock().unwrap().contains(operation) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }

    pub(super) fn names(&self, kind: &str) -> Vec<String> {
        let prefix = format!("{kind}/");
        self.things().existing.keys().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.things().existing.is_empty()
    }

    fn answer(
        &self,
        service: &'static str,
        operation: &'static str,
        input: &protocol::Value,
        marks: Vec<(String, String)>,
    ) -> Result<protocol::Value, Error> {
        let model = protocol::model(service).unwrap().operation(operation).unwrap();
        let input =
            model.input().map_or(Value::Null, |shape| protocol::value_to_json(shape, input, Redact::No));
        let mut things = self.things();
        let named = MAKERS.iter().chain(&TAKERS).find(|(name, ..)| *name == operation);
        let name = named
            .map_or(String::new(), |(_, _, member)| input[*member].as_str().unwrap_or_default().to_owned());
        things.calls.push(format!("{service}:{operation} {name}"));
        things.inputs.push((operation.to_owned(), input.clone()));
        if things.panicking.contains(operation) {
            drop(things);
            panic!("{operation} panics");
        }
        let is_invalid = operation.ends_with("Policy") && service == "iam" && name.contains(' ');
        if is_invalid || things.invalid.contains(operation) {
            return Err(Fault::sender("InvalidInput", format!("{operation}: the name is invalid.")).into());
        }
        let spent = match things.broken_after.get_mut(operation) {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        if spent || things.broken.contains(operation) {
            return Err(
                Fault::sender("InvalidParameterValueException", format!("{operation} is broken")).into()
            );
        }
        if let Some(why) = things.refusals.get(operation) {
            return Err(Fault::sender("InvalidParameterValueException", why.clone()).into());
        }
        let given: BTreeMap<String, String> = marks.into_iter().collect();
        if let Some((_, kind, _)) = MAKERS.iter().find(|(maker, ..)| *maker == operation) {
            let key = format!("{kind}/{name}");
            let exists = things.existing.contains_key(&key);
            if exists && !operation.starts_with("Put") && operation != "AddUserToGroup" {
                return Err(
                    Fault::sender("ResourceConflictException", format!("{name} already exists")).into()
                );
            }
            if exists {
                things.overwriting.insert(operation.to_owned());
            } else {
                things.overwriting.remove(operation);
            }
            things.marks.insert(key.clone(), given.clone());
            things.existing.insert(key, input.clone());
        }
        let taken = TAKERS
            .iter()
            .find(|(taker, ..)| *taker == operation)
            .map(|(_, kind, _)| format!("{kind}/{name}"));
        let version = input["Qualifier"].as_str().filter(|_| operation == "DeleteFunction");
        let taken = version.map(|number| format!("version/{number}")).or(taken);
        if let Some(taken) = taken
            && things.existing.remove(&taken).is_none()
        {
            return Err(Fault::sender("ResourceNotFoundException", format!("{name} not found")).into());
        }
        let output = output(&mut things, operation, &input)?;
        if operation == "ImportRestApi" {
            let id = output["id"].as_str().unwrap_or_default();
            things.marks.insert(format!("api/{id}"), given);
        }
        match model.output() {
            Some(shape) => Ok(protocol::value_from_json(shape, &output)?),
            None => Ok(protocol::Value::Structure(protocol::Structure::new())),
        }
    }
}

fn output(things: &mut Things, operation: &str, input: &Value) -> Result<Value, Error> {
    let text = |member: &str| input[member].as_str().unwrap_or_default().to_owned();
    Ok(match operation {
        "CreateRole" => entity("Role", &text("RoleName")),
        "CreateUser" => entity("User", &text("UserName")),
        "CreateGroup" => entity("Group", &text("GroupName")),
        "CreateTable" | "DescribeTable" => table(things, operation, &text("TableName"))?,
        "PublishVersion" => version(things, input)?,
        "GetFunctionConfiguration" if input["Qualifier"].is_string() => version(things, input)?,
        "CreateFunction" | "GetFunctionConfiguration" => {
            let name = text("FunctionName");
            let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{name}");
            json!({ "FunctionName": name, "FunctionArn": arn, "State": "Active", "LastUpdateStatus": "Successful" })
        }
        "GetRestApi" => only(things, &format!("api/{}", text("restApiId")))?,
        "CreateBackup" | "ListTagsOfResource" => unmarked(things, operation, input),
        "ImportRestApi" | "CreateDeployment" => {
            things.counter += 1;
            let kind = if operation == "ImportRestApi" { "api" } else { "deployment" };
            let id = format!("{kind}{}", things.counter);
            things.existing.insert(format!("{kind}/{id}"), input.clone());
            if let Some(stage) = input["stageName"].as_str() {
                things.existing.insert(format!("stage/{stage}"), json!({ "deploymentId": id }));
            }
            json!({ "id": id })
        }
        "PutRetentionPolicy" | "DescribeLogGroups" | "ListTagsForResource" => {
            groups(things, operation, input)?
        }
        "GetStage" => match things.existing.get(&format!("stage/{}", text("stageName"))) {
            Some(stage) => json!({ "stageName": text("stageName"), "deploymentId": stage["deploymentId"] }),
            None => return Err(Fault::sender("NotFoundException", "no stage").into()),
        },
        "GetRolePolicy" => policy(things, &format!("inline/{}", text("PolicyName")))?,
        "GetUserPolicy" => policy(things, &format!("users/{}", text("PolicyName")))?,
        "GetGroupPolicy" => policy(things, &format!("groups/{}", text("PolicyName")))?,
        "GetBucketPolicy" => {
            json!({ "Policy": policy(things, &format!("rules/{}", text("Bucket")))?["Policy"] })
        }
        "GetFunctionEventInvokeConfig" => {
            let found = policy(things, &format!("settings/{}", text("FunctionName")))?;
            json!({ "MaximumRetryAttempts": found["MaximumRetryAttempts"] })
        }
        "CreateApiKey" | "CreateUsagePlan" => json!({ "id": text("name") }),
        "CreateUsagePlanKey" => json!({ "id": text("keyId") }),
        "GetApiKeys" => json!({ "items": marked(things, "key/") }),
        "GetUsagePlans" => json!({ "items": marked(things, "plan/") }),
        "GetApiKey" => only(things, &format!("key/{}", text("apiKey")))?,
        "GetUsagePlan" => only(things, &format!("plan/{}", text("usagePlanId")))?,
        "GetUsagePlanKey" => {
            only(things, &format!("tie/{}", text("keyId")))?;
            json!({ "id": text("keyId") })
        }
        "GetObject" => object(things, &text("Key"))?,
        "GetParameters" => stored(things, input),
        _ => json!({}),
    })
}

fn table(things: &Things, operation: &str, name: &str) -> Result<Value, Error> {
    let Some(asked) = things.existing.get(&format!("table/{name}")) else {
        return Err(Fault::sender("ResourceNotFoundException", "no table").into());
    };
    let arn = format!("arn:aws:dynamodb:us-east-1:123456789012:table/{name}");
    let mut table = json!({ "TableName": name, "TableStatus": "ACTIVE", "TableArn": arn });
    for member in ["AttributeDefinitions", "KeySchema"] {
        if let Some(value) = asked.get(member) {
            table[member] = value.clone();
        }
    }
    let mut indexes = asked.get("GlobalSecondaryIndexes").cloned().unwrap_or_default();
    if let Some(indexes) = indexes.as_array_mut() {
        indexes.iter_mut().for_each(|index| index["IndexStatus"] = json!("ACTIVE"));
        table["GlobalSecondaryIndexes"] = json!(indexes);
    }
    if let Some(mode) = asked.get("BillingMode") {
        table["BillingModeSummary"] = json!({ "BillingMode": mode });
    }
    let member = if operation == "CreateTable" { "TableDescription" } else { "Table" };
    Ok(json!({ member: table }))
}

/// A role or a group as IAM shows it.
fn entity(kind: &str, name: &str) -> Value {
    let arn = format!("arn:aws:iam::123456789012:{}/{name}", kind.to_lowercase());
    let mut shown = json!({ "Path": "/", "CreateDate": 0, "Arn": arn });
    shown[format!("{kind}Name")] = json!(name);
    shown[format!("{kind}Id")] = json!("AIDAEXAMPLE");
    json!({ kind: shown })
}

/// The version that a qualifier names, or a new one.
fn version(things: &mut Things, input: &Value) -> Result<Value, Error> {
    let number = match input["Qualifier"].as_str() {
        Some(number) if !things.existing.contains_key(&format!("version/{number}")) => {
            return Err(Fault::sender("ResourceNotFoundException", "no version").into());
        }
        Some(number) => number.to_owned(),
        None => {
            things.counter += 1;
            things.existing.insert(format!("version/{}", things.counter), input.clone());
            things.counter.to_string()
        }
    };
    let function = input["FunctionName"].as_str().unwrap_or_default();
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{function}:{number}");
    let modified = "2999-01-01T00:00:00.000+0000";
    Ok(json!({ "FunctionName": function, "FunctionArn": arn, "Version": number, "LastModified": modified }))
}

/// The things of a kind, each with the tags that the platform put on it.
fn marked(things: &Things, kind: &str) -> Vec<Value> {
    let found = things.existing.keys().filter(|key| key.starts_with(kind));
    found.map(|key| json!({ "id": key.trim_start_matches(kind), "tags": things.marks.get(key) })).collect()
}

fn object(things: &Things, key: &str) -> Result<Value, Error> {
    let found = things.existing.get(&format!("object/{key}"));
    let found = found.ok_or_else(|| Fault::sender("NoSuchKey", "no object"))?;
    Ok(json!({ "Body": found }))
}

/// The parameters that are there of those that are asked for.
fn stored(things: &Things, input: &Value) -> Value {
    let value = |name: &Value| things.existing.get(&format!("stored/{}", name.as_str()?)).cloned();
    let names = input["Names"].as_array().into_iter().flatten();
    let found = names
        .filter_map(|name| Some(json!({ "Name": name, "Type": "String", "Value": value(name)? })))
        .collect::<Vec<_>>();
    json!({ "Parameters": found })
}

fn only(things: &Things, key: &str) -> Result<Value, Error> {
    if !things.existing.contains_key(key) {
        return Err(Fault::sender("NotFoundException", "Invalid identifier specified").into());
    }
    Ok(json!({ "id": key, "tags": things.marks.get(key) }))
}

fn policy(things: &Things, key: &str) -> Result<Value, Error> {
    let found = things.existing.get(key).cloned();
    found.ok_or_else(|| Fault::sender("NoSuchEntity", "no policy").into())
}

/// What has no tags of its own, and the tags of what has.
fn unmarked(things: &mut Things, operation: &str, input: &Value) -> Value {
    let text = |member: &str| input[member].as_str().unwrap_or_default().to_owned();
    match operation {
        "CreateBackup" => {
            things.counter += 1;
            let arn = format!("arn:aws:dynamodb:us-east-1:123456789012:table/t/backup/{}", things.counter);
            things.existing.insert(format!("backup/{arn}"), input.clone());
            json!({ "BackupDetails": { "BackupArn": arn, "BackupName": text("BackupName"), "BackupStatus": "AVAILABLE" } })
        }
        _ => {
            let arn = text("ResourceArn");
            let table = arn.rsplit('/').next().unwrap_or_default();
            let marks = things.marks.get(&format!("table/{table}"));
            let tags = marks.into_iter().flatten().map(|(key, value)| json!({ "Key": key, "Value": value }));
            json!({ "Tags": tags.collect::<Vec<_>>() })
        }
    }
}

fn groups(things: &mut Things, operation: &str, input: &Value) -> Result<Value, Error> {
    let text = |member: &str| input[member].as_str().unwrap_or_default().to_owned();
    Ok(match operation {
        "PutRetentionPolicy" => {
            if let Some(group) = things.existing.get_mut(&format!("group/{}", text("logGroupName"))) {
                group["retentionInDays"] = input["retentionInDays"].clone();
            }
            json!({})
        }
        "DescribeLogGroups" => {
            let prefix = format!("group/{}", text("logGroupNamePrefix"));
            let found = things.existing.iter().filter(|(key, _)| key.starts_with(&prefix));
            let shown = found.map(|(key, group)| {
                let mut shown = json!({ "logGroupName": key.trim_start_matches("group/") });
                if let Some(days) = group.get("retentionInDays") {
                    shown["retentionInDays"] = days.clone();
                }
                shown
            });
            json!({ "logGroups": shown.collect::<Vec<_>>() })
        }
        _ => {
            let name = text("resourceArn")
                .split_once(":log-group:")
                .map_or(String::new(), |(_, name)| name.to_owned());
            match things.existing.contains_key(&format!("group/{name}")) {
                true => json!({ "tags": things.marks.get(&format!("group/{name}")) }),
                false => return Err(Fault::sender("ResourceNotFoundException", "no group").into()),
            }
        }
    })
}

macro_rules! stand_ins {
    ($($module:ident { $($operation:ident)* })*) => {
        $(
            mod $module {
                $(
                    pub(super) struct $operation;

                    impl protocol::Operation for $operation {
                        const SERVICE: &'static str = stringify!($module);
                        const NAME: &'static str = stringify!($operation);
                        type Input = protocol::Value;
                        type Output = protocol::Value;
                    }
                )*
            }
        )*

        /// The stand-ins.
        pub(super) fn services(world: &Arc<World>) -> Vec<Service> {
            vec![$({
                let mut builder = ServiceBuilder::new(stringify!($module), Arc::clone(world));
                $(
                    builder = builder.operation::<$module::$operation, Error, _, _, _>(
                        |_: &World, _: &AccessRequest<'_, protocol::Value>| {
                            Ok(Access::to(concat!(stringify!($module), ":", stringify!($operation)), "*"))
                        },
                        |world: Arc<World>, permit: Permit<$module::$operation>| async move {
                            world.wait(stringify!($operation)).await;
                            let (input, marks) = (&permit.input, permit.call.marks());
                            let answer = world.answer(stringify!($module), stringify!($operation), input, marks)?;
                            world.leave_receipt((stringify!($module), stringify!($operation)), (input, &permit.call), &answer).await;
                            Ok(answer)
                        },
                    );
                )*
                builder.build()
            }),*]
        }
    };
}

stand_ins! {
    ssm { GetParameters }
    s3 { GetObject PutBucketPolicy GetBucketPolicy DeleteBucketPolicy }
    iam {
        CreateRole DeleteRole AttachRolePolicy DetachRolePolicy PutRolePolicy GetRolePolicy DeleteRolePolicy UpdateRole
        UpdateAssumeRolePolicy TagRole UntagRole CreateGroup DeleteGroup AddUserToGroup RemoveUserFromGroup
        CreateUser DeleteUser AttachUserPolicy DetachUserPolicy TagUser UntagUser
        PutUserPolicy GetUserPolicy DeleteUserPolicy PutGroupPolicy GetGroupPolicy DeleteGroupPolicy
    }
    dynamodb {
        CreateTable DescribeTable DeleteTable UpdateTable TagResource UntagResource ListTagsOfResource
        CreateBackup DeleteBackup
    }
    lambda {
        CreateFunction GetFunctionConfiguration DeleteFunction AddPermission RemovePermission UpdateFunctionCode
        UpdateFunctionConfiguration TagResource UntagResource Invoke GetFunction PublishVersion
        PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig
    }
    logs { DescribeLogGroups ListTagsForResource CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy TagResource UntagResource }
    apigateway {
        ImportRestApi UpdateRestApi PutRestApi DeleteRestApi CreateDeployment DeleteDeployment CreateStage GetStage GetRestApi
        UpdateStage DeleteStage TagResource UntagResource CreateApiKey GetApiKeys GetApiKey DeleteApiKey
        CreateUsagePlan GetUsagePlans GetUsagePlan DeleteUsagePlan CreateUsagePlanKey GetUsagePlanKey DeleteUsagePlanKey
    }
}
