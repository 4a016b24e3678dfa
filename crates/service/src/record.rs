//! What a call leaves behind: a CloudTrail-shaped record, with sensitive members redacted.
//!
//! It says what to record; when, is the pipeline's to say, and how a record becomes durable the audit trail's.

use std::borrow::Cow;
use std::sync::Arc;

use base::{AccountId, Region, Timestamp};
use identity::sigv4::Claim;
use identity::{Directory, Principal};
use observe::{AccessedResource, Category, Record};
use protocol::{OperationModel, Shape, Value};
use serde_json::json;

use crate::access::Check;
use crate::authenticate::Named;
use crate::call::Source;
use crate::pipeline::{Attempt, Why};
use crate::throttle::Rate;

/// How many refusals of strangers are recorded: what they send must not fill the disk.
pub(crate) const STRANGERS: Rate = Rate { per_second: 100, burst: 1_000 };

/// How many refusals of other accounts' principals an account is told of.
pub(crate) const ABROAD: Rate = Rate { per_second: 1, burst: 100 };

/// Services whose items CloudTrail calls data: their calls are data events.
const DATA_SERVICES: [&str; 2] = ["dynamodb", "dynamodbstreams"];
/// Operations outside those services that touch data and not configuration.
const DATA_OPERATIONS: [&str; 5] =
    ["Invoke", "InvokeWithResponseStream", "PutLogEvents", "GetLogEvents", "FilterLogEvents"];

/// When, from where and as which request a call came.
pub(crate) struct Arrival<'a> {
    pub(crate) region: &'a Region,
    pub(crate) source: &'a Source,
    pub(crate) request_id: &'a Arc<str>,
    pub(crate) at: Timestamp,
}

/// Whose a call is.
enum Who<'a> {
    Proven(&'a Principal),
    /// Nobody's who is proven: the access key that was claimed.
    Claimed(String),
}

/// What every record tells, however far its call came; of what names no operation, that.
fn begun(
    arrival: &Arrival<'_>,
    account: AccountId,
    event_source: Cow<'static, str>,
    operation: Option<OperationModel>,
    who: Who<'_>,
) -> Record {
    let Arrival { region, source, request_id, at } = *arrival;
    let (user_identity, username, access_key_id) = match who {
        Who::Proven(principal) => (
            principal.cloudtrail_identity(source.via.last().copied()),
            username(principal),
            principal.access_key_id().unwrap_or_default().to_owned(),
        ),
        Who::Claimed(key) => {
            let identity = json!({"type": "Unknown", "principalId": "", "accountId": "", "accessKeyId": key});
            (identity.to_string().into_bytes(), String::new(), key)
        }
    };
    Record {
        account,
        event_time: at,
        event_source,
        event_name: Cow::Borrowed(operation.map_or("UnknownOperation", OperationModel::event_name)),
        region: region.clone(),
        source_ip: source.address(),
        user_agent: source.user_agent.clone(),
        user_identity: user_identity.into(),
        username,
        access_key_id,
        request_parameters: None,
        request_id: Arc::clone(request_id),
        read_only: operation.is_some_and(OperationModel::is_read_only),
        resources: Vec::new(),
        category: operation.map_or(Category::Management, category),
        shared_event_id: None,
        vpc_endpoint_id: None,
        additional_event_data: None,
    }
}

/// The record of a call whose caller is proven.
pub(crate) fn of(
    attempt: &Attempt,
    region: &Region,
    parameters: Option<Vec<u8>>,
    checks: &[Check],
    details: Option<Vec<u8>>,
) -> Record {
    let Attempt { operation, principal, account, source, request_id, arrived, .. } = attempt;
    let arrival = Arrival { region, source, request_id, at: *arrived };
    let event_source = Cow::Borrowed(operation.model().event_source());
    Record {
        request_parameters: parameters,
        resources: resources(*account, checks),
        additional_event_data: with_signing(details, source),
        ..begun(&arrival, *account, event_source, Some(*operation), Who::Proven(principal))
    }
}

/// `details`, and before them how the call was signed where its API tells that, as CloudTrail does of S3's.
pub(crate) fn with_signing(details: Option<Vec<u8>>, source: &Source) -> Option<Vec<u8>> {
    let Some(signing) = &source.signing else { return details };
    let method = if signing.presigned { "QueryString" } else { "AuthHeader" };
    let version = signing.version.trail_name();
    let mut told =
        format!(r#"{{"SignatureVersion":"{version}","AuthenticationMethod":"{method}""#).into_bytes();
    // The details are an object that has members.
    match details.as_deref().and_then(|details| details.get(1..)).filter(|rest| rest.len() > 1) {
        Some(rest) => {
            told.push(b',');
            told.extend_from_slice(rest);
        }
        None => told.push(b'}'),
    }
    Some(told)
}

/// The details of a refusal by policy: the sealed message, where there is one, and the whole evaluation.
pub(crate) fn refusal(why: &Why) -> Vec<u8> {
    match &why.message {
        Some(message) => details(message, &why.evaluation),
        None => evaluation(&why.evaluation),
    }
}

/// The details of a call that ended before policy was asked: throttled, or no input of the operation.
pub(crate) fn unasked() -> Vec<u8> {
    br#"{"authorized":[]}"#.to_vec()
}

/// The details of a sealed message and an evaluation.
pub(crate) fn details(message: &str, evaluation: &[u8]) -> Vec<u8> {
    // The evaluation is JSON already; the message is base64 and needs no escaping.
    let mut details = format!(r#"{{"encodedAuthorizationMessage":"{message}""#).into_bytes();
    if !evaluation.is_empty() {
        details.extend_from_slice(br#","policyEvaluation":"#);
        details.extend_from_slice(evaluation);
    }
    details.push(b'}');
    details
}

/// The details of a refusal for the account whose policies refuse: its side of the evaluation, which is JSON already.
pub(crate) fn evaluation(evaluation: &[u8]) -> Vec<u8> {
    [br#"{"policyEvaluation":"#.as_slice(), evaluation, b"}"].concat()
}

/// The same of a refusal during the work, which need not be the call's end: with what was refused and in which words.
pub(crate) fn inner_refusal(why: &Why, message: &str) -> Vec<u8> {
    let told = json!({"action": why.action, "resource": why.resource, "errorMessage": message}).to_string();
    let mut item = told.into_bytes();
    if let Some(end) = item.last_mut() {
        *end = b',';
    }
    item.extend_from_slice(refusal(why).get(1..).unwrap_or_default());
    item
}

/// The records of the other accounts whose resources the call touches, in whose trails they belong. All of them and the
/// caller's share an id.
// SECURITY: the other account learns whose principal it was and what was done to its own resources, and nothing else.
pub(crate) fn of_owners(principal: &Principal, source: &Source, record: &mut Record) -> Vec<Record> {
    let mut owners: Vec<AccountId> = record.resources.iter().map(|resource| resource.account).collect();
    owners.sort_unstable();
    owners.dedup();
    owners.retain(|owner| *owner != record.account);
    if owners.is_empty() {
        return Vec::new();
    }
    record.shared_event_id = Some(crypto::random::uuid());
    let invoked_by = source.via.last().copied();
    let of_owner = |owner: AccountId| {
        let mut shared = record.clone();
        shared.account = owner;
        shared.user_identity = principal.foreign_cloudtrail_identity(invoked_by).into();
        shared.username = String::new();
        shared.access_key_id = String::new();
        shared.additional_event_data = None;
        if shared.resources.iter().any(|resource| resource.account != owner) {
            shared.request_parameters = None;
        }
        shared.resources.retain(|resource| resource.account == owner);
        shared
    };
    owners.into_iter().map(of_owner).collect()
}

/// The record of a proven caller's request that names no operation of the platform: it says what was asked.
pub(crate) fn of_unrouted(
    service: &Named<'_>,
    principal: &Principal,
    account: AccountId,
    arrival: &Arrival<'_>,
    asked: &str,
) -> Record {
    Record {
        additional_event_data: Some(json!({"requestedOperation": asked}).to_string().into_bytes()),
        ..begun(arrival, account, service.claimed_source(), None, Who::Proven(principal))
    }
}

/// A request whose caller is not proven: what it claimed, and why it was refused.
pub(crate) struct Stranger<'a> {
    pub(crate) service: &'a Named<'a>,
    pub(crate) claim: Option<Claim<'a>>,
}

impl Stranger<'_> {
    /// The account of the key that was claimed, so that its owner learns of the attempt.
    pub(crate) fn account(&self, directory: &Directory) -> Option<AccountId> {
        let account = identity::ids::account_of(self.claim?.access_key_id)?;
        directory.account_exists(account).is_ok_and(|exists| exists).then_some(account)
    }

    pub(crate) fn record(&self, account: AccountId, arrival: &Arrival<'_>) -> Record {
        let claimed = self.claim.map(|claim| claim.access_key_id.chars().take(128).collect());
        let event_source = Cow::Borrowed(self.service.event_source());
        let who = Who::Claimed(claimed.unwrap_or_default());
        begun(arrival, account, event_source, self.service.operation(), who)
    }
}

/// The input as JSON without its sensitive members; `None` where there is nothing to tell.
pub(crate) fn parameters(operation: OperationModel, input: &Value) -> Option<Vec<u8>> {
    written(operation.input()?, input)
}

/// The output of a change as JSON without its sensitive members. Like CloudTrail, reads and data events leave none, but for
/// those that issue credentials: by their key's id a session's calls lead to whoever began it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html>
pub(crate) fn response(operation: OperationModel, output: &Value) -> Option<Vec<u8>> {
    let issues = operation.service() == "sts"
        && matches!(output, Value::Structure(members) if members.get("Credentials").is_some());
    if (operation.is_read_only() || category(operation) == Category::Data) && !issues {
        return None;
    }
    written(operation.output()?, output)
}

fn written(shape: Shape, value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Structure(members) if !members.is_empty() => {
            let mut json = Vec::with_capacity(128);
            protocol::write_audit_json(shape, value, &mut json);
            Some(json)
        }
        _ => None,
    }
}

fn category(operation: OperationModel) -> Category {
    let name = operation.name();
    let is_data = DATA_OPERATIONS.contains(&name)
        || DATA_SERVICES.contains(&operation.service()) && name.contains("Item")
        || operation.service() == "s3" && is_object_operation(name)
        || matches!(name, "Query" | "Scan");
    if is_data { Category::Data } else { Category::Management }
}

/// S3's operations on objects, which CloudTrail calls data; those on buckets are management.
fn is_object_operation(name: &str) -> bool {
    ["Object", "Upload", "Part"].iter().any(|noun| name.contains(noun)) && name != "ListMultipartUploads"
}

fn username(principal: &Principal) -> String {
    match principal {
        Principal::Root(_) => "root".to_owned(),
        Principal::User(user) => user.name.clone(),
        Principal::AssumedRole(role) => role.session_name.clone(),
        Principal::FederatedUser(user) => user.name.clone(),
        Principal::Service(service) => service.name.clone(),
        Principal::WebIdentity(web) => web.subject.clone(),
        Principal::Anonymous => String::new(),
    }
}

fn resources(account: AccountId, checks: &[Check]) -> Vec<AccessedResource> {
    let named = checks.iter().filter(|check| check.resource.starts_with("arn:"));
    named
        .map(|check| AccessedResource {
            arn: check.resource.clone(),
            account: check.resource_account.unwrap_or(account),
            kind: kind_of(&check.resource),
        })
        .collect()
}

/// The CloudFormation type of what an ARN names, as CloudTrail writes it.
fn kind_of(arn: &str) -> Cow<'static, str> {
    let mut parts = arn.splitn(6, ':');
    let (service, resource) = (parts.nth(2).unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let kind = resource.split([':', '/']).next().unwrap_or_default();
    let known = match (service, kind) {
        ("dynamodb", "table") => "AWS::DynamoDB::Table",
        ("lambda", "function") => "AWS::Lambda::Function",
        ("iam", "user") => "AWS::IAM::User",
        ("iam", "role") => "AWS::IAM::Role",
        ("iam", "group") => "AWS::IAM::Group",
        ("iam", "policy") => "AWS::IAM::Policy",
        ("iam", "access-key") => "AWS::IAM::AccessKey",
        ("logs", "log-group") => "AWS::Logs::LogGroup",
        ("cloudformation", "stack") => "AWS::CloudFormation::Stack",
        ("s3", bucket) if bucket == resource => "AWS::S3::Bucket",
        ("s3", _) => "AWS::S3::Object",
        ("apigateway", _) => "AWS::ApiGateway::RestApi",
        _ => "",
    };
    Cow::Borrowed(known)
}
