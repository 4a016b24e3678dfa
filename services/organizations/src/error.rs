//! What this API answers when it refuses: its error shapes, and nothing else.
//!
//! The words are AWS's.

use identity::DirectoryError;
use protocol::Fault;
use service::{Internal, service_error};

service_error! {
    /// What this API answers when it refuses.
    pub enum Error {
        /// The caller's account is not the one that may do this.
        AccessDenied = "AccessDeniedException",
        /// The caller's account belongs to no organization.
        NotInUse = "AWSOrganizationsNotInUseException",
        /// The caller's account belongs to one already.
        AlreadyInOrganization = "AlreadyInOrganizationException",
        /// Accounts are left.
        OrganizationNotEmpty = "OrganizationNotEmptyException",
        /// The management account stays.
        MasterCannotLeave = "MasterCannotLeaveOrganizationException",
        /// No such root.
        RootNotFound = "RootNotFoundException",
        /// No such unit.
        UnitNotFound = "OrganizationalUnitNotFoundException",
        /// The name is taken below this parent.
        DuplicateUnit = "DuplicateOrganizationalUnitException",
        /// Units or accounts are left below it.
        UnitNotEmpty = "OrganizationalUnitNotEmptyException",
        /// No such root or unit.
        ParentNotFound = "ParentNotFoundException",
        /// The account is not below this parent.
        SourceParentNotFound = "SourceParentNotFoundException",
        /// No such root or unit to move to.
        DestinationParentNotFound = "DestinationParentNotFoundException",
        /// The account is there already.
        DuplicateAccount = "DuplicateAccountException",
        /// No such unit or account.
        ChildNotFound = "ChildNotFoundException",
        /// No such account in this organization.
        AccountNotFound = "AccountNotFoundException",
        /// The account is closed.
        AccountAlreadyClosed = "AccountAlreadyClosedException",
        /// No such request.
        CreationNotFound = "CreateAccountStatusNotFoundException",
        /// No such policy.
        PolicyNotFound = "PolicyNotFoundException",
        /// The name is taken by a policy of the same type.
        DuplicatePolicy = "DuplicatePolicyException",
        /// It is attached to something.
        PolicyInUse = "PolicyInUseException",
        /// The document is not a policy of its type.
        MalformedPolicyDocument = "MalformedPolicyDocumentException",
        /// It is attached already.
        DuplicateAttachment = "DuplicatePolicyAttachmentException",
        /// It is not attached.
        PolicyNotAttached = "PolicyNotAttachedException",
        /// No such root, unit or account.
        TargetNotFound = "TargetNotFoundException",
        /// Already in force.
        TypeAlreadyEnabled = "PolicyTypeAlreadyEnabledException",
        /// Not in force.
        TypeNotEnabled = "PolicyTypeNotEnabledException",
        /// It administers this service already.
        AlreadyRegistered = "AccountAlreadyRegisteredException",
        /// It does not administer this service.
        NotRegistered = "AccountNotRegisteredException",
    }
}

impl From<DirectoryError> for Error {
    fn from(error: DirectoryError) -> Self {
        Self::Internal(Internal::new(error))
    }
}

macro_rules! words {
    ($($function:ident: $variant:ident = $words:literal;)*) => {
        impl Error {$(
            pub(crate) fn $function() -> Self {
                Self::$variant($words.to_owned())
            }
        )*}
    };
}

words! {
    no_leave: AccessDenied = "You don't have permissions to access this resource.";
    not_in_use: NotInUse = "Your account is not a member of an organization.";
    already_in: AlreadyInOrganization = "The AWS account is already a member of an organization.";
    not_empty: OrganizationNotEmpty =
        "To delete an organization, you must first remove all member accounts (except the master).";
    stays: MasterCannotLeave = "You can't remove a management account from an organization.";
    no_root: RootNotFound = "You specified a root that doesn't exist.";
    no_unit: UnitNotFound = "You specified an organizational unit that doesn't exist.";
    unit_taken: DuplicateUnit = "An OU with the same name already exists.";
    unit_not_empty: UnitNotEmpty = "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again.";
    no_parent: ParentNotFound = "You specified parent that doesn't exist.";
    no_source: SourceParentNotFound = "You specified a source root or OU that doesn't exist.";
    no_destination: DestinationParentNotFound = "You specified a destination parent that doesn't exist.";
    there_already: DuplicateAccount = "That account is already present in the specified destination.";
    no_child: ChildNotFound = "You specified a child that doesn't exist.";
    no_account: AccountNotFound = "You specified an account that doesn't exist.";
    closed_already: AccountAlreadyClosed = "The account is already closed.";
    no_creation: CreationNotFound =
        "You specified a create account request that doesn't exist.";
    no_policy: PolicyNotFound = "You specified a policy that doesn't exist.";
    policy_taken: DuplicatePolicy = "A policy with the same name already exists.";
    policy_in_use: PolicyInUse = "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.";
    attached_already: DuplicateAttachment = "The selected policy is already attached to the specified target.";
    not_attached: PolicyNotAttached =
        "The policy isn't attached to the specified target in the specified root.";
    no_target: TargetNotFound = "You specified a target that doesn't exist.";
    enabled_already: TypeAlreadyEnabled = "The specified policy type is already enabled.";
    not_enabled: TypeNotEnabled = "The specified policy type isn't currently enabled in this root. You can't attach policies of the specified type to entities in a root until you enable that type in the root.";
    registered_already: AlreadyRegistered =
        "The specified account is already a delegated administrator for this AWS service.";
    not_registered: NotRegistered =
        "The specified account is not a delegated administrator for this AWS service.";
}

impl Error {
    /// A quota, or a rule about what may be left. Programs tell the cases apart by the reason:
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html>
    pub(crate) fn constraint(reason: &'static str, message: impl Into<String>) -> Self {
        Fault::sender("ConstraintViolationException", message).with_member("Reason", reason.to_owned()).into()
    }

    /// A value that the model lets through and the rules do not.
    pub(crate) fn invalid(reason: &'static str, message: impl Into<String>) -> Self {
        Fault::sender("InvalidInputException", message).with_member("Reason", reason.to_owned()).into()
    }

    /// A quota is reached.
    pub(crate) fn quota(reason: &'static str, what: &str, max: usize) -> Self {
        Self::constraint(reason, format!("You have exceeded the allowed number of {what}: {max}."))
    }

    pub(crate) fn closes_itself() -> Self {
        Self::constraint(
            "CANNOT_CLOSE_MANAGEMENT_ACCOUNT",
            "You can't close the management account of an organization with this operation.",
        )
    }

    pub(crate) fn last_policy() -> Self {
        Self::constraint(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.",
        )
    }
}
