//! The users and roles of an account, with what they are granted and the credentials that they have.
//!
//! It decides nothing, and reads no secret: IAM gives none out.

use std::collections::BTreeMap;

use base::Timestamp;
use protocol::Fault;
use serde_json::{Value, json};

use super::policies::decoded;
use super::reader::Reader;

/// Pages of one listing.
const PAGES_MAX: usize = 10_000;

/// A user or a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) is_role: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) tags: BTreeMap<String, String>,
    /// What it is granted, its groups' policies included.
    pub(crate) policies: Vec<Held>,
    pub(crate) keys: Vec<Credential>,
    pub(crate) password: Option<Credential>,
}

/// A policy that somebody has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// The ARN, or the name of an inline policy.
    pub(crate) id: String,
    pub(crate) document: String,
    /// When its version in force was made; `None` for inline policies, of which IAM does not tell.
    pub(crate) updated_at: Option<Timestamp>,
    /// True where it is a group's.
    pub(crate) of_group: bool,
}

/// An access key, or a password, which has no id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) id: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last: Option<Timestamp>,
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn items<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn moment(value: &Value, member: &str) -> Option<Timestamp> {
    Timestamp::parse_iso8601(text(value, member))
}

/// What `GetAccountAuthorizationDetails` tells, all pages together.
#[derive(Default)]
struct Details {
    users: Vec<Value>,
    groups: Vec<Value>,
    roles: Vec<Value>,
    policies: BTreeMap<String, Held>,
}

impl Details {
    async fn read(reader: &Reader) -> Result<Self, Fault> {
        let mut all = Self::default();
        let mut input = json!({});
        for _ in 0..PAGES_MAX {
            let page = reader.call("iam", "GetAccountAuthorizationDetails", &input).await?;
            all.users.extend(items(&page, "UserDetailList").iter().cloned());
            all.groups.extend(items(&page, "GroupDetailList").iter().cloned());
            all.roles.extend(items(&page, "RoleDetailList").iter().cloned());
            let policies =
                items(&page, "Policies").iter().map(|policy| (text(policy, "Arn").to_owned(), held(policy)));
            all.policies.extend(policies);
            match page.get("Marker").and_then(Value::as_str) {
                Some(marker) => input = json!({"Marker": marker}),
                None => break,
            }
        }
        Ok(all)
    }

    /// The policies of a user, group or role; `inline` is the member with those that are its own.
    fn policies(&self, entity: &Value, inline: &str, of_group: bool) -> Vec<Held> {
        let own = items(entity, inline).iter().map(|policy| Held {
            id: text(policy, "PolicyName").to_owned(),
            document: decoded(text(policy, "PolicyDocument")),
            updated_at: None,
            of_group,
        });
        let attached = items(entity, "AttachedManagedPolicies").iter();
        let attached = attached.filter_map(|policy| self.policies.get(text(policy, "PolicyArn")));
        own.chain(attached.map(|policy| Held { of_group, ..policy.clone() })).collect()
    }
}

fn held(policy: &Value) -> Held {
    let mut versions = items(policy, "PolicyVersionList").iter();
    let default = versions.find(|version| version.get("IsDefaultVersion") == Some(&Value::Bool(true)));
    let default = default.unwrap_or(&Value::Null);
    Held {
        id: text(policy, "Arn").to_owned(),
        document: decoded(text(default, "Document")),
        updated_at: moment(default, "CreateDate"),
        of_group: false,
    }
}

fn person(entity: &Value, name: &str, is_role: bool, policies: Vec<Held>) -> Person {
    let tags = items(entity, "Tags").iter();
    Person {
        arn: text(entity, "Arn").to_owned(),
        name: text(entity, name).to_owned(),
        is_role,
        created_at: moment(entity, "CreateDate").unwrap_or_default(),
        tags: tags.map(|tag| (text(tag, "Key").to_owned(), text(tag, "Value").to_owned())).collect(),
        policies,
        keys: Vec::new(),
        password: None,
    }
}

/// Everybody of the account. Roles that services made for themselves are theirs to keep, and left out.
pub(crate) async fn everybody(reader: &Reader) -> Result<Vec<Person>, Fault> {
    let details = Details::read(reader).await?;
    let mut people = Vec::new();
    for user in &details.users {
        let mut policies = details.policies(user, "UserPolicyList", false);
        let groups: Vec<&str> = items(user, "GroupList").iter().filter_map(Value::as_str).collect();
        for group in details.groups.iter().filter(|group| groups.contains(&text(group, "GroupName"))) {
            policies.extend(details.policies(group, "GroupPolicyList", true));
        }
        let mut user = person(user, "UserName", false, policies);
        credentials(reader, &mut user).await?;
        people.push(user);
    }
    let is_own = |role: &&Value| !text(role, "Path").starts_with("/aws-service-role/");
    for role in details.roles.iter().filter(is_own) {
        people.push(person(role, "RoleName", true, details.policies(role, "RolePolicyList", false)));
    }
    Ok(people)
}

async fn credentials(reader: &Reader, user: &mut Person) -> Result<(), Fault> {
    let input = json!({"UserName": user.name});
    let keys =
        reader.list(("iam", "ListAccessKeys"), input.clone(), "AccessKeyMetadata", ("Marker", "Marker"));
    for key in keys.await?.iter().filter(|key| text(key, "Status") == "Active") {
        let id = text(key, "AccessKeyId");
        let used = reader.call("iam", "GetAccessKeyLastUsed", &json!({"AccessKeyId": id})).await?;
        let last = used.get("AccessKeyLastUsed").and_then(|used| moment(used, "LastUsedDate"));
        let created_at = moment(key, "CreateDate").unwrap_or_default();
        user.keys.push(Credential { id: id.to_owned(), created_at, last });
    }
    let profile = match reader.call("iam", "GetLoginProfile", &input).await {
        Ok(profile) => profile,
        Err(fault) if fault.code.starts_with("NoSuchEntity") => return Ok(()),
        Err(fault) => return Err(fault),
    };
    let told = reader.call("iam", "GetUser", &input).await?;
    let created = profile.get("LoginProfile").and_then(|profile| moment(profile, "CreateDate"));
    user.password = Some(Credential {
        id: String::new(),
        created_at: created.unwrap_or_default(),
        last: told.get("User").and_then(|user| moment(user, "PasswordLastUsed")),
    });
    Ok(())
}
