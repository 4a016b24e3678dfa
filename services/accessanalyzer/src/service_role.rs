//! The role with which this service reads: `AWSServiceRoleForAccessAnalyzer`, in every account that it looks into.
//!
//! It has AWS's own policy and trusts this service alone. Every read is a call through the pipeline in the role's name,
//! decided and recorded like anyone's; so is the role's making.

use std::sync::Arc;

use base::{AccountId, Timestamp};
use identity::{AssumedRole, Directory, DirectoryError, Principal};
use observe::{AccessedResource, Category, Record};
use serde_json::json;
use service::{Internal, Pipeline, ServiceRole};

use crate::zone::PRINCIPAL;

/// The role.
pub(crate) const ROLE: ServiceRole = ServiceRole {
    service: PRINCIPAL,
    name: "AWSServiceRoleForAccessAnalyzer",
    path: "/aws-service-role/access-analyzer.amazonaws.com/",
    policy: "arn:aws:iam::aws:policy/aws-service-role/AccessAnalyzerServiceRolePolicy",
};
/// The name of the sessions.
const SESSION: &str = "access-analyzer";

/// A session of the role; `None` where the account has none, or one that may not read.
fn session(directory: &Directory, account: AccountId) -> Result<Option<Arc<Principal>>, DirectoryError> {
    let role = directory.role(account, ROLE.name)?.filter(|role| ROLE.is(role));
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
            ROLE.ensure(&mut directory.edit(transaction, account), now)?;
            // SECURITY: no role without a record of how it came about.
            Ok::<_, DirectoryError>(ticket.attach(transaction)?)
        })
        .await
        .map_err(Internal::new)?;
    ticket.succeed(None).await.map_err(Internal::new)?;
    let session = session(directory, account).map_err(Internal::new)?;
    session.ok_or_else(|| Internal::new(format!("account {account} has another role named {}", ROLE.name)))
}

fn record_of_making(pipeline: &Pipeline, account: AccountId, now: Timestamp) -> Record {
    let service = Principal::service(PRINCIPAL, &ROLE.arn(account), account);
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
        resources: vec![AccessedResource { arn: ROLE.arn(account), account, kind: "AWS::IAM::Role".into() }],
        category: Category::Management,
        shared_event_id: None,
        vpc_endpoint_id: None,
        additional_event_data: None,
    }
}
