use protocol::{Entries, Value};

use super::*;
use crate::attribute::Attributes;
use crate::attribute::tests::wire;
use crate::expression::{Placeholders, Projection};

fn s(text: &str) -> Value {
    wire("S", Value::String(text.to_owned()))
}

fn n(text: &str) -> Value {
    wire("N", Value::String(text.to_owned()))
}

fn list(items: &[&str]) -> Value {
    wire("L", Value::List(items.iter().copied().map(n).collect()))
}

fn set(items: &[&str]) -> Value {
    wire("SS", Value::List(items.iter().map(|item| Value::String((*item).to_owned())).collect()))
}

fn map(entries: &[(&str, Value)]) -> Value {
    wire("M", Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()))
}

fn placeholders() -> Placeholders {
    let values = [
        (":one", n("1")),
        (":two", n("2")),
        (":text", s("t")),
        (":list", list(&["8", "9"])),
        (":set", set(&["x", "z"])),
        (":map", map(&[])),
        (":null", wire("NULL", Value::Bool(true))),
        (":huge", n("9e125")),
    ];
    let names = Entries(vec![("#v".to_owned(), "value".to_owned())]);
    let values = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Placeholders::new(Some(names), Some(values)).unwrap()
}

fn item(entries: &[(&str, Value)]) -> Attributes {
    let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    crate::attribute::attributes_from_entries(entries).unwrap()
}

fn before() -> Vec<(&'static str, Value)> {
    vec![
        ("id", s("1")),
        ("n", n("5")),
        ("l", list(&["0", "1", "2", "3"])),
        ("tags", set(&["x", "y"])),
        ("m", map(&[("k", n("7")), ("l", list(&["1"]))])),
    ]
}

fn applied(text: &str) -> Result<Attributes, String> {
    let update = Update::parse(text, &mut placeholders()).map_err(|invalid| invalid.into_message())?;
    update.apply(&item(&before())).map_err(|invalid| invalid.into_message())
}

#[test]
fn updates_change_what_they_say() {
    let with = |changes: &[(&str, Option<Value>)]| {
        let mut expected = item(&before());
        for (name, value) in changes {
            match value {
                Some(value) => expected.insert(*name, AttributeValue::try_from(value.clone()).unwrap()),
                None => drop(expected.remove(name)),
            }
        }
        expected
    };
    for (text, changes) in [
        ("SET a = :text", vec![("a", Some(s("t")))]),
        ("SET n = n + :one", vec![("n", Some(n("6")))]),
        ("set n = (n - :two)", vec![("n", Some(n("3")))]),
        ("SET n = (n) + (:one)", vec![("n", Some(n("6")))]),
        ("SET c = if_not_exists(c, :one) + :two", vec![("c", Some(n("3")))]),
        ("SET n = if_not_exists(n, :one)", vec![]),
        ("SET l = list_append(l, :list)", vec![("l", Some(list(&["0", "1", "2", "3", "8", "9"])))]),
        (
            "SET c = list_append(if_not_exists(c, :list), :list)",
            vec![("c", Some(list(&["8", "9", "8", "9"])))],
        ),
        (
            "SET l[1] = :one, l[9] = :two, l[7] = :one",
            vec![("l", Some(list(&["0", "1", "2", "3", "1", "2"])))],
        ),
        (
            "SET m.k = :one, m.j = m.k",
            vec![("m", Some(map(&[("j", n("7")), ("k", n("1")), ("l", list(&["1"]))])))],
        ),
        ("SET m.l[0] = :two", vec![("m", Some(map(&[("k", n("7")), ("l", list(&["2"]))])))]),
        ("SET a = n, n = :one", vec![("a", Some(n("5"))), ("n", Some(n("1")))]),
        ("SET #v = :map", vec![("value", Some(map(&[])))]),
        ("REMOVE n, gone, m.k, l[9]", vec![("n", None), ("m", Some(map(&[("l", list(&["1"]))])))]),
        ("REMOVE l[0], l[2]", vec![("l", Some(list(&["1", "3"])))]),
        ("REMOVE l[0] SET l[9] = :two", vec![("l", Some(list(&["1", "2", "3", "2"])))]),
        ("ADD n :two", vec![("n", Some(n("7")))]),
        ("ADD c :two, tags :set", vec![("c", Some(n("2"))), ("tags", Some(set(&["x", "y", "z"])))]),
        ("ADD t :set", vec![("t", Some(set(&["x", "z"])))]),
        ("DELETE tags :set", vec![("tags", Some(set(&["y"])))]),
        ("DELETE gone :set", vec![]),
        (
            "SET a = :one REMOVE n ADD c :one DELETE tags :set",
            vec![("a", Some(n("1"))), ("n", None), ("c", Some(n("1"))), ("tags", Some(set(&["y"])))],
        ),
    ] {
        assert_eq!(applied(text), Ok(with(&changes)), "{text}");
    }
}

#[test]
fn a_set_that_becomes_empty_is_gone() {
    let update = Update::parse("DELETE tags :set", &mut placeholders()).unwrap();
    let updated = update.apply(&item(&[("tags", set(&["x"]))])).unwrap();
    assert!(updated.is_empty());
}

#[test]
fn faulty_updates_are_refused_in_dynamodbs_words() {
    for (text, message) in [
        ("", "The expression can not be empty;"),
        ("SET", "Syntax error; token: \"<EOF>\", near: \"SET\""),
        ("SET a", "Syntax error; token: \"<EOF>\", near: \"a\""),
        ("SET a = ", "Syntax error; token: \"<EOF>\", near: \"=\""),
        ("a = :one", "Syntax error; token: \"a\", near: \"a =\""),
        ("SET a = :one,", "Syntax error; token: \"<EOF>\", near: \",\""),
        ("SET a = :one + :two + :one", "Syntax error; token: \"+\", near: \":two + :one\""),
        ("SET a = :one REMOVE", "Syntax error; token: \"<EOF>\", near: \"REMOVE\""),
        ("SET a = :one SET b = :one", "The \"SET\" section can only be used once in an update expression;"),
        ("SET name = :one", "Attribute name is a reserved keyword; reserved keyword: name"),
        ("SET a = size(l)", "Invalid function name; function: size"),
        (
            "SET #q = :one",
            "An expression attribute name used in the document path is not defined; attribute name: #q",
        ),
        (
            "SET a = :q",
            "An expression attribute value used in expression is not defined; attribute value: :q",
        ),
        (
            "SET a = :one, a = :two",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]",
        ),
        (
            "REMOVE a SET a.b = :one",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
        ),
        (
            "SET a.b = :one REMOVE a",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a]",
        ),
        (
            "SET a.b = :one, a[0] = :two",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]",
        ),
        (
            "ADD a :text",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING",
        ),
        (
            "DELETE a :one",
            "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER",
        ),
        (
            "SET a = :text + :one",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "SET a = list_append(:one, l)",
            "Incorrect operand type for operator or function; operator or function: list_append, operand type: N",
        ),
        (
            "SET a = if_not_exists(:one, :two)",
            "Operator or function requires a document path; operator or function: if_not_exists",
        ),
        (
            "SET a = if_not_exists(b)",
            "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1",
        ),
    ] {
        assert_eq!(applied(text), Err(format!("Invalid UpdateExpression: {message}")), "{text}");
    }
}

#[test]
fn updates_that_the_item_does_not_bear_are_refused() {
    let absent = "The provided expression refers to an attribute that does not exist in the item";
    let wrong_type = "An operand in the update expression has an incorrect data type";
    let no_parent = "The document path provided in the update expression is invalid for update";
    for (text, message) in [
        ("SET a = gone", absent),
        ("SET a = gone + :one", absent),
        ("SET a = list_append(gone, :list)", absent),
        ("SET a = id + :one", wrong_type),
        ("SET a = list_append(n, :list)", wrong_type),
        ("ADD id :one", wrong_type),
        ("ADD n :set", wrong_type),
        ("DELETE n :set", wrong_type),
        ("SET gone.b = :one", no_parent),
        ("SET n.b = :one", no_parent),
        ("SET m[0] = :one", no_parent),
        ("SET m.gone.b = :one", no_parent),
        ("REMOVE gone.b", no_parent),
        (
            "SET a = :huge + :huge",
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
    ] {
        assert_eq!(applied(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn an_update_cannot_nest_deeper_than_an_item_may_be() {
    let deep = |levels| (0..levels).fold(n("1"), |inner, _| map(&[("m", inner)]));
    let update = Update::parse("SET m.m = n", &mut placeholders()).unwrap();
    assert!(update.apply(&item(&[("m", deep(2)), ("n", deep(30))])).is_ok());
    let refused = update.apply(&item(&[("m", deep(2)), ("n", deep(31))])).unwrap_err();
    assert!(refused.message().starts_with("Nesting Levels have exceeded"));
}

#[test]
fn the_changed_paths_are_what_updated_values_show() {
    let update = Update::parse("SET l[1] = :one REMOVE m.k ADD n :one", &mut placeholders()).unwrap();
    let shown = Projection::of(update.targets()).apply(&item(&before()));
    assert_eq!(shown, item(&[("l", list(&["1"])), ("m", map(&[("k", n("7"))])), ("n", n("5"))]));
}
