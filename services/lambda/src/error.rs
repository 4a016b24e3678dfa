//! The API's error shapes, plus faults handed on and errors of ours.
//!
//! Every shape of this API also carries `Type`, `User` where the caller is at fault; callers never see a cause.

use std::fmt;

use protocol::Fault;
use service::{Internal, ServiceError};
use store::StoreError;

/// When a caller who found no room may try again: an invocation more or less ends at any moment.
const RETRY_AFTER_SECS: &str = "1";

/// What this API answers when it refuses.
#[derive(Debug)]
pub enum Error {
    /// The caller may not do this, or Lambda may not do it for the caller.
    AccessDenied(String),
    /// The machine's runtime cannot run this function.
    InvalidRuntime(String),
    /// A parameter is not valid.
    InvalidParameterValue(String),
    /// The payload is not what the function can be given.
    InvalidRequestContent(String),
    /// The revision is not the latest one.
    PreconditionFailed(String),
    /// The request's payload is too large.
    RequestTooLarge(String),
    /// The request's code is too large.
    RequestEntityTooLarge(String),
    /// The code signing configuration does not exist.
    CodeSigningConfigNotFound(String),
    /// The account would have more code than it may.
    CodeStorageExceeded,
    /// Nobody whom the function trusts signed the package.
    CodeVerificationFailed(String),
    /// A signature is not of what the package holds.
    InvalidCodeSignature(String),
    /// The policy would be too long.
    PolicyLengthExceeded(String),
    /// Nothing is kept ready for this version or alias.
    NoProvisionedConcurrency,
    /// The function has called itself too often.
    RecursiveInvocation,
    /// The resource exists already, or is in use.
    ResourceConflict(String),
    /// The resource does not exist.
    ResourceNotFound(String),
    /// Too many executions.
    TooManyRequests {
        /// The bound that was reached.
        reason: &'static str,
        /// For the caller.
        message: String,
    },
    /// The platform is stopping.
    Unavailable,
    /// No environment can be made at this moment.
    NoEnvironment,
    /// A constraint that the model does not state.
    Validation(String),
    /// A fault of another service, handed on.
    Passed(Box<Fault>),
    /// An error of ours.
    Internal(Internal),
}

impl Error {
    /// An error of ours, from its cause.
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(Internal::new(cause))
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::InvalidRuntime(_) => "InvalidRuntimeException",
            Self::InvalidParameterValue(_) => "InvalidParameterValueException",
            Self::InvalidRequestContent(_) => "InvalidRequestContentException",
            Self::PreconditionFailed(_) => "PreconditionFailedException",
            Self::RequestTooLarge(_) => "RequestTooLargeException",
            Self::RequestEntityTooLarge(_) => "RequestEntityTooLargeException",
            Self::CodeSigningConfigNotFound(_) => "CodeSigningConfigNotFoundException",
            Self::CodeStorageExceeded => "CodeStorageExceededException",
            Self::CodeVerificationFailed(_) => "CodeVerificationFailedException",
            Self::InvalidCodeSignature(_) => "InvalidCodeSignatureException",
            Self::PolicyLengthExceeded(_) => "PolicyLengthExceededException",
            Self::NoProvisionedConcurrency => "ProvisionedConcurrencyConfigNotFoundException",
            Self::RecursiveInvocation => "RecursiveInvocationException",
            Self::ResourceConflict(_) => "ResourceConflictException",
            Self::ResourceNotFound(_) => "ResourceNotFoundException",
            Self::TooManyRequests { .. } => "TooManyRequestsException",
            Self::Unavailable => "ServiceUnavailableException",
            Self::Validation(_) => "ValidationException",
            Self::NoEnvironment | Self::Passed(_) | Self::Internal(_) => "ServiceException",
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::AccessDenied(message)
            | Self::InvalidRuntime(message)
            | Self::InvalidParameterValue(message)
            | Self::InvalidRequestContent(message)
            | Self::PreconditionFailed(message)
            | Self::RequestTooLarge(message)
            | Self::RequestEntityTooLarge(message)
            | Self::CodeSigningConfigNotFound(message)
            | Self::CodeVerificationFailed(message)
            | Self::InvalidCodeSignature(message)
            | Self::PolicyLengthExceeded(message)
            | Self::ResourceConflict(message)
            | Self::ResourceNotFound(message)
            | Self::TooManyRequests { message, .. }
            | Self::Validation(message) => message,
            Self::CodeStorageExceeded => "Code storage limit exceeded.",
            Self::NoProvisionedConcurrency => "No Provisioned Concurrency Config found for this function",
            Self::RecursiveInvocation => {
                "Lambda has detected your function being invoked in a recursive loop with other AWS resources and \
                 stopped your function's invocation."
            }
            Self::Unavailable => "The platform is stopping.",
            Self::NoEnvironment => {
                "Lambda was unable to start an execution environment on this machine. Please try again later."
            }
            Self::Passed(fault) => &fault.message,
            Self::Internal(_) => "Service encountered an internal error.",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Internal(internal) => std::error::Error::source(internal),
            _ => None,
        }
    }
}

impl ServiceError for Error {
    fn into_fault(self) -> Fault {
        let (code, message) = (self.code(), self.message().to_owned());
        match self {
            Self::Passed(fault) => *fault,
            Self::Internal(_) => Fault::internal(),
            Self::AccessDenied(_) => Fault::sender(code, message).with_status(403),
            // No error of its model: HTTP's own, as AWS answers it.
            Self::RequestEntityTooLarge(_) => Fault::sender(code, message).with_status(413),
            Self::Unavailable => Fault::sender(code, message).with_status(503),
            Self::NoEnvironment => {
                Fault::sender(code, message).with_status(500).with_member("Type", "Service")
            }
            // Its own model says 502, and that the caller is at fault.
            Self::InvalidRuntime(_) => {
                Fault::sender(code, message).with_status(502).with_member("Type", "User")
            }
            Self::TooManyRequests { reason, .. } => Fault::sender(code, message)
                .with_status(429)
                .with_header("retry-after", RETRY_AFTER_SECS)
                .with_member("Reason", reason)
                .with_member("Type", "User"),
            _ => Fault::sender(code, message).with_member("Type", "User"),
        }
    }

    fn internal(&self) -> Option<&Internal> {
        match self {
            Self::Internal(internal) => Some(internal),
            _ => None,
        }
    }
}

impl From<Internal> for Error {
    fn from(internal: Internal) -> Self {
        Self::Internal(internal)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Internal(Internal::new(error))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Passed(Box::new(fault))
    }
}
