//! Whether a resource's policy lets everyone in.
//!
//! A condition makes a statement private only where it names who may come, with an operator that holds for those alone. Stricter
//! where AWS leaves the answer open. The one judgement for CheckNoPublicAccess, the public access blocks of S3 and DynamoDB and
//! `fastness check`.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use std::net::IpAddr;

use super::{NotAPolicy, Reason};
use crate::json::{self, Node};
use crate::shared_providers::{control, names_a_customer};

/// Condition keys that narrow who may come, where they are compared with fixed values.
const NARROWING: [&str; 17] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpcsourceip",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];
/// Operators that hold for the named values alone.
pub(crate) const NAMING: [&str; 6] =
    ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"];
/// Providers of identities for whoever signs up.
const PUBLIC_PROVIDERS: [&str; 4] =
    ["accounts.google.com", "graph.facebook.com", "www.amazon.com", "cognito-identity.amazonaws.com"];

/// The statements that may let everyone in. None: no public access.
///
/// # Errors
/// Where the text is not a policy document.
pub fn no_public_access(text: &str) -> Result<Vec<Reason>, NotAPolicy> {
    super::Document::parse(text)?;
    let node = json::parse(text).map_err(|error| NotAPolicy(error.to_string()))?;
    let statements = node.get("Statement").map(Node::one_or_many).unwrap_or_default();
    // Without anybody named it is no resource policy: nothing about one was shown.
    if !statements.iter().all(names_somebody) {
        return Err(NotAPolicy("a statement of a resource policy names its principals".to_owned()));
    }
    let public = statements.iter().enumerate().filter(|(_, statement)| is_public(statement));
    Ok(public
        .map(|(index, statement)| Reason {
            index,
            sid: statement.get("Sid").and_then(Node::text).map(str::to_owned),
        })
        .collect())
}

/// True where the policy of a resource may let everyone in: where it was not shown that it lets in named callers alone. What is
/// no document at all may.
#[must_use]
pub fn may_be_public(text: &str) -> bool {
    let Ok(node) = json::parse(text) else { return true };
    node.get("Statement").map(Node::one_or_many).unwrap_or_default().iter().any(is_public)
}

/// True where a statement may let everyone in.
pub(crate) fn is_public(statement: &Node) -> bool {
    if statement.get("Effect").and_then(Node::text) != Some("Allow") {
        return false;
    }
    let everyone = statement.get("NotPrincipal").is_some() || names_everyone(statement.get("Principal"));
    (everyone && !is_narrowed(statement, None)) || lets_strangers_in(statement)
}

fn names_somebody(statement: &Node) -> bool {
    let principals = ["Principal", "NotPrincipal"].into_iter().filter_map(|key| statement.get(key));
    let mut named = principals.map(|principal| {
        principal.text() == Some("*")
            || principal.members().iter().any(|member| !member.node.texts().is_empty())
    });
    named.any(|is_named| is_named)
}

fn names_everyone(principal: Option<&Node>) -> bool {
    let Some(principal) = principal else { return false };
    let mut names = principal.texts().into_iter();
    // A name with a star in it is no principal: where one is taken all the same, it may be any.
    names.any(|name| name.contains('*'))
        || principal.members().iter().any(|member| member.node.texts().iter().any(|name| name.contains('*')))
}

fn lets_strangers_in(statement: &Node) -> bool {
    let federated = statement.get("Principal").and_then(|principal| principal.get("Federated"));
    let mut names = federated.map(Node::texts).unwrap_or_default().into_iter();
    names.any(|name| is_for_strangers(name) && !is_narrowed(statement, Some(name)))
}

/// True for providers that give identities to whoever signs up.
pub(super) fn is_for_strangers(provider: &str) -> bool {
    PUBLIC_PROVIDERS.contains(&provider) || provider.contains(":oidc-provider/")
}

/// True where a condition says who of all may come; of a provider's people where there is one.
pub(super) fn is_narrowed(statement: &Node, provider: Option<&str>) -> bool {
    // SECURITY: of a provider that many share, only one claim tells whose people they are. The audience that all of them ask
    // for, a public constant, names nobody.
    let control = provider.and_then(control).map(|key| key.to_ascii_lowercase());
    narrows(statement, |key| {
        NARROWING.contains(&key)
            || match &control {
                Some(control) => key == control,
                None => provider.is_some() && is_of_token(key),
            }
    })
}

/// True where a condition on one of these keys, in lower case, holds for named values alone.
pub(crate) fn narrows(statement: &Node, is_one: impl Fn(&str) -> bool) -> bool {
    let operators = statement.get("Condition").map(Node::members).unwrap_or_default();
    operators.iter().any(|operator| {
        let name = operator.name.strip_prefix("ForAnyValue:").unwrap_or(&operator.name);
        NAMING.contains(&name)
            && operator.node.members().iter().any(|condition| {
                let key = condition.name.to_ascii_lowercase();
                let values = condition.node.texts();
                // SECURITY: addresses are ranges for one operator alone; for the others they are text, and none is narrow.
                (name == "IpAddress" || !key.ends_with("sourceip"))
                    && is_one(&key)
                    && !values.is_empty()
                    && values.iter().all(|value| names_someone(&key, value))
            })
    })
}

/// What a token says of its bearer or of whom it was made for.
pub(super) fn is_of_token(key: &str) -> bool {
    [":aud", ":sub", ":oaud", ":app_id"].iter().any(|claim| key.ends_with(claim))
}

/// Whether a value narrows at all: it is fixed, or fixed where it counts. No variable does, nor nearly every address.
fn names_someone(key: &str, value: &str) -> bool {
    if value.contains("${") {
        return false;
    }
    // What a template refers to is one thing, whatever stands behind it; see `template::resolve`.
    if value.starts_with('<') {
        return true;
    }
    if key.ends_with("sourceip") {
        return is_narrow_range(value);
    }
    if !value.contains(['*', '?']) {
        return !value.is_empty();
    }
    if key.ends_with("arn") {
        // An ARN narrows where it names the account, or a bucket or an API, whose names are one owner's each.
        let mut parts = value.splitn(6, ':').skip(2);
        let (service, account) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        let owned = parts.next().unwrap_or_default().split('/').next().unwrap_or_default();
        let of_owner = match service {
            // A bucket's ARN has no account; that of an access point has, and tells whose it is.
            "s3" => account.is_empty(),
            service => service == "execute-api",
        };
        return is_fixed(account) || (of_owner && is_fixed(owned));
    }
    if let Some(is_one) = names_a_customer(key, value) {
        return is_one;
    }
    match key {
        // The sessions of one role.
        "aws:userid" => value
            .strip_suffix(":*")
            .is_some_and(|id| is_fixed(id) && id.starts_with("AROA") && id.len() >= ROLE_ID_CHARS_MIN),
        // What is below one organization.
        "aws:principalorgpaths" | "aws:sourceorgpaths" => {
            value.split_once('/').is_some_and(|(id, _)| is_fixed(id) && id.len() > "o-".len())
        }
        // The bearers of tokens of one provider.
        key if is_of_token(key) => value.chars().any(|character| !matches!(character, '*' | '?')),
        _ => false,
    }
}

/// The shortest unique id of a role.
const ROLE_ID_CHARS_MIN: usize = 16;

fn is_fixed(text: &str) -> bool {
    !text.is_empty() && !text.contains(['*', '?'])
}

/// One address, or a range of them that is not nearly the whole world's.
fn is_narrow_range(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let (bits_min, bits_max) = if address.is_ipv6() { (32, 128) } else { (8, 32) };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| (bits_min..=bits_max).contains(&bits)))
}
