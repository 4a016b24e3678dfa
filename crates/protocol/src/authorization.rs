//! AWS's service-authorization facts: which resource types and condition keys an action knows.
//!
//! Facts for access functions, policy checks and explanations; decides nothing.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::services::SERVICES;

/// What an action does, in AWS's five words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AccessLevel {
    /// Reads content.
    Read,
    /// Lists what exists.
    List,
    /// Changes content.
    Write,
    /// Changes who may do what.
    #[serde(rename = "Permissions management")]
    PermissionsManagement,
    /// Changes tags only.
    Tagging,
}

/// One action of one service.
#[derive(Debug, Deserialize)]
pub struct Action {
    level: AccessLevel,
    conditions: Vec<String>,
    resources: HashMap<String, ActionResource>,
}

/// A resource type that an action works on.
#[derive(Debug, Default, Deserialize)]
pub struct ActionResource {
    /// True where the action always works on one.
    #[serde(default)]
    pub required: bool,
    /// Condition keys that hold with this resource type only.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// Actions that are needed besides.
    #[serde(default)]
    pub dependents: Vec<String>,
}

/// A resource type of a service.
#[derive(Debug, Deserialize)]
pub struct ResourceType {
    /// Its ARN with `${Partition}`, `${Region}`, `${Account}` and its own placeholders.
    pub arn: String,
    /// Condition keys that it brings.
    pub conditions: Vec<String>,
}

/// The facts of one service.
#[derive(Debug, Deserialize)]
pub struct Authorization {
    actions: HashMap<String, Action>,
    resources: HashMap<String, ResourceType>,
    conditions: HashMap<String, String>,
}

impl Action {
    /// The access level.
    pub const fn level(&self) -> AccessLevel {
        self.level
    }

    /// Condition keys that hold whatever the resource.
    pub fn conditions(&self) -> &[String] {
        &self.conditions
    }

    /// Resource types by name.
    pub const fn resources(&self) -> &HashMap<String, ActionResource> {
        &self.resources
    }
}

impl Authorization {
    /// The action of this name, without the service's prefix.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.get(name)
    }

    /// All actions.
    pub fn actions(&self) -> impl Iterator<Item = (&str, &Action)> {
        self.actions.iter().map(|(name, action)| (name.as_str(), action))
    }

    /// The resource type of this name.
    pub fn resource(&self, name: &str) -> Option<&ResourceType> {
        self.resources.get(name)
    }

    /// All resource types.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &ResourceType)> {
        self.resources.iter().map(|(name, resource)| (name.as_str(), resource))
    }

    /// All condition keys with their types. A tag's key has a placeholder: `aws:ResourceTag/${TagKey}`.
    pub fn conditions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.conditions.iter().map(|(key, kind)| (key.as_str(), kind.as_str()))
    }

    /// The type of a condition key, for example `ArrayOfString`.
    pub fn condition(&self, key: &str) -> Option<&str> {
        self.conditions.get(key).map(String::as_str)
    }
}

static FACTS: [OnceLock<Option<Authorization>>; SERVICES.len()] = [const { OnceLock::new() }; SERVICES.len()];

/// The facts of a service, by its folder name or by what stands before the colon of its actions, which is the same but for
/// hyphens. Read on first use.
pub fn authorization(service: &str) -> Option<&'static Authorization> {
    let same = |name: &str| name.bytes().eq(service.bytes().filter(|byte| *byte != b'-'));
    let at = SERVICES.iter().position(|texts| same(texts.service))?;
    let text = SERVICES.get(at)?.authorization;
    FACTS.get(at)?.get_or_init(|| serde_json::from_str(text).ok()).as_ref()
}

/// One action's facts.
pub fn action(service: &str, name: &str) -> Option<&'static Action> {
    authorization(service)?.action(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_reads() {
        for texts in &SERVICES {
            serde_json::from_str::<Authorization>(texts.authorization).unwrap();
        }
        assert_eq!(action("dynamodb", "GetItem").unwrap().level(), AccessLevel::Read);
        assert!(action("dynamodb", "GetItem").unwrap().resources()["table"].required);
        assert!(action("dynamodb", "getitem").is_none());
        assert!(action("access-analyzer", "GetFinding").is_some());
    }

    #[test]
    fn every_operation_has_an_action_or_is_known_not_to() {
        let mut unknown = Vec::new();
        for model in crate::models().filter(|model| model.service() != "apigateway") {
            for operation in model.operations() {
                if action(model.service(), operation.action()).is_none() {
                    unknown.push(format!("{operation:?}"));
                }
            }
        }
        // API Gateway's actions are HTTP methods. An operation listed here is denied until an override names its action.
        assert_eq!(unknown, UNMAPPED);
    }

    const UNMAPPED: &[&str] = &[
        "accessanalyzer:CreateServiceLinkedAnalyzer",
        "accessanalyzer:DeleteServiceLinkedAnalyzer",
        "iam:UpdateDelegationRequest",
        "dynamodb:BatchExecuteStatement",
        "dynamodb:ExecuteStatement",
        "dynamodb:ExecuteTransaction",
        "dynamodb:TransactWriteItems",
        "s3:CreateSession",
        "s3:RenameObject",
        "logs:GetLogObject",
        "cloudtrail:ListInsightsMetricData",
    ];
}
