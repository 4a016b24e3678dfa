use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::attribute::tests::any_value;
use crate::expression::KeyCondition;
use crate::expression::key_condition::KeyTest;

fn schema(partition: ScalarType, sort: Option<ScalarType>) -> KeySchema {
    let key = |name: &str, scalar| KeyAttribute { name: name.to_owned(), scalar };
    KeySchema::new(key("p", partition), sort.map(|scalar| key("s", scalar)))
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.parse().unwrap())
}

fn attributes(entries: &[(&str, AttributeValue)]) -> Attributes {
    entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[test]
fn keys_that_do_not_fit_are_refused_in_dynamodbs_words() {
    let schema = schema(ScalarType::S, Some(ScalarType::B));
    let b = |bytes: &[u8]| AttributeValue::B(Bytes::copy_from_slice(bytes));
    let empty = "The AttributeValue for a key attribute cannot contain an empty";
    for (item, message) in [
        (attributes(&[("p", s("1"))]), "One or more parameter values were invalid: Missing the key s in the item".to_owned()),
        (attributes(&[("p", n("1")), ("s", b(b"1"))]), "One or more parameter values were invalid: Type mismatch for key p expected: S actual: N".to_owned()),
        (attributes(&[("p", s("")), ("s", b(b"1"))]), format!("One or more parameter values are not valid. {empty} string value. Key: p")),
        (attributes(&[("p", s("1")), ("s", b(b""))]), format!("One or more parameter values are not valid. {empty} binary value. Key: s")),
        (attributes(&[("p", s(&"x".repeat(2_049))), ("s", b(b"1"))]), "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes".to_owned()),
        (attributes(&[("p", s("1")), ("s", b(&[7; 1_025]))]), "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes".to_owned()),
    ] {
        assert_eq!(schema.key_of_item(&item).unwrap_err().message(), message);
    }
    for key in [
        attributes(&[]),
        attributes(&[("p", s("1"))]),
        attributes(&[("p", s("1")), ("s", s("1"))]),
        attributes(&[("p", s("1")), ("s", b(b"1")), ("x", s("1"))]),
    ] {
        assert_eq!(schema.key_of(&key).unwrap_err().message(), MISMATCH, "{key:?}");
    }
}

#[test]
fn segments_share_the_hashes_without_gap_or_overlap() {
    for total in [1, 2, 3, 7, 1_000_000] {
        let hashes = |index| Segment { index, total }.hashes();
        assert_eq!((hashes(0).0, hashes(total - 1).1), (0, 1 << 32));
        for index in (1..total.min(1_000)).chain(total.saturating_sub(1_000).max(1)..total) {
            assert_eq!(hashes(index - 1).1, hashes(index).0);
            assert!(hashes(index).0 < hashes(index).1);
        }
    }
}

#[test]
fn the_hash_is_part_of_the_stored_form() {
    assert_eq!((hash(b""), hash(b"a"), hash(b"customer#1")), (3_971_628_530, 3_984_683_230, 2_614_328_527));
}

fn bind(schema: &KeySchema, tests: &[(&str, KeyTest)]) -> Result<PartitionRange, Invalid> {
    let tests = tests.iter().map(|(name, test)| ((*name).to_owned(), test.clone())).collect();
    schema.bind(&KeyCondition::of(tests).unwrap())
}

#[test]
fn key_conditions_that_do_not_fit_the_schema_are_refused() {
    let both = schema(ScalarType::S, Some(ScalarType::N));
    let alone = schema(ScalarType::S, None);
    let p = || ("p", KeyTest::Equal(s("1")));
    let mismatch =
        "One or more parameter values were invalid: Condition parameter type does not match schema type";
    for (schema, tests, message) in [
        (&both, vec![("q", KeyTest::Equal(s("1")))], "Query condition missed key schema element: p"),
        (&both, vec![p(), ("q", KeyTest::Equal(n("1")))], "Query condition missed key schema element: s"),
        (&both, vec![("p", KeyTest::Less(s("1")))], "Query key condition not supported"),
        (&both, vec![("p", KeyTest::Equal(n("1")))], mismatch),
        (&both, vec![p(), ("s", KeyTest::Less(s("1")))], mismatch),
        (
            &both,
            vec![p(), ("s", KeyTest::BeginsWith(n("1")))],
            "One or more parameter values were invalid: ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ),
        (
            &both,
            vec![p(), ("s", KeyTest::Between(n("2"), n("1")))],
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
        ),
        (
            &alone,
            vec![p(), ("s", KeyTest::Equal(n("1")))],
            "The number of query conditions (2) exceeds the number of key attributes defined in the schema (1)",
        ),
        (
            &alone,
            vec![("p", KeyTest::Equal(s("")))],
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p",
        ),
    ] {
        assert_eq!(bind(schema, &tests).unwrap_err().message(), message);
    }
}

/// Scalars that are close to each other, so that ties and prefixes are common.
fn near(scalar: ScalarType) -> BoxedStrategy<AttributeValue> {
    match scalar {
        ScalarType::S => "[\0ab\u{ff}]{1,3}".prop_map(AttributeValue::S).boxed(),
        ScalarType::N => (-12_i32..12, -2_i32..2).prop_map(|(m, e)| n(&format!("{m}e{e}"))).boxed(),
        ScalarType::B => proptest::collection::vec(proptest::sample::select(vec![0_u8, 1, 0xfe, 0xff]), 1..4)
            .prop_map(|bytes| AttributeValue::B(bytes.into()))
            .boxed(),
    }
}

fn any_scalar() -> impl Strategy<Value = ScalarType> {
    prop_oneof![Just(ScalarType::S), Just(ScalarType::N), Just(ScalarType::B)]
}

fn holds(test: &KeyTest, value: &AttributeValue) -> bool {
    let cmp = |other: &AttributeValue| value.scalar_cmp(other).unwrap();
    match (test, value) {
        (KeyTest::Equal(other), _) => cmp(other).is_eq(),
        (KeyTest::Less(other), _) => cmp(other).is_lt(),
        (KeyTest::LessEqual(other), _) => cmp(other).is_le(),
        (KeyTest::Greater(other), _) => cmp(other).is_gt(),
        (KeyTest::GreaterEqual(other), _) => cmp(other).is_ge(),
        (KeyTest::Between(low, high), _) => cmp(low).is_ge() && cmp(high).is_le(),
        (KeyTest::BeginsWith(AttributeValue::S(start)), AttributeValue::S(text)) => text.starts_with(start),
        (KeyTest::BeginsWith(AttributeValue::B(start)), AttributeValue::B(bytes)) => bytes.starts_with(start),
        _ => false,
    }
}

/// An index on `h` and `g`, and on four attributes of all types.
fn composed() -> KeySchema {
    let key = |name: &str, scalar| KeyAttribute { name: name.to_owned(), scalar };
    KeySchema {
        partition: key("h", ScalarType::S),
        sort: Some(key("a", ScalarType::S)),
        more_partition: vec![key("g", ScalarType::N)],
        more_sort: vec![key("b", ScalarType::N), key("c", ScalarType::B), key("d", ScalarType::S)],
    }
}

#[test]
fn conditions_on_keys_of_several_attributes_are_refused_in_dynamodbs_words() {
    let equal =
        |name: &'static str| (name, KeyTest::Equal(if matches!(name, "g" | "b") { n("1") } else { s("1") }));
    let both = || vec![equal("h"), equal("g")];
    let with = |more: Vec<(&'static str, KeyTest)>| both().into_iter().chain(more).collect::<Vec<_>>();
    let hash = |names: &str| {
        format!("HASH key attributes {names} must have equality conditions specified in the query")
    };
    let range = |names: &str, last: &str| {
        format!(
            "RANGE key attributes {names} must have equality conditions specified in the query because a condition is present on key attribute {last}"
        )
    };
    for (tests, message) in [
        (vec![equal("h")], hash("g")),
        (vec![equal("a")], hash("h, g")),
        (vec![equal("h"), ("g", KeyTest::Greater(n("1")))], hash("g")),
        (with(vec![equal("b")]), range("a", "b")),
        (with(vec![equal("d")]), range("a, b, c", "d")),
        (with(vec![equal("a"), ("b", KeyTest::Greater(n("1"))), ("c", KeyTest::Less(s("1")))]), range("b", "c")),
        (with(vec![equal("x")]), "Query condition missed key schema element: a".to_owned()),
        (
            with(vec![equal("a"), equal("b"), ("c", KeyTest::Less(s("1"))), equal("d"), equal("x")]),
            "The number of query conditions (7) exceeds the number of key attributes defined in the schema (6)".to_owned(),
        ),
        (
            with(vec![equal("a"), ("b", KeyTest::BeginsWith(n("1")))]),
            "One or more parameter values were invalid: ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type".to_owned(),
        ),
        (
            with(vec![("a", KeyTest::Equal(s(&"x".repeat(1_000)))), ("b", KeyTest::Equal(n("1"))), ("c", KeyTest::Equal(AttributeValue::B(Bytes::from(vec![1; 40]))))]),
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes".to_owned(),
        ),
    ] {
        assert_eq!(bind(&composed(), &tests).unwrap_err().message(), message);
    }
}

/// The values of the four attributes of [`composed`]'s sort key.
fn sorts() -> impl Strategy<Value = [AttributeValue; 4]> {
    let near = |scalar| near(scalar).boxed();
    (near(ScalarType::S), near(ScalarType::N), near(ScalarType::B), near(ScalarType::S))
        .prop_map(|(a, b, c, d)| [a, b, c, d])
}

fn composed_item(sorts: &[AttributeValue; 4]) -> Attributes {
    let [a, b, c, d] = sorts.clone();
    attributes(&[("h", s("h")), ("g", n("1")), ("a", a), ("b", b), ("c", c), ("d", d)])
}

proptest! {
    #[test]
    fn entries_sort_over_one_attribute_after_the_other(one in sorts(), two in sorts()) {
        let stored = |sorts: &[AttributeValue; 4]| {
            let own = composed().index_key_of("i", &composed_item(sorts)).unwrap().unwrap();
            own.in_index(7, &schema(ScalarType::S, None).key_of_item(&attributes(&[("p", s("x"))])).unwrap()).into_vec()
        };
        let expected = one.iter().zip(&two).map(|(one, two)| one.scalar_cmp(two).unwrap()).find(|order| order.is_ne());
        prop_assert_eq!(stored(&one).cmp(&stored(&two)), expected.unwrap_or(std::cmp::Ordering::Equal));
    }

    #[test]
    fn a_composed_range_holds_exactly_the_entries_that_pass_the_tests(
        (wanted, high, found, depth, which) in (sorts(), sorts(), sorts(), 0..4_usize, 0..7_usize),
    ) {
        let names = ["a", "b", "c", "d"];
        let low = wanted[depth].clone();
        let last = [
            KeyTest::Equal(low.clone()), KeyTest::Less(low.clone()), KeyTest::LessEqual(low.clone()),
            KeyTest::Greater(low.clone()), KeyTest::GreaterEqual(low.clone()),
            KeyTest::Between(low.clone(), high[depth].clone()), KeyTest::BeginsWith(low),
        ][which].clone();
        let mut tests = vec![("g", KeyTest::Equal(n("1.0"))), ("h", KeyTest::Equal(s("h")))];
        tests.extend((0..depth).map(|at| (names[at], KeyTest::Equal(wanted[at].clone()))));
        tests.push((names[depth], last));
        let Ok(range) = bind(&composed(), &tests) else { return Ok(()) };
        // Half of the time an entry that shares what has to be equal.
        for found in [found.clone(), std::array::from_fn(|at| if at < depth { wanted[at].clone() } else { found[at].clone() })] {
            let own = composed().index_key_of("i", &composed_item(&found)).unwrap().unwrap();
            let item = schema(ScalarType::S, None).key_of_item(&attributes(&[("p", s("\u{0}x"))])).unwrap();
            let passes = tests.iter().skip(2).zip(&found).all(|((_, test), value)| holds(test, value));
            prop_assert_eq!(range.contains(7, own.in_index(7, &item).as_ref()), passes, "{:?} {:?}", tests, found);
        }
    }

    #[test]
    fn stored_keys_sort_as_sort_keys_do((one, two) in any_scalar().prop_flat_map(|t| (near(t), near(t)))) {
        let scalar = ScalarType::parse(one.type_name()).unwrap();
        let schema = schema(ScalarType::S, Some(scalar));
        let stored = |value: &AttributeValue| {
            schema.key_of_item(&attributes(&[("p", s("x")), ("s", value.clone())])).unwrap().in_table(7).into_vec()
        };
        prop_assert_eq!(stored(&one).cmp(&stored(&two)), one.scalar_cmp(&two).unwrap());
    }

    #[test]
    fn a_range_holds_exactly_the_keys_that_pass_the_test(
        (low, high, value, which) in any_scalar().prop_flat_map(|t| (near(t), near(t), near(t), 0..7_usize)),
    ) {
        let scalar = ScalarType::parse(low.type_name()).unwrap();
        let schema = schema(ScalarType::S, Some(scalar));
        let tests = [
            KeyTest::Equal(low.clone()), KeyTest::Less(low.clone()), KeyTest::LessEqual(low.clone()),
            KeyTest::Greater(low.clone()), KeyTest::GreaterEqual(low.clone()),
            KeyTest::Between(low.clone(), high), KeyTest::BeginsWith(low),
        ];
        let test = &tests[which];
        let Ok(range) = bind(&schema, &[("p", KeyTest::Equal(s("x"))), ("s", test.clone())]) else { return Ok(()) };
        let key = schema.key_of_item(&attributes(&[("p", s("x")), ("s", value.clone())])).unwrap();
        prop_assert_eq!(range.contains(7, key.in_table(7).as_ref()), holds(test, &value), "{:?} {:?}", test, value);
        let elsewhere = schema.key_of_item(&attributes(&[("p", s("y")), ("s", value)])).unwrap();
        prop_assert!(!range.contains(7, elsewhere.in_table(7).as_ref()));
    }

    #[test]
    fn a_key_is_in_exactly_one_segment(value in "[a-z]{1,6}", total in 1_u32..20) {
        let key = schema(ScalarType::S, None).key_of_item(&attributes(&[("p", s(&value))])).unwrap();
        let stored = key.in_table(3).into_vec();
        let holding = (0..total).filter(|index| {
            let segment = Segment { index: *index, total };
            let range = segment.range(3);
            let is_stored_there = range.start <= stored && range.end.is_none_or(|end| stored < end);
            assert_eq!(is_stored_there, key.is_in_segment(segment));
            is_stored_there
        });
        prop_assert_eq!(holding.count(), 1);
    }

    #[test]
    fn any_item_has_a_key_or_a_reason(value in any_value(), other in any_value(), scalar in any_scalar()) {
        let schema = schema(scalar, Some(scalar));
        let _ = schema.key_of_item(&attributes(&[("p", value.clone()), ("s", other.clone())]));
        let _ = schema.key_of(&attributes(&[("p", value), ("s", other)]));
    }
}
