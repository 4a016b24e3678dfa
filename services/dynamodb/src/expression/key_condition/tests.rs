use protocol::{Entries, Value};

use super::*;
use crate::attribute::tests::wire;

fn parsed(text: &str) -> Result<Vec<(String, KeyTest)>, String> {
    let values = [":a", ":b"].into_iter().map(|key| (key.to_owned(), wire("S", Value::String(key.into()))));
    let names = Entries(vec![("#k".to_owned(), "key".to_owned())]);
    let mut placeholders = Placeholders::new(Some(names), Some(values.collect())).unwrap();
    KeyCondition::parse(text, &mut placeholders)
        .map(|condition| condition.tests)
        .map_err(Invalid::into_message)
}

fn value(key: &str) -> AttributeValue {
    AttributeValue::S(key.to_owned())
}

#[test]
fn key_conditions_are_one_test_a_key() {
    let first = ("p".to_owned(), KeyTest::Equal(value(":a")));
    for (text, second) in [
        ("p = :a", None),
        ("p = :a AND s < :b", Some(KeyTest::Less(value(":b")))),
        ("p = :a AND :b < s", Some(KeyTest::Greater(value(":b")))),
        ("(:a = p) AND (s >= :b)", Some(KeyTest::GreaterEqual(value(":b")))),
        ("p = :a AND s BETWEEN :a AND :b", Some(KeyTest::Between(value(":a"), value(":b")))),
        ("p = :a AND begins_with(s, :b)", Some(KeyTest::BeginsWith(value(":b")))),
    ] {
        let expected: Vec<_> =
            std::iter::once(first.clone()).chain(second.map(|test| ("s".to_owned(), test))).collect();
        assert_eq!(parsed(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_no_range_can_answer_is_refused_in_dynamodbs_words() {
    for (text, message) in [
        ("p = :a OR s = :b", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT p = :a", "Invalid operator used in KeyConditionExpression: NOT"),
        ("p <> :a", "Invalid operator used in KeyConditionExpression: <>"),
        ("p IN (:a)", "Invalid operator used in KeyConditionExpression: IN"),
        ("attribute_exists(p)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("contains(p, :a)", "Invalid operator used in KeyConditionExpression: contains"),
        (
            "p = :a AND p = :b",
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
        ),
        (
            "p = s",
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        ),
        (":a = :b", "Invalid condition in KeyConditionExpression: No key attribute specified"),
        ("p.x = :a", "KeyConditionExpressions cannot have conditions on nested attributes"),
        ("p[0] = s", "KeyConditionExpressions cannot have conditions on nested attributes"),
        (
            "size(p) BETWEEN :a AND :b",
            "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand",
        ),
        ("size(p) = :a", "KeyConditionExpressions cannot contain nested operations"),
        (
            ":a BETWEEN p AND :b",
            "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand",
        ),
        ("p = ", "Invalid KeyConditionExpression: Syntax error; token: \"<EOF>\", near: \"=\""),
    ] {
        assert_eq!(parsed(text), Err(message.to_owned()), "{text}");
    }
}
