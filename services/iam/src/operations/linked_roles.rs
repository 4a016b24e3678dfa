//! Service-linked roles: made for one service, by its name, and changed by nobody.
//!
//! Tools and templates that make sure of their roles find them. The role of a service that is offered here holds the policy
//! that it has in AWS; those of others hold none, and are refused everything.

use std::sync::Arc;

use identity::directory::managed;
use identity::principal::entity_arn;
use identity::records::{Record, RoleRecord, keys};
use identity::{Reads as _, ids};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Permit;
use store::{Key, Table};

use super::moment;
use crate::{Error, Iam, api, attachments, entity, quota, shapes};

/// Account, task id → [`DeletionRecord`].
const DELETIONS: Table = Table::new(0x0134, "deletions of service-linked roles");
/// The most deletions that an account can ask after; the oldest are forgotten.
const DELETIONS_MAX: usize = 100;
/// What the paths of all such roles begin with.
const PATH: &str = "/aws-service-role/";
/// The default length of a session, in seconds.
const SESSION_SECS: i64 = 3_600;

/// A service that has such a role.
struct Linked {
    service: &'static str,
    /// The rest of the role's name.
    name: &'static str,
    /// True where the name may have a suffix.
    suffixed: bool,
    /// The name of the policy of AWS's that the role holds.
    policy: Option<&'static str>,
}

impl Linked {
    fn policy_arn(&self) -> Option<String> {
        self.policy.map(|name| format!("{}{PATH}{name}", managed::ARN_PREFIX))
    }
}

/// The services that have such a role.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html>
#[rustfmt::skip]
const SERVICES: &[Linked] = &[
    Linked { service: "access-analyzer.amazonaws.com", name: "AccessAnalyzer", suffixed: false, policy: Some("AccessAnalyzerServiceRolePolicy") },
    Linked { service: "autoscaling.amazonaws.com", name: "AutoScaling", suffixed: true, policy: None },
    Linked { service: "cloudtrail.amazonaws.com", name: "CloudTrail", suffixed: false, policy: Some("CloudTrailServiceRolePolicy") },
    Linked { service: "config.amazonaws.com", name: "Config", suffixed: false, policy: None },
    Linked { service: "delivery.logs.amazonaws.com", name: "LogDelivery", suffixed: false, policy: None },
    Linked { service: "dynamodb.application-autoscaling.amazonaws.com", name: "ApplicationAutoScaling_DynamoDBTable", suffixed: false, policy: Some("AWSApplicationAutoscalingDynamoDBTablePolicy") },
    Linked { service: "ecs.amazonaws.com", name: "ECS", suffixed: false, policy: None },
    Linked { service: "elasticache.amazonaws.com", name: "ElastiCache", suffixed: false, policy: None },
    Linked { service: "elasticloadbalancing.amazonaws.com", name: "ElasticLoadBalancing", suffixed: false, policy: None },
    Linked { service: "events.amazonaws.com", name: "CloudWatchEvents", suffixed: false, policy: Some("CloudWatchEventsServiceRolePolicy") },
    Linked { service: "guardduty.amazonaws.com", name: "AmazonGuardDuty", suffixed: false, policy: None },
    Linked { service: "kafka.amazonaws.com", name: "Kafka", suffixed: false, policy: None },
    Linked { service: "lambda.application-autoscaling.amazonaws.com", name: "ApplicationAutoScaling_LambdaConcurrency", suffixed: false, policy: Some("AWSApplicationAutoscalingLambdaConcurrencyPolicy") },
    Linked { service: "ops.apigateway.amazonaws.com", name: "APIGateway", suffixed: false, policy: Some("APIGatewayServiceRolePolicy") },
    Linked { service: "organizations.amazonaws.com", name: "Organizations", suffixed: false, policy: Some("AWSOrganizationsServiceTrustPolicy") },
    Linked { service: "rds.amazonaws.com", name: "RDS", suffixed: false, policy: None },
    Linked { service: "replication.dynamodb.amazonaws.com", name: "DynamoDBReplication", suffixed: false, policy: Some("DynamoDBReplicationServiceRolePolicy") },
    Linked { service: "replicator.lambda.amazonaws.com", name: "LambdaReplicator", suffixed: false, policy: Some("AWSLambdaReplicator") },
    Linked { service: "sso.amazonaws.com", name: "SSO", suffixed: false, policy: None },
];

/// A deletion that was asked for. It is done before it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DeletionRecord {
    /// The task's id.
    id: String,
    /// When it was.
    at: base::Timestamp,
}

impl Record for DeletionRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "deletion of a service-linked role";
}

fn task_key(account: base::AccountId, id: &str) -> Key {
    Key::new().str(account.as_str()).str(id)
}

/// True where a path is such a role's.
// SECURITY: no organization's policy binds sessions of roles with such a path, so nobody else may give it to a role.
pub(crate) fn is_linked(path: &str) -> bool {
    path.starts_with(PATH)
}

fn known(service: &str) -> Result<&'static Linked, Error> {
    SERVICES.iter().find(|known| known.service == service).ok_or_else(|| {
        Error::InvalidInput(format!("{service} is not the name of a service that has a service-linked role"))
    })
}

/// The name that the role of a service has.
fn name_for(service: &str, suffix: Option<&str>) -> Result<String, Error> {
    let Linked { name, suffixed, .. } = known(service)?;
    match suffix {
        None => Ok(format!("AWSServiceRoleFor{name}")),
        Some(suffix) if *suffixed => Ok(format!("AWSServiceRoleFor{name}_{suffix}")),
        Some(_) => Err(Error::InvalidInput(format!("Custom suffix is not allowed for {service}"))),
    }
}

/// The ARN that the role of a service has, for policies; whatever the service.
pub(crate) fn arn_for(account: base::AccountId, service: &str, suffix: Option<&str>) -> String {
    let name = name_for(service, suffix).unwrap_or_else(|_| "*".to_owned());
    entity_arn(account, "role", &format!("{PATH}{service}/"), &name)
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateServiceLinkedRole>,
) -> Result<api::CreateServiceLinkedRoleResponse, Error> {
    let Permit { input, call, .. } = permit;
    let service = input.aws_service_name.as_str();
    let name = name_for(service, input.custom_suffix.as_deref())?;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
    let record = RoleRecord {
        name,
        path: format!("{PATH}{service}/"),
        role_id: ids::entity(ids::ROLE),
        created_at: moment(&call),
        trust: trust.to_string(),
        description: input.description,
        session_secs_max: SESSION_SECS,
        tags: call.marks(),
        inline: Vec::new(),
        attached: known(service)?.policy_arn().into_iter().collect(),
        boundary: None,
    };
    iam.change(&call, |edit| {
        let taken = entity::check_new::<RoleRecord>(edit, &record.name, quota::ROLES_MAX);
        taken.map_err(|error| match error {
            // As in AWS, it is an input that does not fit.
            Error::EntityAlreadyExists(_) => Error::InvalidInput(format!(
                "Service role name {} has been taken in this account, please try a different suffix.",
                record.name
            )),
            other => other,
        })?;
        attachments::mark_all(edit, &record)?;
        entity::save(edit, &record)
    })
    .await?;
    let role = shapes::role(&call.view()?, call.account(), &record)?;
    Ok(api::CreateServiceLinkedRoleResponse { role: Some(role) })
}

pub(crate) async fn delete(
    iam: Arc<Iam>,
    permit: Permit<api::DeleteServiceLinkedRole>,
) -> Result<api::DeleteServiceLinkedRoleResponse, Error> {
    let Permit { input, call, .. } = permit;
    let at = call.now();
    let deletion_task_id = iam
        .change(&call, |edit| {
            let account = edit.account();
            let role: RoleRecord = entity::load(edit, account, &input.role_name)?;
            if !is_linked(&role.path) {
                return Err(Error::InvalidInput(format!("{} is not a service-linked role", role.name)));
            }
            let key = keys::named(account, &role.name);
            attachments::set_boundary(edit, role.clone(), None)?;
            attachments::unmark_all(edit, &role)?;
            super::roles::end(edit, &key, &role)?;
            let path = role.path.trim_matches('/');
            let id = format!("task/{path}/{}/{}", role.name, crypto::random::uuid());
            let mut known: Vec<DeletionRecord> = edit.records(DELETIONS, &keys::all_of(account))?;
            known.sort_by_key(|known| known.at);
            let many = (known.len() + 1).saturating_sub(DELETIONS_MAX);
            for old in known.into_iter().take(many) {
                edit.delete(DELETIONS, &task_key(account, &old.id))?;
            }
            edit.put(DELETIONS, &task_key(account, &id), &DeletionRecord { id: id.clone(), at })?;
            Ok(id)
        })
        .await?;
    Ok(api::DeleteServiceLinkedRoleResponse { deletion_task_id })
}

pub(crate) async fn deletion_status(
    _: Arc<Iam>,
    permit: Permit<api::GetServiceLinkedRoleDeletionStatus>,
) -> Result<api::GetServiceLinkedRoleDeletionStatusResponse, Error> {
    let id = &permit.input.deletion_task_id;
    let key = task_key(permit.call.account(), id);
    let found: Option<DeletionRecord> = permit.call.view()?.record(DELETIONS, &key)?;
    if found.is_none() {
        return Err(Error::NoSuchEntity(format!("The deletion task with id {id} cannot be found.")));
    }
    Ok(api::GetServiceLinkedRoleDeletionStatusResponse { status: "SUCCEEDED".to_owned(), reason: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_its_services_name() {
        for (service, suffix, name) in [
            ("ecs.amazonaws.com", None, Some("AWSServiceRoleForECS")),
            ("autoscaling.amazonaws.com", Some("x"), Some("AWSServiceRoleForAutoScaling_x")),
            ("ecs.amazonaws.com", Some("x"), None),
            ("evil.example.com", None, None),
            ("lambda", None, None),
        ] {
            assert_eq!(name_for(service, suffix).ok().as_deref(), name, "{service}");
        }
    }

    #[test]
    fn the_policies_of_linked_roles_are_known() {
        for linked in SERVICES {
            let Some(arn) = linked.policy_arn() else { continue };
            assert!(managed::by_arn(&arn).is_some(), "{arn}");
        }
    }

    #[test]
    fn deletions_are_stored_as_they_always_were() {
        let record = DeletionRecord { id: "task/x".into(), at: base::Timestamp::from_secs(1) };
        let bytes = record.encode().unwrap();
        assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), r#"{"id":"task/x","at":1000}"#);
        assert_eq!(DeletionRecord::decode(&bytes).unwrap(), record);
    }
}
