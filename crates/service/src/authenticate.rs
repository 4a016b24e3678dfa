//! Turns a request's signature into a principal.
//!
//! It decides nothing about what the principal may do, and knows no way to be someone without a signature.

use std::sync::Arc;

use base::{Region, Timestamp};
use identity::sigv4::{self, Claim, Expected, Family, Verifier};
use identity::{Directory, Principal};
use protocol::{Fault, Model, OperationModel, Protocol, RouteFault, WireRequest, WireResponse};

use crate::call::{Door, Source};

/// Checks signatures against the directory.
pub(crate) struct Authenticator {
    directory: Directory,
    region: Region,
    verifier: Verifier,
}

/// AWS's global services are signed for this region, whatever the caller's.
const GLOBAL_REGION: &str = "us-east-1";

impl Authenticator {
    pub(crate) fn new(directory: Directory, region: Region) -> Self {
        Self { directory, region, verifier: Verifier::new() }
    }

    /// The principal that signed for `service`.
    pub(crate) fn authenticate(
        &self,
        service: &Named,
        request: &WireRequest<'_>,
        source: &Source,
        now: Timestamp,
    ) -> Result<Arc<Principal>, Fault> {
        let signed = sigv4::Request {
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
        };
        let family = service.family();
        let is_global = matches!(service.signing_name, "iam" | "sts" | "organizations");
        let regions = [self.region.as_str(), GLOBAL_REGION];
        let regions = if is_global { regions.as_slice() } else { regions.split_at(1).0 };
        let expected = Expected { service: service.signing_name, regions, s3: family == Family::S3 };
        let verified = self.verifier.verify(&signed, &expected, &self.directory, now).map_err(|error| {
            let refusal = error.refusal(family);
            Fault::sender(refusal.code, refusal.message).with_status(refusal.status)
        })?;
        if let Some(door) = &source.door
            && !fits(door, &verified.principal)
        {
            return Err(wrong_door(family));
        }
        Ok(verified.principal)
    }
}

// SECURITY: a function's way to the AWS APIs takes the credentials that were made for this very environment, and no
// others: stolen or smuggled keys are worth nothing inside.
fn fits(door: &Door, principal: &Principal) -> bool {
    match principal {
        Principal::AssumedRole(session) => {
            session.role_arn() == door.role_arn
                && session.source_environment.as_deref() == Some(door.environment_id.as_str())
        }
        _ => false,
    }
}

fn wrong_door(family: Family) -> Fault {
    let refusal = sigv4::SignatureError::UnknownKey.refusal(family);
    let message = "Only the credentials of the function's own role are accepted from inside its environment";
    Fault::sender(refusal.code, message).with_status(refusal.status)
}

/// The API that a request means, as far as that is known before it is authenticated.
pub(crate) struct Named {
    operation: Option<OperationModel>,
    model: Option<&'static Model>,
    protocol: Protocol,
    signing_name: &'static str,
}

impl Named {
    /// From what routing found; a request that names no API at all is answered as the claim's or STS's would be.
    pub(crate) fn of(routed: &Result<OperationModel, RouteFault>, claim: Option<Claim<'_>>) -> Self {
        let claimed = || {
            let service = claim?.service;
            protocol::models().find(|model| model.signing_name() == service)
        };
        let (operation, model, protocol) = match routed {
            Ok(operation) => (Some(*operation), Some(operation.model()), operation.model().protocol()),
            Err(fault) => (None, fault.model.or_else(claimed), fault.protocol),
        };
        Self { operation, model, protocol, signing_name: model.map_or("sts", Model::signing_name) }
    }

    /// The operation that was meant, where that is known.
    pub(crate) const fn operation(&self) -> Option<OperationModel> {
        self.operation
    }

    /// The service that answers, for records: `sts.amazonaws.com`.
    pub(crate) fn event_source(&self) -> &'static str {
        self.model.map_or("signin.amazonaws.com", Model::event_source)
    }

    /// The answer, in the form of the API that was meant.
    pub(crate) fn encode(&self, fault: &Fault, request_id: &str) -> WireResponse {
        match self.model {
            Some(model) => protocol::encode_fault(model, self.operation, fault, request_id),
            None => {
                RouteFault { model: None, protocol: self.protocol, fault: fault.clone() }.encode(request_id)
            }
        }
    }

    const fn family(&self) -> Family {
        match self.protocol {
            Protocol::Query => Family::Query,
            Protocol::Json10 | Protocol::Json11 => Family::Json,
            Protocol::RestJson => Family::RestJson,
            _ => Family::S3,
        }
    }
}
