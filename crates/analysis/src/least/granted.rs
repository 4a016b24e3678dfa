//! What is granted, held against what was needed: which grant was used for what, and which for nothing.
//!
//! Only allowing statements are read, their resources as the evaluator reads them; a policy variable may be anything. A statement with a condition counts as used where its action and resource fit: the
//! condition held when the call was let through, or another statement let it through.

use super::Needed;
use crate::glob;
use crate::json::{self, Node};
use crate::resource::Reading;

/// One action of one allowing statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The policy's name or ARN.
    pub policy: String,
    /// The action pattern; with `NotAction`, everything but it.
    pub action: String,
    /// The resource patterns.
    pub resources: Vec<String>,
    /// The actions that were called under it.
    pub used: Vec<String>,
    /// True where what it grants is what was used, no more.
    pub exact: bool,
}

/// The grants of these policies (name and document), with what was used of each.
pub fn compare<'p>(policies: impl IntoIterator<Item = (&'p str, &'p str)>, needed: &Needed) -> Vec<Grant> {
    let mut grants = Vec::new();
    for (policy, document) in policies {
        let document = json::parse(document).ok();
        let member = |name| document.as_ref().and_then(|document| document.get(name));
        let reading = Reading::of(true, false, member("Version").and_then(Node::text) == Some("2012-10-17"));
        let statements = member("Statement");
        for statement in statements.map(Node::one_or_many).unwrap_or_default() {
            if statement.get("Effect").and_then(Node::text) == Some("Allow") {
                add((policy, reading), statement, needed, &mut grants);
            }
        }
    }
    grants
}

fn texts(statement: &Node, element: &str) -> Vec<String> {
    let texts = statement.get(element).map(Node::texts).unwrap_or_default();
    texts.into_iter().map(str::to_owned).collect()
}

fn add((policy, reading): (&str, Reading), statement: &Node, needed: &Needed, grants: &mut Vec<Grant>) {
    let resources = texts(statement, "Resource");
    let all = ["*".to_owned()];
    // `NotResource` is taken for everything: it is nearly that.
    let reach = if resources.is_empty() { &all[..] } else { &resources };
    let mut push = |action: &str, fits: &dyn Fn(&str) -> bool, exact_action: bool| {
        let called = needed.iter().filter(|(called, on)| {
            fits(&called.to_ascii_lowercase())
                && on
                    .iter()
                    .any(|arn| arn == "*" || reach.iter().any(|pattern| reading.may_match(pattern, arn)))
        });
        let used: Vec<String> = called.map(|(called, _)| called.to_owned()).collect();
        let exact = exact_action && !used.is_empty() && !reach.iter().any(|pattern| pattern == "*");
        grants.push(Grant {
            policy: policy.to_owned(),
            action: action.to_owned(),
            resources: reach.to_vec(),
            used,
            exact,
        });
    };
    for action in texts(statement, "Action") {
        let folded = action.to_ascii_lowercase();
        push(&action, &|called| glob::matches(&folded, called), !action.contains(['*', '?']));
    }
    let excluded: Vec<String> = texts(statement, "NotAction");
    if !excluded.is_empty() {
        let folded: Vec<String> = excluded.iter().map(|action| action.to_ascii_lowercase()).collect();
        let fits = |called: &str| !folded.iter().any(|pattern| glob::matches(pattern, called));
        push(&format!("not {}", excluded.join(", ")), &fits, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Call;

    #[test]
    fn resources_are_read_as_the_evaluator_reads_them() {
        let used = |version: &str, resource: &str, name: &str| {
            let arn = format!("arn:aws:lambda:us-east-1:111111111111:{name}");
            let call = Call { needs: vec![("a:b".into(), arn)], ..Call::default() };
            let pattern = format!("arn:aws:lambda:us-east-1:111111111111:{resource}");
            let document = format!(
                r#"{{"Version":"{version}","Statement":{{"Effect":"Allow","Action":"a:b","Resource":"{pattern}"}}}}"#
            );
            !compare([("p", document.as_str())], &Needed::of([&call]))[0].used.is_empty()
        };
        for (resource, name, expected) in [
            ("f/${*}/x", "f/*/x", true),
            ("f/${*}/x", "f/y/x", false),
            ("f/${?}${$}", "f/?$", true),
            ("f/${aws:username}/x", "f/ana/x", true),
            ("f/${aws:username}/x", "f/ana/y", false),
            ("f-*-prod", "f-x-prod", true),
            ("f-*-prod", "f-x:y-prod", false),
            ("f-*", "f-x:y-prod", true),
        ] {
            assert_eq!(used("2012-10-17", resource, name), expected, "{resource} {name}");
        }
        assert!(used("2008-10-17", "f/${*}", "f/${x}"), "there it is text and a wildcard");
        assert!(!used("2008-10-17", "f/${aws:username}", "f/ana"));
    }

    #[test]
    fn each_grant_tells_what_it_was_used_for() {
        let table = "arn:aws:dynamodb:us-east-1:111111111111:table/t";
        let call = Call {
            who: "r".into(),
            session: String::new(),
            at: String::new(),
            region: String::new(),
            denied: false,
            needs: vec![("dynamodb:GetItem".into(), table.into()), ("dynamodb:PutItem".into(), table.into())],
            ..Call::default()
        };
        let needed = Needed::of([&call]);
        let document = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":["dynamodb:*","s3:GetObject"],"Resource":"*"}},
                {{"Effect":"Allow","Action":"dynamodb:getitem","Resource":"{table}"}},
                {{"Effect":"Allow","NotAction":"iam:*","Resource":"{table}"}},
                {{"Effect":"Deny","Action":"*","Resource":"*"}}]}}"#
        );
        let grants = compare([("p", document.as_str())], &needed);
        let told: Vec<(&str, usize, bool)> =
            grants.iter().map(|grant| (grant.action.as_str(), grant.used.len(), grant.exact)).collect();
        assert_eq!(
            told,
            [
                ("dynamodb:*", 2, false),
                ("s3:GetObject", 0, false),
                ("dynamodb:getitem", 1, true),
                ("not iam:*", 2, false)
            ]
        );
    }
}
