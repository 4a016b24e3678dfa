//! Why a signature was refused, and how each family of APIs says so.
//!
//! The wire form belongs to the codecs; this gives code, message and status.

/// How an API words its authentication errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The query protocol: IAM, STS, CloudFormation.
    Query,
    /// JSON 1.0 and 1.1 (and CBOR): DynamoDB, Logs, CloudTrail.
    Json,
    /// REST with JSON: Lambda, API Gateway's control plane.
    RestJson,
    /// S3.
    S3,
    /// API Gateway stages and function URLs.
    ExecuteApi,
}

/// A refused signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request is not signed.
    #[error("the request is not signed")]
    Missing,
    /// The statement of a signature is malformed or lacks a part; the caller is told which.
    #[error("{0}")]
    Incomplete(String),
    /// More than one signature, or one that states a part twice.
    #[error("the request states its signature more than once")]
    Ambiguous,
    /// The signature is well-formed and wrong: a scope of another service, region or day, or a list of headers that is none.
    /// The caller is told which.
    #[error("{0}")]
    Mismatch(String),
    /// A header must be signed and is not; the caller is told which.
    #[error("{0}")]
    NotSigned(String),
    /// The signature is not the one that the secret gives.
    #[error("the signature is not the one that we calculated")]
    Wrong,
    /// The time of a signature is too far from ours; the caller is told both.
    #[error("{0}")]
    Skewed(String),
    /// A presigned URL was used after its end; the caller is told when that was.
    #[error("{0}")]
    PresignedExpired(String),
    /// `X-Amz-Expires` is no number from 1 to 604,800.
    #[error("{0}")]
    BadExpires(String),
    /// No such access key, an inactive one, or one whose owner is gone.
    #[error("the access key is not known")]
    UnknownKey,
    /// The session token is missing, damaged, or belongs to another key.
    #[error("the session token is not valid")]
    InvalidToken,
    /// The session is over.
    #[error("the session has expired")]
    ExpiredToken,
    /// `x-amz-content-sha256` is not the body's hash.
    #[error("the stated hash is not the body's")]
    PayloadMismatch,
    /// `x-amz-content-sha256` is absent where S3 requires it.
    #[error("the payload's hash is not stated")]
    PayloadHashMissing,
    /// `x-amz-content-sha256` is neither a hash nor one of S3's words for its absence.
    #[error("the payload's hash is no hash")]
    PayloadHashUnknown,
    /// A body that was checked while it arrived is not what was signed.
    #[error("a chunk's signature is not the one that we calculated")]
    ChunkWrong,
    /// A body that was checked while it arrived is not in chunks as it says, or ends early.
    #[error("the body is not in the form that its head states")]
    ChunkMalformed,
    /// A presigned URL of version 2 lacks a part, or says no time; the caller is told which.
    #[error("{0}")]
    QueryForm(String),
    /// A signature of another version, or one of version 2 that leaves a part of its URL open.
    #[error("the signature is of a kind that is not accepted here")]
    Unsupported,
    /// The payload is unsigned where it must be signed.
    #[error("the payload is not signed")]
    PayloadUnsigned,
    /// The payload is signed in chunks, or with a trailer.
    #[error("signed chunks are not supported")]
    PayloadStreaming,
    /// The directory of credentials cannot answer.
    #[error("the directory of credentials cannot answer")]
    Unavailable,
}

/// A refusal as an API words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error code.
    pub code: &'static str,
    /// For the caller.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}

/// The codes of one kind of refusal: in the query protocol, in JSON's, in S3.
struct Codes {
    query: (&'static str, u16),
    json: &'static str,
    s3: (&'static str, u16),
}

const fn codes(query: (&'static str, u16), json: &'static str, s3: (&'static str, u16)) -> Codes {
    Codes { query, json, s3 }
}

const MISSING: Codes =
    codes(("MissingAuthenticationToken", 403), "MissingAuthenticationTokenException", ("AccessDenied", 403));
const INCOMPLETE: Codes = codes(
    ("IncompleteSignature", 400),
    "IncompleteSignatureException",
    ("AuthorizationHeaderMalformed", 400),
);
const AMBIGUOUS: Codes =
    codes(("IncompleteSignature", 400), "IncompleteSignatureException", ("InvalidArgument", 400));
const WRONG: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("SignatureDoesNotMatch", 403));
const SCOPE: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("AuthorizationHeaderMalformed", 400));
const NOT_SIGNED: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("AccessDenied", 403));
const SKEWED: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("RequestTimeTooSkewed", 403));
const PRESIGNED: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("AccessDenied", 403));
const EXPIRES: Codes = codes(
    ("IncompleteSignature", 400),
    "IncompleteSignatureException",
    ("AuthorizationQueryParametersError", 400),
);
const UNKNOWN: Codes =
    codes(("InvalidClientTokenId", 403), "UnrecognizedClientException", ("InvalidAccessKeyId", 403));
const TOKEN: Codes =
    codes(("InvalidClientTokenId", 403), "UnrecognizedClientException", ("InvalidToken", 400));
const EXPIRED: Codes = codes(("ExpiredToken", 403), "ExpiredTokenException", ("ExpiredToken", 400));
const PAYLOAD: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("XAmzContentSHA256Mismatch", 400));
const PAYLOAD_MISSING: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("InvalidRequest", 400));
const PAYLOAD_UNKNOWN: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("InvalidArgument", 400));
const CHUNK: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("IncompleteBody", 400));
const UNSUPPORTED: Codes =
    codes(("IncompleteSignature", 400), "IncompleteSignatureException", ("InvalidRequest", 400));
const STREAMING: Codes =
    codes(("SignatureDoesNotMatch", 403), "InvalidSignatureException", ("NotImplemented", 501));

const WRONG_MESSAGE: &str = "The request signature we calculated does not match the signature you provided. \
     Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const WRONG_MESSAGE_S3: &str = "The request signature we calculated does not match the signature you provided. \
     Check your key and signing method.";

impl SignatureError {
    /// This refusal as `family` words it.
    pub fn refusal(&self, family: Family) -> Refusal {
        if *self == Self::Unavailable {
            return unavailable(family);
        }
        let (codes, message) = (self.codes(), self.message(family));
        let (code, status) = match family {
            Family::Query => codes.query,
            Family::Json => (codes.json, 400),
            Family::RestJson | Family::ExecuteApi => (codes.json, 403),
            Family::S3 => codes.s3,
        };
        Refusal { code, message: message.to_owned(), status }
    }

    const fn codes(&self) -> &'static Codes {
        match self {
            Self::Missing => &MISSING,
            Self::Incomplete(_) => &INCOMPLETE,
            Self::Ambiguous => &AMBIGUOUS,
            Self::Mismatch(_) => &SCOPE,
            Self::NotSigned(_) => &NOT_SIGNED,
            Self::Wrong | Self::ChunkWrong | Self::Unavailable => &WRONG,
            Self::PayloadHashUnknown => &PAYLOAD_UNKNOWN,
            Self::ChunkMalformed => &CHUNK,
            Self::Skewed(_) => &SKEWED,
            Self::PresignedExpired(_) | Self::QueryForm(_) => &PRESIGNED,
            Self::Unsupported => &UNSUPPORTED,
            Self::BadExpires(_) => &EXPIRES,
            Self::UnknownKey => &UNKNOWN,
            Self::InvalidToken => &TOKEN,
            Self::ExpiredToken => &EXPIRED,
            Self::PayloadMismatch => &PAYLOAD,
            Self::PayloadHashMissing | Self::PayloadUnsigned => &PAYLOAD_MISSING,
            Self::PayloadStreaming => &STREAMING,
        }
    }

    fn message(&self, family: Family) -> &str {
        let s3 = family == Family::S3;
        match self {
            Self::NotSigned(_) if s3 => "There were headers present in the request which were not signed",
            Self::Missing if s3 => "Access Denied",
            Self::Missing if matches!(family, Family::RestJson | Family::ExecuteApi) => {
                "Missing Authentication Token"
            }
            Self::Missing => "Request is missing Authentication Token",
            Self::Skewed(_) if s3 => {
                "The difference between the request time and the current time is too large."
            }
            Self::PresignedExpired(_) if s3 => "Request has expired",
            Self::Incomplete(message)
            | Self::Mismatch(message)
            | Self::NotSigned(message)
            | Self::Skewed(message)
            | Self::PresignedExpired(message)
            | Self::QueryForm(message)
            | Self::BadExpires(message) => message,
            Self::Unsupported => {
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            }
            Self::Ambiguous => {
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified"
            }
            Self::Wrong | Self::ChunkWrong | Self::Unavailable if s3 => WRONG_MESSAGE_S3,
            Self::Wrong | Self::ChunkWrong | Self::Unavailable => WRONG_MESSAGE,
            Self::PayloadHashUnknown => {
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
            }
            Self::ChunkMalformed => "The request body terminated unexpectedly",
            Self::UnknownKey if s3 => "The AWS Access Key Id you provided does not exist in our records.",
            Self::InvalidToken if s3 => "The provided token is malformed or otherwise invalid.",
            Self::UnknownKey | Self::InvalidToken => "The security token included in the request is invalid.",
            Self::ExpiredToken if s3 => "The provided token has expired.",
            Self::ExpiredToken => "The security token included in the request is expired",
            Self::PayloadMismatch if s3 => {
                "The provided 'x-amz-content-sha256' header does not match what was computed."
            }
            Self::PayloadMismatch => WRONG_MESSAGE,
            Self::PayloadHashMissing => "Missing required header for this request: x-amz-content-sha256",
            Self::PayloadUnsigned => "The payload of this request must be signed.",
            Self::PayloadStreaming => "A payload that is signed in chunks is not supported.",
        }
    }
}

fn unavailable(family: Family) -> Refusal {
    let code = match family {
        Family::Query | Family::S3 => "ServiceUnavailable",
        Family::Json | Family::RestJson | Family::ExecuteApi => "ServiceUnavailableException",
    };
    let message = "The request has failed due to a temporary failure of the server.".to_owned();
    Refusal { code, message, status: 503 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_own_words() {
        use Family::{ExecuteApi, Json, Query, RestJson, S3};
        let table = [
            (SignatureError::Missing, Query, "MissingAuthenticationToken", 403),
            (SignatureError::Missing, Json, "MissingAuthenticationTokenException", 400),
            (SignatureError::Missing, ExecuteApi, "MissingAuthenticationTokenException", 403),
            (SignatureError::Wrong, Query, "SignatureDoesNotMatch", 403),
            (SignatureError::Wrong, Json, "InvalidSignatureException", 400),
            (SignatureError::Wrong, RestJson, "InvalidSignatureException", 403),
            (SignatureError::UnknownKey, Query, "InvalidClientTokenId", 403),
            (SignatureError::UnknownKey, Json, "UnrecognizedClientException", 400),
            (SignatureError::UnknownKey, S3, "InvalidAccessKeyId", 403),
            (SignatureError::ExpiredToken, Query, "ExpiredToken", 403),
            (SignatureError::ExpiredToken, Json, "ExpiredTokenException", 400),
            (SignatureError::PayloadMismatch, S3, "XAmzContentSHA256Mismatch", 400),
            (SignatureError::Unavailable, Json, "ServiceUnavailableException", 503),
        ];
        for (error, family, code, status) in table {
            let refusal = error.refusal(family);
            assert_eq!((refusal.code, refusal.status), (code, status), "{error:?} in {family:?}");
            assert!(!refusal.message.is_empty());
        }
    }
}
