//! AWS's evaluation: an explicit deny anywhere ends it; then every type of policy that has a say must allow.
//!
//! The order of the steps decides only which of several reasons is given, never the answer. Nothing here reads a
//! policy's text or looks anything up.

use crate::decision::{Allowed, Decision, Denial, DenialKind, PolicyType, StatementRef, Undecided};
use crate::policy::{NamedPolicy, Policy, PolicyKind, PolicySet};
use crate::principal::Grant;
use crate::request::{PrincipalKind, Request};
use crate::statement::{Applies, Effect, Question, Statement};

/// Decides a request.
pub fn evaluate(request: &Request<'_>, set: &PolicySet<'_>) -> Decision {
    let question = Question::new(request, set.boundary.is_some());
    match Evaluation::run(&question, set) {
        Ok(by) => Decision::Allow(Allowed { by }),
        Err(denial) => Decision::Deny(denial),
    }
}

/// Whether the resource's policy lets the caller in for this, its own denies aside. It is no decision: it tells who may know
/// of a deny what nobody else may.
pub fn lets_in(request: &Request<'_>, set: &PolicySet<'_>) -> bool {
    let question = Question::new(request, set.boundary.is_some());
    set.grant.is_some() || set.resource.is_some_and(|policy| Opinion::of(&question, policy).allow.is_some())
}

/// What the policies of one type say together.
#[derive(Default)]
struct Opinion<'p> {
    deny: Option<Found<'p>>,
    /// The statement that names the caller most closely.
    allow: Option<(Grant, Found<'p>)>,
    undecided: Option<(&'static str, Found<'p>)>,
}

#[derive(Clone, Copy)]
struct Found<'p> {
    policy: Option<&'p NamedPolicy>,
    index: usize,
    statement: &'p Statement,
}

impl Found<'_> {
    fn to_ref(self, policy_type: PolicyType) -> StatementRef {
        StatementRef {
            policy_type,
            policy: self.policy.map(|named| named.name.clone()),
            index: self.index,
            sid: self.statement.sid.clone(),
        }
    }
}

impl<'p> Opinion<'p> {
    /// Asks every statement that may concern the action: a deny may stand last.
    fn add(&mut self, question: &Question<'_>, named: Option<&'p NamedPolicy>, policy: &'p Policy) {
        for (index, statement) in policy.concerning(question.action_head) {
            let found = Found { policy: named, index, statement };
            match (statement.applies(question), statement.effect) {
                (Applies::No(_), _) => {}
                (Applies::Yes(_), Effect::Deny) => self.deny = self.deny.or(Some(found)),
                (Applies::Yes(grant), Effect::Allow) => {
                    if self.allow.is_none_or(|(closest, _)| closest < grant) {
                        self.allow = Some((grant, found));
                    }
                }
                // SECURITY: what cannot be decided denies, and never allows.
                (Applies::Undecidable(reason, _), Effect::Deny) => {
                    self.undecided = Some((reason, found));
                    self.deny = self.deny.or(Some(found));
                }
                (Applies::Undecidable(reason, _), Effect::Allow) => {
                    self.undecided = self.undecided.or(Some((reason, found)));
                }
            }
        }
    }

    fn of_named(question: &Question<'_>, policies: &'p [NamedPolicy]) -> Self {
        let mut opinion = Self::default();
        policies.iter().for_each(|named| opinion.add(question, Some(named), &named.policy));
        opinion
    }

    fn of(question: &Question<'_>, policy: &'p Policy) -> Self {
        let mut opinion = Self::default();
        opinion.add(question, None, policy);
        opinion
    }

    fn refuse_if_denied(&self, policy_type: PolicyType) -> Result<(), Denial> {
        match &self.deny {
            None => Ok(()),
            Some(found) => Err(Denial {
                kind: DenialKind::Explicit,
                policy_type,
                statement: Some(found.to_ref(policy_type)),
                undecided: self.undecided(policy_type),
            }),
        }
    }

    fn require(&self, policy_type: PolicyType) -> Result<StatementRef, Denial> {
        match &self.allow {
            Some((_, found)) => Ok(found.to_ref(policy_type)),
            None => Err(Denial {
                kind: DenialKind::Implicit,
                policy_type,
                statement: None,
                undecided: self.undecided(policy_type),
            }),
        }
    }

    fn undecided(&self, policy_type: PolicyType) -> Option<Undecided> {
        self.undecided.map(|(reason, found)| Undecided { statement: found.to_ref(policy_type), reason })
    }
}

struct Evaluation<'p> {
    resource_control: Vec<Opinion<'p>>,
    service_control: Vec<Opinion<'p>>,
    endpoint: Option<Opinion<'p>>,
    identity: Opinion<'p>,
    boundary: Option<Opinion<'p>>,
    session: Option<Opinion<'p>>,
    resource: Opinion<'p>,
    resource_type: PolicyType,
    /// Without the resource's policy nobody may, whatever else allows it.
    resource_decides: bool,
    /// The resource's owner gave the caller leave outside of any policy.
    granted: bool,
}

impl<'p> Evaluation<'p> {
    fn run(question: &Question<'_>, set: &PolicySet<'p>) -> Result<Option<StatementRef>, Denial> {
        let request = question.request;
        let is_trust = set.resource.is_some_and(|policy| policy.kind() == PolicyKind::Trust);
        // Service control policies bind principals of accounts, and a service or a stranger is none.
        let binds = !matches!(request.principal.kind, PrincipalKind::Service | PrincipalKind::Anonymous);
        let service_control = if binds { set.service_control } else { &[] };
        let evaluation = Self {
            resource_control: levels(question, set.resource_control),
            service_control: levels(question, service_control),
            endpoint: set.endpoint.map(|policy| Opinion::of(question, policy)),
            identity: Opinion::of_named(question, set.identity),
            boundary: set.boundary.map(|named| Opinion::of_named(question, std::slice::from_ref(named))),
            session: (!set.session.is_empty()).then(|| Opinion::of_named(question, set.session)),
            resource: set.resource.map(|policy| Opinion::of(question, policy)).unwrap_or_default(),
            resource_type: if is_trust { PolicyType::Trust } else { PolicyType::ResourceBased },
            resource_decides: is_trust || set.resource_decides,
            granted: set.grant.is_some(),
        };
        evaluation.refuse_if_denied()?;
        evaluation.within_the_organization()?;
        match request.principal.kind {
            PrincipalKind::Service | PrincipalKind::Anonymous => evaluation.stranger(),
            _ if is_same_account(request) => evaluation.same_account(request.principal.kind),
            _ => evaluation.cross_account(request.principal.kind),
        }
    }

    /// An explicit deny anywhere ends it, before anything that is merely not allowed is told.
    fn refuse_if_denied(&self) -> Result<(), Denial> {
        for level in &self.resource_control {
            level.refuse_if_denied(PolicyType::ResourceControl)?;
        }
        for level in &self.service_control {
            level.refuse_if_denied(PolicyType::ServiceControl)?;
        }
        if let Some(endpoint) = &self.endpoint {
            endpoint.refuse_if_denied(PolicyType::VpcEndpoint)?;
        }
        self.resource.refuse_if_denied(self.resource_type)?;
        self.identity.refuse_if_denied(PolicyType::IdentityBased)?;
        if let Some(boundary) = &self.boundary {
            boundary.refuse_if_denied(PolicyType::PermissionsBoundary)?;
        }
        if let Some(session) = &self.session {
            session.refuse_if_denied(PolicyType::Session)?;
        }
        Ok(())
    }

    /// At every level of the organization, and at the private endpoint, something must allow.
    fn within_the_organization(&self) -> Result<(), Denial> {
        for level in &self.resource_control {
            level.require(PolicyType::ResourceControl)?;
        }
        for level in &self.service_control {
            level.require(PolicyType::ServiceControl)?;
        }
        if let Some(endpoint) = &self.endpoint {
            endpoint.require(PolicyType::VpcEndpoint)?;
        }
        Ok(())
    }

    /// What the resource's side says: its policy, or leave that its owner gave outside of any policy.
    fn resource_side(&self) -> Result<Option<StatementRef>, Denial> {
        if self.granted {
            return Ok(None);
        }
        self.resource.require(self.resource_type).map(Some)
    }

    /// Services and anonymous callers have no policies of their own.
    fn stranger(&self) -> Result<Option<StatementRef>, Denial> {
        self.resource_side()
    }

    /// Either side suffices; a trust policy must allow in any case.
    fn same_account(&self, kind: PrincipalKind) -> Result<Option<StatementRef>, Denial> {
        if self.granted {
            return Ok(None);
        }
        let allow = self.resource.allow.as_ref();
        let granted = allow.map(|(grant, found)| (*grant, found.to_ref(self.resource_type)));
        match granted {
            // Named exactly, the caller's boundary and session do not narrow what the resource's owner gave.
            Some((Grant::Exact, by)) => return Ok(Some(by)),
            Some((Grant::Role | Grant::Anyone, by)) => return self.narrowed(Some(by)),
            Some((Grant::Account, _)) => {}
            None if self.resource_decides => {
                self.resource.require(self.resource_type)?;
            }
            None => {}
        }
        self.principal_side(kind)
    }

    /// Both sides must allow.
    fn cross_account(&self, kind: PrincipalKind) -> Result<Option<StatementRef>, Denial> {
        self.resource_side()?;
        self.principal_side(kind)
    }

    /// What the caller's own account allows it.
    fn principal_side(&self, kind: PrincipalKind) -> Result<Option<StatementRef>, Denial> {
        if kind == PrincipalKind::Root {
            return self.narrowed(None);
        }
        let by = self.identity.require(PolicyType::IdentityBased)?;
        self.narrowed(Some(by))
    }

    /// Boundary and session policies allow nothing; they can only withhold.
    fn narrowed(&self, by: Option<StatementRef>) -> Result<Option<StatementRef>, Denial> {
        if let Some(boundary) = &self.boundary {
            boundary.require(PolicyType::PermissionsBoundary)?;
        }
        if let Some(session) = &self.session {
            session.require(PolicyType::Session)?;
        }
        Ok(by)
    }
}

/// Without both account ids it is another account: the stricter rule.
fn is_same_account(request: &Request<'_>) -> bool {
    !request.resource_account.is_empty() && request.resource_account == request.principal.account
}

fn levels<'p>(question: &Question<'_>, levels: &[&'p [NamedPolicy]]) -> Vec<Opinion<'p>> {
    levels.iter().map(|level| Opinion::of_named(question, level)).collect()
}
