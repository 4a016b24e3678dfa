//! Turns a request's signature into a principal.
//!
//! It decides nothing about what the principal may do, and knows no way to be someone without a signature.

use std::sync::Arc;

use base::{Region, Timestamp};
use identity::sigv4::{self, Expected, Family, Verifier};
use identity::{Directory, Principal};
use protocol::{Fault, OperationModel, WireProtocol, WireRequest};

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

    /// The principal that signed for `service`, by the rules of `wire`.
    pub(crate) fn authenticate(
        &self,
        service: &str,
        family: Family,
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
        let regions = [self.region.as_str(), GLOBAL_REGION];
        let is_global = matches!(service, "iam" | "sts" | "organizations" | "cloudfront" | "route53");
        let regions = if is_global { regions.as_slice() } else { regions.split_at(1).0 };
        let expected = Expected { service, regions, s3: family == Family::S3 };
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

/// How the API of this operation words authentication errors.
pub(crate) fn family(operation: OperationModel) -> Family {
    match operation.model().protocol() {
        WireProtocol::Query => Family::Query,
        WireProtocol::Json10 | WireProtocol::Json11 => Family::Json,
        WireProtocol::RestJson => Family::RestJson,
        WireProtocol::RestXml => Family::S3,
    }
}
