//! What this API answers when it refuses.
//!
//! The words are AWS's.

use identity::DirectoryError;
use service::{Internal, service_error};

service_error! {
    /// What this API answers when it refuses.
    pub enum Error {
        /// A session policy is not a policy.
        MalformedPolicyDocument = "MalformedPolicyDocumentException",
        /// Session policies and tags are too large together.
        PackedPolicyTooLarge = "PackedPolicyTooLargeException",
        /// An encoded message was not made here.
        InvalidAuthorizationMessage = "InvalidAuthorizationMessageException",
        /// A value that the model lets through and the rules do not.
        ValidationError = "ValidationError",
        /// A web identity token is not what it should be.
        InvalidIdentityToken = "InvalidIdentityTokenException",
        /// A web identity token has ended.
        ExpiredToken = "ExpiredTokenException",
        /// An identity provider could not be asked for its keys.
        IdpCommunication = "IDPCommunicationErrorException",
        /// A web identity token asks for something that is refused.
        IdpRejectedClaim = "IDPRejectedClaimException",
        /// The account issues no web identity tokens.
        OutboundWebIdentityFederationDisabled = "OutboundWebIdentityFederationDisabledException",
        /// A token would outlive the session that asks for it.
        SessionDurationEscalation = "SessionDurationEscalationException",
        /// A token would be too large.
        JwtPayloadSizeExceeded = "JWTPayloadSizeExceededException",
        /// Tags that contradict each other or those of the calling session.
        InvalidParameterValue = "InvalidParameterValue",
    }
}

impl Error {
    /// A refusal that no policy took: status 403.
    pub(crate) fn denied(message: &str) -> Self {
        service::error::Fault::sender("AccessDenied", message).with_status(403).into()
    }

    /// The calling credentials are not of a kind that may do this: status 403.
    pub(crate) fn invalid_token() -> Self {
        let message = "The security token included in the request is invalid.";
        service::error::Fault::sender("InvalidClientTokenId", message).with_status(403).into()
    }
}

impl From<DirectoryError> for Error {
    fn from(error: DirectoryError) -> Self {
        Self::Internal(Internal::new(error))
    }
}
