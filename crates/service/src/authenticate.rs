//! Turns a request's signature into a principal.
//!
//! It decides nothing about what the principal may do, and knows no way to be someone without a signature.

use std::borrow::Cow;
use std::sync::Arc;

use base::{Region, Timestamp};
use identity::sigv4::{
    self, Claim, Expected, Family, Payload, Refusal, SignatureError, SignatureVersion, Verifier, version2,
};
use identity::{Directory, Principal};
use protocol::{Fault, Model, OperationModel, Protocol, RouteFault, WireRequest, WireResponse};

use crate::call::{Door, Signing, Source};

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
        service: &Named<'_>,
        request: &WireRequest<'_>,
        source: &Source,
        now: Timestamp,
    ) -> Result<Arc<Principal>, Fault> {
        let family = service.family();
        let verified = self.with_expected(service, |expected| {
            self.verifier.verify_as_sent(&signed(request), expected, &self.directory, now)
        });
        let verified = verified.map_err(|error| refusal(&error, family))?;
        through_its_door(source, &verified.principal, family)?;
        Ok(verified.principal)
    }

    /// The same where the body is still on its way, and how that must be checked. Who signs nothing at all is nobody:
    /// what nobody may do is for the policies of buckets to say.
    pub(crate) fn authenticate_head(
        &self,
        service: &Named<'_>,
        request: &WireRequest<'_>,
        source: &Source,
        now: Timestamp,
    ) -> Result<(Arc<Principal>, Payload, Option<Signing>), Fault> {
        let family = service.family();
        if family == Family::S3 && version2::is_claimed(request.query) {
            return self.authenticate_version2(request, source, now);
        }
        let verified = self.with_expected(service, |expected| {
            self.verifier.verify_head(&signed(request), expected, &self.directory, now)
        });
        let (principal, payload, signing) = match verified {
            Ok((verified, payload)) => {
                let (signed_at, presigned) = (verified.signed_at, verified.presigned);
                let content_sha256 = content_sha256(request, presigned);
                let (signed_at, version) = (Some(signed_at), SignatureVersion::V4);
                let signing = Signing { signed_at, version, presigned, content_sha256 };
                (verified.principal, payload, Some(signing))
            }
            // SECURITY: only where no part of a signature is stated; one that is wrong, or of another kind, is an error.
            Err(SignatureError::Missing) if family == Family::S3 => {
                let payload = Payload::of_unsigned(request.headers);
                (Arc::new(Principal::Anonymous), payload.map_err(|error| refusal(&error, family))?, None)
            }
            Err(error) => return Err(refusal(&error, family)),
        };
        through_its_door(source, &principal, family)?;
        Ok((principal, payload, signing))
    }

    /// The same of a presigned URL of version 2. What it signs is the path that is acted on, a host's bucket included.
    fn authenticate_version2(
        &self,
        request: &WireRequest<'_>,
        source: &Source,
        now: Timestamp,
    ) -> Result<(Arc<Principal>, Payload, Option<Signing>), Fault> {
        let path = protocol::addressed_path(None, request.headers, request.path);
        let sent = sigv4::Request { path: &path, ..signed(request) };
        let (principal, payload) = version2::verify(&sent, self.region.as_str(), &self.directory, now)
            .map_err(|error| refusal(&error, Family::S3))?;
        through_its_door(source, &principal, Family::S3)?;
        let content_sha256 = content_sha256(request, true);
        let version = SignatureVersion::V2;
        Ok((principal, payload, Some(Signing { signed_at: None, version, presigned: true, content_sha256 })))
    }

    fn with_expected<T>(&self, service: &Named<'_>, verify: impl FnOnce(&Expected<'_>) -> T) -> T {
        let is_global = matches!(service.signing_name, "iam" | "sts" | "organizations");
        let regions = [self.region.as_str(), GLOBAL_REGION];
        let regions = if is_global { regions.as_slice() } else { regions.split_at(1).0 };
        let s3 = service.family() == Family::S3;
        verify(&Expected { service: service.signing_name, regions, s3 })
    }
}

fn signed<'a>(request: &WireRequest<'a>) -> sigv4::Request<'a> {
    sigv4::Request {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: request.headers,
        body: request.body.as_ref(),
    }
}

/// What a request says of its body; of a presigned one nothing needs to be said.
fn content_sha256(request: &WireRequest<'_>, presigned: bool) -> String {
    let stated = request.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    match stated {
        Some(stated) => stated.to_owned(),
        None if presigned => "UNSIGNED-PAYLOAD".to_owned(),
        None => String::new(),
    }
}

/// A refused signature, in the words of the API.
pub(crate) fn refusal(error: &SignatureError, family: Family) -> Fault {
    let refusal = error.refusal(family);
    Fault::sender(refusal.code, refusal.message).with_status(refusal.status)
}

fn through_its_door(source: &Source, principal: &Principal, family: Family) -> Result<(), Fault> {
    let checked = source.check_door(principal, family);
    checked.map_err(|refusal| Fault::sender(refusal.code, refusal.message).with_status(refusal.status))
}

impl Source {
    /// Refuses a principal whom the door that the call came through does not let in. Whoever proves callers beside the pipeline asks
    /// this of each.
    ///
    /// # Errors
    /// Where the principal's credentials are not those of that door's environment, in the words of the API that was called.
    pub fn check_door(&self, principal: &Principal, family: Family) -> Result<(), Refusal> {
        match &self.door {
            Some(door) if !fits(door, principal) => Err(wrong_door(family)),
            _ => Ok(()),
        }
    }
}

// SECURITY: a function's way to the AWS APIs takes the credentials that were made for this very environment, and those of
// roles that were assumed with them through this very door; no others: stolen or smuggled keys are worth nothing inside. Which
// those are is sealed into their tokens.
fn fits(door: &Door, principal: &Principal) -> bool {
    let Principal::AssumedRole(session) = principal else { return false };
    let own = Some(door.environment_id.as_str());
    let is_its_own = session.role_arn() == door.role_arn && session.source_environment.as_deref() == own;
    is_its_own || session.began_in.as_deref() == own
}

fn wrong_door(family: Family) -> Refusal {
    let message = "Only the credentials of the function's own role, and of roles that it assumed, are accepted from inside its environment";
    Refusal { message: message.to_owned(), ..SignatureError::UnknownKey.refusal(family) }
}

/// What a request names, before anybody is proven.
pub(crate) struct Meant<'a> {
    /// Whose signature it carries.
    pub(crate) claim: Option<Claim<'a>>,
    /// The path below the host that was addressed.
    pub(crate) path: Cow<'a, str>,
    pub(crate) routed: Result<OperationModel, RouteFault>,
}

impl<'a> Meant<'a> {
    // SECURITY: before authentication only names are read: which API, which operation, whose signature.
    pub(crate) fn by(request: &WireRequest<'a>) -> Self {
        let claim = sigv4::claimed(request.headers, request.query);
        let scope = claim.map(|claim| claim.service);
        let path = protocol::addressed_path(scope, request.headers, request.path);
        let routed = protocol::route(scope, &WireRequest { path: &path, ..*request });
        Self { claim, path, routed }
    }
}

/// The API that a request means, as far as that is known before it is authenticated.
pub(crate) struct Named<'a> {
    operation: Option<OperationModel>,
    model: Option<&'static Model>,
    protocol: Protocol,
    signing_name: &'a str,
}

impl<'a> Named<'a> {
    /// From what routing found; a request that names no API at all is answered as the claim's or STS's would be.
    pub(crate) fn of(routed: &Result<OperationModel, RouteFault>, claim: Option<Claim<'a>>) -> Self {
        let claimed = || {
            let service = claim?.service;
            protocol::models().find(|model| model.signing_name() == service)
        };
        let (operation, model, protocol) = match routed {
            Ok(operation) => (Some(*operation), Some(operation.model()), operation.model().protocol()),
            Err(fault) => (None, fault.model.or_else(claimed), fault.protocol),
        };
        // SECURITY: who signs for a service that is not here has to sign rightly all the same, to be told that it is not.
        let signing_name = match (model, claim) {
            (Some(model), _) => model.signing_name(),
            (None, Some(claim)) => claim.service,
            (None, None) => "sts",
        };
        Self { operation, model, protocol, signing_name }
    }

    /// The operation that was meant, where that is known.
    pub(crate) const fn operation(&self) -> Option<OperationModel> {
        self.operation
    }

    /// The service that answers, for records: `sts.amazonaws.com`.
    pub(crate) fn event_source(&self) -> &'static str {
        self.model.map_or("signin.amazonaws.com", Model::event_source)
    }

    /// The same, of a service that is not here, too: by the name that was signed for, which anybody chose.
    pub(crate) fn claimed_source(&self) -> Cow<'static, str> {
        let plain = |name: &str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        match self.model {
            None if plain(self.signing_name) => Cow::Owned(format!("{}.amazonaws.com", self.signing_name)),
            _ => Cow::Borrowed(self.event_source()),
        }
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

#[cfg(test)]
mod tests {
    use identity::AssumedRole;

    use super::*;

    #[test]
    fn a_door_lets_in_its_own_session_and_what_was_assumed_through_it() {
        let account = "123456789012".parse().unwrap();
        let own = "arn:aws:iam::123456789012:role/own".to_owned();
        let door = Door { account, role_arn: own, environment_id: "env-1".into() };
        let session = |role: &str, source: Option<&str>, began: Option<&str>| {
            let mut made = AssumedRole::new(account, "/", role, "AROAX", "s");
            made.source_environment = source.map(str::to_owned);
            made.began_in = began.map(str::to_owned);
            Principal::AssumedRole(made)
        };
        for (principal, expected) in [
            (session("own", Some("env-1"), None), true),
            (session("other", None, Some("env-1")), true),
            // Its own role again, narrowed.
            (session("own", None, Some("env-1")), true),
            (session("other", Some("env-1"), None), false),
            (session("own", Some("env-2"), None), false),
            (session("own", None, Some("env-2")), false),
            (session("own", None, Some("")), false),
            (session("own", None, None), false),
            (Principal::root(account), false),
            (Principal::Anonymous, false),
        ] {
            assert_eq!(fits(&door, &principal), expected, "{principal:?}");
        }
    }
}
