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
use service::observation::{self, Missing};
use service::{Explained, Pipeline, RefusedRequest, Source};

use crate::authorizer::{self, Verdict};
use crate::records::{Authorization, DeployedMethod};
use crate::refusal::Refusal;
use crate::route::RequestPath;
use crate::stages::LiveStage;

/// What the trail says of credentials that an environment's door does not let in.
pub(crate) const ELSEWHERE: &str =
    "the credentials are not those of the environment that the call came out of";
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
    pub(crate) request_id: &'a str,
}

/// A caller who may call.
#[derive(Default)]
pub(crate) struct Admitted {
    /// Who; `None` where the method asks no one's name.
    pub(crate) principal: Option<Arc<Principal>>,
    /// What observe mode let through.
    pub(crate) missing: Vec<Missing>,
}

/// A refused caller: who it was, as far as that was proven, and why, for the audit trail.
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    pub(crate) principal: Arc<Principal>,
    /// What the trail of the caller's account says; of a stranger, the owner's.
    pub(crate) recorded: Box<str>,
    /// The sealed message and the whole evaluation, where policy refused.
    pub(crate) explained: Option<Box<Explained>>,
}

impl Denied {
    /// A caller who was not proven, or not looked at; `reason` is for the trail alone.
    pub(crate) fn unproven(refusal: Refusal, principal: Arc<Principal>, reason: &str) -> Self {
        let recorded = format!("{} ({reason})", refusal.message()).into();
        Self { refusal, principal, recorded, explained: None }
    }
}

impl Question<'_> {
    /// The caller, where it may call.
    pub(crate) fn ask(&self) -> Result<Admitted, Denied> {
        let principal = match self.method.authorization {
            Authorization::AwsIam => Some(self.authenticate()?),
            Authorization::None => None,
            // Whoever a function lets in is not named to policies: only what they deny is asked here.
            Authorization::Custom => return self.not_denied().map(|()| Admitted::default()),
        };
        // Without a resource policy, a method that asks no one's name is open to everyone, as its owner said.
        if principal.is_none() && self.stage.policy.is_none() {
            return Ok(Admitted::default());
        }
        let asking = principal.clone().unwrap_or_else(|| Arc::new(Principal::Anonymous));
        let mut missing = Vec::new();
        for resource in self.resources() {
            missing.extend(self.evaluate(&asking, &resource)?);
        }
        Ok(Admitted { principal, missing })
    }

    /// Refuses what the API's own policy denies to strangers.
    fn not_denied(&self) -> Result<(), Denied> {
        let context = self.context(&Principal::Anonymous);
        for resource in self.resources() {
            let nobody = Arc::new(Principal::Anonymous);
            let request = self.request(&nobody, &resource, &context);
            let set = self.own_policy();
            if let Some(denial) = refusal_of(&request, &set).filter(is_explicit) {
                return Err(self.denied(&nobody, &request, &set, &denial));
            }
        }
        Ok(())
    }

    /// The API's own policy alone. Without one it says nothing.
    fn own_policy(&self) -> PolicySet<'_> {
        PolicySet { resource: self.stage.policy.as_ref(), ..PolicySet::default() }
    }

    fn request<'r>(
        &'r self,
        principal: &'r Principal,
        resource: &'r str,
        context: &'r Context,
    ) -> Request<'r> {
        Request {
            principal: principal.policy_view(),
            action: ACTION,
            resource,
            resource_account: self.stage.record.account.as_str(),
            context,
        }
    }

    /// Lets a caller in whom a function vouches for, by AWS's table for an authorizer beside a resource policy: what either
    /// denies is denied, what either allows is allowed, and what neither speaks of is not.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html>
    // SECURITY: whoever a function vouches for is nobody's user: an API's policy that names principals does not mean him.
    pub(crate) fn vouched(&self, verdict: &Verdict) -> Result<(), Denied> {
        let context = self.context(&Principal::Anonymous);
        let (account, nobody) = (self.stage.record.account, Arc::new(Principal::Anonymous));
        for resource in self.resources() {
            let (asked, said) = authorizer::asked(verdict, &resource, account.as_str(), &context);
            let (stranger, own) = (self.request(&nobody, &resource, &context), self.own_policy());
            let denials = [refusal_of(&asked, &said), refusal_of(&stranger, &own)];
            let [by_verdict, by_own] = &denials;
            let explicit = denials.iter().flatten().find(|denial| is_explicit(denial));
            let Some(denial) = explicit.or(by_verdict.as_ref().filter(|_| by_own.is_some())) else {
                continue;
            };
            let sentence = "User is not authorized to access this resource";
            let told = format!("{sentence} {}", denial.reason_text(ACTION));
            let explained = self.pipeline.explain_refusal(&RefusedRequest {
                request: asked,
                set: said,
                denial,
                besides: policy::explain(&stranger, &own).policies,
                request_id: self.request_id,
            });
            return Err(Denied {
                refusal: Refusal::denied(told.clone()),
                principal: nobody,
                recorded: told.into(),
                explained: Some(Box::new(explained)),
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
        let unproven = |refusal, reason: &str| {
            Denied::unproven(Refusal::unsigned(refusal), Arc::new(Principal::Anonymous), reason)
        };
        let principal = verified
            .map_err(|error| unproven(error.refusal(Family::ExecuteApi), &error.to_string()))?
            .principal;
        // SECURITY: out of an environment only its own credentials are good for anything.
        let fits = self.source.check_door(&principal, Family::ExecuteApi);
        fits.map_err(|refusal| unproven(refusal, ELSEWHERE))?;
        Ok(principal)
    }

    fn evaluate(&self, principal: &Arc<Principal>, resource: &str) -> Result<Option<Missing>, Denied> {
        // SECURITY: a directory that cannot answer refuses.
        let unreadable = |error: identity::DirectoryError| {
            tracing::error!(error = %base::Chain(&error), "the policies of a caller cannot be read");
            let refusal = Refusal::denied(sentence(principal, &self.masked(resource)));
            Denied::unproven(refusal, Arc::clone(principal), "the caller's policies cannot be read")
        };
        let directory = self.pipeline.directory();
        let policies = directory.policies_for(principal).map_err(unreadable)?;
        let governance = principal.account().map(|account| directory.governance(account)).transpose();
        let governance = governance.map_err(unreadable)?.unwrap_or_default();
        let mut context = self.context(principal);
        governance.describe(&mut context, Whose::Principal);
        let service_control = governance.service_control(principal);
        let request = self.request(principal, resource, &context);
        let set = PolicySet {
            identity: policies.identity(),
            boundary: policies.boundary(),
            session: policies.session(),
            resource: self.stage.policy.as_ref(),
            service_control: &service_control,
            ..PolicySet::default()
        };
        match refusal_of(&request, &set) {
            None => Ok(None),
            Some(denial) if observation::lets_through(principal, &request, &set, &denial) => {
                Ok(Some(Missing { action: ACTION.to_owned(), resource: resource.to_owned() }))
            }
            Some(denial) => Err(self.denied(principal, &request, &set, &denial)),
        }
    }

    /// The refusal as its caller and the trails are told it. The caller reads which kind of policy refused, and not which one: the
    /// answer goes to whoever uses the API, and hides the account.
    fn denied(
        &self,
        principal: &Arc<Principal>,
        request: &Request<'_>,
        set: &PolicySet<'_>,
        denial: &Denial,
    ) -> Denied {
        let told =
            format!("{} {}", sentence(principal, &self.masked(request.resource)), denial.reason_text(ACTION));
        let recorded =
            format!("{} {}", sentence(principal, request.resource), denial.reason_with_policy(ACTION));
        let explained = self.pipeline.explain_refusal(&RefusedRequest {
            request: *request,
            set: *set,
            denial,
            besides: Vec::new(),
            request_id: self.request_id,
        });
        // A stranger's message is for nobody: the trail has it.
        let is_known = !matches!(**principal, Principal::Anonymous);
        let refusal = Refusal::denied(told).sealed_in(is_known.then(|| explained.message.as_str().into()));
        Denied {
            refusal,
            principal: Arc::clone(principal),
            recorded: recorded.into(),
            explained: Some(Box::new(explained)),
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

    /// The resource as API Gateway tells it to callers: all but the end of the account is hidden.
    pub(crate) fn masked(&self, resource: &str) -> String {
        let account = self.stage.record.account;
        let last = account.as_str().get(8..).unwrap_or_default();
        resource.replacen(account.as_str(), &format!("********{last}"), 1)
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

/// API Gateway's sentence, without its reason.
pub(crate) fn sentence(principal: &Principal, resource: &str) -> String {
    let who = match principal {
        Principal::Anonymous => "anonymous",
        known => known.arn(),
    };
    format!("User: {who} is not authorized to perform: {ACTION} on resource: {resource}")
}

fn refusal_of(request: &Request<'_>, set: &PolicySet<'_>) -> Option<Denial> {
    match policy::evaluate(request, set) {
        Decision::Allow(_) => None,
        Decision::Deny(denial) => Some(denial),
    }
}

fn is_explicit(denial: &Denial) -> bool {
    denial.kind == DenialKind::Explicit
}
