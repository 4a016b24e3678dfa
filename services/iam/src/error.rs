//! What this API answers when it refuses.
//!
//! The words are AWS's; the helpers below hold each sentence once.

use identity::DirectoryError;
use service::{Internal, service_error};

service_error! {
    /// What this API answers when it refuses.
    pub enum Error {
        /// The named thing is not there.
        NoSuchEntity = "NoSuchEntityException",
        /// The name is taken.
        EntityAlreadyExists = "EntityAlreadyExistsException",
        /// Something still hangs on what should be deleted.
        DeleteConflict = "DeleteConflictException",
        /// A quota is full.
        LimitExceeded = "LimitExceededException",
        /// A policy document is not a policy of its kind.
        MalformedPolicyDocument = "MalformedPolicyDocumentException",
        /// A value that the model lets through and the rules do not.
        InvalidInput = "InvalidInputException",
        /// The same, in the words of the model.
        ValidationError = "ValidationError",
    }
}

impl Error {
    /// `noun` is `user`, `group` or `role`.
    pub(crate) fn no_such(noun: &str, name: &str) -> Self {
        Self::NoSuchEntity(format!("The {noun} with name {name} cannot be found."))
    }

    /// `title` is `User`, `Group` or `Role`.
    pub(crate) fn already(title: &str, name: &str) -> Self {
        Self::EntityAlreadyExists(format!("{title} with name {name} already exists."))
    }

    pub(crate) fn no_such_inline(noun: &str, name: &str) -> Self {
        Self::NoSuchEntity(format!("The {noun} policy with name {name} cannot be found."))
    }

    pub(crate) fn no_such_policy(arn: &str) -> Self {
        Self::NoSuchEntity(format!("Policy {arn} was not found."))
    }

    pub(crate) fn not_attachable(arn: &str) -> Self {
        Self::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable."))
    }

    pub(crate) fn no_such_key(id: &str) -> Self {
        Self::NoSuchEntity(format!("The Access Key with id {id} cannot be found."))
    }

    pub(crate) fn quota(name: &str, max: usize) -> Self {
        Self::LimitExceeded(format!("Cannot exceed quota for {name}: {max}"))
    }

    pub(crate) fn conflict(first: &str) -> Self {
        Self::DeleteConflict(format!("Cannot delete entity, must {first} first."))
    }

    /// Policies of AWS and of other accounts can be read and attached, never changed: status 403.
    pub(crate) fn outside_account() -> Self {
        service::error::Fault::sender("AccessDenied", "Policy is outside your own account.")
            .with_status(403)
            .into()
    }

    /// The calling credentials are not of a kind that may use this API: status 403.
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
