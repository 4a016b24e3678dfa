use super::search::{search, whole_key};
use super::*;
use crate::key::{KeyAttribute, KeySchema, ScalarType};

fn schema() -> KeySchema {
    let key = |name: &str| KeyAttribute { name: name.to_owned(), scalar: ScalarType::S };
    KeySchema::new(key("p"), Some(key("s")))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

#[test]
fn statements_of_every_kind_are_read() {
    for statement in [
        "SELECT * FROM Tab",
        "select a, b.c[1], \"d e\".f FROM \"Tab\".\"index\" WHERE p = 'x' AND (n BETWEEN 1 AND 2.5e3 OR NOT m IN [1, -2]) ORDER BY s DESC",
        "SELECT * FROM Tab WHERE begins_with(s, 'a') AND contains(t, 'b') AND size(l) > 1 AND a IS NOT MISSING AND b IS NULL AND attribute_type(c, 'S');",
        "INSERT INTO \"Tab\" VALUE {'p': 'it''s', 'n': 1, 'l': [1, 'a', {'m': null}], 'ss': <<'a', 'b', 'a'>>, 't': true}",
        "UPDATE Tab SET a = 1 SET b.c = b.c + 1 SET l = list_append(l, [1]) SET ss = set_add(ss, <<'x'>>) REMOVE d WHERE p = 'x' AND s = 'y' RETURNING ALL NEW *",
        "DELETE FROM Tab WHERE p = 'x' AND s = 'y' RETURNING ALL OLD *",
        "EXISTS(SELECT * FROM Tab WHERE p = 'x' AND s = 'y')",
        "FROM Tab WHERE p = 'x' AND s = 'y' SET a = .5e1 REMOVE b RETURNING ALL OLD *",
        "-- a note\nSELECT /* another */ * FROM Tab -- the last",
    ] {
        Statement::parse(statement, &[]).unwrap_or_else(|invalid| panic!("{statement}: {invalid}"));
    }
}

#[test]
fn what_is_no_statement_is_refused() {
    for statement in [
        "",
        "SELECT",
        "SELECT * FROM",
        "SELECT * FROM Tab WHERE",
        "SELECT * FROM Tab WHERE p =",
        "SELECT a, a.b FROM Tab",
        "INSERT INTO Tab VALUE {'a': 1, 'a': 2}",
        "INSERT INTO Tab VALUE {'s': <<1, 'a'>>}",
        "INSERT INTO Tab.i VALUE {'a': 1}",
        "UPDATE Tab WHERE p = 'x'",
        "UPDATE Tab SET a = 1 SET a.b = 2 WHERE p = 'x'",
        "UPDATE Tab SET a = set_add(b, <<1>>) WHERE p = 'x'",
        "DELETE FROM Tab WHERE p = 'x' RETURNING ALL NEW *",
        "SELECT * FROM Tab WHERE p = 'x",
        "DROP TABLE Tab",
        "SELECT * FROM Tab; DELETE FROM Tab",
        "SELECT * FROM Tab WHERE p = ?",
        "SELECT * FROM Tab /* no end",
        "FROM Tab SET a = 1 WHERE p = 'x'",
        "FROM Tab WHERE p = 'x'",
        "SELECT * FROM Tab WHERE a IS SOMETHING",
        "SELECT * FROM Tab WHERE attribute_exists(a) = 1",
    ] {
        assert!(Statement::parse(statement, &[]).is_err(), "{statement}");
    }
    assert!(Statement::parse("SELECT * FROM Tab", &[text("left over")]).is_err());
    let deep = format!("SELECT * FROM Tab WHERE {}", "(".repeat(5_000));
    assert!(Statement::parse(&deep, &[]).is_err());
    let deep = format!("INSERT INTO Tab VALUE {{'a': {}", "[".repeat(5_000));
    assert!(Statement::parse(&deep, &[]).is_err());
}

#[test]
fn conditions_on_keys_become_ranges() {
    for (condition, ranges, has_filter) in [
        ("p = 'x'", Some(1), false),
        ("p = ? AND s > 'a' AND v = 1", Some(1), true),
        ("p IN ['x', 'y', 'x'] AND s BETWEEN 'a' AND 'b'", Some(2), false),
        ("(p = 'x' OR p = 'y') AND s IN ['1', '2']", Some(4), false),
        ("p = 'x' OR v = 1", None, true),
        ("NOT p = 'x'", None, true),
        ("s = 'x'", None, true),
        ("p > 'x'", None, true),
    ] {
        let parameters: Vec<_> = condition.contains('?').then(|| text("x")).into_iter().collect();
        let statement =
            Statement::parse(&format!("SELECT * FROM Tab WHERE {condition}"), &parameters).unwrap();
        let found = search(&schema(), statement.condition());
        assert_eq!(found.ranges.as_ref().map(Vec::len), ranges, "{condition}");
        assert_eq!(found.filter.is_some(), has_filter, "{condition}");
    }
}

#[test]
fn a_change_names_a_whole_key() {
    let whole = |condition: &str| {
        let statement = Statement::parse(&format!("DELETE FROM Tab WHERE {condition}"), &[]).unwrap();
        whole_key(&schema(), statement.condition())
    };
    let (key, rest) = whole("s = 'b' AND p = 'a' AND v = 1").unwrap();
    assert_eq!((key.get("p"), key.get("s"), rest.is_some()), (Some(&text("a")), Some(&text("b")), true));
    for condition in ["p = 'a'", "p = 'a' AND s > 'b'", "p IN ['a', 'c'] AND s = 'b'", "p = 'a' OR s = 'b'"] {
        assert_eq!(
            whole(condition).unwrap_err().message(),
            "Where clause does not contain a mandatory equality on all key attributes"
        );
    }
}
