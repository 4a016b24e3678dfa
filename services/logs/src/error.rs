//! The error shapes of CloudWatch Logs.

service::service_error! {
    /// What an operation answers when it refuses.
    pub enum Error {
        /// A parameter is not acceptable.
        InvalidParameter = "InvalidParameterException",
        /// The group, stream or resource is not there.
        ResourceNotFound = "ResourceNotFoundException",
        /// There is one of this name already.
        ResourceAlreadyExists = "ResourceAlreadyExistsException",
        /// The resource would have more tags than it may.
        TooManyTags = "TooManyTagsException",
        /// The group's state forbids it.
        Validation = "ValidationException",
    }
}

impl Error {
    /// There is no such group.
    pub(crate) fn no_group() -> Self {
        Self::ResourceNotFound("The specified log group does not exist.".to_owned())
    }

    /// There is no such stream.
    pub(crate) fn no_stream() -> Self {
        Self::ResourceNotFound("The specified log stream does not exist.".to_owned())
    }

    /// The parameter is not acceptable, for this reason.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::InvalidParameter(reason.into())
    }
}
