//! Bodies for fuzzers: each takes any bytes, and panics only where a promise is broken.
//!
//! Text behind the first zero byte gives placeholders their values.

use protocol::{Entries, Structure, Value};

use crate::attribute::{AttributeValue, Attributes};
use crate::dynamodbstreams::iterator::Iterator as ShardIterator;
use crate::expression::{Condition, KeyCondition, Kind, Placeholders, Projection, Update};
use crate::history::Undo;
use crate::key::{KeyAttribute, KeySchema, ScalarType};
use crate::number::Number;
use crate::records::BackupPlace;
use crate::streams::Change;

/// Numbers survive their text and their ordered bytes.
pub fn fuzz_number(data: &[u8]) {
    if let Ok(number) = String::from_utf8_lossy(data).parse::<Number>() {
        assert_eq!(number.to_string().parse::<Number>().ok(), Some(number));
        let mut ordered = Vec::new();
        number.encode_ordered(&mut ordered);
        assert_eq!(Number::decode_ordered(&ordered).ok(), Some(number));
    }
    let _ = Number::decode_ordered(data);
}

/// Expressions of every kind parse or are refused; what parses evaluates.
pub fn fuzz_expression(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (text, given) = text.split_once('\0').unwrap_or((&text, "v"));
    let item = sample(given);
    if let Ok(condition) = Condition::parse(Kind::Condition, text, &mut placeholders(given)) {
        let _ = condition.matches(&item);
        condition.visit_paths(&mut |path| assert!(!path.head().is_empty()));
    }
    let _ = KeyCondition::parse(text, &mut placeholders(given));
    if let Ok(projection) = Projection::parse(text, &mut placeholders(given)) {
        let part = projection.apply(&item);
        assert!(part.size_bytes() <= item.size_bytes());
    }
    if let Ok(update) = Update::parse(text, &mut placeholders(given))
        && let Ok(updated) = update.apply(&item)
    {
        assert!(!updated.is_too_deep());
    }
}

/// Stored items are read or refused; what is read is written back as it was, or in a shorter form.
pub fn fuzz_item(data: &[u8]) {
    if let Ok(item) = crate::item::decode(data) {
        let again = crate::item::encode(&item);
        assert!(again.len() <= data.len());
        assert_eq!(crate::item::decode(&again).ok(), Some(item));
    }
}

/// Shard iterators and the ARNs of backups are read or refused, and written back as they are; so are stored changes.
pub fn fuzz_iterator(data: &[u8]) {
    if let Ok(region) = "us-east-1".parse()
        && let Ok(place) = BackupPlace::of_arn(&String::from_utf8_lossy(data), &region)
    {
        assert_eq!(BackupPlace::of_arn(&place.arn(), &region), Ok(place));
    }
    if let Ok(undo) = Undo::decode(data) {
        let before = undo.before.map_or(0, <[u8]>::len);
        assert_eq!(undo.place.len() + before + 5, data.len());
    }
    if let Some(iterator) = ShardIterator::parse(&String::from_utf8_lossy(data)) {
        assert_eq!(ShardIterator::parse(&iterator.text()), Some(iterator));
    }
    if let Ok(change) = Change::decode(data) {
        assert_eq!(Change::decode(&change.encode()), Ok(change));
    }
}

/// Statements parse or are refused; what parses can be searched for.
pub fn fuzz_partiql(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parameters = [AttributeValue::S("x".to_owned())];
    for parameters in [&parameters[..], &[]] {
        if let Ok(statement) = crate::partiql::Statement::parse(&text, parameters)
            && let Some(condition) = statement.condition()
        {
            let key = KeyAttribute { name: "a".to_owned(), scalar: ScalarType::S };
            let schema = KeySchema::new(key, None);
            let found = crate::partiql::search::search(&schema, Some(condition));
            assert_eq!(found.ranges.is_none(), found.partitions.is_empty());
            let _ = condition.matches(&sample("v"));
        }
    }
}

fn placeholders(given: &str) -> Placeholders {
    let value = |name, value| {
        let mut structure = Structure::new();
        structure.push(name, value);
        Value::Structure(structure)
    };
    let names = Entries(vec![("#a".to_owned(), "a".to_owned()), ("#n".to_owned(), "name".to_owned())]);
    let text = || Value::String(given.to_owned());
    let list = || Value::List(vec![value("S", text())]);
    let values = Entries(vec![
        (":a".to_owned(), value("S", text())),
        (":v".to_owned(), value("N", Value::String("1".to_owned()))),
        (":l".to_owned(), value("L", list())),
        (":s".to_owned(), value("SS", Value::List(vec![text()]))),
    ]);
    Placeholders::new(Some(names), Some(values)).unwrap_or_default()
}

fn sample(given: &str) -> Attributes {
    let text = AttributeValue::S(given.to_owned());
    let one = AttributeValue::N(Number::from(1));
    let map = Attributes::from_entries(vec![("b".to_owned(), text.clone()), ("c".to_owned(), one.clone())]);
    Attributes::from_entries(vec![
        ("a".to_owned(), AttributeValue::M(map)),
        ("b".to_owned(), AttributeValue::L(vec![text.clone(), one.clone(), AttributeValue::Null])),
        ("name".to_owned(), text),
        ("n".to_owned(), one),
        ("s".to_owned(), AttributeValue::Ss(vec!["x".to_owned()])),
    ])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEEDS: &[&str] = &[
        "attribute_not_exists(a) AND (b > :v OR NOT n BETWEEN :v AND :v)",
        "a.b[1].c IN (:a, :v) AND size(#n) >= :v",
        "begins_with(#n, :a) OR contains(b, :a)",
        "SET a.b = if_not_exists(a.c, :v) + :v, b[7] = list_append(b, :l) REMOVE n ADD s :s DELETE #n :s",
        "a, b[0], #n, c.d[2].e",
        "#n = :a AND n < :v",
        "((((((",
        "NOT NOT NOT NOT a",
        "\0",
    ];

    #[test]
    fn the_seeds_pass() {
        for seed in SEEDS {
            fuzz_expression(seed.as_bytes());
            fuzz_number(seed.as_bytes());
        }
    }

    #[test]
    fn deep_nesting_ends_within_half_a_megabyte_of_stack() {
        let deep = || {
            fuzz_expression("(".repeat(4_096).as_bytes());
            fuzz_expression("NOT ".repeat(1_000).as_bytes());
            fuzz_expression(format!("SET a = {}", "(".repeat(4_000)).as_bytes());
            fuzz_expression(format!("SET a = {}", "list_append(".repeat(340)).as_bytes());
            fuzz_expression(format!("size({}", "size(".repeat(800)).as_bytes());
        };
        std::thread::Builder::new().stack_size(512 * 1_024).spawn(deep).unwrap().join().unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_bytes_pass(data in proptest::collection::vec(any::<u8>(), 0..80)) {
            fuzz_expression(&data);
            fuzz_number(&data);
            fuzz_item(&data);
            fuzz_iterator(&data);
            fuzz_partiql(&data);
            fuzz_iterator(&[b"a|1|1.", &*data].concat());
            fuzz_iterator(&[&[1, 1, 0][..], &data].concat());
            fuzz_item(&[&[1, 1, 1, b'a'], &*data].concat());
        }

        #[test]
        fn any_row_of_tokens_passes(words in proptest::collection::vec(prop_oneof![
            Just("a"), Just("b"), Just("#n"), Just(":v"), Just(":l"), Just(":s"), Just("("), Just(")"), Just(","), Just("."),
            Just("["), Just("]"), Just("1"), Just("="), Just("<>"), Just("<"), Just("AND"), Just("OR"), Just("NOT"), Just("IN"),
            Just("BETWEEN"), Just("SET"), Just("REMOVE"), Just("ADD"), Just("DELETE"), Just("size"), Just("contains"),
            Just("if_not_exists"), Just("list_append"), Just("+"), Just("-"),
        ], 0..14)) {
            fuzz_expression(words.join(" ").as_bytes());
        }

        #[test]
        fn any_row_of_statement_tokens_passes(words in proptest::collection::vec(prop_oneof![
            Just("a"), Just("'t'"), Just("1"), Just("?"), Just("("), Just(")"), Just(","), Just("."), Just("["), Just("]"), Just("="),
            Just("<"), Just("AND"), Just("OR"), Just("NOT"), Just("IN"), Just("BETWEEN"), Just("IS"), Just("MISSING"), Just("<<"),
            Just(">>"), Just("{"), Just("}"), Just("size("), Just("begins_with("), Just("-"),
        ], 0..14)) {
            fuzz_partiql(format!("SELECT * FROM t WHERE {}", words.join(" ")).as_bytes());
            fuzz_partiql(format!("SELECT * FROM t WHERE a = 't' {}", words.join(" ")).as_bytes());
        }
    }
}
