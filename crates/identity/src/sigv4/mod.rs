//! AWS Signature Version 4: checks signed requests and presigned URLs, and signs, over the bytes that were sent.
//!
//! Nothing here decodes, repairs or re-serialises what will be handled: the raw path, query, headers and body are what
//! is hashed. It decides who signed, never what they may do. SigV4A is refused, chunked (`STREAMING-…`) payloads are for bodies
//! that are checked while they arrive, version 2 is taken of S3's presigned URLs alone ([`version2`]), and there is no mode in which a signature is not compared.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

mod canonical;
mod claim;
mod error;
mod keys;
mod payload;
mod sign;
mod streamed;
mod verify;
pub mod version2;

use std::sync::Arc;

use base::{SecretString, Timestamp};

pub use claim::{Claim, claimed, is_signed};
pub use error::{Family, Refusal, SignatureError};
pub use keys::SigningKeys;
pub use sign::{Signer, presign, sign};
pub use streamed::{Payload, PayloadDecoder};
pub use verify::{Verified, Verifier};

use crate::principal::Principal;

/// The one algorithm that is accepted.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far a signature's time may lie from ours, either way, in minutes.
pub const SKEW_MINUTES_MAX: i64 = 15;

/// The longest life of a presigned URL: a week.
pub const PRESIGNED_SECS_MAX: i64 = 604_800;

/// The most headers that a signature may name.
pub const SIGNED_HEADERS_MAX: usize = 128;

/// The version of a signature that was found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureVersion {
    /// Of a presigned URL of S3's: see [`version2`].
    V2,
    /// Of all else.
    V4,
}

impl SignatureVersion {
    /// As S3's policies write it in `s3:signatureversion`.
    pub const fn policy_name(self) -> &'static str {
        match self {
            Self::V2 => "AWS",
            Self::V4 => ALGORITHM,
        }
    }

    /// As CloudTrail writes it.
    pub const fn trail_name(self) -> &'static str {
        match self {
            Self::V2 => "SigV2",
            Self::V4 => "SigV4",
        }
    }
}

/// A request as it arrived. Over HTTP/2 the edge puts `:authority` into `host` first.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The query as sent, without `?`.
    pub query: &'a str,
    /// The headers in order of arrival.
    pub headers: &'a http::HeaderMap,
    /// The whole body; empty where it is still on its way.
    pub body: &'a [u8],
}

/// What a signature must be scoped to, and which rules it was made under.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The service's signing name, for example `dynamodb` or `execute-api`.
    pub service: &'a str,
    /// The regions that are accepted: one for most, also `us-east-1` for global services.
    pub regions: &'a [&'a str],
    /// The rules of S3: the path is encoded once and never normalised, the payload's hash stands in a header, and
    /// the payload may stay unsigned.
    pub s3: bool,
}

/// A secret and whom it belongs to.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The secret access key.
    pub secret: Arc<SecretString>,
    /// The principal that this key proves, its `access_key_id` being the one that was asked for.
    pub principal: Arc<Principal>,
}

/// Why there is no credential to check against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// No such key, an inactive one, or one whose owner is gone.
    #[error("the access key is not known")]
    Unknown,
    /// The session token is missing, damaged, or belongs to another key.
    #[error("the session token is not valid")]
    InvalidToken,
    /// The session is over.
    #[error("the session has expired")]
    ExpiredToken,
    /// The directory cannot tell: refuse, and let the caller try again.
    #[error("the directory cannot answer")]
    Unavailable,
}

/// Where secrets are looked up.
pub trait CredentialSource: Send + Sync {
    /// The credential under this key; `session_token` is what the request carried.
    fn credential(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Credential, CredentialError>;

    /// Hears that a request was proven with this key. It must not wait.
    fn used(&self, access_key_id: &str, service: &str, region: &str, now: Timestamp) {
        let _ = (access_key_id, service, region, now);
    }
}
