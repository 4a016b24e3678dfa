//! Where AWS's pages leave the answer open, ours is the stricter one: what the crate's page promises, each with its neighbour
//! that is allowed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use policy::{
    Context, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request, evaluate,
};
use serde_json::{Value, json};

const HOME: &str = "111111111111";
const ANA: PrincipalView<'static> = PrincipalView {
    lender: None,
    kind: PrincipalKind::User,
    arn: "arn:aws:iam::111111111111:user/ana",
    account: HOME,
    role_arn: None,
    service: None,
    user_id: "AIDAEXAMPLE",
};

struct Asked<'a> {
    action: &'a str,
    resource: &'a str,
    owner: &'a str,
    context: Context,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self { action: "s3:GetObject", resource: "arn:aws:s3:::b/o", owner: HOME, context: Context::new() }
    }
}

fn allowed(asked: &Asked<'_>, statements: &Value) -> bool {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    let policy = Policy::parse(&document.to_string(), PolicyKind::Identity).unwrap();
    let request = Request {
        principal: ANA,
        action: asked.action,
        resource: asked.resource,
        resource_account: asked.owner,
        context: &asked.context,
    };
    let identity = [NamedPolicy::new("p", policy)];
    evaluate(&request, &PolicySet { identity: &identity, ..PolicySet::default() }).is_allowed()
}

/// Everything but a list selects what there is, and an action or a resource that is not said is not there.
#[test]
fn nothing_is_not_something_else_than_a_list() {
    let not_action = json!([{ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }]);
    let not_resource = json!([{ "Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::other" }]);
    for statements in [&not_action, &not_resource] {
        assert!(allowed(&Asked::default(), statements));
    }
    assert!(!allowed(&Asked { action: "", ..Asked::default() }, &not_action));
    assert!(!allowed(&Asked { resource: "", ..Asked::default() }, &not_resource));
}

/// A variable stands for one value: of several, none is chosen.
#[test]
fn a_variable_of_several_values_has_none() {
    let own =
        json!([{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${aws:TagKeys}" }]);
    let asked = |keys: &[&str]| Asked {
        context: Context::new().with_all("aws:TagKeys", keys.iter().copied()),
        ..Asked::default()
    };
    assert!(allowed(&asked(&["o"]), &own));
    assert!(!allowed(&asked(&["o", "p"]), &own));
}

#[test]
fn without_an_owner_it_is_another_account() {
    let all = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    assert!(allowed(&Asked::default(), &all));
    for owner in ["", "222222222222"] {
        assert!(!allowed(&Asked { owner, ..Asked::default() }, &all), "{owner}");
    }
}

/// A statement whose other condition fails does not apply, whatever the first cannot decide, and in either order.
#[test]
fn what_fails_fails_beside_what_cannot_be_decided() {
    let context = || Context::new().with("k:number", "many").with("k:text", "x");
    let condition = |operators: [(&str, Value); 2]| {
        let mut all = serde_json::Map::new();
        all.extend(operators.map(|(operator, keys)| (operator.to_owned(), keys)));
        let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        json!([everything, { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": all }])
    };
    let undecidable = || ("NumericLessThan", json!({ "k:number": "5" }));
    let text = |value: &str| ("StringEquals", json!({ "k:text": value }));
    for (first, second, passes) in [
        (undecidable(), text("y"), true),
        (text("y"), undecidable(), true),
        (undecidable(), text("x"), false),
        (text("x"), undecidable(), false),
    ] {
        let statements = condition([first, second]);
        let asked = Asked { context: context(), ..Asked::default() };
        assert_eq!(allowed(&asked, &statements), passes, "{statements}");
    }
}

#[test]
fn a_value_never_acts_as_a_wildcard() {
    let own = json!([{ "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/home}/*" }]);
    for (home, resource, fits) in [
        ("ana", "arn:aws:s3:::b/ana/x", true),
        ("*", "arn:aws:s3:::b/ana/x", false),
        ("a?a", "arn:aws:s3:::b/ana/x", false),
        ("*", "arn:aws:s3:::b/*/x", true),
    ] {
        let context = Context::new().with("aws:PrincipalTag/home", home);
        assert_eq!(
            allowed(&Asked { resource, context, ..Asked::default() }, &own),
            fits,
            "{home} {resource}"
        );
    }
}

/// "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the colon boundaries": what
/// any other wildcard does is not said. An allow takes in less, a deny more, and what is excepted the other way round.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html#reference_policies_elements_resource_wildcards>
#[test]
fn a_wildcard_within_a_segment_allows_no_more_and_denies_no_less() {
    let function = |name: &str| format!("arn:aws:lambda:us-east-1:111111111111:function:{name}");
    for (pattern, name, closely, widely) in [
        ("app-*-prod", "app-x-prod", true, true),
        ("app-*-prod", "app-x:y-prod", false, true),
        ("app-*-prod", "app-x:y-dev", false, false),
        ("app-*", "app-x:y-prod", true, true),
        ("app-*:prod", "app-x:prod", true, true),
        ("app-*:prod", "app-x:y:prod", true, true),
        ("app-?", "app-x", true, true),
        ("app?x", "app:x", false, true),
        ("app-*-${aws:username}", "app-x-ana", true, true),
        ("app-*-${aws:username}", "app-x:y-ana", false, true),
    ] {
        let (pattern, resource) = (function(pattern), function(name));
        let statement =
            |effect: &str, element: &str| json!({ "Effect": effect, "Action": "*", element: pattern });
        let all = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        for (statements, passes) in [
            (json!([statement("Allow", "Resource")]), closely),
            (json!([statement("Allow", "NotResource")]), !widely),
            (json!([all, statement("Deny", "Resource")]), !widely),
            (json!([all, statement("Deny", "NotResource")]), closely),
        ] {
            let asked = Asked { resource: &resource, ..Asked::default() };
            assert_eq!(allowed(&asked, &statements), passes, "{name}: {statements}");
        }
    }
}

#[test]
fn several_values_want_a_set_operator() {
    let with = |operator: &str| {
        let condition = json!({ operator: { "k:many": ["a", "b"] } });
        json!([{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition }])
    };
    for (operator, values, fits) in [
        ("StringEquals", &["a"] as &[&str], true),
        ("StringEquals", &["a", "b"], false),
        ("ForAllValues:StringEquals", &["a", "b"], true),
        ("ForAllValues:StringEquals", &["a", "c"], false),
        ("ForAnyValue:StringEquals", &["c", "b"], true),
    ] {
        let context = Context::new().with_all("k:many", values.iter().copied());
        assert_eq!(
            allowed(&Asked { context, ..Asked::default() }, &with(operator)),
            fits,
            "{operator} {values:?}"
        );
    }
}

/// A variable under `Bool` that is missing, or is neither true nor false, allows nothing and denies.
#[test]
fn a_variable_that_is_no_boolean_leaves_it_open() {
    let condition = json!({ "Bool": { "k:flag": "${aws:PrincipalTag/flag}" } });
    let allow = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition }]);
    let deny = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition }]);
    for (tag, allows, passes) in [
        (Some("true"), true, false),
        (Some("false"), false, true),
        (Some("yes"), false, false),
        (Some("*"), false, false),
        (None, false, false),
    ] {
        let context = Context::new().with("k:flag", "true").with_all("aws:PrincipalTag/flag", tag);
        let asked = Asked { context, ..Asked::default() };
        assert_eq!((allowed(&asked, &allow), allowed(&asked, &deny)), (allows, passes), "{tag:?}");
    }
}

/// A condition without values is taken, as IAM takes it; what it means is said differently on AWS's pages.
#[test]
fn a_condition_without_values_allows_nothing_and_denies() {
    for operator in
        ["StringEquals", "StringNotEquals", "ForAllValues:StringEquals", "NumericEqualsIfExists", "Null"]
    {
        let condition = json!({ operator: { "k:text": [] } });
        let allow = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition }]);
        let deny = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition }]);
        for value in [None, Some("x")] {
            let asked = || Asked { context: Context::new().with_all("k:text", value), ..Asked::default() };
            assert!(!allowed(&asked(), &allow) && !allowed(&asked(), &deny), "{operator} {value:?}");
        }
    }
}

/// Who calls, and whose the resource is, follows from the request: no key beside it says otherwise, unless all is supposed.
#[test]
fn only_where_it_is_supposed_is_a_caller_another() {
    for (key, is, other) in [
        ("aws:PrincipalAccount", HOME, "222222222222"),
        ("aws:PrincipalArn", ANA.arn, "arn:aws:iam::111111111111:user/bob"),
        ("aws:PrincipalIsAWSService", "false", "true"),
        ("aws:PrincipalServiceName", "", "lambda.amazonaws.com"),
        ("aws:PrincipalType", "User", "AssumedRole"),
        ("aws:ResourceAccount", HOME, "222222222222"),
        ("aws:userid", "AIDAEXAMPLE", "AIDAOTHER"),
        ("aws:username", "ana", "bob"),
    ] {
        let holds = |context: Context, value: &str| {
            let condition = match value {
                "" => json!({ "Null": { key: "true" } }),
                value => json!({ "ForAnyValue:StringEquals": { key: value } }),
            };
            let statements =
                json!([{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition }]);
            allowed(&Asked { context, ..Asked::default() }, &statements)
        };
        for real in [Context::new(), Context::default()] {
            let renamed = real.with(key, other);
            assert!(!holds(renamed.clone(), other) && holds(renamed, is), "{key}");
        }
        let supposed = Context::supposed().with(key, other);
        assert!(holds(supposed.clone(), other) && !holds(supposed.clone(), is), "{key}");
        assert!(holds(supposed.with(key, "more"), "more"), "{key}");
        // What nobody supposes is as it is.
        assert!(holds(Context::supposed(), is) && !holds(Context::supposed(), other), "{key}");
    }
}
