//! The error shapes of the Parameter Store.
//!
//! The codes are AWS's, and so are the words where AWS has some.

use crate::model::Reference;

service::service_error! {
    /// What an operation answers when it refuses.
    pub enum Error {
        /// A value that the model lets through and the rules do not.
        Validation = "ValidationException",
        /// The name is kept for AWS.
        Reserved = "AccessDeniedException",
        /// There is no such parameter.
        NotFound = "ParameterNotFound",
        /// The parameter has no such version or label.
        VersionNotFound = "ParameterVersionNotFound",
        /// There is one of this name already.
        AlreadyExists = "ParameterAlreadyExists",
        /// The account has as many as it may.
        LimitExceeded = "ParameterLimitExceeded",
        /// The oldest version has to go and has a label.
        MaxVersionLimit = "ParameterMaxVersionLimitExceeded",
        /// A version would have more labels than it may.
        LabelLimit = "ParameterVersionLabelLimitExceeded",
        /// The name has more levels than it may.
        HierarchyLevels = "HierarchyLevelLimitExceededException",
        /// A parameter keeps the type that it was made with.
        HierarchyType = "HierarchyTypeMismatchException",
        /// The allowed pattern is no pattern.
        InvalidAllowedPattern = "InvalidAllowedPatternException",
        /// The value does not fit the allowed pattern.
        PatternMismatch = "ParameterPatternMismatchException",
        /// Parameter policies are not offered.
        InvalidPolicyType = "InvalidPolicyTypeException",
        /// There is no such key.
        InvalidKeyId = "InvalidKeyId",
        /// A filter's key is not one of this operation.
        InvalidFilterKey = "InvalidFilterKey",
        /// A filter's option is not one of its key.
        InvalidFilterOption = "InvalidFilterOption",
        /// A filter's value is not one of its key.
        InvalidFilterValue = "InvalidFilterValue",
        /// The token of a page is none.
        InvalidNextToken = "InvalidNextToken",
        /// Resources of this type are not here.
        InvalidResourceType = "InvalidResourceType",
        /// The resource is not there.
        InvalidResourceId = "InvalidResourceId",
        /// The parameter would have more tags than it may.
        TooManyTags = "TooManyTagsError",
    }
}

impl Error {
    /// There is no such parameter.
    pub(crate) fn not_found(reference: &Reference) -> Self {
        Self::NotFound(format!("Parameter {} not found.", reference.name()))
    }

    /// The parameter is there, and not in this version.
    pub(crate) fn no_version(number: u64, name: &str) -> Self {
        Self::VersionNotFound(format!(
            "Systems Manager could not find version {number} of {name}. Verify the version and try again."
        ))
    }

    /// The parameter is there, and no version of it has this label.
    pub(crate) fn no_label(label: &str, name: &str) -> Self {
        Self::VersionNotFound(format!(
            "Systems Manager could not find label {label} of {name}. Verify the label and try again."
        ))
    }

    /// The input is not acceptable, for this reason.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Validation(reason.into())
    }

    /// The token is none that a page gave.
    pub(crate) fn token() -> Self {
        Self::InvalidNextToken("The specified token is not valid.".to_owned())
    }
}
