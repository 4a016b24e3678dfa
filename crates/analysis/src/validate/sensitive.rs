//! Wildcards and variables in values that are to name one account, organization, network or caller.
//!
//! A variable that is itself one of these keys is no finding: what it stands for is the platform's word, and nobody's pattern.
//! Of the keys that want six characters ahead, AWS's answers are known for one.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sensitive>

use super::Walk;
use super::conditions::Found;
use crate::json::Span;

const SENSITIVE: [&str; 10] = [
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:vpceaccount",
    "aws:vpceorgid",
];
/// The key whose wildcards want so many characters ahead of them.
const SUBJECT: &str = "token.actions.githubusercontent.com:sub";
const AHEAD_CHARS_MIN: usize = 6;

/// What a value is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    Wildcard,
    /// A variable, by its key in lower case.
    Variable(String),
}

/// What stands for more than itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Wildcard,
    Variable,
}

pub(super) fn check(walk: &mut Walk<'_>, span: Span, found: &Found<'_>, text: &str) {
    let has_wildcards = found.operator.plain.ends_with("Like") || found.operator.family() == "Arn";
    if !matches!(found.operator.family(), "String" | "Arn") {
        return;
    }
    let parts = read(text, has_wildcards, walk.has_variables);
    for open in [Open::Wildcard, Open::Variable] {
        let is_open = |part: &Part| opens(part) == Some(open);
        let is_sensitive = SENSITIVE.contains(&found.key.as_str());
        if is_sensitive && parts.iter().any(is_open) {
            say(walk, span, open, &sensitive(open, found.name));
        } else if found.key == "aws:userid" && !names_one(&parts, open) {
            say(walk, span, open, &caller(open));
        } else if found.key == SUBJECT && !is_led(&parts, open) {
            say(walk, span, open, &led(open, found.name));
        }
    }
}

fn read(text: &str, has_wildcards: bool, has_variables: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let variable = rest.strip_prefix("${").filter(|_| has_variables);
        let part = match variable.and_then(|rest| rest.split_once('}')) {
            Some((content, behind)) => {
                rest = behind;
                match content {
                    "*" | "?" | "$" => Part::Char(content.chars().next().unwrap_or('$')),
                    _ => Part::Variable(
                        content.split(',').next().unwrap_or_default().trim().to_ascii_lowercase(),
                    ),
                }
            }
            None => {
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                let is_wildcard = has_wildcards && matches!(first, '*' | '?');
                if is_wildcard { Part::Wildcard } else { Part::Char(first) }
            }
        };
        parts.push(part);
    }
    parts
}

fn opens(part: &Part) -> Option<Open> {
    match part {
        Part::Char(_) => None,
        Part::Wildcard => Some(Open::Wildcard),
        Part::Variable(name) => (!SENSITIVE.contains(&name.as_str())).then_some(Open::Variable),
    }
}

/// Of a caller's id: the part ahead of the colon says who it is, or leaves it wholly open.
fn names_one(parts: &[Part], open: Open) -> bool {
    let colon = parts.iter().position(|part| *part == Part::Char(':'));
    let ahead = parts.get(..colon.unwrap_or(parts.len())).unwrap_or_default();
    let is_open = ahead.iter().any(|part| opens(part) == Some(open));
    !is_open || (colon.is_some() && ahead.len() == 1)
}

/// True where enough fixed characters stand right ahead of each.
fn is_led(parts: &[Part], open: Open) -> bool {
    let mut ahead: usize = 0;
    for part in parts {
        if opens(part) == Some(open) && ahead < AHEAD_CHARS_MIN {
            return false;
        }
        ahead = if matches!(part, Part::Char(_)) { ahead.saturating_add(1) } else { 0 };
    }
    true
}

fn say(walk: &mut Walk<'_>, span: Span, open: Open, details: &str) {
    let code = match open {
        Open::Wildcard => "WILDCARD_USAGE_TOO_PERMISSIVE",
        Open::Variable => "VARIABLE_USAGE_TOO_PERMISSIVE",
    };
    walk.error(code, span, details);
}

fn sensitive(open: Open, key: &str) -> String {
    let what = match open {
        Open::Wildcard => format!(
            "The wildcard is not allowed in the condition key {key}. We consider the key to be sensitive and wildcards are not allowed to be used with sensitive keys."
        ),
        Open::Variable => format!(
            "The policy variable is not allowed in the condition key {key}. We consider the key to be sensitive and policy variables can be evaluated as effective wildcards. Therefore policy variables are not allowed to be used with sensitive keys."
        ),
    };
    format!(
        "{what} Refer to https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html for the list of sensitive keys."
    )
}

const fn word(open: Open) -> &'static str {
    match open {
        Open::Wildcard => "wildcard",
        Open::Variable => "policy variable",
    }
}

fn caller(open: Open) -> String {
    let word = word(open);
    format!(
        "Overly permissive use of {word} with aws:userID. Use the {word} on the right side of colon or as the only character on the left side of a colon."
    )
}

fn led(open: Open, key: &str) -> String {
    let word = word(open);
    format!(
        "Overly permissive use of {word} for the {key} condition key. Use the {word} preceded by {AHEAD_CHARS_MIN} consecutive characters."
    )
}
