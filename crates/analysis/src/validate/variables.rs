//! Policy variables: `${key}` or `${key, 'default'}`, in resources and in conditions on strings and ARNs only.
//!
//! It does not ask whether the key exists: tokens and sessions bring keys of their own.

use super::Walk;
use crate::json::Span;

/// Checks the variables of one text in a place that may have them.
pub(super) fn check(walk: &mut Walk<'_>, span: Span, text: &str) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        if !walk.has_variables {
            walk.error(
                "VARIABLE_UNSUPPORTED_IN_VERSION",
                span,
                "To include variables in your policy, use the policy version 2012-10-17 or later.",
            );
            return;
        }
        let Some((content, behind)) = after.split_once('}') else {
            walk.error(
                "MISSING_BRACE_IN_VARIABLE",
                span,
                "The policy variable is missing a closing curly brace. Add } after the variable text.",
            );
            return;
        };
        one(walk, span, content);
        rest = behind;
    }
}

fn one(walk: &mut Walk<'_>, span: Span, content: &str) {
    let (name, default) =
        content.split_once(',').map_or((content, None), |(name, default)| (name, Some(default.trim())));
    if name.trim().is_empty() {
        walk.error(
            "EMPTY_VARIABLE",
            span,
            "Empty policy variable. Remove the ${ } variable structure or provide a variable within the structure.",
        );
    } else if name.contains(' ') {
        walk.error(
            "UNSUPPORTED_SPACE_IN_VARIABLE",
            span,
            "A space is not supported within the policy variable text. Remove the space.",
        );
    }
    let is_quoted = |text: &str| text.len() >= 2 && text.starts_with('\'') && text.ends_with('\'');
    if default.is_some_and(|default| !is_quoted(default)) {
        walk.error(
            "MISSING_QUOTE_IN_VARIABLE",
            span,
            "The policy variable default value must begin and end with a single quote. Add the missing quote.",
        );
    }
}

/// Says that this place may have no variable, where the text has one.
pub(super) fn refuse(walk: &mut Walk<'_>, span: Span, text: &str) {
    let Some((_, after)) = text.split_once("${") else { return };
    let name = after.split('}').next().unwrap_or_default();
    let details = format!(
        "Policy variables are supported in the Resource and Condition elements. Remove the policy variable ${{{name}}} from this element."
    );
    walk.error("VARIABLE_UNSUPPORTED_IN_ELEMENT", span, details);
}

/// The text with a star in the place of each variable: colons in a variable end no segment.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((_, behind)) = after.split_once('}') else { break };
        masked.push_str(before);
        masked.push('*');
        rest = behind;
    }
    masked.push_str(rest);
    masked
}
