//! A refusal that a gateway took by policy, told as the pipeline tells its own: a sealed message for the caller, and the whole
//! evaluation for the trails.
//!
//! It decides nothing: the decision is handed in with what it was taken from.

use base::AccountId;
use policy::{Decision, Denial, PolicySet, PolicyTrace, Request};

use crate::denial::Account;
use crate::pipeline::Pipeline;
use crate::{evaluation, observation, record};

/// A request that policy refused outside of a call to a service.
pub struct RefusedRequest<'a> {
    /// What was asked.
    pub request: Request<'a>,
    /// The policies that had a say.
    pub set: PolicySet<'a>,
    /// What they decided.
    pub denial: &'a Denial,
    /// Policies that were asked apart, such as an API's own beside what an authorizer says.
    pub besides: Vec<PolicyTrace>,
    /// The id of the request, by which the sealed message leads to its record.
    pub request_id: &'a str,
}

/// What is told of it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The sealed message.
    pub message: String,
    /// What the record in the trail of the caller's account adds; of a stranger, that in the owner's.
    pub details: Vec<u8>,
    /// What the owner of the resource is told, where the caller is of another account.
    pub owner: Option<OwnerTold>,
}

/// A refusal as the resource's owner sees it, whose caller is another account's.
#[derive(Clone, Debug)]
pub struct OwnerTold {
    /// The account that the caller is of.
    pub caller: AccountId,
    /// Why the owner's own policies refuse, at the end of a sentence; `None` where they do not.
    pub reason: Option<String>,
    /// What the record adds.
    pub details: Vec<u8>,
}

impl Pipeline {
    /// Tells of a refusal. Nothing in `request.context` may have been looked up at the resource.
    pub fn explain_refusal(&self, refused: &RefusedRequest<'_>) -> Explained {
        let RefusedRequest { request, set, denial, besides, request_id } = refused;
        let caller = request.principal.account.parse::<AccountId>().ok();
        let foreign = caller.filter(|caller| caller.as_str() != request.resource_account);
        let mut explanation = policy::explain(request, set);
        explanation.policies.extend(besides.iter().cloned());
        evaluation::as_decided(&mut explanation, denial);
        let own = caller.as_ref().map_or(request.resource_account, AccountId::as_str);
        evaluation::redact(&mut explanation, request, own, request.context);
        // SECURITY: of another account's policy the message tells nothing either.
        let sealed = match foreign {
            Some(_) => Denial { statement: None, undecided: None, ..(*denial).clone() },
            None => (*denial).clone(),
        };
        let message = self.denials().seal(Account { request, known: request, denial: &sealed, request_id });
        let details = record::details(&message, &evaluation::written(explanation));
        let owner = foreign.map(|caller| owner_told(caller, request, set));
        Explained { message, details, owner }
    }
}

/// What the resource's side says alone, as if the caller's account allowed everything.
fn owner_told(caller: AccountId, request: &Request<'_>, set: &PolicySet<'_>) -> OwnerTold {
    let everything = (*observation::EVERYTHING).as_slice();
    let side = PolicySet {
        identity: everything,
        boundary: None,
        session: &[],
        service_control: &[],
        endpoint: None,
        ..*set
    };
    let mut explanation = policy::explain(request, &side);
    let reason = match policy::evaluate(request, &side) {
        Decision::Allow(_) => None,
        Decision::Deny(denial) => {
            evaluation::as_decided(&mut explanation, &denial);
            Some(denial.reason_with_policy(request.action))
        }
    };
    evaluation::for_owner(&mut explanation, caller.as_str());
    OwnerTold { caller, reason, details: record::evaluation(&evaluation::written(explanation)) }
}
