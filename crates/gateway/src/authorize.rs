//! Who calls a method, and whether they may: signature, then policies, for `execute-api:Invoke`.
//!
//! It answers yes or a refusal; it never serves. A directory that cannot answer refuses.

use std::sync::Arc;

use base::Timestamp;
use http::request::Parts;
use identity::Principal;
use identity::governance::Whose;
use identity::sigv4::{self, Expected, Family, Verifier};
use policy::{Context, Decision, Denial, DenialKind, PolicySet, Request};
use service::{Pipeline, Source};

use crate::authorizer::{self, Verdict};
use crate::records::{Authorization, DeployedMethod};
use crate::refusal::Refusal;
use crate::route::RequestPath;
use crate::stages::LiveStage;

/// The one action that callers of a stage need.
pub(crate) const ACTION: &str = "execute-api:Invoke";

/// One request, as policy is asked about it.
pub(crate) struct Question<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) verifier: &'a Verifier,
    pub(crate) stage: &'a LiveStage,
    pub(crate) method: &'a DeployedMethod,
    pub(crate) head: &'a Parts,
    pub(crate) path: &'a RequestPath<'a>,
    pub(crate) body: &'a [u8],
    pub(crate) source: &'a Source,
    pub(crate) now: Timestamp,
}

/// A refused caller: who it was, as far as that was proven, and why, for the audit trail.
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    pub(crate) principal: Arc<Principal>,
    pub(crate) reason: String,
}

impl Question<'_> {
    /// The caller, where it may call; `None` where the method asks no one's name.
    pub(crate) fn ask(&self) -> Result<Option<Arc<Principal>>, Denied> {
        let principal = match self.method.authorization {
            Authorization::AwsIam => Some(self.authenticate()?),
            Authorization::None => None,
            // Whoever a function lets in is not named to policies: only what they deny is asked here.
            Authorization::Custom => return self.not_denied().map(|()| None),
        };
        // Without a resource policy, a method that asks no one's name is open to everyone, as its owner said.
        if principal.is_none() && self.stage.policy.is_none() {
            return Ok(None);
        }
        let asking = principal.clone().unwrap_or_else(|| Arc::new(Principal::Anonymous));
        self.evaluate(&asking, &self.resource())?;
        if let Some(path) = self.path.with_slashes() {
            self.evaluate(&asking, &self.resource_at(&path))?;
        }
        Ok(principal)
    }

    /// Refuses what the API's own policy denies to strangers.
    fn not_denied(&self) -> Result<(), Denied> {
        let context = self.context(&Principal::Anonymous);
        for resource in self.resources() {
            if let Some(denial) = self.by_own_policy(&resource, &context).err().filter(is_explicit) {
                let nobody = Arc::new(Principal::Anonymous);
                return Err(Denied {
                    refusal: Refusal::denied(self.message(&nobody, &resource, Some(&denial))),
                    reason: format!("{}: {denial}", denial.reason_text(ACTION)),
                    principal: nobody,
                });
            }
        }
        Ok(())
    }

    /// What the API's own policy says of somebody whom it does not know. Without one it says nothing.
    // SECURITY: whoever a function vouches for is nobody's user: a policy that names principals does not mean him.
    fn by_own_policy(&self, resource: &str, context: &Context) -> Result<(), Denial> {
        let nobody = Principal::Anonymous;
        let request = Request {
            principal: nobody.policy_view(),
            action: ACTION,
            resource,
            resource_account: self.stage.record.account.as_str(),
            context,
        };
        let set = PolicySet { resource: self.stage.policy.as_ref(), ..PolicySet::default() };
        match policy::evaluate(&request, &set) {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(denial) => Err(denial),
        }
    }

    /// Lets a caller in whom a function vouches for, by AWS's table for an authorizer beside a resource policy: what either
    /// denies is denied, what either allows is allowed, and what neither speaks of is not.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html>
    pub(crate) fn vouched(&self, verdict: &Verdict) -> Result<(), Denied> {
        let context = self.context(&Principal::Anonymous);
        let account = self.stage.record.account;
        for resource in self.resources() {
            let said = authorizer::judge(verdict, &resource, account.as_str(), &context);
            let own = self.by_own_policy(&resource, &context);
            let denied = [&said, &own].into_iter().filter_map(|it| it.as_ref().err()).any(is_explicit);
            if !denied && (said.is_ok() || own.is_ok()) {
                continue;
            }
            let tail = if denied { " with an explicit deny" } else { "" };
            return Err(Denied {
                refusal: Refusal::denied(format!("User is not authorized to access this resource{tail}")),
                principal: Arc::new(Principal::Anonymous),
                reason: "neither what the authorizer said of the caller nor the API's own policy allows it, or one \
                         denies it"
                    .to_owned(),
            });
        }
        Ok(())
    }

    /// The resource as policies may name it: in its other form too, where a path has one.
    fn resources(&self) -> Vec<String> {
        let other = self.path.with_slashes().map(|path| self.resource_at(&path));
        std::iter::once(self.resource()).chain(other).collect()
    }

    fn authenticate(&self) -> Result<Arc<Principal>, Denied> {
        let request = sigv4::Request {
            method: self.head.method.as_str(),
            path: self.head.uri.path(),
            query: self.head.uri.query().unwrap_or_default(),
            headers: &self.head.headers,
            body: self.body,
        };
        let regions = [self.pipeline.region().as_str()];
        let expected = Expected { service: "execute-api", regions: &regions, s3: false };
        let verified = self.verifier.verify_as_sent(&request, &expected, self.pipeline.directory(), self.now);
        verified.map(|verified| verified.principal).map_err(|error| Denied {
            refusal: Refusal::unsigned(error.refusal(Family::ExecuteApi)),
            principal: Arc::new(Principal::Anonymous),
            reason: error.to_string(),
        })
    }

    fn evaluate(&self, principal: &Arc<Principal>, resource: &str) -> Result<(), Denied> {
        let denied = |message: String, reason: String| Denied {
            refusal: Refusal::denied(message),
            principal: Arc::clone(principal),
            reason,
        };
        // SECURITY: a directory that cannot answer refuses.
        let unreadable = |error: identity::DirectoryError| {
            tracing::error!(error = %base::Chain(&error), "the policies of a caller cannot be read");
            denied(self.message(principal, resource, None), "the caller's policies cannot be read".to_owned())
        };
        let directory = self.pipeline.directory();
        let policies = directory.policies_for(principal).map_err(unreadable)?;
        let governance = principal.account().map(|account| directory.governance(account)).transpose();
        let governance = governance.map_err(unreadable)?.unwrap_or_default();
        let mut context = self.context(principal);
        governance.describe(&mut context, Whose::Principal);
        let service_control = governance.service_control(principal);
        let request = Request {
            principal: principal.policy_view(),
            action: ACTION,
            resource,
            resource_account: self.stage.record.account.as_str(),
            context: &context,
        };
        let set = PolicySet {
            identity: policies.identity(),
            boundary: policies.boundary(),
            session: policies.session(),
            resource: self.stage.policy.as_ref(),
            service_control: &service_control,
            ..PolicySet::default()
        };
        match policy::evaluate(&request, &set) {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(denial) => Err(denied(
                self.message(principal, resource, Some(&denial)),
                format!("{}: {denial}", denial.reason_text(ACTION)),
            )),
        }
    }

    /// The ARN that policies name: the request's own method and path, not the resource's template.
    pub(crate) fn resource(&self) -> String {
        self.resource_at(&self.path.for_policy())
    }

    fn resource_at(&self, path: &str) -> String {
        let stage = &self.stage.record;
        let (region, account) = (self.pipeline.region().as_str(), stage.account.as_str());
        let method = self.head.method.as_str();
        let (id, name) = (&stage.rest_api_id, &stage.stage_name);
        format!("arn:aws:execute-api:{region}:{account}:{id}/{name}/{method}/{path}")
    }

    /// API Gateway's sentence, which hides all but the end of the account.
    fn message(&self, principal: &Principal, resource: &str, denial: Option<&Denial>) -> String {
        let who = match principal {
            Principal::Anonymous => "anonymous",
            known => known.arn(),
        };
        let account = self.stage.record.account;
        let last = account.as_str().get(8..).unwrap_or_default();
        let masked = resource.replacen(account.as_str(), &format!("********{last}"), 1);
        let explicit = denial.is_some_and(|denial| denial.kind == DenialKind::Explicit);
        let tail = if explicit { " with an explicit deny" } else { "" };
        format!("User: {who} is not authorized to perform: {ACTION} on resource: {masked}{tail}")
    }

    fn context(&self, principal: &Principal) -> Context {
        let mut context = identity::context::of(principal, self.now);
        context.add("aws:CurrentTime", self.now.iso8601_secs());
        context.add("aws:EpochTime", self.now.secs().to_string());
        context.add("aws:SecureTransport", if self.source.is_secure { "true" } else { "false" });
        context.add("aws:RequestedRegion", self.pipeline.region().as_str());
        context.add("aws:ViaAWSService", "false");
        context.add("aws:SourceIp", self.source.ip.to_string());
        context.add("aws:UserAgent", self.source.user_agent.clone());
        if let Some(referer) = self.head.headers.get("referer").and_then(|value| value.to_str().ok()) {
            context.add("aws:Referer", referer);
        }
        context
    }
}

fn is_explicit(denial: &Denial) -> bool {
    denial.kind == DenialKind::Explicit
}
