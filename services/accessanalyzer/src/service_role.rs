//! The role with which this service reads: `AWSServiceRoleForAccessAnalyzer`, in every account that it looks into.
//!
//! It has AWS's own policy and trusts this service alone. Every read is a call through the pipeline in the role's name,
//! decided and recorded like anyone's; so is the role's making.

use std::sync::Arc;

use base::{AccountId, Timestamp};
use identity::records::{RoleRecord, keys};
use identity::{AssumedRole, Directory, DirectoryError, Principal, Reads, ids};
use observe::{AccessedResource, Category, Record};
use serde_json::json;
use service::{Access, Call, Internal, Pipeline};
use store::Transaction;

use crate::Error;
use crate::zone::PRINCIPAL;

const NAME: &str = "AWSServiceRoleForAccessAnalyzer";
const PATH: &str = "/aws-service-role/access-analyzer.amazonaws.com/";
const POLICY: &str = "arn:aws:iam::aws:policy/aws-service-role/AccessAnalyzerServiceRolePolicy";
/// The longest session, in seconds.
const SESSION_SECS_MAX: i64 = 3_600;
/// The name of the sessions.
const SESSION: &str = "access-analyzer";

fn arn(account: AccountId) -> String {
    format!("arn:aws:iam::{account}:role{PATH}{NAME}")
}

/// Whether the caller may bring the role about, where the account has none yet.
pub(crate) fn may_make(directory: &Directory, call: &Call) -> Result<(), Error> {
    if directory.role(call.account(), NAME)?.is_some() {
        return Ok(());
    }
    let arn = arn(call.account());
    let leave =
        Access::to("iam:CreateServiceLinkedRole", arn.as_str()).when("iam:AWSServiceName", [PRINCIPAL]);
    Ok(call.ask(&leave)?)
}

/// Makes the role where there is none, and gives it its policy where it was made without, through IAM.
pub(crate) fn ensure(
    directory: &Directory,
    transaction: &mut Transaction<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<(), DirectoryError> {
    let key = keys::named(account, NAME);
    let present: Option<RoleRecord> = transaction.record(keys::ROLES, &key)?;
    if let Some(mut role) = present {
        // Another role of this name is somebody else's: it is given nothing.
        if role.path != PATH || role.attached.iter().any(|policy| policy == POLICY) {
            return Ok(());
        }
        role.attached.push(POLICY.to_owned());
        let mut edit = directory.edit(transaction, account);
        edit.put(keys::ROLES, &key, &role)?;
        return edit.mark(keys::ATTACHMENTS, &keys::attachment(account, POLICY, "Role", NAME));
    }
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}]});
    let role = RoleRecord {
        name: NAME.to_owned(),
        path: PATH.to_owned(),
        role_id: ids::entity(ids::ROLE),
        created_at: Timestamp::from_secs(now.secs()),
        trust: trust.to_string(),
        description: None,
        session_secs_max: SESSION_SECS_MAX,
        tags: Vec::new(),
        inline: Vec::new(),
        attached: vec![POLICY.to_owned()],
        boundary: None,
    };
    let mut edit = directory.edit(transaction, account);
    edit.put(keys::ROLES, &key, &role)?;
    edit.mark(keys::ATTACHMENTS, &keys::attachment(account, POLICY, "Role", NAME))
}

/// A session of the role; `None` where the account has none, or one that may not read.
fn session(directory: &Directory, account: AccountId) -> Result<Option<Arc<Principal>>, DirectoryError> {
    let is_whole =
        |role: &RoleRecord| role.path == PATH && role.attached.iter().any(|policy| policy == POLICY);
    let role = directory.role(account, NAME)?.filter(is_whole);
    Ok(role.map(|role| {
        let session = AssumedRole::new(account, role.path, role.name, role.role_id, SESSION);
        Arc::new(Principal::AssumedRole(session))
    }))
}

/// A session of the role, which is made where the account has none: a member of an organization that is looked into.
pub(crate) async fn session_made(
    directory: &Directory,
    pipeline: &Pipeline,
    account: AccountId,
) -> Result<Arc<Principal>, Internal> {
    if let Some(session) = session(directory, account).map_err(Internal::new)? {
        return Ok(session);
    }
    let now = pipeline.clock().now();
    let ticket = pipeline.audit().begin(record_of_making(pipeline, account, now));
    pipeline
        .store()
        .transact(|transaction| {
            ensure(directory, transaction, account, now)?;
            // SECURITY: no role without a record of how it came about.
            Ok::<_, DirectoryError>(ticket.attach(transaction)?)
        })
        .await
        .map_err(Internal::new)?;
    ticket.succeed(None).await.map_err(Internal::new)?;
    let session = session(directory, account).map_err(Internal::new)?;
    session.ok_or_else(|| Internal::new(format!("account {account} has another role named {NAME}")))
}

fn record_of_making(pipeline: &Pipeline, account: AccountId, now: Timestamp) -> Record {
    let service = Principal::service(PRINCIPAL, &arn(account), account);
    Record {
        account,
        event_time: now,
        event_source: "iam.amazonaws.com".into(),
        event_name: "CreateServiceLinkedRole".into(),
        region: pipeline.region().clone(),
        source_ip: PRINCIPAL.to_owned(),
        user_agent: PRINCIPAL.to_owned(),
        user_identity: service.cloudtrail_identity(None).into(),
        username: PRINCIPAL.to_owned(),
        access_key_id: String::new(),
        request_parameters: Some(json!({"aWSServiceName": PRINCIPAL}).to_string().into_bytes()),
        request_id: crypto::random::uuid().into(),
        read_only: false,
        resources: vec![AccessedResource { arn: arn(account), account, kind: "AWS::IAM::Role".into() }],
        category: Category::Management,
        shared_event_id: None,
        vpc_endpoint_id: None,
        additional_event_data: None,
    }
}
