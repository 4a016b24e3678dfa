//! What this API answers when it refuses.

service::service_error! {
    /// The error shapes of CloudFormation.
    pub enum Error {
        /// The input, the template or the stack's state does not allow the call.
        Validation = "ValidationError",
        /// A stack of this name exists.
        AlreadyExists = "AlreadyExistsException",
        /// The template does what the caller did not acknowledge.
        InsufficientCapabilities = "InsufficientCapabilitiesException",
        /// There is no such change set.
        ChangeSetNotFound = "ChangeSetNotFoundException",
        /// The change set cannot be executed or deleted now.
        InvalidChangeSetStatus = "InvalidChangeSetStatusException",
        /// A request token was used for another request.
        TokenAlreadyExists = "TokenAlreadyExistsException",
        /// A quota is reached.
        LimitExceeded = "LimitExceededException",
    }
}

impl From<template::TemplateError> for Error {
    fn from(error: template::TemplateError) -> Self {
        let message = match error.line() {
            Some(line) if !error.message().contains("(line ") => format!("{} (line {line})", error.message()),
            _ => error.message().to_owned(),
        };
        Self::Validation(message)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(service::Internal::new(error))
    }
}

/// `Stack [name] does not exist`
pub(crate) fn no_stack(name: &str) -> Error {
    Error::Validation(format!("Stack [{name}] does not exist"))
}

/// `Stack with id name does not exist`
pub(crate) fn no_stack_with_id(name: &str) -> Error {
    Error::Validation(format!("Stack with id {name} does not exist"))
}
