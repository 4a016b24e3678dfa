//! Trust policies: who may become a role, by which action, with which proof.
//!
//! Whether a provider exists is not asked.

use super::conditions::{self, Found};
use super::statement::allows;
use super::{Kind, Step, Walk};
use crate::json::{Node, Span};

const GITHUB: &str = "token.actions.githubusercontent.com";
/// Providers that are named by their domain.
const DOMAINS: [&str; 4] =
    ["accounts.google.com", "graph.facebook.com", "www.amazon.com", "cognito-identity.amazonaws.com"];

/// What a principal of a trust policy proves itself with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// A signature with its own keys.
    Keys,
    Saml,
    Oidc,
}

pub(super) fn star(walk: &mut Walk<'_>, span: Span) {
    walk.error(
        "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL",
        span,
        "\"Principal:\" \"*\" is not supported in the principal element of a role trust policy. Replace the wildcard with a valid principal value.",
    );
}

pub(super) fn federated(walk: &mut Walk<'_>, node: &Node, span: Span, text: &str) {
    let is_about_roles = node
        .get("Action")
        .map(Node::texts)
        .unwrap_or_default()
        .iter()
        .any(|action| action.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sts:")));
    if walk.kind == Kind::Resource && walk.resource_type.is_some() && !is_about_roles {
        walk.error(
            "FEDERATED_PRINCIPAL_NOT_SUPPORTED",
            span,
            "The policy type does not support a federated identity provider in the principal element. Use a supported principal.",
        );
    }
    let is_domain = text.contains('.') && !text.contains([':', ' ']);
    if walk.kind == Kind::Trust && !is_domain && provider(text).is_none() {
        walk.error(
            "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY",
            span,
            "The principal value specifies a federated principal that does not match the expected format. Update the federated principal to a domain name or a SAML metadata ARN.",
        );
    }
}

/// The proof and the name of a provider's ARN.
fn provider(text: &str) -> Option<(Proof, &str)> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", _, "iam", "", _, resource] = parts.as_slice() else { return None };
    match resource.split_once('/')? {
        ("saml-provider", name) if !name.is_empty() => Some((Proof::Saml, name)),
        ("oidc-provider", name) if !name.is_empty() => Some((Proof::Oidc, name)),
        _ => None,
    }
}

fn named<'n>(node: &'n Node, kind: &str) -> Vec<&'n str> {
    node.get("Principal").and_then(|principal| principal.get(kind)).map(Node::texts).unwrap_or_default()
}

/// What goes beyond one element of a trust policy's statement.
pub(super) fn statement(walk: &mut Walk<'_>, node: &Node) {
    if walk.kind != Kind::Trust {
        return;
    }
    if let Some((name, found)) =
        ["Resource", "NotResource"].iter().find_map(|name| Some((*name, node.get(name)?)))
    {
        walk.within(Step::Key(name.to_owned()), |walk| {
            walk.error(
                "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE",
                found.span,
                "Role trust policies apply to the role that they are attached to. You cannot specify a resource. Remove the Resource or NotResource element.",
            );
        });
    }
    actions(walk, node);
    sessions(walk, node);
    if allows(node) {
        providers(walk, node);
    }
}

/// Each action goes with one kind of proof: somebody must be named who has it.
fn actions(walk: &mut Walk<'_>, node: &Node) {
    let proofs: Vec<Proof> = named(node, "Federated")
        .iter()
        .filter_map(|text| {
            provider(text).map(|(proof, _)| proof).or(text.contains('.').then_some(Proof::Oidc))
        })
        .chain(named(node, "AWS").iter().chain(&named(node, "Service")).map(|_| Proof::Keys))
        .collect();
    let Some(found) = node.get("Action").filter(|_| !proofs.is_empty()) else { return };
    let texts: Vec<&str> =
        ["AWS", "Service", "Federated"].iter().flat_map(|kind| named(node, kind)).collect();
    walk.within(Step::Key("Action".to_owned()), |walk| {
        walk.each(found, |walk, item| {
            let action = item.text().unwrap_or_default();
            let needed = match action.to_ascii_lowercase().as_str() {
                "sts:assumerole" => Proof::Keys,
                "sts:assumerolewithsaml" => Proof::Saml,
                "sts:assumerolewithwebidentity" => Proof::Oidc,
                _ => return,
            };
            if !proofs.contains(&needed) {
                let details = format!(
                    "The {action} action is invalid with the following principal(s): {}. Use a SAML provider principal with the sts:AssumeRoleWithSAML action or use an OIDC provider principal with the sts:AssumeRoleWithWebIdentity action. Ensure the provider is Federated if you use either of the two options.",
                    texts.join(", ")
                );
                walk.error("MISMATCHED_ACTION_FOR_PRINCIPAL", item.span, details);
            }
        });
    });
}

/// A session beside its role says nothing more.
fn sessions(walk: &mut Walk<'_>, node: &Node) {
    let Some(found) = node.get("Principal").and_then(|principal| principal.get("AWS")) else { return };
    let roles = found.texts();
    let parent = |session: &str| {
        let (account, rest) = session.split_once(":sts::")?.1.split_once(":assumed-role/")?;
        let (role, _) = rest.split_once('/')?;
        let is_it = |arn: &&&str| {
            let of = arn.split_once(":iam::").and_then(|(_, rest)| rest.split_once(":role/"));
            of.is_some_and(|(other, path)| other == account && path.rsplit('/').next() == Some(role))
        };
        roles.iter().find(is_it).copied()
    };
    walk.within(Step::Key("Principal".to_owned()), |walk| {
        walk.within(Step::Key("AWS".to_owned()), |walk| {
            walk.each(found, |walk, item| {
                let text = item.text().unwrap_or_default();
                if let Some(role) = parent(text) {
                    let details = format!(
                        "The assumed-role principal {text} is redundant with its parent role {role}. Remove the assumed-role principal."
                    );
                    walk.suggest("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", item.span, details);
                }
            });
        });
    });
}

/// Whoever has a token of a provider has proved nothing but that: a condition says which bearers are meant.
fn providers(walk: &mut Walk<'_>, node: &Node) {
    let conditions = conditions::each(node);
    let span = node.get("Principal").map_or(node.span, |found| found.span);
    for text in named(node, "Federated") {
        let name = match provider(text) {
            Some((Proof::Oidc, name)) => name,
            None if DOMAINS.contains(&text) => text,
            _ => continue,
        };
        let prefix = format!("{}:", name.to_ascii_lowercase());
        if !conditions.iter().any(|found| found.key.starts_with(&prefix)) {
            walk.secure(
                "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
                span,
                "Using an Open ID Connect principal without a condition can be overly permissive. Add condition keys with a prefix that matches your federated OIDC principals to ensure that only the intended identity provider assumes the role.",
            );
        }
        if name == GITHUB {
            github(walk, span, &conditions);
        }
    }
    for found in &conditions {
        audience(walk, found);
    }
}

fn github(walk: &mut Walk<'_>, span: Span, conditions: &[Found<'_>]) {
    let is = |found: &&Found<'_>, claim: &str| found.key.strip_prefix(GITHUB) == Some(claim);
    let Some(subject) = conditions.iter().find(|found| is(found, ":sub")) else {
        walk.secure(
            "MISSING_GITHUB_REPO_CONDITION_KEY",
            span,
            "Granting a federated GitHub principal permissions without a condition key can allow more sources to assume the role than you intended. Add the token.actions.githubusercontent.com:sub condition key and specify the branch and repository name in the value.",
        );
        return;
    };
    let has_branch = conditions.iter().any(|found| is(&found, ":ref"));
    let is_wide = |value: &&str| {
        let repository: String = value.split(':').take(2).collect::<Vec<_>>().join(":");
        repository.contains(['*', '?']) || value.contains(['*', '?']) && !has_branch
    };
    if subject.values.iter().any(is_wide) {
        walk.warn(
            "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED",
            subject.span,
            "Using a wildcard (*) in token.actions.githubusercontent.com:sub can allow requests from more sources than you intended. Specify the value of token.actions.githubusercontent.com:sub with the repository and branch name. If the subject claim does not include the branch, specify it in a token.actions.githubusercontent.com:ref condition key.",
        );
    }
}

/// The audience of a token: one at these providers, and mostly elsewhere.
fn audience(walk: &mut Walk<'_>, found: &Found<'_>) {
    let claims = [(":aud", "aud", "audience"), (":oaud", "oaud", "other audience")];
    let claim = claims.iter().find_map(|(end, key, kind)| Some((found.key.strip_suffix(end)?, *key, *kind)));
    let Some((issuer, key, kind)) = claim.filter(|(issuer, ..)| *issuer != "saml") else { return };
    let Some(qualifier) = found.operator.qualifier else { return };
    let is_one = issuer == GITHUB || DOMAINS.contains(&issuer);
    if is_one && key == "aud" && qualifier == "ForAnyValue" {
        let details = format!(
            "Using ForAnyValue qualifier with the single-valued condition key {} can be overly permissive. We recommend that you remove ForAnyValue:.",
            found.name
        );
        walk.secure("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", found.span, details);
    } else {
        let details = format!(
            "The \"{key}\" ({kind}) claim key identifies the recipients that the JSON web token is intended for. Because this claim is single-valued, do not use a qualifier."
        );
        walk.suggest("CONFIRM_AUDIENCE_CLAIM_TYPE", found.span, details);
    }
}

/// What the statements of a trust policy give together.
pub(super) fn document(walk: &mut Walk<'_>, statements: &[Node]) {
    const ANYWHERE: &str = "rolesanywhere.amazonaws.com";
    if walk.kind != Kind::Trust {
        return;
    }
    setters(walk, statements);
    let theirs: Vec<&Node> =
        statements.iter().filter(|node| allows(node) && named(node, "Service").contains(&ANYWHERE)).collect();
    let actions: Vec<String> = theirs
        .iter()
        .flat_map(|node| node.get("Action").map(Node::texts).unwrap_or_default())
        .map(str::to_ascii_lowercase)
        .collect();
    let is_given = |wanted: &str| actions.iter().any(|action| crate::glob::matches(action, wanted));
    let has_all = ["sts:assumerole", "sts:setsourceidentity", "sts:tagsession"].into_iter().all(is_given);
    if let Some(node) = theirs.first().filter(|_| !has_all) {
        walk.error(
            "MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY",
            node.span,
            "The rolesanywhere.amazonaws.com service principal requires the sts:AssumeRole, sts:SetSourceIdentity, and sts:TagSession permissions to assume a role. Add the missing permissions to the policy.",
        );
    }
}

/// What a condition asks of the new session, the session can be given only where the action that gives it is allowed.
fn setters(walk: &mut Walk<'_>, statements: &[Node]) {
    let allowing = || statements.iter().filter(|node| allows(node));
    let is_allowed = |wanted: &str| {
        let wanted = wanted.to_ascii_lowercase();
        allowing().any(|node| {
            let actions = node.get("Action").map(Node::texts);
            // What a statement leaves out is not looked into: it allows the rest.
            actions.is_none_or(|actions| {
                actions.iter().any(|action| crate::glob::matches(&action.to_ascii_lowercase(), &wanted))
            })
        })
    };
    for found in allowing().flat_map(conditions::each).filter(|found| found.operator.asks_for_a_value()) {
        let action = match found.key.as_str() {
            "sts:sourceidentity" => "sts:SetSourceIdentity",
            "sts:transitivetagkeys" | "aws:tagkeys" => "sts:TagSession",
            key if key.starts_with("aws:requesttag/") => "sts:TagSession",
            _ => continue,
        };
        if !is_allowed(action) {
            let details = format!(
                "The {action} action must be in the action block to allow setting values for the condition key {}. Add {action} to the action block.",
                found.name
            );
            walk.error("MISSING_ACTION_FOR_CONDITION_KEY", found.span, details);
        }
    }
}
