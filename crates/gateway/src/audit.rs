//! What a refused call to a stage leaves in the audit trail.
//!
//! Calls that are let through leave their record where they arrive: the invocation of the function.

use std::borrow::Cow;
use std::sync::Arc;

use identity::Principal;
use identity::sigv4;
use observe::{AccessedResource, Category, Outcome, Record};
use serde_json::json;

use crate::authorize::{Denied, Question};
use crate::throttle::Bucket;

/// Refusals of strangers that are recorded: what they send must not fill the disk.
const STRANGERS_PER_SECOND: f64 = 100.0;
const STRANGERS_BURST: u32 = 1_000;

/// A bucket for what is recorded of strangers.
pub(crate) fn strangers() -> Bucket {
    Bucket::new(STRANGERS_PER_SECOND, STRANGERS_BURST)
}

/// Records a refusal. It is refused whether or not that works; what cannot be recorded is logged.
pub(crate) async fn record(
    question: &Question<'_>,
    denied: &Denied,
    request_id: &Arc<str>,
    strangers: &Bucket,
) {
    let is_stranger = matches!(*denied.principal, Principal::Anonymous);
    if is_stranger && !strangers.take(question.now) {
        tracing::warn!("a refusal of a stranger was not recorded: there are too many");
        return;
    }
    let message = format!("{} ({})", denied.refusal.message(), denied.reason);
    let outcome = Outcome::failure(denied.refusal.code(), message);
    let written = question.pipeline.audit().record(of(question, denied, request_id), outcome).await;
    if written.is_err() {
        tracing::error!("a refusal could not be recorded");
    }
}

fn of(question: &Question<'_>, denied: &Denied, request_id: &Arc<str>) -> Record {
    let principal = &*denied.principal;
    let claimed = || {
        let query = question.head.uri.query().unwrap_or_default();
        let claim = sigv4::claimed(&question.head.headers, query)?;
        Some(claim.access_key_id.chars().take(128).collect::<String>())
    };
    let access_key_id = principal.access_key_id().map(str::to_owned).or_else(claimed).unwrap_or_default();
    let account = question.stage.record.account;
    Record {
        account,
        event_time: question.now,
        event_source: Cow::Borrowed("execute-api.amazonaws.com"),
        event_name: Cow::Borrowed("Invoke"),
        region: question.pipeline.region().clone(),
        source_ip: question.source.address(),
        user_agent: question.source.user_agent.clone(),
        user_identity: principal.cloudtrail_identity(None).into(),
        username: username(principal),
        access_key_id,
        request_parameters: Some(
            json!({
                "restApiId": question.stage.record.rest_api_id,
                "stage": question.stage.record.stage_name,
                "httpMethod": question.head.method.as_str(),
                "resourcePath": question.method.resource_path,
            })
            .to_string()
            .into_bytes(),
        ),
        request_id: Arc::clone(request_id),
        read_only: false,
        resources: vec![AccessedResource {
            arn: question.resource(),
            account,
            kind: Cow::Borrowed("AWS::ApiGateway::Stage"),
        }],
        category: Category::Data,
        shared_event_id: None,
        vpc_endpoint_id: None,
        additional_event_data: None,
    }
}

fn username(principal: &Principal) -> String {
    match principal {
        Principal::Root(_) => "root".to_owned(),
        Principal::User(user) => user.name.clone(),
        Principal::AssumedRole(role) => role.session_name.clone(),
        Principal::Service(service) => service.name.clone(),
        Principal::WebIdentity(_) | Principal::Anonymous => String::new(),
    }
}
