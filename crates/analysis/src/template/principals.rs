//! Who holds which statements: a role, user or group with all policies that name it or that it names, and its groups.
//!
//! A policy that names nobody of the template is a holder of its own: whoever it is given to. Policies that name the same
//! principal outside the template are held together.

use std::collections::BTreeMap;

use template::Resource;

use super::identity::{ADMINISTRATORS, is_everything};
use super::reach::{in_place_of, may_match};
use super::reading::Reading;
use super::sources::{self, POLICIES, WITH_ROLE, texts};
use super::statement::Statement;

/// Somebody who holds statements.
#[derive(Default)]
pub(super) struct Principal {
    /// A logical id, or a name outside the template.
    pub(super) name: String,
    pub(super) statements: Vec<Statement>,
    /// True where a managed policy of AWS's gives it everything.
    pub(super) is_administrator: bool,
    /// True where a permissions boundary says what it can have at most.
    pub(super) is_bounded: bool,
    /// ARNs and references by which its policies could name itself, or a policy that it has.
    pub(super) own: Vec<String>,
    /// True where `${aws:username}` may be itself.
    pub(super) is_user: bool,
}

impl Principal {
    /// True where its own statements allow every action: nothing is left to be gained.
    pub(super) fn has_every_action(&self) -> bool {
        let mut actions = self.statements.iter().flat_map(|statement| &statement.actions);
        actions.any(|action| is_everything(&action.plain))
    }

    /// True where a resource pattern takes it in, or is it.
    pub(super) fn is_taken_in(&self, pattern: &str) -> bool {
        let is_wild = pattern.contains(['*', '?']);
        let is_one = |own: &String| {
            own == pattern
                || own.starts_with("arn:") && may_match(pattern, own) && {
                    let own = in_place_of(own, pattern);
                    if is_wild { crate::glob::matches(pattern, &own) } else { own == pattern }
                }
        };
        (self.is_user && pattern.contains("user/") && pattern.ends_with("${aws:username}"))
            || self.own.iter().any(is_one)
    }
}

/// All principals of the template in one of its worlds.
pub(super) fn principals(reading: &Reading<'_>) -> Vec<Principal> {
    let mut found: BTreeMap<String, Principal> = BTreeMap::new();
    let mut policies = Vec::new();
    let mut groups = Vec::new();
    for (name, resource) in reading.resources() {
        let kind = resource.kind.as_str();
        if POLICIES.contains(&kind) {
            policies.push((name, resource));
        } else if matches!(
            kind,
            "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" | "AWS::SSO::PermissionSet"
        ) || WITH_ROLE.contains(&kind)
        {
            found.insert(name.to_owned(), principal(reading, name, resource));
            let joined = texts(reading, name, resource, "Groups").into_iter();
            groups.extend(joined.map(|(group, _)| (name.to_owned(), group)));
        } else if kind == "AWS::IAM::UserToGroupAddition" {
            let group =
                texts(reading, name, resource, "GroupName").into_iter().next().map(|(group, _)| group);
            for (user, _) in texts(reading, name, resource, "Users") {
                groups.extend(group.clone().map(|group| (named(&user, &found).unwrap_or(user), group)));
            }
        }
    }
    for (name, resource) in policies {
        attach(reading, name, resource, &mut found);
    }
    for (user, group) in groups {
        let Some(group) = named(&group, &found).and_then(|group| found.get(&group)) else { continue };
        let (statements, own, everything) =
            (group.statements.clone(), group.own.clone(), group.is_administrator);
        if let Some(user) = named(&user, &found).and_then(|user| found.get_mut(&user)) {
            user.statements.extend(statements);
            user.own.extend(own);
            user.is_administrator |= everything;
        }
    }
    found.into_values().collect()
}

fn principal(reading: &Reading<'_>, name: &str, resource: &Resource) -> Principal {
    let identity = sources::identity(reading, name, resource);
    let is_administrator = |(managed, _): &(String, String)| {
        managed.rsplit('/').next().is_some_and(|short| ADMINISTRATORS.contains(&short))
    };
    let sam = resource.kind.strip_prefix("AWS::Serverless::");
    let has_boundary = |of: &str| reading.global_of(name, &format!("{of}/PermissionsBoundary")).is_some();
    Principal {
        name: name.to_owned(),
        is_administrator: identity.managed.iter().any(is_administrator),
        statements: identity.statements,
        is_bounded: reading.property(name, resource, "PermissionsBoundary").is_some()
            || sam.is_some_and(has_boundary),
        own: own_names(reading, name, resource),
        is_user: matches!(resource.kind.as_str(), "AWS::IAM::User" | "AWS::IAM::Group"),
    }
}

/// The names that a principal goes by: its references, and its ARN as far as that can be told.
fn own_names(reading: &Reading<'_>, name: &str, resource: &Resource) -> Vec<String> {
    let (kind, property) = match resource.kind.as_str() {
        "AWS::IAM::User" => ("user", "UserName"),
        "AWS::IAM::Group" => ("group", "GroupName"),
        _ => ("role", "RoleName"),
    };
    let id =
        if WITH_ROLE.contains(&resource.kind.as_str()) { format!("{name}Role") } else { name.to_owned() };
    let one =
        |property: &str| texts(reading, name, resource, property).into_iter().next().map(|(text, _)| text);
    let path = one("Path").filter(|path| path.starts_with('/')).unwrap_or_else(|| "/".to_owned());
    let arn = |name: &str| format!("arn:aws:iam::123456789012:{kind}{path}{name}");
    let mut own = vec![format!("<{id}>"), format!("<{id}.Arn>"), arn(&format!("<{id}>"))];
    match one(property) {
        Some(given) => own.push(arn(&given)),
        // As CloudFormation names what has no name: stack, logical id, letters.
        None => own.push(arn(&format!("<AWS::StackName>-{id}-0ABCDEFGHIJK"))),
    }
    own
}

/// The logical id of a principal that a text refers to: by reference, or by the name that it is given.
fn named(text: &str, found: &BTreeMap<String, Principal>) -> Option<String> {
    if found.contains_key(text) {
        return Some(text.to_owned());
    }
    let end = format!("/{text}");
    let is_it = |principal: &&Principal| {
        principal.own.iter().any(|own| own == text || own.starts_with("arn:") && own.ends_with(&end))
    };
    found.values().find(is_it).map(|principal| principal.name.clone())
}

/// Gives a policy's statements to everybody whom it names and who names it.
fn attach(reading: &Reading<'_>, name: &str, resource: &Resource, found: &mut BTreeMap<String, Principal>) {
    let statements = sources::identity(reading, name, resource).statements;
    let reference = format!("<{name}>");
    let mut holders: Vec<String> = Vec::new();
    for property in ["Roles", "Users", "Groups", "RoleName", "UserName", "GroupName"] {
        for (text, _) in texts(reading, name, resource, property) {
            holders.push(named(&text, found).unwrap_or(text));
        }
    }
    for (holder, other) in reading.resources() {
        let by = ["ManagedPolicyArns", "Policies"].into_iter();
        let mut by = by.flat_map(|property| texts(reading, holder, other, property));
        if by.any(|(text, _)| text == reference) {
            holders.push(holder.to_owned());
        }
    }
    if holders.is_empty() {
        holders.push(name.to_owned());
    }
    for holder in holders {
        let empty = || Principal { name: holder.clone(), is_user: true, ..Principal::default() };
        let principal = found.entry(holder.clone()).or_insert_with(empty);
        principal.statements.extend(statements.iter().cloned());
        // Who may rewrite a policy that it has rewrites what it may do.
        principal.own.push(reference.clone());
        principal.own.push(format!("arn:aws:iam::123456789012:policy/{reference}"));
    }
}
