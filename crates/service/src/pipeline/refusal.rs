//! Calls that come to nothing: what their callers are told, what operators are told, and what is put on record.
//!
//! It refuses nothing itself.

use base::{AccountId, Timestamp};
use identity::Principal;
use observe::{Outcome, Record};
use protocol::{Fault, OperationModel, RouteFault, WireResponse};

use super::{Attempt, Pipeline};
use crate::access::Check;
use crate::authenticate::Named;
use crate::denial::MESSAGE_HEADER;
use crate::observation::Missing;
use crate::record::{self, Arrival};
use crate::registry::Failure;

/// Why a call was refused, with the sealed message that explains a denial.
pub(crate) struct Refused {
    pub(crate) fault: Fault,
    pub(crate) why: Option<Box<Why>>,
    /// What observe mode had let through until then.
    pub(crate) missing: Box<[Missing]>,
    /// What was refused, of this call or on its way, is another account's than the caller's.
    pub(crate) abroad: bool,
}

/// What is told of a denial besides its sentence.
pub(crate) struct Why {
    /// What was refused.
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    /// The sealed message; `None` for whoever is told no more than that it is refused.
    pub(crate) message: Option<String>,
    /// The whole evaluation as JSON, for the record.
    pub(crate) evaluation: Vec<u8>,
    /// What the resource's owner is told, where it is another account and refuses.
    pub(crate) theirs: Option<RefusedByOwner>,
}

/// A refusal as the account sees it whose policies refuse.
pub(crate) struct RefusedByOwner {
    pub(crate) owner: AccountId,
    /// In the words of its own policies.
    pub(crate) message: String,
    /// Its side of the evaluation as JSON.
    pub(crate) evaluation: Vec<u8>,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self { fault, why: None, missing: Box::default(), abroad: false }
    }
}

impl Pipeline {
    /// Logs what only operators may know, and keeps what the caller may.
    pub(crate) fn blame(&self, operation: OperationModel, failure: Failure) -> Fault {
        if let Some(cause) = failure.cause {
            tracing::error!(
                service = operation.model().service(),
                operation = operation.name(),
                cause,
                "a call failed inside the platform"
            );
        }
        failure.fault
    }

    // SECURITY: a refused call is on record before its caller is answered.
    pub(super) async fn record_refused(
        &self,
        attempt: &Attempt,
        parameters: Option<Vec<u8>>,
        checks: &[Check],
        refused: &Refused,
    ) {
        // Nobody signed for what comes through an open function URL: strangers fill no disk there either.
        let is_stranger = matches!(*attempt.principal, Principal::Anonymous);
        if is_stranger && !self.0.strangers.admit(self.0.home, "strangers", attempt.arrived) {
            return;
        }
        let details = match refused.why.as_deref() {
            Some(why) => Some(record::refusal(why)),
            // What came to no question needed no leave: without this, readers would take it for one that its name says.
            None if checks.is_empty() => Some(record::unasked()),
            None => None,
        };
        let mut record = record::of(attempt, &self.0.region, parameters, checks, details);
        let others = record::of_owners(&attempt.principal, &attempt.source, &mut record);
        self.keep(record, &refused.fault).await;
        if let Some(theirs) = refused.why.as_ref().and_then(|why| why.theirs.as_ref()) {
            self.tell_owner(theirs, others, &refused.fault, attempt.arrived).await;
        }
    }

    /// The owner of what was refused has a record of it, with its own side of the evaluation.
    // SECURITY: at a rate that fills no disk: whoever is refused writes into the trail of another account.
    async fn tell_owner(
        &self,
        theirs: &RefusedByOwner,
        others: Vec<Record>,
        fault: &Fault,
        arrived: Timestamp,
    ) {
        let Some(mut record) = others.into_iter().find(|record| record.account == theirs.owner) else {
            return;
        };
        let is_there = self.0.directory.account_exists(theirs.owner).unwrap_or(false);
        if is_there && self.0.abroad.admit(theirs.owner, "refusals", arrived) {
            record.additional_event_data = Some(record::evaluation(&theirs.evaluation));
            self.keep(record, &Fault { message: theirs.message.clone(), ..fault.clone() }).await;
        }
    }

    /// Strangers fill no disk: beyond a rate, their refusals are no longer recorded one by one.
    pub(super) async fn record_stranger(
        &self,
        stranger: &record::Stranger<'_>,
        fault: &Fault,
        arrival: &Arrival<'_>,
    ) {
        if self.0.strangers.admit(self.0.home, "strangers", arrival.at) {
            let account = stranger.account(&self.0.directory).unwrap_or(self.0.home);
            self.keep(stranger.record(account, arrival), fault).await;
        }
    }

    /// Whoever looks for what there is, is seen; and no faster than it may call anything.
    pub(super) async fn refuse_unrouted(
        &self,
        service: &Named<'_>,
        principal: &Principal,
        fault: RouteFault,
        arrival: &Arrival<'_>,
        asked: &str,
    ) -> RouteFault {
        let account = principal.account().unwrap_or(self.0.home);
        // Who is nobody takes nothing of the share that the platform's owner has, and fills no disk.
        let is_anonymous = matches!(principal, Principal::Anonymous);
        let bucket = if is_anonymous { "anonymous" } else { "unknown" };
        let fault = match self.0.throttle.admit(account, bucket, arrival.at) {
            true => fault,
            false => RouteFault { fault: Fault::sender("ThrottlingException", "Rate exceeded"), ..fault },
        };
        if !is_anonymous || self.0.strangers.admit(self.0.home, "strangers", arrival.at) {
            self.keep(record::of_unrouted(service, principal, account, arrival, asked), &fault.fault).await;
        }
        fault
    }

    pub(super) async fn keep(&self, record: Record, fault: &Fault) {
        let outcome = Outcome::failure(fault.code.clone(), fault.message.clone());
        if self.0.audit.record(record, outcome).await.is_err() {
            tracing::error!(code = %fault.code, "a refused call could not be recorded");
        }
    }
}

/// A call that cannot be recorded does not succeed, whatever it did.
pub(super) fn unrecorded() -> Fault {
    tracing::error!("a call could not be recorded");
    Fault::internal()
}

pub(super) fn not_implemented(service: &str, operation: &str, reason: Option<&str>) -> Fault {
    let message = match reason {
        Some(reason) => format!("{service}:{operation} is not offered here: {reason}"),
        None => format!("{service}:{operation} is not implemented yet"),
    };
    Fault::sender("NotImplemented", message).with_status(501)
}

pub(super) fn encode_refused(operation: OperationModel, refused: &Refused, request_id: &str) -> WireResponse {
    let mut response = protocol::encode_fault(operation.model(), Some(operation), &refused.fault, request_id);
    let message = refused.why.as_ref().and_then(|why| why.message.as_deref());
    if let Some(message) = message.and_then(|message| http::HeaderValue::from_str(message).ok()) {
        response.headers.insert(MESSAGE_HEADER, message);
    }
    response
}
