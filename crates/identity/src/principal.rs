//! Who makes a call: the account's root user, a user, a role's session, a service, or a stranger.
//!
//! A principal is what was proven, or what the platform itself says about its own calls. It holds no policy and no
//! secret; the directory says what it may do.

mod federated;

use base::{AccountId, Arn, Timestamp};
use policy::{Lender, PrincipalKind, PrincipalView};
use serde::{Deserialize, Serialize};

use crate::session::SessionPolicy;

pub use federated::{FederatedBy, FederatedUser, WebIdentity};

/// Tags of a principal: the user's or role's own, or those of a session.
pub type PrincipalTags = Vec<(String, String)>;

/// The maker of a call. Cheap to share behind an `Arc`; compares by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[allow(clippy::large_enum_variant, reason = "lives behind an Arc, and most are sessions of roles")]
pub enum Principal {
    /// The account itself, through its own access key.
    Root(Root),
    /// An IAM user.
    User(User),
    /// A session of a role.
    AssumedRole(AssumedRole),
    /// A federated user: the name that a user or the root user gave to whom it lends its own rights, narrowed.
    FederatedUser(FederatedUser),
    /// An AWS service that acts for itself, inside the platform. No request from outside can become one.
    Service(ServicePrincipal),
    /// Someone whom an identity provider's token proved, on the way into a role and nowhere else.
    WebIdentity(WebIdentity),
    /// Nobody that was proven.
    Anonymous,
}

/// The account's root user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The account.
    pub account: AccountId,
    /// The key that signed; empty for calls that the platform makes in the account's own name.
    pub access_key_id: String,
    /// Present where the key is a temporary one from `GetSessionToken` or `AssumeRoot`.
    pub session: Option<SessionOfKey>,
    /// Present where the key is from `AssumeRoot`: someone of the organization, in the root user's place for one task.
    pub assumed: Option<AssumedRoot>,
    arn: String,
}

/// What a session of `AssumeRoot` is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedRoot {
    /// The ARN of the policy of AWS's that leaves one task of the root user's rights.
    pub task_policy: String,
    /// The `SourceIdentity` of the session that began it.
    pub source_identity: Option<String>,
}

/// An IAM user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account.
    pub account: AccountId,
    /// The user's name.
    pub name: String,
    /// The user's path, `/` for most.
    pub path: String,
    /// `AIDA…`.
    pub user_id: String,
    /// The key that signed.
    pub access_key_id: String,
    /// Present where the key is a temporary one from `GetSessionToken`.
    pub session: Option<SessionOfKey>,
    /// The user's tags.
    pub tags: PrincipalTags,
    arn: String,
}

/// What a temporary key of a user or of the root user says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOfKey {
    /// When the session began.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// True where the session began with a second factor.
    pub mfa: bool,
}

/// A session of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedRole {
    /// The role's account.
    pub account: AccountId,
    /// The role's name.
    pub role_name: String,
    /// The role's path, `/` for most.
    pub role_path: String,
    /// `AROA…`.
    pub role_id: String,
    /// The name that whoever assumed the role gave to the session.
    pub session_name: String,
    /// The temporary key that signed.
    pub access_key_id: String,
    /// When the session began.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// True where the session began with a second factor.
    pub mfa: bool,
    /// Session policies: inline documents that narrow what the role may do.
    pub session_policies: Vec<String>,
    /// Session policies: managed policies that narrow what the role may do.
    #[serde(rename = "session_policy_arns")]
    pub session_managed_policies: Vec<SessionPolicy>,
    /// The role's own tags.
    pub role_tags: PrincipalTags,
    /// True where the organization has the role's account in observe mode.
    // SECURITY: of now and never kept: what is stored of a principal says nothing of it.
    #[serde(skip)]
    pub observed_by_account: bool,
    /// Session tags: each stands before a role's tag of the same key.
    pub session_tags: PrincipalTags,
    /// The keys of session tags that go on into the next role that this session assumes.
    pub transitive_tags: Vec<String>,
    /// True where a session of a role assumed this one.
    pub chained: bool,
    /// The `SourceIdentity` that was set when the role was assumed.
    pub source_identity: Option<String>,
    /// The execution environment for which the credentials were made. Its door accepts these and no others.
    pub source_environment: Option<String>,
    /// The execution environment through whose door the role was assumed, by its own session or by one that began with it. Its
    /// door accepts these credentials too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_in: Option<String>,
    /// The ARN of the function for which the credentials were made (`lambda:SourceFunctionArn`).
    pub source_function: Option<String>,
    /// The identity provider by whose token the role was assumed.
    pub federated_by: Option<FederatedBy>,
    arn: String,
    role_arn: String,
    user_id: String,
}

/// A service that acts for itself, on behalf of a resource.
// SECURITY: there is no service without a source: whoever trusts a service can tell for whom it calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePrincipal {
    /// For example `apigateway.amazonaws.com`.
    pub name: String,
    /// The resource on whose behalf the service calls (`aws:SourceArn`).
    pub source_arn: String,
    /// The account that owns that resource (`aws:SourceAccount`).
    pub source_account: AccountId,
}

impl Root {
    /// The root user of `account`, with the key that signed.
    pub fn new(account: AccountId, access_key_id: impl Into<String>) -> Self {
        let arn = root_arn(account);
        Self { account, access_key_id: access_key_id.into(), session: None, assumed: None, arn }
    }
}

impl User {
    /// A user of `account`, with the key that signed.
    pub fn new(
        account: AccountId,
        path: impl Into<String>,
        name: impl Into<String>,
        user_id: impl Into<String>,
        access_key_id: impl Into<String>,
    ) -> Self {
        let (path, name) = (path.into(), name.into());
        let arn = entity_arn(account, "user", &path, &name);
        Self {
            account,
            name,
            path,
            user_id: user_id.into(),
            access_key_id: access_key_id.into(),
            session: None,
            tags: Vec::new(),
            arn,
        }
    }
}

impl AssumedRole {
    /// A session of the role with this path and name, without tags, session policies or source.
    pub fn new(
        account: AccountId,
        role_path: impl Into<String>,
        role_name: impl Into<String>,
        role_id: impl Into<String>,
        session_name: impl Into<String>,
    ) -> Self {
        let (role_path, role_name, session_name) = (role_path.into(), role_name.into(), session_name.into());
        let role_id = role_id.into();
        let user_id = format!("{role_id}:{session_name}");
        let role_arn = entity_arn(account, "role", &role_path, &role_name);
        let resource = format!("assumed-role/{role_name}/{session_name}");
        let arn = Arn::new("sts", "", account.as_str(), resource).to_string();
        Self {
            account,
            role_name,
            role_path,
            role_id,
            session_name,
            access_key_id: String::new(),
            issued_at: Timestamp::default(),
            expires_at: Timestamp::default(),
            mfa: false,
            session_policies: Vec::new(),
            session_managed_policies: Vec::new(),
            role_tags: Vec::new(),
            observed_by_account: false,
            session_tags: Vec::new(),
            transitive_tags: Vec::new(),
            chained: false,
            source_identity: None,
            source_environment: None,
            began_in: None,
            source_function: None,
            federated_by: None,
            arn,
            role_arn,
            user_id,
        }
    }

    /// The ARN of the role itself, path included.
    pub fn role_arn(&self) -> &str {
        &self.role_arn
    }

    /// `AROA…:session-name`, which is this principal's `aws:userid`.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }
}

/// What services' own roles stand below: their accounts' people do not act by them.
pub(crate) const SERVICE_LINKED: &str = "/aws-service-role/";

/// The tag by which a role is put in observe mode, or an account with all of its roles: its value is `true`. Of a role its own
/// tag counts, never a session's; of an account the one that its organization gave it.
pub const OBSERVE_TAG: &str = "fastness:observe";

/// What the tag says among these; `None` where there is none. Any value but `true` says no.
// SECURITY: keys of an account's tags differ by case, too: where two of them disagree, it is no.
pub(crate) fn observe_mode(tags: &[(String, String)]) -> Option<bool> {
    let mut marks = tags.iter().filter(|(key, _)| key.eq_ignore_ascii_case(OBSERVE_TAG)).peekable();
    marks.peek()?;
    Some(marks.all(|(_, value)| value == "true"))
}

impl AssumedRole {
    /// True where the role is in observe mode: what no policy of its own allows is noted and let through. Its own tag decides,
    /// and without one its account's. A service's own role never is.
    pub fn is_observed(&self) -> bool {
        !self.is_service_linked() && observe_mode(&self.role_tags).unwrap_or(self.observed_by_account)
    }

    fn is_service_linked(&self) -> bool {
        self.role_path.starts_with(SERVICE_LINKED)
    }
}

impl Principal {
    /// True for a session of a role that a service made for itself: as in AWS, no organization binds it.
    pub fn is_service_linked(&self) -> bool {
        matches!(self, Self::AssumedRole(role) if role.is_service_linked())
    }

    /// True for someone of the organization who is in the root user's place for one task.
    pub const fn is_assumed_root(&self) -> bool {
        matches!(self, Self::Root(Root { assumed: Some(_), .. }))
    }

    /// True for a session of a role in observe mode.
    pub fn is_observed(&self) -> bool {
        matches!(self, Self::AssumedRole(role) if role.is_observed())
    }

    /// The root user of an account, as the platform itself: for its own start-up work.
    pub fn root(account: AccountId) -> Self {
        Self::Root(Root::new(account, ""))
    }

    /// A service that calls on behalf of a resource.
    pub fn service(name: &str, source_arn: &str, source_account: AccountId) -> Self {
        let source_arn = source_arn.to_owned();
        Self::Service(ServicePrincipal { name: name.to_owned(), source_arn, source_account })
    }

    /// The principal's ARN (for a role, that of the session), a service's name, or `*` for a stranger.
    pub fn arn(&self) -> &str {
        match self {
            Self::Root(root) => &root.arn,
            Self::User(user) => &user.arn,
            Self::AssumedRole(role) => &role.arn,
            Self::FederatedUser(user) => &user.arn,
            Self::Service(service) => &service.name,
            Self::WebIdentity(web) => &web.provider,
            Self::Anonymous => "*",
        }
    }

    /// The principal's own account. A service has none of its own; a stranger has none at all.
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Root(root) => Some(root.account),
            Self::User(user) => Some(user.account),
            Self::AssumedRole(role) => Some(role.account),
            Self::FederatedUser(user) => Some(user.account),
            Self::Service(service) => Some(service.source_account),
            Self::WebIdentity(web) => Some(web.account),
            Self::Anonymous => None,
        }
    }

    /// The access key that signed, where one did.
    pub fn access_key_id(&self) -> Option<&str> {
        let id = match self {
            Self::Root(root) => &root.access_key_id,
            Self::User(user) => &user.access_key_id,
            Self::AssumedRole(role) => &role.access_key_id,
            Self::FederatedUser(user) => &user.access_key_id,
            Self::Service(_) | Self::WebIdentity(_) | Self::Anonymous => return None,
        };
        (!id.is_empty()).then_some(id)
    }

    /// `aws:userid`: the account for root, `AIDA…` for a user, `AROA…:session` for a role's session.
    pub fn user_id(&self) -> &str {
        match self {
            Self::Root(root) => root.account.as_str(),
            Self::User(user) => &user.user_id,
            Self::AssumedRole(role) => &role.user_id,
            Self::FederatedUser(user) => &user.user_id,
            Self::Service(service) => &service.name,
            Self::WebIdentity(web) => &web.user_id,
            Self::Anonymous => "anonymous",
        }
    }

    /// When this principal's temporary credentials were issued; `None` for long-term keys and services.
    pub fn token_issued_at(&self) -> Option<Timestamp> {
        match self {
            Self::Root(Root { session, .. }) | Self::User(User { session, .. }) => {
                session.as_ref().map(|session| session.issued_at)
            }
            Self::AssumedRole(role) => Some(role.issued_at),
            Self::FederatedUser(user) => Some(user.issued_at),
            Self::Service(_) | Self::WebIdentity(_) | Self::Anonymous => None,
        }
    }

    /// The execution environment that these credentials belong to, if they belong to one.
    pub fn source_environment(&self) -> Option<&str> {
        match self {
            Self::AssumedRole(role) => role.source_environment.as_deref(),
            _ => None,
        }
    }

    /// What policy evaluation sees of this principal.
    // SECURITY: a service belongs to no account: it is never "the same account" as a resource, so that only a
    // resource's or role's own policy lets it in.
    pub fn policy_view(&self) -> PrincipalView<'_> {
        let view = PrincipalView {
            lender: None,
            kind: PrincipalKind::Anonymous,
            arn: "",
            account: "",
            role_arn: None,
            service: None,
            user_id: self.user_id(),
        };
        match self {
            Self::Root(root) => PrincipalView {
                kind: PrincipalKind::Root,
                arn: &root.arn,
                account: root.account.as_str(),
                ..view
            },
            Self::User(user) => PrincipalView {
                kind: PrincipalKind::User,
                arn: &user.arn,
                account: user.account.as_str(),
                ..view
            },
            Self::AssumedRole(role) => PrincipalView {
                kind: PrincipalKind::AssumedRole,
                arn: &role.arn,
                account: role.account.as_str(),
                role_arn: Some(&role.role_arn),
                ..view
            },
            Self::FederatedUser(user) => PrincipalView {
                kind: PrincipalKind::Federated,
                arn: &user.arn,
                account: user.account.as_str(),
                lender: user
                    .lender
                    .as_deref()
                    .map(|lender| Lender { arn: &lender.arn, user_id: &lender.user_id }),
                ..view
            },
            Self::Service(service) => {
                PrincipalView { kind: PrincipalKind::Service, service: Some(&service.name), ..view }
            }
            // SECURITY: its only name is its provider's: no policy but one that names the provider, or everyone, is about it.
            Self::WebIdentity(web) => PrincipalView {
                kind: PrincipalKind::Federated,
                arn: &web.provider,
                account: web.account.as_str(),
                ..view
            },
            Self::Anonymous => view,
        }
    }
}

/// The ARN of an account's root user, which in policies also stands for the account.
pub fn root_arn(account: AccountId) -> String {
    Arn::new("iam", "", account.as_str(), "root").to_string()
}

/// The ARN of an IAM entity: `kind` is `user`, `role`, `group`, `policy`, …; `path` begins and ends with `/`.
pub fn entity_arn(account: AccountId, kind: &str, path: &str, name: &str) -> String {
    Arn::new("iam", "", account.as_str(), format!("{kind}{path}{name}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        "123456789012".parse().unwrap()
    }

    #[test]
    fn arns_have_the_forms_that_aws_gives_them() {
        let user = User::new(account(), "/team/", "bob", "AIDAX", "AKIAX");
        let role = AssumedRole::new(account(), "/app/", "orders", "AROAX", "s1");
        assert_eq!(role.role_arn(), "arn:aws:iam::123456789012:role/app/orders");
        let table = [
            (Principal::root(account()), "arn:aws:iam::123456789012:root", "123456789012"),
            (Principal::User(user), "arn:aws:iam::123456789012:user/team/bob", "AIDAX"),
            (Principal::AssumedRole(role), "arn:aws:sts::123456789012:assumed-role/orders/s1", "AROAX:s1"),
            (
                Principal::service("lambda.amazonaws.com", "arn:x", account()),
                "lambda.amazonaws.com",
                "lambda.amazonaws.com",
            ),
            (Principal::Anonymous, "*", "anonymous"),
        ];
        for (principal, arn, user_id) in table {
            assert_eq!(principal.arn(), arn);
            assert_eq!(principal.user_id(), user_id);
        }
    }

    #[test]
    fn what_is_stored_of_a_session_says_nothing_of_its_account() {
        let mut role = AssumedRole::new(account(), "/", "orders", "AROAX", "s1");
        role.observed_by_account = true;
        let mut stored = serde_json::to_value(Principal::AssumedRole(role)).unwrap();
        assert_eq!(stored.get("observed_by_account"), None);
        // As it was stored once.
        stored["observed_by_account"] = true.into();
        let Principal::AssumedRole(kept) = serde_json::from_value(stored).unwrap() else { panic!("a role") };
        assert!(!kept.observed_by_account);
    }

    #[test]
    fn a_role_is_observed_by_its_own_tag_or_its_accounts_and_a_services_own_role_never() {
        let tagged = |value: &str| vec![(OBSERVE_TAG.to_owned(), value.to_owned())];
        for (path, own, by_account, expected) in [
            ("/", vec![], false, false),
            ("/", vec![], true, true),
            ("/", tagged("true"), false, true),
            ("/", tagged("false"), true, false),
            ("/service-role/", vec![], true, true),
            ("/aws-service-role/ecs.amazonaws.com/", vec![], true, false),
            ("/aws-service-role/ecs.amazonaws.com/", tagged("true"), true, false),
        ] {
            let mut role = AssumedRole::new(account(), path, "orders", "AROAX", "s1");
            (role.role_tags, role.observed_by_account) = (own.clone(), by_account);
            assert_eq!(role.is_observed(), expected, "{path} {own:?} {by_account}");
        }
    }

    #[test]
    fn a_service_shares_no_account_with_the_resource_it_acts_for() {
        let service = Principal::service("apigateway.amazonaws.com", "arn:x", account());
        assert_eq!(service.policy_view().account, "");
        assert_eq!(service.account(), Some(account()));
    }
}
