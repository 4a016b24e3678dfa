//! What this API answers when it refuses.

use protocol::Fault;

use crate::zone::Closed;

service::service_error! {
    /// What this API answers when it refuses.
    pub enum Error {
        /// A document is not a policy, or of a kind that is not compared.
        InvalidParameter = "InvalidParameterException",
    }
}

impl Error {
    /// A value that the model lets through and the rules do not.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Fault::sender("ValidationException", message)
            .with_member("reason", "fieldValidationFailed".to_owned())
            .into()
    }

    /// Something that is deliberately not offered.
    pub(crate) fn not_supported(message: impl Into<String>) -> Self {
        Fault::sender("ValidationException", message).with_member("reason", "notSupported".to_owned()).into()
    }

    /// An organization that its analyzer's account may no longer look into.
    pub(crate) fn closed(closed: Closed) -> Self {
        Fault::sender("AccessDeniedException", closed.message()).with_status(403).into()
    }

    /// The named thing is not there.
    pub(crate) fn not_found(kind: &'static str, id: &str) -> Self {
        about("ResourceNotFoundException", format!("{kind} {id} does not exist."), kind, id)
    }

    /// It is there already, or in the way.
    pub(crate) fn conflict(message: impl Into<String>, kind: &'static str, id: &str) -> Self {
        about("ConflictException", message, kind, id)
    }

    /// A quota is reached.
    pub(crate) fn quota(message: impl Into<String>, kind: &'static str, id: &str) -> Self {
        about("ServiceQuotaExceededException", message, kind, id)
    }
}

fn about(code: &'static str, message: impl Into<String>, kind: &'static str, id: &str) -> Error {
    Fault::sender(code, message)
        .with_member("resourceId", id.to_owned())
        .with_member("resourceType", kind.to_owned())
        .into()
}

impl From<identity::DirectoryError> for Error {
    fn from(error: identity::DirectoryError) -> Self {
        Self::Internal(service::Internal::new(error))
    }
}
