//! Asks policy for every leave that a call needs, with the condition keys that the platform itself knows.
//!
//! It decides nothing: evaluation is the `policy` crate's, the policies are the directory's, and what is asked was
//! said by the service's access function.

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use base::{AccountId, Region, Timestamp};
use identity::governance::{Governance, Whose};
use identity::{Directory, DirectoryError, Principal, PrincipalPolicies};
use policy::{Context, Decision, Denial, DenialKind, Policy, PolicyKind, PolicySet, PolicyType, Request};
use protocol::OperationModel;

use crate::access::{Access, Check};
use crate::call::Source;
use crate::denial::{self, Account, Denials};
use crate::evaluation;
use crate::observation::{self, Missing};
use crate::pipeline::{Refused, RefusedByOwner, Why};

/// Stands in for the trust policy of a role that does not exist, so that it cannot be told from one that trusts others.
static NOBODY: LazyLock<Option<Policy>> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"nobody.invalid"},"Action":"sts:*"}]}"#;
    Policy::parse(document, PolicyKind::Trust).ok()
});
/// The answer where there is none to stand in.
const UNTRUSTED: Denial =
    Denial { kind: DenialKind::Implicit, policy_type: PolicyType::Trust, statement: None, undecided: None };

/// The answer to whoever acts for an account that was closed.
const CLOSED: &str = "The account is closed";

/// Who calls what, from where and when.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) account: AccountId,
    pub(crate) source: &'a Source,
    pub(crate) operation: OperationModel,
    pub(crate) now: Timestamp,
    pub(crate) request_id: &'a str,
}

/// One call, as policy is asked about it.
pub(crate) struct Question<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) denials: &'a Denials,
    pub(crate) region: &'a Region,
    pub(crate) caller: Caller<'a>,
    /// The leave as it is asked for where the other account that it is about has nothing.
    pub(crate) alone: Option<&'a Access>,
    /// Nothing is asked of any other account.
    pub(crate) is_alone: bool,
}

impl Question<'_> {
    /// Ok where every check is granted, with what observe mode let through; else the first refusal.
    pub(crate) fn ask(&self, access: &Access) -> Result<Vec<Missing>, Refused> {
        if access.is_open() {
            return Ok(Vec::new());
        }
        // SECURITY: an operation that asks for nothing was not thought about: it is denied, not open.
        if access.checks().is_empty() {
            let message = format!("{} has no action mapped", self.caller.operation.name());
            return Err(denial::denied(self.caller.operation, message).into());
        }
        let known = self.known().map_err(|error| self.unreadable(&error))?;
        if known.governance.is_closed() {
            return Err(denial::denied(self.caller.operation, CLOSED.to_owned()).into());
        }
        let common = self.context(&known);
        let mut missing = Vec::new();
        for check in access.checks() {
            missing.extend(self.either(check, &known, &common)?);
        }
        Ok(missing)
    }

    /// Takes the decision, and tells its refusal to nobody, as if other accounts had nothing: it is as long as the true one is
    /// on the caller's side, and nothing of theirs has a part in it.
    pub(crate) fn ask_alone(&self, access: &Access) {
        let alone = Question { is_alone: true, alone: Some(access), ..*self };
        let _ = black_box(alone.ask(black_box(access)));
    }

    /// What the directory says of the caller, once for the whole call.
    fn known(&self) -> Result<Known, DirectoryError> {
        let account = self.caller.principal.account();
        let governance = account.map(|account| self.directory.governance(account)).transpose()?;
        Ok(Known {
            policies: self.directory.policies_for(self.caller.principal)?,
            governance: governance.unwrap_or_default(),
        })
    }

    fn unreadable(&self, error: &DirectoryError) -> Refused {
        unreadable(self.caller.operation, error)
    }

    /// The check, or what suffices in its place; what refuses is told of the check itself.
    fn either(&self, check: &Check, known: &Known, common: &Context) -> Result<Option<Missing>, Refused> {
        match (self.check(check, known, common), &check.or) {
            (Ok(None), _) => Ok(None),
            // What observe mode would let through is not missing where the other is allowed.
            (first, Some(other)) => match self.check(other, known, common) {
                Ok(None) => Ok(None),
                _ => first,
            },
            (first, None) => first,
        }
    }

    fn check(&self, check: &Check, known: &Known, common: &Context) -> Result<Option<Missing>, Refused> {
        let owner = check.resource_account.unwrap_or(self.caller.account);
        let governance = if Some(owner) == self.caller.principal.account() {
            Arc::clone(&known.governance)
        } else if self.is_alone {
            Arc::default()
        } else {
            self.directory.governance(owner).map_err(|error| self.unreadable(&error))?
        };
        let with_own_keys;
        let context = if check.context.is_empty() && governance.organization().is_none() {
            common
        } else {
            with_own_keys = own_keys(common, check, &governance);
            &with_own_keys
        };
        let request = Request {
            principal: self.caller.principal.policy_view(),
            action: check.action,
            resource: &check.resource,
            resource_account: owner.as_str(),
            context,
        };
        let service_control = known.governance.service_control(self.caller.principal);
        let resource_control = governance.resource_control(self.caller.principal, check.action);
        // SECURITY: what a closed account has is there for nobody: as if no policy and no grant of its let anyone in.
        let theirs = check.resource_policy.as_ref().filter(|_| !governance.is_closed());
        let set = PolicySet {
            identity: known.policies.identity(),
            boundary: known.policies.boundary(),
            session: known.policies.session(),
            resource: theirs.or(if check.is_trust { NOBODY.as_ref() } else { None }),
            service_control: &service_control,
            resource_control: &resource_control,
            grant: check.grant.as_deref().filter(|_| !governance.is_closed()),
            resource_decides: check.resource_decides || governance.is_closed(),
            ..PolicySet::default()
        };
        // SECURITY: before the caller's own policies, which see what is looked up there only where the owner lets him in: how
        // long they take, too, would tell him of it.
        let theirs = self.refused_by_owner(owner, check, &request, &set);
        let decision = match &theirs {
            Some((_, reason)) => Decision::Deny(reason.clone()),
            None => policy::evaluate(&request, &set),
        };
        let denial = match decision {
            Decision::Allow(_) if check.is_trust && set.resource.is_none() => UNTRUSTED,
            Decision::Allow(_) => return Ok(None),
            Decision::Deny(denial) => denial,
        };
        if observation::lets_through(self.caller.principal, &request, &set, &denial) {
            let (action, resource) = (check.action.to_owned(), check.resource.clone());
            return Ok(Some(Missing { action, resource }));
        }
        let within = known.governance.organization().is_some_and(|id| governance.organization() == Some(id));
        let is_within = within || Some(owner) == self.caller.principal.account();
        let alone = || self.without_looked_up(check, common, &governance, context);
        let blind = theirs.as_ref().map(|_| alone());
        let is_let_in = theirs.is_some() && policy::lets_in(&request, &set);
        let seen = Seen { owner, common, is_within, is_let_in, theirs, blind };
        Err(self.refused(check, request, &set, denial, seen))
    }

    /// The refusal as its caller, both accounts' trails and the sealed message tell it.
    fn refused(
        &self,
        check: &Check,
        request: Request<'_>,
        set: &PolicySet<'_>,
        mut denial: Denial,
        Seen { owner, common, is_within, is_let_in, theirs, blind }: Seen<'_>,
    ) -> Refused {
        let request = Request { context: blind.as_ref().unwrap_or(request.context), ..request };
        // SECURITY: whom the other account does not let in learns nothing of what was looked up there, not even by what
        // his own policies make of it: their conditions would tell the tags of what he may not see, and that it exists.
        if let Some((_, reason)) = &theirs {
            denial = told_abroad(policy::evaluate(&request, set), reason, is_let_in);
        }
        let told = check.told_as.as_deref().unwrap_or(&check.resource);
        let fault = match &check.refused_as {
            Some(message) => denial::denied(self.caller.operation, message.clone()),
            None => {
                let reason = match is_within {
                    true => denial.reason_with_policy(request.action),
                    false => denial.reason_text(request.action),
                };
                denial::fault(self.caller.operation, self.caller.principal, request.action, told, &reason)
            }
        };
        // What stands in for the trust policy of a role that is not there is nobody's.
        let shown = PolicySet { resource: check.resource_policy.as_ref(), ..*set };
        let evaluation = self.evaluated(&request, &shown, &denial, common);
        let known = Request { resource: told, context: common, ..request };
        let message = self.explained(request, &known, &denial);
        let theirs = theirs.map(|(theirs, _)| theirs);
        let resource = told.to_owned();
        let why = Why { action: check.action, resource, message, evaluation, theirs };
        // Who is nobody of any account is of another than every owner.
        let is_own = match self.caller.principal {
            Principal::WebIdentity(_) | Principal::Anonymous => false,
            known => known.account() == Some(owner),
        };
        Refused { fault, why: Some(Box::new(why)), missing: Box::default(), abroad: !is_own }
    }

    /// The keys of the check as they are where the other account has nothing.
    fn without_looked_up(
        &self,
        check: &Check,
        common: &Context,
        governance: &Governance,
        context: &Context,
    ) -> Context {
        let same = |alone: &&Check| alone.action == check.action && alone.resource == check.resource;
        match self.alone.and_then(|alone| alone.checks().iter().find(same)) {
            Some(alone) => without_families(&own_keys(common, alone, governance)),
            None => without_families(context),
        }
    }

    /// What the resource's side says alone where it is another account's and refuses: for the owner's own trail.
    // SECURITY: the owner is told what its own policies refuse, as if the caller's account allowed everything; whether it
    // does is not looked at.
    fn refused_by_owner(
        &self,
        owner: AccountId,
        check: &Check,
        request: &Request<'_>,
        set: &PolicySet<'_>,
    ) -> Option<(RefusedByOwner, Denial)> {
        let account = self.caller.principal.account()?;
        if account == owner || matches!(self.caller.principal, Principal::Service(_)) {
            return None;
        }
        let everything = std::slice::from_ref((*observation::EVERYTHING).as_ref()?);
        let side = PolicySet {
            identity: everything,
            resource: set.resource,
            resource_control: set.resource_control,
            grant: set.grant,
            resource_decides: set.resource_decides,
            ..PolicySet::default()
        };
        let Decision::Deny(denial) = policy::evaluate(request, &side) else { return None };
        let told =
            format!("A principal of account {account} is not authorized to perform: {}", request.action);
        let message =
            format!("{told} on resource: {} {}", request.resource, denial.reason_with_policy(request.action));
        let shown = PolicySet { resource: check.resource_policy.as_ref(), ..side };
        let mut explanation = policy::explain(request, &shown);
        evaluation::as_decided(&mut explanation, &denial);
        evaluation::for_owner(&mut explanation, account.as_str());
        Some((RefusedByOwner { owner, message, evaluation: evaluation::written(explanation) }, denial))
    }

    /// The whole evaluation, as the caller's account may see it.
    fn evaluated(
        &self,
        request: &Request<'_>,
        set: &PolicySet<'_>,
        denial: &Denial,
        common: &Context,
    ) -> Vec<u8> {
        let mut explanation = policy::explain(request, set);
        evaluation::as_decided(&mut explanation, denial);
        evaluation::redact(&mut explanation, request, self.caller.account.as_str(), common);
        evaluation::written(explanation)
    }

    /// The sealed account of a denial, which the caller's own account can open.
    // SECURITY: of what is another account's it tells nothing that was looked up there: no tags, no statement. Whom only a
    // provider knows is of no account that could open it: as in AWS he gets none, and no length of one to measure.
    fn explained(&self, request: Request<'_>, known: &Request<'_>, denial: &Denial) -> Option<String> {
        let request_id = self.caller.request_id;
        match self.caller.principal {
            Principal::WebIdentity(_) => None,
            caller if caller.account().is_some_and(|own| own.as_str() == request.resource_account) => {
                Some(self.denials.seal(Account { request: &request, known, denial, request_id }))
            }
            _ => {
                let denial = &Denial { statement: None, undecided: None, ..denial.clone() };
                let request = &Request { context: known.context, ..request };
                Some(self.denials.seal(Account { request, known, denial, request_id }))
            }
        }
    }

    /// The global keys of this call.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    fn context(&self, known: &Known) -> Context {
        let mut context = identity::context::of(self.caller.principal, self.caller.now);
        match self.caller.principal {
            Principal::Service(_) => known.governance.describe(&mut context, Whose::Source),
            // A provider's people belong to no organization.
            Principal::WebIdentity(_) => {}
            _ => known.governance.describe(&mut context, Whose::Principal),
        }
        let source = self.caller.source;
        context.add("aws:CurrentTime", self.caller.now.iso8601_secs());
        context.add("aws:EpochTime", self.caller.now.secs().to_string());
        context.add("aws:SecureTransport", if source.is_secure { "true" } else { "false" });
        context.add("aws:RequestedRegion", self.region.as_str());
        context.add("aws:ViaAWSService", if source.via.is_empty() { "false" } else { "true" });
        if source.via.is_empty() {
            // As in AWS, the caller's address is not told where a service calls in its name.
            context.add("aws:SourceIp", source.ip.to_string());
            context.add("aws:UserAgent", source.user_agent.clone());
            if let Some(referer) = &source.referer {
                context.add("aws:Referer", referer.clone());
            }
        }
        for service in &source.via {
            context.add("aws:CalledVia", *service);
        }
        if let (Some(first), Some(last)) = (source.via.first(), source.via.last()) {
            context.add("aws:CalledViaFirst", *first);
            context.add("aws:CalledViaLast", *last);
        }
        context
    }
}

// SECURITY: a directory that cannot answer refuses.
pub(crate) fn unreadable(operation: OperationModel, error: &DirectoryError) -> Refused {
    tracing::error!(error = %base::Chain(error), "the policies of a call cannot be read");
    denial::denied(operation, "the policies of the caller cannot be read".to_owned()).into()
}

/// Why the owner of a resource refuses, as its caller of another account is told: `blind` is decided without what was looked up.
// SECURITY: that an explicit deny applies by what was looked up tells that there is something. Only whom the owner lets in but
// for that deny is told of it; to all others it is as if there were nothing.
fn told_abroad(blind: Decision, reason: &Denial, is_let_in: bool) -> Denial {
    let lacks_theirs = |blind: &Denial| {
        blind.kind == DenialKind::Implicit
            && matches!(blind.policy_type, PolicyType::ResourceBased | PolicyType::Trust)
    };
    match blind {
        Decision::Deny(blind)
            if !(is_let_in && reason.kind == DenialKind::Explicit && lacks_theirs(&blind)) =>
        {
            blind
        }
        _ => reason.clone(),
    }
}

/// From where a refusal is seen.
struct Seen<'a> {
    /// Whose the resource is.
    owner: AccountId,
    /// The keys that are the caller's own.
    common: &'a Context,
    /// The caller is of the owner's account or organization: as in AWS, only then is the denying policy named.
    is_within: bool,
    /// The resource's policy lets the caller in, its denies aside.
    is_let_in: bool,
    /// What the owner is told where it refuses, and why it does.
    theirs: Option<(RefusedByOwner, Denial)>,
    /// The keys without those that were looked up there, where the owner refuses.
    blind: Option<Context>,
}

/// What the directory says of the caller.
struct Known {
    policies: Arc<PrincipalPolicies>,
    governance: Arc<Governance>,
}

/// Families of condition keys that are looked up at the target.
const LOOKED_UP: [&str; 3] = ["aws:resourcetag", "iam:resourcetag", "s3:existingobjecttag"];

fn without_families(context: &Context) -> Context {
    let mut left = Context::new();
    for (key, values) in context.iter() {
        let family = key.split('/').next().unwrap_or_default();
        if !LOOKED_UP.iter().any(|looked_up| looked_up.eq_ignore_ascii_case(family)) {
            left = left.with_all(key.to_owned(), values.iter().map(String::as_str));
        }
    }
    left
}

fn own_keys(common: &Context, check: &Check, governance: &Governance) -> Context {
    let mut context = common.clone();
    governance.describe(&mut context, Whose::Resource);
    for (key, values) in &check.context {
        for value in values {
            context.add(key.clone(), value.clone());
        }
    }
    context
}
