//! Where policies stand: which properties of which resources hold an identity's, a resource's, or name others.
//!
//! Finds documents and judges none.

use serde_json::{Map, Value};
use template::Resource;

use super::reading::Reading;
use super::resolve::{intrinsic, is_no_value};
use super::statement::{Statement, statements};
use crate::json::Node;

/// What an identity's policies are made of.
#[derive(Default)]
pub(super) struct Identity {
    pub(super) statements: Vec<Statement>,
    /// Managed policies: ARN or name, and the path where it stands.
    pub(super) managed: Vec<(String, String)>,
}

/// Kinds that are policies of whoever they name.
pub(super) const POLICIES: [&str; 5] = [
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::UserPolicy",
    "AWS::IAM::GroupPolicy",
];
/// Kinds for which SAM makes a role of their own.
pub(super) const WITH_ROLE: [&str; 2] = [FUNCTION, "AWS::Serverless::StateMachine"];
const FUNCTION: &str = "AWS::Serverless::Function";
/// What a function says of the role that SAM makes for it.
const FOR_ITS_ROLE: [&str; 3] = ["Policies", "PermissionsBoundary", "AssumeRolePolicyDocument"];

/// The identity policies that a resource holds, or hands to its own role.
pub(super) fn identity(reading: &Reading<'_>, name: &str, resource: &Resource) -> Identity {
    let mut found = Identity::default();
    match resource.kind.as_str() {
        "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" => {
            for (policy, path) in items(reading, name, resource, "Policies") {
                let document = policy.get("PolicyDocument");
                let path = format!("{path}/PolicyDocument");
                found.add(name, &document.and_then(|document| reading.document(document, &path)));
            }
            found.managed = texts(reading, name, resource, "ManagedPolicyArns");
        }
        "AWS::SSO::PermissionSet" => {
            let document = reading.raw(name, resource, "InlinePolicy");
            found.add(name, &document.and_then(|(value, path)| reading.document(value, &path)));
            found.managed = texts(reading, name, resource, "ManagedPolicies");
        }
        kind if POLICIES.contains(&kind) => {
            let document = reading.raw(name, resource, "PolicyDocument");
            found.add(name, &document.and_then(|(value, path)| reading.document(value, &path)));
        }
        kind if WITH_ROLE.contains(&kind) && !has_own_role(reading, name, resource) => {
            for (policy, path) in items(reading, name, resource, "Policies") {
                found.shorthand(reading, name, policy, path);
            }
        }
        _ => {}
    }
    found
}

/// True for a function that names a role in this world: SAM makes none for it then, and reads nothing that would shape one.
fn has_own_role(reading: &Reading<'_>, name: &str, resource: &Resource) -> bool {
    resource.kind == FUNCTION && reading.raw(name, resource, "Role").is_some()
}

/// What stands at a function for a role that SAM never makes, because the function always names another: properties with
/// their paths.
pub(super) fn ignored(reading: &Reading<'_>, name: &str, resource: &Resource) -> Vec<(&'static str, String)> {
    // Where a condition chooses between a role and none, both are meant.
    let chooses = |role: &Value| match intrinsic(role) {
        Some(("Fn::If", argument)) => argument.as_array().is_some_and(|all| all.iter().any(is_no_value)),
        _ => false,
    };
    if !has_own_role(reading, name, resource) || resource.properties.get("Role").is_some_and(chooses) {
        return Vec::new();
    }
    let found =
        |property: &'static str| reading.raw(name, resource, property).map(|(_, path)| (property, path));
    FOR_ITS_ROLE.into_iter().filter_map(found).collect()
}

impl Identity {
    fn add(&mut self, name: &str, document: &Option<Node>) {
        self.statements.extend(document.iter().flat_map(|document| statements(name, document)));
    }

    /// An entry of SAM's `Policies`: a document, a managed policy, or a policy template with its values.
    fn shorthand(&mut self, reading: &Reading<'_>, name: &str, policy: &Value, path: String) {
        if policy.get("Statement").is_some() {
            return self.add(name, &reading.document(policy, &path));
        }
        let one =
            policy.as_object().filter(|members| members.len() == 1).and_then(|members| members.iter().next());
        match one.and_then(|(template, values)| filled(template, values.as_object()?)) {
            Some(document) => self.add(name, &reading.document(&document, &path)),
            None => self.managed.push((reading.text(policy), path)),
        }
    }
}

/// A policy template filled in. What it grants whatever its values is AWS's choice and left out: nothing about it can be
/// written better.
fn filled(template: &str, values: &Map<String, Value>) -> Option<Value> {
    let mut document = template::sam::policy_template(template, values)?;
    let unfilled = template::sam::policy_template(template, &Map::new())?;
    let fixed = unfilled.get("Statement").and_then(Value::as_array).cloned().unwrap_or_default();
    let resource = |statement: &Value| statement.get("Resource").cloned();
    let fixed: Vec<Option<Value>> = fixed.iter().map(resource).collect();
    if let Some(Value::Array(statements)) = document.get_mut("Statement") {
        statements.retain(|statement| !fixed.contains(&resource(statement)));
    }
    Some(document)
}

/// The entries of one of a resource's properties, with their paths.
pub(super) fn items<'t>(
    reading: &Reading<'_>,
    name: &str,
    resource: &'t Resource,
    property: &str,
) -> Vec<(&'t Value, String)> {
    let found = reading.raw(name, resource, property);
    found.map(|(value, path)| reading.items(value, path)).unwrap_or_default()
}

/// The same as texts.
pub(super) fn texts(
    reading: &Reading<'_>,
    name: &str,
    resource: &Resource,
    property: &str,
) -> Vec<(String, String)> {
    let items = items(reading, name, resource, property).into_iter();
    items.map(|(item, path)| (reading.text(item), path)).collect()
}

/// Properties with policies that name principals, by kind.
const WITH_PRINCIPALS: [(&str, &str); 36] = [
    ("AWS::IAM::Role", "AssumeRolePolicyDocument"),
    (FUNCTION, "AssumeRolePolicyDocument"),
    ("AWS::SQS::QueuePolicy", "PolicyDocument"),
    ("AWS::SQS::QueueInlinePolicy", "PolicyDocument"),
    ("AWS::SNS::TopicPolicy", "PolicyDocument"),
    ("AWS::SNS::TopicInlinePolicy", "PolicyDocument"),
    ("AWS::S3::BucketPolicy", "PolicyDocument"),
    ("AWS::S3::AccessPoint", "Policy"),
    ("AWS::S3::MultiRegionAccessPointPolicy", "Policy"),
    ("AWS::S3ObjectLambda::AccessPointPolicy", "PolicyDocument"),
    ("AWS::S3Outposts::BucketPolicy", "PolicyDocument"),
    ("AWS::S3Express::BucketPolicy", "PolicyDocument"),
    ("AWS::S3Tables::TableBucketPolicy", "ResourcePolicy"),
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy"),
    ("AWS::DynamoDB::Table", "ResourcePolicy/PolicyDocument"),
    ("AWS::DynamoDB::Table", "StreamSpecification/ResourcePolicy/PolicyDocument"),
    ("AWS::Kinesis::ResourcePolicy", "ResourcePolicy"),
    ("AWS::KMS::Key", "KeyPolicy"),
    ("AWS::KMS::ReplicaKey", "KeyPolicy"),
    ("AWS::ECR::Repository", "RepositoryPolicyText"),
    ("AWS::ECR::RegistryPolicy", "PolicyText"),
    ("AWS::EFS::FileSystem", "FileSystemPolicy"),
    ("AWS::ApiGateway::RestApi", "Policy"),
    ("AWS::Events::EventBus", "Policy"),
    ("AWS::Events::EventBusPolicy", "Statement"),
    ("AWS::EventSchemas::RegistryPolicy", "Policy"),
    ("AWS::Logs::ResourcePolicy", "PolicyDocument"),
    ("AWS::Logs::Destination", "DestinationPolicy"),
    ("AWS::Backup::BackupVault", "AccessPolicy"),
    ("AWS::CodeArtifact::Domain", "PermissionsPolicyDocument"),
    ("AWS::CodeArtifact::Repository", "PermissionsPolicyDocument"),
    ("AWS::CodeBuild::Project", "ResourceAccessPolicy"),
    ("AWS::OpenSearchService::Domain", "AccessPolicies"),
    ("AWS::Elasticsearch::Domain", "AccessPolicies"),
    ("AWS::Glacier::Vault", "AccessPolicy"),
    ("AWS::MediaStore::Container", "Policy"),
];

/// Statements that name principals: trust policies and the policies of resources.
pub(super) fn with_principals(reading: &Reading<'_>, name: &str, resource: &Resource) -> Vec<Node> {
    let mut found = Vec::new();
    if has_own_role(reading, name, resource) {
        return found;
    }
    for (_, property) in WITH_PRINCIPALS.iter().filter(|(kind, _)| *kind == resource.kind) {
        let value = reading.raw(name, resource, property);
        let Some(document) = value.and_then(|(value, path)| reading.document(value, &path)) else { continue };
        match document.get("Statement") {
            Some(statements) => found.extend(statements.one_or_many().iter().cloned()),
            // An event bus takes one statement alone.
            None if document.get("Principal").is_some() => found.push(document),
            None => {}
        }
    }
    found
}
