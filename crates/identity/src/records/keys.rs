//! Tables and keys of the records: where each stands in the store.
//!
//! Names are unique without regard to case, so keys hold them in lower case; the record holds the name as given.

use base::AccountId;
use store::{Key, Table};

/// Account id → [`super::AccountRecord`].
pub const ACCOUNTS: Table = Table::new(0x0101, "accounts");
/// Account, user name → [`super::UserRecord`].
pub const USERS: Table = Table::new(0x0102, "users");
/// Account, group name → [`super::GroupRecord`].
pub const GROUPS: Table = Table::new(0x0103, "groups");
/// Account, role name → [`super::RoleRecord`].
pub const ROLES: Table = Table::new(0x0104, "roles");
/// Account, policy name → [`super::ManagedPolicyRecord`].
pub const POLICIES: Table = Table::new(0x0105, "managed policies");
/// Account, policy ARN, kind of entity, entity name → nothing: who a policy is attached to.
pub const ATTACHMENTS: Table = Table::new(0x0106, "policy attachments");
/// Account, group name, user name → nothing: who belongs to a group.
pub const MEMBERS: Table = Table::new(0x0107, "group members");
/// Access key id → [`super::AccessKeyRecord`].
pub const ACCESS_KEYS: Table = Table::new(0x0108, "access keys");
/// Account, user name, access key id → nothing: which keys a user has. The root user's name is empty.
pub const KEYS_OF_USERS: Table = Table::new(0x0109, "access keys of users");
/// Access key id → [`super::LastUsedRecord`].
pub const LAST_USED: Table = Table::new(0x010A, "last use of access keys");

/// Unique id of a role → [`super::LastUsedRecord`].
pub const ROLES_LAST_USED: Table = Table::new(0x0125, "last use of roles");

/// Account, device name → [`super::MfaDeviceRecord`].
pub const MFA_DEVICES: Table = Table::new(0x0120, "second factors");
/// Account, unique id of a user → [`super::LoginProfileRecord`].
pub const LOGIN_PROFILES: Table = Table::new(0x0121, "login profiles");
/// Account → [`super::PasswordPolicyRecord`].
pub const PASSWORD_POLICIES: Table = Table::new(0x0122, "password policies");

/// Account, URL without its scheme → [`super::OidcProviderRecord`].
pub const OIDC_PROVIDERS: Table = Table::new(0x0123, "identity providers");

/// The key of an identity provider. Unlike names, paths of URLs differ by case.
pub fn provider(account: AccountId, url: &str) -> Key {
    Key::new().str(account.as_str()).str(url)
}

/// Account → [`super::OutboundRecord`].
pub const OUTBOUND: Table = Table::new(0x0126, "issuers of tokens");
/// Id of an issuer → [`super::IssuerRecord`].
pub const ISSUERS: Table = Table::new(0x0127, "ids of issuers of tokens");

/// The key of what is kept under a unique id.
pub fn unique(id: &str) -> Key {
    Key::new().str(id)
}

/// The key of an account's own record.
pub fn account(account: AccountId) -> Key {
    Key::new().str(account.as_str())
}

/// The key of a user, group, role or managed policy.
pub fn named(account: AccountId, name: &str) -> Key {
    Key::new().str(account.as_str()).str(&name.to_ascii_lowercase())
}

/// What all records of an account begin with.
pub fn all_of(account: AccountId) -> Key {
    Key::new().str(account.as_str())
}

/// What all attachments of a policy begin with.
pub fn attachments_of(account: AccountId, policy_arn: &str) -> Key {
    Key::new().str(account.as_str()).str(policy_arn)
}

/// One attachment: `kind` is `User`, `Group`, `Role`, `UserBoundary` or `RoleBoundary`.
pub fn attachment(account: AccountId, policy_arn: &str, kind: &str, name: &str) -> Key {
    attachments_of(account, policy_arn).str(kind).str(name)
}

/// What all members of a group begin with.
pub fn members_of(account: AccountId, group: &str) -> Key {
    named(account, group)
}

/// One membership.
pub fn member(account: AccountId, group: &str, user: &str) -> Key {
    members_of(account, group).str(user)
}

/// The key of an access key.
pub fn access_key(access_key_id: &str) -> Key {
    Key::new().str(access_key_id)
}

/// What all access keys of a user begin with.
pub fn keys_of(account: AccountId, user: &str) -> Key {
    named(account, user)
}

/// One access key of a user.
pub fn key_of(account: AccountId, user: &str, access_key_id: &str) -> Key {
    keys_of(account, user).str(access_key_id)
}
