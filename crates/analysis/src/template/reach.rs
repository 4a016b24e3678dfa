//! How far a resource pattern reaches: whether every resource of a kind is under it.
//!
//! A pattern is held against the ARN of a resource that nobody names, of each type that AWS's facts give for the action. Of
//! services whose facts are not known here, the form of the pattern decides.

use std::collections::HashMap;
use std::sync::LazyLock;

use protocol::{Action, Authorization};

use crate::glob;

/// The name of what nobody names.
const UNNAMED: &str = "zq7vx0unnamed";
/// Services whose ARNs have no type before the name.
const UNTYPED: [&str; 6] = ["s3", "sns", "sqs", "execute-api", "codecommit", "apigateway"];
/// The ARNs of the types that an action works on, by service and by action in lower case; of things that nobody names.
type Forms = HashMap<String, HashMap<String, Vec<String>>>;

static FORMS: LazyLock<Forms> = LazyLock::new(|| {
    let known = super::actions::services();
    known.filter_map(|service| Some((service.to_owned(), read(protocol::authorization(service)?)))).collect()
});

/// The forms for an action (a pattern perhaps); none where its service or the action itself is not known.
fn forms(action: &str) -> Option<Vec<&'static str>> {
    let (service, called) = action.split_once(':')?;
    let of_service = FORMS.get(service)?;
    if let Some(found) = of_service.get(called) {
        return Some(found.iter().map(String::as_str).collect());
    }
    let fits: Vec<&Vec<String>> =
        of_service.iter().filter(|(name, _)| glob::matches(called, name)).map(|(_, forms)| forms).collect();
    let mut found: Vec<&str> = fits.iter().copied().flatten().map(String::as_str).collect();
    found.sort_unstable();
    found.dedup();
    (!fits.is_empty()).then_some(found)
}

fn read(facts: &Authorization) -> HashMap<String, Vec<String>> {
    let forms = |action: &Action| {
        let types = action.resources().keys().filter_map(|name| facts.resource(name));
        types.map(|kind| unnamed(&kind.arn)).collect()
    };
    facts.actions().map(|(name, action)| (name.to_ascii_lowercase(), forms(action))).collect()
}

/// What an action can be used on, looked up once for many patterns.
pub(super) struct Reach(Option<Vec<&'static str>>);

impl Reach {
    pub(super) fn of(action: &str) -> Self {
        Self(forms(action))
    }

    /// True where the pattern takes in every resource of a type that the action works on.
    pub(super) fn is_every(&self, pattern: &str) -> bool {
        if pattern == "*" || !pattern.contains(['*', '?']) {
            return pattern == "*";
        }
        match &self.0 {
            Some(forms) => forms
                .iter()
                .any(|form| may_match(pattern, form) && glob::matches(pattern, &in_place_of(form, pattern))),
            None => is_every(pattern),
        }
    }
}

/// The same for one pattern.
pub(super) fn reaches_every(action: &str, pattern: &str) -> bool {
    pattern == "*" || (pattern.contains(['*', '?']) && Reach::of(action).is_every(pattern))
}

/// False where the resource's part begins otherwise: most patterns name something, and are done with here.
pub(super) fn may_match(pattern: &str, form: &str) -> bool {
    let resource = |text: &'_ str| text.match_indices(':').nth(4).map(|(at, _)| at + 1);
    let (Some(mine), Some(theirs)) = (resource(pattern), resource(form)) else { return true };
    let (mine, theirs) = (pattern.get(mine..).unwrap_or_default(), form.get(theirs..).unwrap_or_default());
    let literal = mine.split(['*', '?']).next().unwrap_or_default();
    // A wildcard before may have taken in colons.
    pattern.find(['*', '?']).is_some_and(|at| at < pattern.len() - mine.len()) || theirs.starts_with(literal)
}

/// An ARN of this form that nobody names.
fn unnamed(form: &str) -> String {
    let mut arn = String::new();
    let mut rest = form;
    while let Some((before, (name, after))) =
        rest.split_once("${").and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        arn.push_str(before);
        arn.push_str(match name {
            "Partition" => "aws",
            "Region" => "us-east-1",
            "Account" => "123456789012",
            _ => UNNAMED,
        });
        rest = after;
    }
    arn.push_str(rest);
    arn
}

/// The ARN in the partition, region and account that the pattern names.
pub(super) fn in_place_of(arn: &str, pattern: &str) -> String {
    let wanted: Vec<&str> = pattern.splitn(6, ':').collect();
    let parts = arn.splitn(6, ':').enumerate().map(|(at, part)| match wanted.get(at) {
        Some(wanted) if matches!(at, 1 | 3 | 4) && !wanted.is_empty() && !wanted.contains(['*', '?']) => {
            *wanted
        }
        _ => part,
    });
    parts.collect::<Vec<_>>().join(":")
}

/// True where a pattern in its shortest form names nothing: `*`, or an ARN with wildcards alone in the place of names.
pub(super) fn is_every(pattern: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    if !"arn".starts_with(parts.first().copied().unwrap_or_default().trim_end_matches('*')) {
        return false;
    }
    let wild = |text: &str| text.contains('*') && text.bytes().all(|byte| byte == b'*' || byte == b'?');
    let [_, _, service, _, _, resource] = parts.as_slice() else { return pattern.ends_with('*') };
    let mut segments = resource.split([':', '/']);
    let first = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.collect();
    if wild(first) {
        return rest.iter().all(|segment| wild(segment));
    }
    let is_type = first.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    // `role*` is every role, and `Orders*` of a queue is not.
    let begun = first
        .strip_suffix('*')
        .is_some_and(|kind| matches!(kind, "role" | "user" | "table" | "secret" | "key"));
    !UNTYPED.contains(service)
        && (begun || is_type && !rest.is_empty() && rest.iter().all(|segment| wild(segment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_names_nothing_reaches_everything() {
        for (action, pattern, expected) in [
            ("s3:getobject", "arn:aws:s3:::*", true),
            ("s3:getobject", "arn:aws:s3:::*/*", true),
            ("s3:getobject", "arn:aws:s3:::bucket/*", false),
            ("s3:getobject", "<Bucket.Arn>/*", false),
            ("s3:listbucket", "arn:aws:s3:::app-*", false),
            ("dynamodb:deleteitem", "arn:aws:dynamodb:*:*:table/*", true),
            ("dynamodb:deleteitem", "arn:aws:dynamodb:eu-west-1:111111111111:table/*", true),
            ("dynamodb:deletetable", "arn:aws:dynamodb:*", true),
            ("dynamodb:query", "arn:aws:dynamodb:us-east-1:111111111111:table/orders/index/*", false),
            ("iam:passrole", "arn:aws:iam::*:*", true),
            ("iam:passrole", "arn:aws:iam::111111111111:role*", true),
            ("iam:passrole", "arn:aws:iam::111111111111:role/app-*", false),
            ("iam:passrole", "arn:aws:iam::111111111111:user/*", false),
            ("lambda:invokefunction", "arn:aws:lambda:us-east-1:111111111111:function:*", true),
            ("lambda:invokefunction", "arn:aws:lambda:us-east-1:111111111111:function:app:*", false),
            ("logs:putlogevents", "arn:aws:logs:us-east-1:111111111111:log-group:/aws/lambda/f:*", false),
            ("secretsmanager:getsecretvalue", "arn:aws:secretsmanager:*:*:secret:*", true),
            ("secretsmanager:getsecretvalue", "arn:aws:secretsmanager:*:*:secret:app-*", false),
            ("sqs:sendmessage", "arn:aws:sqs:us-east-1:111111111111:*", true),
            ("sqs:sendmessage", "arn:aws:sqs:us-east-1:111111111111:orders-*", false),
            ("sns:publish", "arn:aws:sns:us-east-1:111111111111:orders:*", false),
            ("execute-api:invoke", "arn:aws:execute-api:us-east-1:111111111111:abc/*", false),
            ("ssm:getparameter", "arn:aws:ssm:us-east-1:111111111111:parameter/app/*", false),
            ("ssm:sendcommand", "arn:aws:ec2:*:*:instance/*", true),
            ("kms:decrypt", "*", true),
            ("kms:decrypt", "<Key.Arn>", false),
            ("kms:decrypt", "", false),
        ] {
            assert_eq!(reaches_every(action, pattern), expected, "{action} {pattern}");
        }
    }
}
