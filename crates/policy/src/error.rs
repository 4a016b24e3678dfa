//! Why a policy document was refused, in the words IAM uses for `MalformedPolicyDocument`.
//!
//! The error knows no error code: each service wraps these messages in its own shape.

/// A policy document that is not a policy of its kind. `Display` is the message for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not JSON, an unknown element, a wrong type, a duplicate name.
    #[error("Syntax errors in policy.")]
    Syntax {
        /// What exactly was wrong, for operators.
        detail: String,
    },
    /// Well-formed, and still not readable as IAM reads it.
    #[error("The policy failed legacy parsing")]
    LegacyParsing {
        /// What exactly was wrong, for operators.
        detail: String,
    },
    /// The text is longer than any policy of any kind may be.
    #[error("Policy document is too long: the maximum is {max} characters.")]
    TooLong {
        /// The cap.
        max: usize,
    },
    /// An action without a service in front.
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    MissingVendor,
    /// An action with a second colon.
    #[error("Actions/Condition can contain only one colon.")]
    TwoColons,
    /// The service in front of an action is not a name.
    #[error("Vendor {0} is not valid")]
    InvalidVendor(String),
    /// A resource that is neither an ARN nor `*`.
    #[error("Resource {0} must be in ARN format or \"*\".")]
    NotAnArn(String),
    /// A partition this platform does not have.
    #[error("Partition \"{partition}\" is not valid for resource \"{resource}\".")]
    InvalidPartition {
        /// The partition named.
        partition: String,
        /// The whole resource.
        resource: String,
    },
    /// The service of a resource holds a wildcard or is absent.
    #[error("Resource vendor must be fully qualified and cannot contain regexes.")]
    UnqualifiedVendor,
    /// IAM's resources have no region.
    #[error("IAM resource {0} cannot contain region information.")]
    IamRegion(String),
    /// S3's resources have no region.
    #[error("Resource {0} can not contain region information.")]
    S3Region(String),
    /// A resource of IAM that is none of its kinds.
    #[error("IAM resource path must either be \"*\" or start with {0}.")]
    IamPath(String),
    /// No `Action` and no `NotAction`, or an empty one.
    #[error("Policy statement must contain actions.")]
    MissingAction,
    /// No `Resource` and no `NotResource`, or an empty one.
    #[error("Policy statement must contain resources.")]
    MissingResource,
    /// Two statements share a `Sid`.
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    DuplicateSid,
    /// A `Sid` with other characters than letters and digits, where the kind demands them.
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    )]
    InvalidSid,
    /// An identity policy names a principal.
    #[error("Policy document should not specify a principal.")]
    PrincipalNotAllowed,
    /// A field that this kind of policy requires is absent.
    #[error("Missing required field {0}")]
    MissingField(&'static str),
    /// A field that this kind of policy does not have.
    #[error("Has prohibited field {0}")]
    ProhibitedField(&'static str),
    /// A principal that no one can be.
    #[error("Invalid principal in policy: \"{kind}\":\"{value}\"")]
    InvalidPrincipal {
        /// `AWS`, `Service`, `Federated` or `CanonicalUser`.
        kind: String,
        /// The value given.
        value: String,
    },
    /// A trust policy is about assuming a role and nothing else.
    #[error("AssumeRole policy may only specify STS AssumeRole actions.")]
    NotAssumeRole,
}

impl PolicyError {
    /// A syntax error with its cause.
    pub(crate) fn syntax(detail: impl Into<String>) -> Self {
        Self::Syntax { detail: detail.into() }
    }

    /// A legacy-parsing error with its cause.
    pub(crate) fn legacy(detail: impl Into<String>) -> Self {
        Self::LegacyParsing { detail: detail.into() }
    }

    /// In which order IAM looks for what is wrong: of several things, it tells the one with the lowest.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Syntax { .. } | Self::TooLong { .. } => 0,
            Self::LegacyParsing { .. } => 1,
            Self::PrincipalNotAllowed
            | Self::MissingField(_)
            | Self::ProhibitedField(_)
            | Self::InvalidSid => 2,
            Self::DuplicateSid => 3,
            Self::MissingAction => 4,
            Self::NotAnArn(_)
            | Self::InvalidPartition { .. }
            | Self::UnqualifiedVendor
            | Self::IamRegion(_)
            | Self::S3Region(_)
            | Self::IamPath(_) => 6,
            Self::MissingVendor | Self::TwoColons | Self::InvalidVendor(_) => 7,
            Self::InvalidPrincipal { .. } | Self::NotAssumeRole => 8,
            Self::MissingResource => 9,
        }
    }

    /// Whether it is about how a resource is written.
    pub(crate) const fn is_about_a_resources_form(&self) -> bool {
        self.rank() == 6
    }

    /// More than the caller is told, where there is more.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Syntax { detail } | Self::LegacyParsing { detail } => Some(detail),
            _ => None,
        }
    }
}
