//! Resource types: which properties each has, and how it is made, changed and deleted through its service.
//!
//! One file a type. A provider knows no stack and no store. A type that is not in [`find`], or a property that a provider
//! does not declare, is refused before anything is created.

mod again;
mod analyzer;
mod analyzer_rules;
mod apigateway_account;
mod apigateway_authorizer;
mod apigateway_body;
mod apigateway_deployment;
mod apigateway_method;
mod apigateway_parts;
mod apigateway_request;
mod apigateway_resource;
mod apigateway_rest_api;
mod apigateway_seen;
mod apigateway_stage;
mod apigateway_usage;
mod cdk_metadata;
mod cloudformation_stack;
mod custom;
mod custom_answer;
mod document;
mod dynamodb_global_table;
mod dynamodb_global_throughput;
mod dynamodb_indexes;
mod dynamodb_read;
mod dynamodb_table;
mod dynamodb_throughput;
mod dynamodb_updates;
mod failure;
mod finders;
mod foretold;
mod further;
mod iam_access_key;
mod iam_certificate;
mod iam_group;
mod iam_inline;
mod iam_linked_role;
mod iam_managed_policy;
mod iam_member;
mod iam_mfa_device;
mod iam_oidc;
mod iam_policy;
mod iam_role;
mod iam_user;
mod lambda_alias;
mod lambda_code;
mod lambda_function;
mod lambda_layer_permission;
mod lambda_permission;
mod lambda_provisioned;
mod lambda_version;
mod logs_log_group;
mod name;
mod organizations_account;
mod organizations_policy;
mod organizations_types;
mod plain;
mod plain_types;
mod reading;
mod s3_bucket;
mod s3_bucket_policy;
mod ssm_parameter;
mod tags;
mod wait_condition;
mod wait_handle;

use std::future::Future;
use std::pin::Pin;

use gateway::Callbacks;
use protocol::Fault;
use serde_json::{Map, Value};
use service::Pipeline;
use tokio::sync::watch;

use crate::caller::Caller;
use crate::drift::Rules;
use crate::records::{Filled, Physical};
use crate::registry;

pub(crate) use again::{Again, again};
pub(crate) use cloudformation_stack::stack_input;
pub(crate) use custom::step_id;
pub(crate) use failure::Failure;
use failure::{gone, is_absent, is_impossible, seen, taken_out};
pub(crate) use foretold::check_resolved;
pub(crate) use name::own_name;
pub(crate) use reading::Reading;
pub(crate) use wait_condition::signals_id;

/// Why what was being made is not made, where nobody wants it any more.
pub(crate) const CREATION_CANCELLED: &str = "Resource creation cancelled";
/// The same of a change in place.
pub(crate) const UPDATE_CANCELLED: &str = "Resource update cancelled";
/// The one type here whose creation may wait for signals.
pub(crate) const WAIT_CONDITION: &str = "AWS::CloudFormation::WaitCondition";

/// What a provider's work answers.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// What it takes to change a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// The resource stays.
    InPlace,
    /// Another resource takes its place.
    Replace,
}

/// A property that a type has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) update: Update,
}

/// An optional property that changes in place.
pub(crate) const fn optional(name: &'static str) -> Property {
    Property { name, required: false, update: Update::InPlace }
}

/// A required property that changes in place.
pub(crate) const fn required(name: &'static str) -> Property {
    Property { name, required: true, update: Update::InPlace }
}

impl Property {
    /// The same, but a change replaces the resource.
    pub(crate) const fn fixed(mut self) -> Self {
        self.update = Update::Replace;
        self
    }
}

/// What a provider works with.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) caller: Caller,
    /// The id that was planned for a new resource: its own name, or a generated one.
    pub(crate) planned: String,
    /// The resolved properties.
    pub(crate) properties: Map<String, Value>,
    pub(crate) place: Place,
    /// Where answers are awaited.
    pub(crate) callbacks: Callbacks,
    /// Turns true where nobody wants this any more.
    pub(crate) cancelled: watch::Receiver<bool>,
}

/// Which resource of which stack is worked on, and in which operation.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) stack_id: String,
    pub(crate) logical_id: String,
    pub(crate) kind: String,
    /// The number of the stack's operation.
    pub(crate) operation: u64,
    /// True where there is no such resource yet that another one would replace or change.
    pub(crate) is_creation: bool,
    /// True on the way back, from an update or from a creation.
    pub(crate) goes_back: bool,
    /// On the way back, what of the stack and of those in it is left as it is.
    pub(crate) skipped: Vec<String>,
    /// The resource's `CreationPolicy`.
    pub(crate) creation_policy: Option<Value>,
}

impl Work {
    /// A property that is there.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.properties.get(name).filter(|value| !value.is_null())
    }

    /// A text property, or empty.
    pub(crate) fn text(&self, name: &str) -> String {
        text(self.get(name))
    }

    /// Waits until nobody wants this any more.
    pub(crate) async fn cancelled(&self) {
        let mut cancelled = self.cancelled.clone();
        // A sender that is gone cancels nothing.
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            std::future::pending().await
        }
    }

    /// Calls a service.
    pub(crate) async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, Fault> {
        self.caller.call(service, operation, input).await
    }

    /// The named properties that are there, as they are.
    pub(crate) fn pick(&self, names: &[&str]) -> Map<String, Value> {
        names.iter().filter_map(|name| Some(((*name).to_owned(), self.get(name)?.clone()))).collect()
    }

    /// True where tags, as a list or as a map, say that this very resource of this stack was made with them.
    pub(crate) fn is_marked(&self, tags: Option<&Value>) -> bool {
        self.marks().len() == 3 && self.marks().iter().all(|(key, value)| tag_is(tags, key, value))
    }

    /// True where tags say that something of this stack was made with them.
    pub(crate) fn is_of_stack(&self, tags: Option<&Value>) -> bool {
        self.marks().iter().any(|(key, value)| key.ends_with(":stack-id") && tag_is(tags, key, value))
    }

    /// The ids of what an interrupted try made: its calls wrote them, and the stack did not.
    pub(crate) fn receipts(&self) -> Result<Vec<String>, Failure> {
        let store = self.caller.pipeline.store();
        let found = service::receipts::unsettled(store, self.marks());
        found.map_err(|_| Failure::new("Internal Failure"))
    }

    /// True where an interrupted try made what has this id.
    pub(crate) fn has_receipt(&self, id: &str) -> Result<bool, Failure> {
        Ok(self.receipts()?.iter().any(|made| made == id))
    }

    fn marks(&self) -> &[(String, String)] {
        self.caller.source.marks.as_deref().unwrap_or_default()
    }

    /// A resource with these properties.
    pub(crate) fn made(&self, id: impl Into<String>, attributes: Value) -> Physical {
        let attributes = match attributes {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let properties = Value::Object(self.properties.clone());
        Physical { id: id.into(), properties, attributes, no_echo: false, filled: Filled::new() }
    }
}

/// A scalar as text.
pub(crate) fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

/// True where tags, as a list of pairs or as a map, have this one. Only the platform writes keys that begin with `aws:`.
fn tag_is(tags: Option<&Value>, key: &str, value: &str) -> bool {
    match tags {
        Some(Value::Object(map)) => map.get(key).is_some_and(|found| found == value),
        Some(Value::Array(pairs)) => {
            pairs.iter().any(|pair| text(pair.get("Key")) == key && text(pair.get("Value")) == value)
        }
        _ => false,
    }
}

/// The items of a list, or none.
pub(crate) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A resource type.
pub(crate) trait Provider: Send + Sync {
    /// For example `AWS::DynamoDB::Table`.
    fn kind(&self) -> &'static str;

    /// The service and the operation without which there can be no such resource, where the platform may lack it.
    fn needs(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// Every property that it knows.
    fn properties(&self) -> &'static [Property];

    /// True where a template may give it other properties than those, which change in place.
    fn is_open(&self) -> bool {
        false
    }

    /// The property that names the resource, and the longest name a generated one may have.
    fn name(&self) -> Option<(&'static str, usize)> {
        None
    }

    /// Refuses properties that cannot be, as far as the template alone tells.
    fn check(&self, _given: &Map<String, Value>) -> Result<(), String> {
        Ok(())
    }

    /// True where what has the planned id can only be this resource, so that it may be deleted when it is not known
    /// whether it was made. Not so where other properties say what it is: those may name what someone else made.
    fn owns_planned(&self) -> bool {
        self.name().is_some()
    }

    /// What an interrupted try made, where its marks, or those of what it stands in, prove that it is this resource.
    ///
    /// # Errors
    /// The service does not let the caller look: then it cannot be decided.
    fn find<'a>(&'a self, _work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async { Ok(None) })
    }

    /// What a receipt of this id says was made; `planned` is what was about to be.
    fn of_receipt(&self, planned: &Physical, id: String) -> Option<Physical> {
        Some(Physical { id, attributes: Map::new(), ..planned.clone() })
    }

    /// Goes on with what an interrupted try made, where that cannot be taken away and made anew.
    fn take_over<'a>(&'a self, _work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async { Ok(None) })
    }

    /// What a change in place that stopped somewhere has made of `old` at most; `work` has what it was to be. All of that is
    /// the stack's then: what the change may not have come to, and may be somebody else's, is left out.
    fn half_changed(&self, work: &Work, old: &Physical) -> Physical {
        Physical { properties: Value::Object(work.properties.clone()), ..old.clone() }
    }

    /// How what there is is compared with what the template says, where that can be seen.
    fn comparison(&self) -> Option<&'static Rules> {
        None
    }

    /// What the resource is now, in a template's words. `work` has the properties that it was given: what takes a call
    /// of its own need only be read where they say it.
    fn read<'a>(&'a self, _work: &'a Work, _of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async { Ok(None) })
    }

    /// Makes the resource.
    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical>;

    /// Changes the resource from `old` to what is in `work`.
    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical>;

    /// Deletes the resource. One that is not there is deleted already.
    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()>;
}

/// All types, in the order of their names.
static PROVIDERS: [&dyn Provider; 43] = [
    &apigateway_account::Account,
    &apigateway_usage::ApiKey,
    &apigateway_authorizer::Authorizer,
    &apigateway_deployment::Deployment,
    &apigateway_request::GatewayResponse,
    &apigateway_method::Method,
    &apigateway_request::Model,
    &apigateway_request::RequestValidator,
    &apigateway_resource::Resource,
    &apigateway_rest_api::RestApi,
    &apigateway_stage::Stage,
    &apigateway_usage::UsagePlan,
    &apigateway_usage::UsagePlanKey,
    &cdk_metadata::Metadata,
    &custom::Custom,
    &cloudformation_stack::Nested,
    &wait_condition::WaitCondition,
    &wait_handle::WaitConditionHandle,
    &dynamodb_table::Table,
    &iam_access_key::AccessKey,
    &iam_group::Group,
    &iam_inline::GROUP,
    &iam_member::InstanceProfile,
    &iam_managed_policy::ManagedPolicy,
    &iam_policy::InlinePolicy,
    &iam_role::Role,
    &iam_inline::ROLE,
    &iam_user::User,
    &iam_inline::USER,
    &iam_member::UserToGroup,
    &lambda_alias::Alias,
    &plain_types::EVENT_INVOKE_CONFIG,
    &plain_types::EVENT_SOURCE_MAPPING,
    &lambda_function::Function,
    &plain_types::LAYER_VERSION,
    &lambda_layer_permission::LayerPermission,
    &lambda_permission::Permission,
    &plain_types::URL,
    &lambda_version::Version,
    &logs_log_group::LogGroup,
    &plain_types::LOG_STREAM,
    &s3_bucket::Bucket,
    &s3_bucket_policy::BucketPolicy,
];

/// All types there are.
fn all() -> impl Iterator<Item = &'static dyn Provider> {
    PROVIDERS.into_iter().chain(further::FURTHER.iter().copied())
}

/// The provider of a type.
pub(crate) fn find(kind: &str) -> Option<&'static dyn Provider> {
    if custom::is_custom(kind) {
        return Some(&custom::Custom);
    }
    all().find(|provider| provider.kind() == kind)
}

/// True where whoever makes a resource of this type may answer with another one to any change of it.
pub(crate) fn may_become_another(kind: &str) -> bool {
    find(kind).is_some_and(|provider| provider.kind() == custom::Custom.kind())
}

/// True where a type is known, and the platform's services can make it.
pub(crate) fn is_offered(kind: &str, pipeline: &Pipeline) -> bool {
    let Some(provider) = find(kind) else { return false };
    provider.needs().is_none_or(|(name, operation)| {
        let mut services = pipeline.services();
        services.any(|service| service.name() == name && service.implemented().any(|each| each == operation))
    })
}

/// The top-level properties that differ.
pub(crate) fn changed(old: &Value, new: &Value) -> Vec<String> {
    let empty = Map::new();
    let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    let mut names: Vec<&String> =
        old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))).collect();
    names.retain(|name| old.get(*name) != new.get(*name));
    names.into_iter().cloned().collect()
}

/// True where a change of these properties takes another resource.
pub(crate) fn replaces(provider: &dyn Provider, changed: &[String]) -> bool {
    let fixed = |name: &String| {
        let property = provider.properties().iter().find(|property| property.name == *name);
        property.map_or(!provider.is_open(), |property| property.update == Update::Replace)
    };
    changed.iter().any(fixed)
}

/// Refuses unknown and missing properties of one resource.
pub(crate) fn check(logical_id: &str, kind: &str, properties: &Value) -> Result<(), String> {
    let Some(provider) = find(kind) else {
        return Err(format!("Template format error: Unrecognized resource types: [{kind}]"));
    };
    let empty = Map::new();
    let given = properties.as_object().unwrap_or(&empty);
    let known = provider.properties();
    let refuse =
        |what: String| format!("Properties validation failed for resource {logical_id} with message: {what}");
    let is_known = |name: &&String| known.iter().any(|property| property.name == name.as_str());
    if let Some(name) = given.keys().find(|name| !provider.is_open() && !is_known(name)) {
        // What AWS knows and is not here is told apart from what nobody knows.
        return Err(refuse(match registry::why_omitted(kind, name) {
            Some(why) => format!("#: key [{name}] is not supported here: {why}"),
            None => format!("#: extraneous key [{name}] is not permitted"),
        }));
    }
    if let Some(missing) =
        known.iter().find(|property| property.required && !given.contains_key(property.name))
    {
        return Err(refuse(format!("#: required key [{}] not found", missing.name)));
    }
    provider.check(given).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_sorted_and_unique() {
        for list in [&PROVIDERS[..], further::FURTHER] {
            assert!(list.is_sorted_by_key(|provider| provider.kind()));
        }
        let mut kinds: Vec<&str> = all().map(Provider::kind).collect();
        let count = kinds.len();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), count);
    }

    #[test]
    fn properties_are_unique_and_names_are_fixed() {
        for provider in all() {
            let mut names: Vec<&str> = provider.properties().iter().map(|property| property.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", provider.kind());
            if let Some((name, _)) = provider.name() {
                assert!(replaces(provider, &[name.to_owned()]), "{}", provider.kind());
            }
        }
    }

    #[test]
    fn unknown_types_and_properties_are_named() {
        let table = [
            ("AWS::SNS::Topic", json!({}), "Unrecognized resource types: [AWS::SNS::Topic]"),
            ("AWS::Logs::LogGroup", json!({"Retention": 1}), "extraneous key [Retention] is not permitted"),
            ("AWS::IAM::Role", json!({}), "required key [AssumeRolePolicyDocument] not found"),
        ];
        for (kind, properties, message) in table {
            assert!(check("R", kind, &properties).unwrap_err().contains(message), "{kind}");
        }
    }

    #[test]
    fn differences_are_told_by_property() {
        let old = json!({"A": 1, "B": {"x": [1]}, "C": 3});
        let new = json!({"A": 1, "B": {"x": [2]}, "D": 4});
        assert_eq!(changed(&old, &new), ["B", "C", "D"]);
    }
}
