//! How many of each there may be.
//!
//! AWS's quotas as an account has them at first; the sizes of policies are `policy::quota`'s.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>

pub(crate) const USERS_MAX: usize = 5_000;
pub(crate) const GROUPS_MAX: usize = 300;
pub(crate) const ROLES_MAX: usize = 1_000;
pub(crate) const POLICIES_MAX: usize = 1_500;
pub(crate) const VERSIONS_MAX: usize = 5;
/// Told in the summary, and never reached: there are not that many policies.
pub(crate) const POLICY_VERSIONS_MAX: usize = 10_000;
/// Told in the summary; none can be uploaded.
pub(crate) const SIGNING_CERTIFICATES_MAX: usize = 2;
pub(crate) const GROUPS_PER_USER_MAX: usize = 10;
pub(crate) const ATTACHED_MAX: usize = 10;
pub(crate) const ACCESS_KEYS_MAX: usize = 2;
pub(crate) const MFA_DEVICES_PER_USER_MAX: usize = 8;
pub(crate) const MFA_DEVICES_MAX: usize = 5_000;
pub(crate) const INSTANCE_PROFILES_MAX: usize = 1_000;
pub(crate) const OIDC_PROVIDERS_MAX: usize = 100;
pub(crate) const CLIENT_IDS_MAX: usize = 100;
pub(crate) const THUMBPRINTS_MAX: usize = 5;
pub(crate) const SERVER_CERTIFICATES_MAX: usize = 20;
pub(crate) const TAGS_MAX: usize = 50;
pub(crate) const PAGE_DEFAULT: usize = 100;
pub(crate) const PAGE_MAX: usize = 1_000;
