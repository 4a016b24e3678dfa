use proptest::prelude::*;

use super::*;
use crate::attribute::tests::any_attributes;

/// One of everything; the bytes below were written by version 1 and have to stay readable.
fn sample() -> Attributes {
    let n = |text: &str| AttributeValue::N(text.parse().unwrap());
    let map = Attributes::from_entries(vec![
        ("x".into(), AttributeValue::Null),
        ("y".into(), AttributeValue::Bool(true)),
    ]);
    Attributes::from_entries(vec![
        ("b".into(), AttributeValue::B(Bytes::from_static(b"\x00\xff"))),
        ("bs".into(), AttributeValue::Bs(vec![Bytes::from_static(b"1"), Bytes::from_static(b"2")])),
        ("f".into(), AttributeValue::Bool(false)),
        ("id".into(), AttributeValue::S("é".into())),
        ("l".into(), AttributeValue::L(vec![n("-1.5"), AttributeValue::L(vec![])])),
        ("m".into(), AttributeValue::M(map)),
        ("n".into(), n("1e125")),
        ("ns".into(), AttributeValue::Ns(vec![Number::ZERO, Number::from(300)])),
        ("ss".into(), AttributeValue::Ss(vec![String::new(), "a".into()])),
    ])
}

const GOLDEN: &str = "01090162030200ff0262730b02013101320166050269640102c3a9016c08020201010f0800016d0702017806017904016e0200fa0101026e730a020000000004030273730902000161";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_stored_form_does_not_change() {
    assert_eq!(hex(&encode(&sample())), GOLDEN);
}

#[test]
fn every_cut_and_every_unknown_version_or_tag_is_refused() {
    let bytes = encode(&sample());
    assert_eq!(decode(&bytes), Ok(sample()));
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length]), Err(DamagedItem), "{length}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(decode(&longer), Err(DamagedItem));
    for damaged in [
        &[2, 0][..],
        &[1, 1, 1, b'a', 99],
        // A length beyond the end, two equal names, an unsorted set, a number that is not in lowest terms.
        &[1, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[1, 2, 1, b'a', 6, 1, b'a', 6],
        &[1, 1, 1, b'a', 9, 2, 1, b'b', 1, b'a'],
        &[1, 1, 1, b'a', 2, 0, 0, 10],
    ] {
        assert_eq!(decode(damaged), Err(DamagedItem), "{damaged:?}");
    }
}

#[test]
fn hostile_nesting_ends() {
    let mut bytes = vec![1, 1, 1, b'a'];
    bytes.extend([8, 1].repeat(10_000));
    assert_eq!(decode(&bytes), Err(DamagedItem));
}

proptest! {
    #[test]
    fn any_item_survives_storage(item in any_attributes()) {
        prop_assert_eq!(decode(&encode(&item)), Ok(item));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = VERSION;
        }
        let _ = decode(&bytes);
    }
}
