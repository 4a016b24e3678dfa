//! Single-valued and multivalued keys: `ForAllValues` and `ForAnyValue`.

use super::*;

fn keys(values: &[&str]) -> Context {
    Context::new().with_all("aws:TagKeys", values.iter().copied())
}

/// The page's tables of requests, for each of its policies.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition_examples-multi-valued-context-keys.html>
#[test]
fn the_examples_of_multivalued_keys() {
    let for_all = |values: Value| json!({ "Null": { "aws:TagKeys": "false" }, "ForAllValues:StringLike": { "aws:TagKeys": values } });
    let for_any = |values: Value| json!({ "ForAnyValue:StringLike": { "aws:TagKeys": values } });
    for (condition, requests) in [
        (
            for_all(json!("key1*")),
            vec![
                (&["key1:legal"] as &[&str], true),
                (&["key1:hr", "key1:personnel"], true),
                (&["key2:audit"], false),
                (&["key1:legal", "key2:audit"], false),
                (&[], false),
            ],
        ),
        (
            for_all(json!(["key1*", "key2*"])),
            vec![
                (&["key1:hr"], true),
                (&["key1:legal", "key2:audit"], true),
                (&["key3:sales"], false),
                (&["key1:hr", "key3:sales"], false),
                (&[], false),
            ],
        ),
        (
            for_any(json!("key1*")),
            vec![
                (&["key1:legal"], true),
                (&["key1:legal", "key2:audit"], true),
                (&["key2:audit"], false),
                (&[], false),
            ],
        ),
        (
            for_any(json!(["key1*", "key2*"])),
            vec![(&["key2:audit", "key3:sales"], true), (&["key3:sales"], false), (&[], false)],
        ),
        // "The ForAllValues set operator also returns true if there are no context keys in the request."
        (json!({ "ForAllValues:StringLike": { "aws:TagKeys": "key1*" } }), vec![(&[], true), (&[""], true)]),
        // The same with the negated operators.
        (
            json!({ "ForAllValues:StringNotLike": { "aws:TagKeys": ["key1*", "key2*"] } }),
            vec![(&["key3"], true), (&["key3", "key1"], false), (&[], true)],
        ),
        (
            json!({ "ForAnyValue:StringNotLike": { "aws:TagKeys": ["key1*", "key2*"] } }),
            vec![(&["key3", "key1"], true), (&["key1"], false), (&[], false)],
        ),
        (
            json!({ "ForAnyValue:StringLikeIfExists": { "aws:TagKeys": "key1*" } }),
            vec![(&["key1"], true), (&["key2"], false), (&[], true)],
        ),
    ] {
        for (values, fits) in requests {
            assert_eq!(applies(&condition, &keys(values)), fits, "{condition} of {values:?}");
        }
    }
}

/// Attributes of an item that may be read, and ones that may not be written.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
#[test]
fn attributes_of_the_table_thread() {
    let attributes = |values: &[&str]| Context::new().with_all("dynamodb:Attributes", values.iter().copied());
    let readable =
        json!({ "ForAllValues:StringLike": { "dynamodb:Attributes": ["PostDateTime", "Message", "Tags"] } });
    let unwritable = json!({ "ForAnyValue:StringLike": { "dynamodb:Attributes": ["ID", "PostDateTime"] } });
    assert!(applies(&readable, &attributes(&["PostDateTime", "Message"])));
    assert!(!applies(&readable, &attributes(&["PostDateTime", "ID"])));
    assert!(!applies(&readable, &attributes(&["PostDateTime", "UserName"])));
    assert!(applies(&unwritable, &attributes(&["PostDateTime", "Message"])));
    assert!(applies(&unwritable, &attributes(&["UserName", "Message", "PostDateTime"])));
    assert!(!applies(&unwritable, &attributes(&["UserName"])));
}

/// Tags on request: these keys, and each with a value of its list.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html#access_tags_control-requests>
#[test]
fn tags_are_given_from_a_list() {
    let condition = json!({
        "StringEquals": { "aws:RequestTag/environment": ["preprod", "production"] },
        "ForAllValues:StringEquals": { "aws:TagKeys": "environment" },
    });
    for (tags, fits) in [
        (vec![("environment", "preprod")], true),
        (vec![("environment", "production")], true),
        (vec![("environment", "test")], false),
        (vec![("environment", "preprod"), ("owner", "x")], false),
        // A key's case is the key's own.
        (vec![("Environment", "preprod")], false),
        (vec![], false),
    ] {
        let mut context = Context::new();
        for (key, value) in &tags {
            context.add(format!("aws:RequestTag/{key}"), *value);
            context.add("aws:TagKeys", *key);
        }
        assert_eq!(applies(&condition, &context), fits, "{tags:?}");
    }
}
