use proptest::prelude::*;
use protocol::{Entries, Structure, Value};

use super::*;

/// A value as a request carries it.
pub(crate) fn wire(name: &'static str, value: Value) -> Value {
    let mut structure = Structure::new();
    structure.push(name, value);
    Value::Structure(structure)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn refused(value: Value) -> String {
    AttributeValue::try_from(value).unwrap_err().into_message()
}

/// Any valid value, nested a little.
pub(crate) fn any_value() -> impl Strategy<Value = AttributeValue> {
    let number = (any::<i64>(), -20_i16..20).prop_map(|(n, e)| format!("{n}e{e}").parse::<Number>().unwrap());
    let blob = proptest::collection::vec(any::<u8>(), 0..12).prop_map(Bytes::from);
    let set = |strategy| proptest::collection::btree_set(strategy, 1..4);
    let leaf = prop_oneof![
        ".{0,12}".prop_map(AttributeValue::S),
        number.clone().prop_map(AttributeValue::N),
        blob.clone().prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
        set(".{0,6}".boxed()).prop_map(|s| AttributeValue::Ss(s.into_iter().collect())),
        proptest::collection::btree_set(number, 1..4)
            .prop_map(|s| AttributeValue::Ns(s.into_iter().collect())),
        proptest::collection::btree_set(blob, 1..4).prop_map(|s| AttributeValue::Bs(s.into_iter().collect())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            proptest::collection::vec(("[a-z]{1,4}", inner), 0..4)
                .prop_map(|entries| AttributeValue::M(Attributes::from_entries(entries))),
        ]
    })
}

/// Any item.
pub(crate) fn any_attributes() -> impl Strategy<Value = Attributes> {
    proptest::collection::vec(("[a-z]{1,4}", any_value()), 0..6).prop_map(Attributes::from_entries)
}

#[test]
fn malformed_values_are_refused_in_dynamodbs_words() {
    let list = |items: Vec<Value>| Value::List(items);
    let blob = |text: &'static str| Value::Blob(Bytes::from_static(text.as_bytes()));
    let prefix = "One or more parameter values were invalid: ";
    for (value, message) in [
        (
            Value::Structure(Structure::new()),
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
                .to_owned(),
        ),
        (wire("N", text("")), "The parameter cannot be converted to a numeric value".to_owned()),
        (wire("N", text("b")), "The parameter cannot be converted to a numeric value: b".to_owned()),
        (
            wire("NULL", Value::Bool(false)),
            format!("{prefix}Null attribute value types must have the value of true"),
        ),
        (wire("SS", list(vec![])), format!("{prefix}An string set  may not be empty")),
        (wire("NS", list(vec![])), format!("{prefix}An number set  may not be empty")),
        (wire("BS", list(vec![])), format!("{prefix}Binary sets should not be empty")),
        (
            wire("SS", list(vec![text("b"), text("a"), text("b")])),
            format!("{prefix}Input collection [b, a, b] contains duplicates."),
        ),
        (wire("NS", list(vec![text("1"), text("1.0")])), "Input collection contains duplicates".to_owned()),
        (
            wire("BS", list(vec![blob("a"), blob("a")])),
            format!("{prefix}Input collection [YQ==, YQ==]of type BS contains duplicates."),
        ),
        (
            wire("L", list(vec![wire("M", Value::Map(vec![("x".into(), wire("N", text("y")))]))])),
            "The parameter cannot be converted to a numeric value: y".to_owned(),
        ),
    ] {
        assert_eq!(refused(value.clone()), message, "{value:?}");
    }
    let mut both = Structure::new();
    both.push("S", text("a"));
    both.push("BOOL", Value::Bool(true));
    assert_eq!(
        refused(Value::Structure(both)),
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
    );
}

#[test]
fn nesting_ends_at_thirty_two_levels() {
    let nested =
        |levels| (0..levels).fold(wire("S", text("x")), |inner, _| wire("L", Value::List(vec![inner])));
    assert!(AttributeValue::try_from(nested(31)).is_ok());
    assert!(refused(nested(32)).starts_with("Nesting Levels have exceeded supported limits"));
    assert!(refused(nested(5_000)).starts_with("Nesting Levels have exceeded supported limits"));
}

#[test]
fn sets_are_equal_in_any_order_and_empty_texts_are_values() {
    let set = |items: &[&str]| {
        AttributeValue::try_from(wire("SS", Value::List(items.iter().copied().map(text).collect()))).unwrap()
    };
    assert_eq!(set(&["a", "b", ""]), set(&["", "b", "a"]));
    assert_eq!(AttributeValue::try_from(wire("S", text(""))).unwrap(), AttributeValue::S(String::new()));
}

#[test]
fn sizes_are_counted_as_dynamodb_counts() {
    let item = Attributes::from_entries(vec![
        ("id".into(), AttributeValue::S("abc".into())),
        ("n".into(), AttributeValue::N("12".parse().unwrap())),
        ("flag".into(), AttributeValue::Bool(true)),
        ("list".into(), AttributeValue::L(vec![AttributeValue::Null, AttributeValue::S("é".into())])),
        (
            "map".into(),
            AttributeValue::M(Attributes::from_entries(vec![(
                "k".into(),
                AttributeValue::B(Bytes::from_static(b"12")),
            )])),
        ),
    ]);
    assert_eq!(
        item.size_bytes(),
        (2 + 3) + (1 + 2) + (4 + 1) + (4 + 3 + 1 + 1 + 1 + 2) + (3 + 3 + 1 + 1 + 2)
    );
}

#[test]
fn of_equal_names_the_last_one_counts() {
    let one = |n: &str| AttributeValue::N(n.parse().unwrap());
    let item = Attributes::from_entries(vec![
        ("b".into(), one("1")),
        ("a".into(), one("2")),
        ("b".into(), one("3")),
    ]);
    assert_eq!(item.len(), 2);
    assert_eq!(item.get("b"), Some(&one("3")));
}

proptest! {
    #[test]
    fn any_item_survives_the_wire(item in any_attributes()) {
        let wire: Entries<Value> = item.clone().into();
        prop_assert_eq!(attributes_from_entries(wire).unwrap(), item);
    }
}
