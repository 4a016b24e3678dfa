//! What this API answers when it refuses, in API Gateway's words where they are known.
//!
//! The constructors below are for sentences that several operations share.

use gateway::StageError;
use gateway::records::RecordError;
use service::{Internal, service_error};

service_error! {
    /// What this API answers when it refuses.
    pub enum Error {
        /// The input breaks a rule that the model does not know.
        BadRequest = "BadRequestException",
        /// It is there already, or still in use.
        Conflict = "ConflictException",
        /// There are as many as there may be.
        LimitExceeded = "LimitExceededException",
        /// It is not there.
        NotFound = "NotFoundException",
    }
}

impl Error {
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::BadRequest(message.into())
    }

    /// What is deliberately not offered.
    pub(crate) fn unsupported(what: &str) -> Self {
        Self::BadRequest(format!("{what} is not supported yet"))
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::NotFound(format!("Invalid {what} identifier specified"))
    }
}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        Self::Internal(Internal::new(error))
    }
}

impl From<StageError> for Error {
    fn from(error: StageError) -> Self {
        match error {
            StageError::NoDeployment => Self::BadRequest("Deployment id does not exist".to_owned()),
            StageError::Policy(_) => Self::BadRequest(crate::model::INVALID_POLICY.to_owned()),
            StageError::Model(_, error) => Self::BadRequest(crate::models::invalid(&error)),
            StageError::Pattern(pattern) => Self::BadRequest(format!("Invalid selection pattern: {pattern}")),
            other @ (StageError::Store(_) | StageError::Record(_)) => Self::Internal(Internal::new(other)),
        }
    }
}
