use protocol::{Entries, Value};

use super::*;
use crate::attribute::tests::wire;

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.parse().unwrap())
}

fn map(entries: &[(&str, AttributeValue)]) -> Attributes {
    entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn item() -> Attributes {
    let inner = map(&[("x", n("1")), ("y", n("2"))]);
    map(&[
        ("a", n("0")),
        ("m", AttributeValue::M(inner.clone())),
        ("l", AttributeValue::L(vec![n("0"), AttributeValue::M(inner), n("2")])),
    ])
}

fn parsed(text: &str) -> Result<Projection, String> {
    let names = Entries(vec![("#m".to_owned(), "m".to_owned()), ("#x".to_owned(), "x".to_owned())]);
    let values = Entries(vec![(":v".to_owned(), wire("S", Value::String("v".into())))]);
    let mut placeholders = Placeholders::new(Some(names), Some(values)).unwrap();
    Projection::parse(text, &mut placeholders).map_err(Invalid::into_message)
}

#[test]
fn projections_answer_the_named_parts() {
    for (text, expected) in [
        ("a", map(&[("a", n("0"))])),
        ("gone", map(&[])),
        ("#m.#x, a", map(&[("a", n("0")), ("m", AttributeValue::M(map(&[("x", n("1"))])))])),
        ("m.gone", map(&[])),
        ("a.b, a[0]", map(&[])),
        ("l[2], l[0]", map(&[("l", AttributeValue::L(vec![n("0"), n("2")]))])),
        ("l[1].y, l[7]", map(&[("l", AttributeValue::L(vec![AttributeValue::M(map(&[("y", n("2"))]))]))])),
    ] {
        // `a.b, a[0]` contradict each other: that one is built of its paths.
        let projection = match text {
            "a.b, a[0]" => Projection::of([&parsed_path("a.b"), &parsed_path("a[0]")]),
            text => parsed(text).unwrap(),
        };
        assert_eq!(projection.apply(&item()), expected, "{text}");
    }
}

fn parsed_path(text: &str) -> Path {
    let mut placeholders = Placeholders::default();
    parse(Kind::Projection, text, &mut placeholders, |parser| parser.path()).unwrap()
}

#[test]
fn faulty_projections_are_refused_in_dynamodbs_words() {
    for (text, message) in [
        ("", "The expression can not be empty;"),
        ("a b", "Syntax error; token: \"b\", near: \"a b\""),
        ("a,", "Syntax error; token: \"<EOF>\", near: \",\""),
        (":v", "Syntax error; token: \":v\", near: \":v\""),
        ("a..b", "Syntax error; token: \".\", near: \"..b\""),
        ("data", "Attribute name is a reserved keyword; reserved keyword: data"),
        (
            "a, a",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]",
        ),
        (
            "m.x, #m",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m, x], path two: [m]",
        ),
        (
            "m.x, m[1]",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [m, x], path two: [m, [1]]",
        ),
    ] {
        assert_eq!(parsed(text), Err(format!("Invalid ProjectionExpression: {message}")), "{text}");
    }
}
