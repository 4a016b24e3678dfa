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
        /// A code of a second factor is wrong, or used up.
        InvalidAuthenticationCode = "InvalidAuthenticationCodeException",
        /// A password is not what the account's policy asks for.
        PasswordPolicyViolation = "PasswordPolicyViolationException",
        /// The caller is not of the kind that has this.
        InvalidUserType = "InvalidUserTypeException",
        /// Something is tried too often.
        EntityTemporarilyUnmodifiable = "EntityTemporarilyUnmodifiableException",
        /// There is no credential report.
        CredentialReportNotPresent = "CredentialReportNotPresentException",
        /// The credential report is too old.
        CredentialReportExpired = "CredentialReportExpiredException",
        /// A certificate or its key does not read, or is not valid now.
        MalformedCertificate = "MalformedCertificateException",
        /// A certificate and a key do not belong together.
        KeyPairMismatch = "KeyPairMismatchException",
        /// A role that only its service may change.
        UnmodifiableEntity = "UnmodifiableEntityException",
        /// The account belongs to no organization.
        OrganizationNotFound = "OrganizationNotFoundException",
        /// The account does not administer IAM for its organization.
        AccountNotManagementOrDelegatedAdministrator = "AccountNotManagementOrDelegatedAdministratorException",
        /// The account does not manage its organization.
        CallerIsNotManagementAccount = "CallerIsNotManagementAccountException",
        /// The organization does not trust IAM.
        ServiceAccessNotEnabled = "ServiceAccessNotEnabledException",
        /// The account is an issuer already.
        FeatureEnabled = "FeatureEnabledException",
        /// The account is no issuer.
        FeatureDisabled = "FeatureDisabledException",
        /// A policy that is for roles of services alone.
        PolicyNotAttachable = "PolicyNotAttachableException",
        /// A simulation could not be decided.
        PolicyEvaluation = "PolicyEvaluationException",
        /// So many at once are too many.
        Throttling = "Throttling",
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

    pub(crate) fn no_such_device(serial: &str) -> Self {
        Self::NoSuchEntity(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
    }

    pub(crate) fn invalid_codes() -> Self {
        Self::InvalidAuthenticationCode("Authentication code for device is not valid.".to_owned())
    }

    /// A refusal that no policy took: status 403.
    pub(crate) fn denied(message: &str) -> Self {
        service::error::Fault::sender("AccessDenied", message).with_status(403).into()
    }

    pub(crate) fn quota(name: &str, max: usize) -> Self {
        Self::LimitExceeded(format!("Cannot exceed quota for {name}: {max}"))
    }

    pub(crate) fn conflict(first: &str) -> Self {
        Self::DeleteConflict(format!("Cannot delete entity, must {first} first."))
    }

    /// Policies of AWS and of other accounts can be read and attached, never changed: status 403.
    pub(crate) fn outside_account() -> Self {
        Self::denied("Policy is outside your own account.")
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
