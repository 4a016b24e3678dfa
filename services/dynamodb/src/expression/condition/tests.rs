use protocol::{Entries, Value};

use super::*;
use crate::attribute::Attributes;
use crate::attribute::tests::wire;
use crate::expression::{Kind, Placeholders};

fn s(text: &str) -> Value {
    wire("S", Value::String(text.to_owned()))
}

fn n(text: &str) -> Value {
    wire("N", Value::String(text.to_owned()))
}

fn placeholders() -> Placeholders {
    let names = [("#s", "status"), ("#d", "a.b"), ("#n", "n")];
    let values = [
        (":one", n("1")),
        (":five", n("5")),
        (":nine", n("9")),
        (":ab", s("ab")),
        (":abc", s("abc")),
        (":new", s("new")),
        (":S", s("S")),
        (":bad", s("Q")),
        (":true", wire("BOOL", Value::Bool(true))),
        (":null", wire("NULL", Value::Bool(true))),
        (":set", wire("SS", Value::List(vec![Value::String("y".into()), Value::String("x".into())]))),
        (":list", wire("L", Value::List(vec![s("ab")]))),
    ];
    Placeholders::new(
        Some(names.into_iter().map(|(key, name)| (key.to_owned(), name.to_owned())).collect()),
        Some(values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
    )
    .unwrap()
}

fn item() -> Attributes {
    let inner = Value::Map(vec![("k".to_owned(), n("7")), ("z".to_owned(), s("abc"))]);
    let entries = Entries(vec![
        ("id".to_owned(), s("abc")),
        ("n".to_owned(), n("5.0")),
        ("wide".to_owned(), s("é𝄞ab")),
        ("status".to_owned(), s("new")),
        ("a.b".to_owned(), s("dotted")),
        ("flag".to_owned(), wire("BOOL", Value::Bool(true))),
        ("nil".to_owned(), wire("NULL", Value::Bool(true))),
        (
            "tags".to_owned(),
            wire("SS", Value::List(vec![Value::String("x".into()), Value::String("y".into())])),
        ),
        ("m".to_owned(), wire("M", inner)),
        ("l".to_owned(), wire("L", Value::List(vec![n("1"), s("ab"), n("3")]))),
    ]);
    crate::attribute::attributes_from_entries(entries).unwrap()
}

#[test]
fn conditions_hold_as_dynamodb_says() {
    let item = item();
    for (text, holds) in [
        ("id = :abc", true),
        (":abc = id", true),
        ("n = :five", true),
        ("n <> :five", false),
        ("n <> :abc", true),
        ("gone <> :abc", true),
        ("gone = :abc", false),
        ("gone < :five", false),
        ("NOT gone < :five", true),
        ("n < :nine AND n > :one AND n <= :five AND n >= :five", true),
        ("id > :five", false),
        ("n BETWEEN :one AND :nine", true),
        ("NOT n BETWEEN :one AND :nine", false),
        ("n between :five and :nine", true),
        ("id IN (:ab, :abc)", true),
        ("id IN (:ab, :five)", false),
        ("gone IN (:ab)", false),
        ("attribute_exists(m.k)", true),
        ("attribute_exists(m.q)", false),
        ("attribute_not_exists(gone)", true),
        ("attribute_exists(l[2])", true),
        ("attribute_exists(l[3])", false),
        ("attribute_exists(#d)", true),
        ("attribute_type(id, :S)", true),
        ("attribute_type(n, :S)", false),
        ("begins_with(id, :ab)", true),
        ("begins_with(n, :ab)", false),
        ("contains(id, :ab)", true),
        ("contains(tags, :ab)", false),
        ("contains(l, :ab)", true),
        ("contains(l, :one)", true),
        ("tags = :set", true),
        ("flag = :true", true),
        ("nil = :null", true),
        ("size(l) < :five AND size(id) > :one", true),
        ("size(wide) = :five", true),
        ("size(n) > :one", false),
        ("size(gone) > :one", false),
        ("size(m) BETWEEN :one AND :five", true),
        ("n = :one OR n = :nine AND id = :abc", false),
        ("n = :five OR n = :nine AND id = :ab", true),
        ("(n = :five OR n = :nine) AND id = :ab", false),
        ("NOT n = :one AND id = :abc", true),
        ("NOT (n = :one OR id = :abc)", false),
        ("((id) = (:abc)) AND (n) = :five", true),
        ("#s = :new and not attribute_exists(gone)", true),
        ("m.k > :five and l [ 0 ] = :one", true),
        ("m.k=:five OR l[1]=:ab", true),
    ] {
        let condition = Condition::parse(Kind::Filter, text, &mut placeholders())
            .unwrap_or_else(|invalid| panic!("{text}: {invalid}"));
        assert_eq!(condition.matches(&item), holds, "{text}");
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one table")]
fn faulty_conditions_are_refused_in_dynamodbs_words() {
    for (text, message) in [
        ("", "The expression can not be empty;"),
        ("  ", "The expression can not be empty;"),
        ("id", "Syntax error; token: \"<EOF>\", near: \"id\""),
        ("id =", "Syntax error; token: \"<EOF>\", near: \"=\""),
        ("id = = :abc", "Syntax error; token: \"=\", near: \"= = :abc\""),
        ("my-attr = :abc", "Syntax error; token: \"-\", near: \"my-attr\""),
        ("id = :abc AND", "Syntax error; token: \"<EOF>\", near: \"AND\""),
        ("id = :abc id = :abc", "Syntax error; token: \"id\", near: \":abc id =\""),
        ("id = 5", "Syntax error; token: \"5\", near: \"= 5\""),
        ("id = \"abc\"", "Syntax error; token: \"\"\", near: \"= \"abc\""),
        ("1d = :abc", "Syntax error; token: \"1\", near: \"1d\""),
        ("_id = :abc", "Syntax error; token: \"_id\", near: \"_id =\""),
        ("(id = :abc", "Syntax error; token: \"<EOF>\", near: \":abc\""),
        ("id = :abc)", "Syntax error; token: \")\", near: \":abc)\""),
        ("l[-1] = :abc", "Syntax error; token: \"-\", near: \"[-1\""),
        ("id BETWEEN :ab OR :abc", "Syntax error; token: \"OR\", near: \":ab OR :abc\""),
        ("((id = :abc))", "The expression has redundant parentheses;"),
        ("name = :abc", "Attribute name is a reserved keyword; reserved keyword: name"),
        ("m.Status = :abc", "Attribute name is a reserved keyword; reserved keyword: Status"),
        (
            "#q = :abc",
            "An expression attribute name used in the document path is not defined; attribute name: #q",
        ),
        ("id = :q", "An expression attribute value used in expression is not defined; attribute value: :q"),
        ("exists(id)", "Invalid function name; function: exists"),
        ("Size(id) = :one", "Invalid function name; function: Size"),
        (
            "attribute_exists(id, n)",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
        ),
        (
            "begins_with(id)",
            "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1",
        ),
        (
            "attribute_exists(:abc)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "begins_with(id, :one)",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        (
            "attribute_type(id, :one)",
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N",
        ),
        (
            "attribute_type(id, :bad)",
            "Invalid attribute type name found; type: Q, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "size(:one) = :one",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        ("size(id)", "The function is not allowed to be used this way in an expression; function: size"),
        (
            "size(id) AND n = :one",
            "The function is not allowed to be used this way in an expression; function: size",
        ),
        (
            "attribute_exists(id) = :abc",
            "The function is not allowed to be used this way in an expression; function: attribute_exists",
        ),
        (
            "id = id",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [id]",
        ),
        (
            "l[0] < l[0]",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: <, first operand: [l, [0]]",
        ),
        ("id < :true", "Incorrect operand type for operator or function; operator: <, operand type: BOOL"),
        (
            "n BETWEEN :nine AND :one",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:9}, upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "n BETWEEN :one AND :abc",
            "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:abc}",
        ),
        ("l[99999999999] = :one", "List index is not within the allowable range; index: [99999999999]"),
    ] {
        let invalid = Condition::parse(Kind::Condition, text, &mut placeholders()).unwrap_err();
        assert_eq!(invalid.message(), format!("Invalid ConditionExpression: {message}"), "{text}");
    }
}

#[test]
fn sizes_and_counts_are_bounded() {
    let parse =
        |text: &str| Condition::parse(Kind::Filter, text, &mut placeholders()).map_err(|i| i.into_message());
    let many = |count: usize| vec!["n=:one"; count].join(" OR ");
    assert!(parse(&many(150)).is_ok());
    assert!(parse(&many(151)).unwrap_err().contains("too many operators"));
    let long = format!("{} = :one", "n".repeat(4_090));
    assert_eq!(
        parse(&long).unwrap_err(),
        "Invalid FilterExpression: Expression size has exceeded the maximum allowed size; expression size: 4097"
    );
    let operands = |count: usize| format!("n IN ({})", vec![":one"; count].join(","));
    assert!(parse(&operands(100)).is_ok());
    assert!(parse(&operands(101)).unwrap_err().contains("too many operands; number of operands: 101"));
    let path = |levels: usize| format!("attribute_exists({})", vec!["p"; levels].join("."));
    assert!(parse(&path(32)).is_ok());
    assert!(parse(&path(33)).unwrap_err().contains("too many nesting elements; nesting levels: 33"));
    let nots = |count: usize| format!("{}n = :one", "NOT ".repeat(count));
    assert!(parse(&nots(39)).is_ok());
    assert!(parse(&nots(40)).unwrap_err().contains("nested too deeply"));
}

#[test]
fn placeholders_must_be_well_formed_and_used() {
    let names = |key: &str| Some(Entries(vec![(key.to_owned(), "x".to_owned())]));
    let values = |key: &str, value| Some(Entries(vec![(key.to_owned(), value)]));
    let refused = |names, values| Placeholders::new(names, values).unwrap_err().into_message();
    assert_eq!(refused(Some(Entries(vec![])), None), "ExpressionAttributeNames must not be empty");
    assert_eq!(refused(None, Some(Entries(vec![]))), "ExpressionAttributeValues must not be empty");
    assert_eq!(
        refused(names("a"), None),
        "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\""
    );
    assert_eq!(
        refused(names("#a-b"), None),
        "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#a-b\""
    );
    assert_eq!(
        refused(None, values(":", n("1"))),
        "ExpressionAttributeValues contains invalid key: Syntax error; key: \":\""
    );
    assert_eq!(
        refused(None, values(":v", n("x"))),
        "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :v"
    );
    let mut placeholders = placeholders();
    Condition::parse(Kind::Filter, "#n = :one", &mut placeholders).unwrap();
    assert_eq!(
        placeholders.finish().unwrap_err().message(),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#d, #s}"
    );
}
