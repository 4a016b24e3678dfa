//! What a call to a stage or a function URL leaves in the audit trail: one that was refused, or that observe mode let through.
//!
//! What policies let through leaves its record where it arrives: the invocation of the function.

use std::borrow::Cow;
use std::sync::Arc;

use base::{AccountId, Timestamp};
use http::request::Parts;
use identity::Principal;
use identity::sigv4;
use observe::{AccessedResource, AuditUnavailable, Category, Outcome, Record};
use serde_json::json;
use service::{Pipeline, Source, observation};

use crate::authorize::{Admitted, Denied, Question, sentence};
use crate::throttle::Bucket;

/// Refusals of strangers that are recorded: what they send must not fill the disk.
const STRANGERS_PER_SECOND: f64 = 100.0;
const STRANGERS_BURST: u32 = 1_000;

/// A bucket for what is recorded of strangers.
pub(crate) fn strangers() -> Bucket {
    Bucket::new(STRANGERS_PER_SECOND, STRANGERS_BURST)
}

/// A call, as the trail tells it.
pub(crate) struct Told<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) head: &'a Parts,
    pub(crate) source: &'a Source,
    pub(crate) now: Timestamp,
    /// Who called, as far as that was proven.
    pub(crate) principal: &'a Principal,
    /// The account in whose trail it stands.
    pub(crate) account: AccountId,
    pub(crate) event_source: &'static str,
    pub(crate) event_name: &'static str,
    pub(crate) parameters: serde_json::Value,
    pub(crate) resource: AccessedResource,
    pub(crate) outcome: Outcome,
    /// What the record adds: the sealed message and the evaluation.
    pub(crate) details: Option<Vec<u8>>,
    /// Shared with the record of the other account.
    pub(crate) shared_id: Option<String>,
}

impl<'a> Told<'a> {
    /// A call to a stage: what the stage's account is told, and the caller's, where it is another.
    // SECURITY: each account reads its own policies' part in it, and none of the other's.
    pub(crate) fn by_stage(question: &'a Question<'_>, denied: &'a Denied) -> (Self, Option<Self>) {
        let explained = denied.explained.as_deref();
        let details = explained.map(|explained| explained.details.clone());
        let whole = Self::of_stage(question, denied, denied.recorded.to_string(), details);
        let Some(owner) = explained.and_then(|explained| explained.owner.as_ref()) else {
            return (whole, None);
        };
        let told = sentence(&denied.principal, &question.resource());
        let told = owner.reason.as_ref().map_or(told.clone(), |reason| format!("{told} {reason}"));
        let shared_id = Some(crypto::random::uuid());
        let theirs = Self::of_stage(question, denied, told, Some(owner.details.clone()));
        let owners = Self { shared_id: shared_id.clone(), ..theirs };
        (owners, Some(Self { account: owner.caller, shared_id, ..whole }))
    }

    /// A call to a stage that the caller's policies did not allow, and that observe mode let through: for the caller's account.
    pub(crate) fn let_through(question: &'a Question<'_>, admitted: &'a Admitted) -> Option<Self> {
        let principal = admitted.principal.as_deref().filter(|_| !admitted.missing.is_empty())?;
        let outcome = Outcome::success(None);
        let account = principal.account()?;
        let details = Some(observation::details(&admitted.missing));
        Some(Self { account, ..Self::at_stage(question, principal, outcome, details) })
    }

    fn of_stage(
        question: &'a Question<'_>,
        denied: &'a Denied,
        message: String,
        details: Option<Vec<u8>>,
    ) -> Self {
        let outcome = Outcome::failure(denied.refusal.code(), message);
        Self::at_stage(question, &denied.principal, outcome, details)
    }

    fn at_stage(
        question: &'a Question<'_>,
        principal: &'a Principal,
        outcome: Outcome,
        details: Option<Vec<u8>>,
    ) -> Self {
        let stage = &question.stage.record;
        Self {
            pipeline: question.pipeline,
            head: question.head,
            source: question.source,
            now: question.now,
            principal,
            account: stage.account,
            event_source: "execute-api.amazonaws.com",
            event_name: "Invoke",
            parameters: json!({
                "restApiId": stage.rest_api_id,
                "stage": stage.stage_name,
                "httpMethod": question.head.method.as_str(),
                "resourcePath": question.method.resource_path,
            }),
            resource: AccessedResource {
                arn: question.resource(),
                account: stage.account,
                kind: Cow::Borrowed("AWS::ApiGateway::Stage"),
            },
            outcome,
            details,
            shared_id: None,
        }
    }

    /// Records it. It is refused whether or not that works; what cannot be recorded is logged.
    pub(crate) async fn record(self, request_id: &Arc<str>, strangers: &Bucket) {
        // SECURITY: another account's callers fill this one's trail no faster than strangers do.
        let is_stranger = self.principal.account() != Some(self.account);
        if is_stranger && !strangers.take(self.now) {
            tracing::warn!("a refusal of a stranger was not recorded: there are too many");
            return;
        }
        if self.write(request_id).await.is_err() {
            tracing::error!("a refusal could not be recorded");
        }
    }

    /// Records it, or cannot.
    pub(crate) async fn write(self, request_id: &Arc<str>) -> Result<(), AuditUnavailable> {
        let record = self.as_record(request_id);
        self.pipeline.audit().record(record, self.outcome).await
    }

    fn as_record(&self, request_id: &Arc<str>) -> Record {
        let claimed = || {
            let claim = sigv4::claimed(&self.head.headers, self.head.uri.query().unwrap_or_default())?;
            Some(claim.access_key_id.chars().take(128).collect::<String>())
        };
        let proven = self.principal.access_key_id().map(str::to_owned);
        Record {
            account: self.account,
            event_time: self.now,
            event_source: Cow::Borrowed(self.event_source),
            event_name: Cow::Borrowed(self.event_name),
            region: self.pipeline.region().clone(),
            source_ip: self.source.address(),
            user_agent: self.source.user_agent.clone(),
            user_identity: self.principal.cloudtrail_identity(None).into(),
            username: username(self.principal),
            access_key_id: proven.or_else(claimed).unwrap_or_default(),
            request_parameters: Some(self.parameters.to_string().into_bytes()),
            request_id: Arc::clone(request_id),
            read_only: false,
            resources: vec![self.resource.clone()],
            category: Category::Data,
            shared_event_id: self.shared_id.clone(),
            vpc_endpoint_id: None,
            additional_event_data: self.details.clone(),
        }
    }
}

fn username(principal: &Principal) -> String {
    match principal {
        Principal::Root(_) => "root".to_owned(),
        Principal::User(user) => user.name.clone(),
        Principal::AssumedRole(role) => role.session_name.clone(),
        Principal::FederatedUser(user) => user.name.clone(),
        Principal::Service(service) => service.name.clone(),
        Principal::WebIdentity(_) | Principal::Anonymous => String::new(),
    }
}
