use bigdecimal::BigDecimal;
use proptest::prelude::*;

use super::*;

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn ordered(number: &Number) -> Vec<u8> {
    let mut bytes = Vec::new();
    number.encode_ordered(&mut bytes);
    bytes
}

#[test]
fn numbers_are_answered_in_plain_form() {
    for (given, answered) in [
        ("0", "0"),
        ("-0", "0"),
        ("0e1000", "0"),
        ("0.000", "0"),
        ("+3", "3"),
        (".123", "0.123"),
        ("5.", "5"),
        ("0001.2300", "1.23"),
        ("-17.4E37", "-174000000000000000000000000000000000000"),
        ("1e+5", "100000"),
        ("1E-5", "0.00001"),
        ("-12.5e-1", "-1.25"),
        ("100", "100"),
        ("3.1415926535897932384626433832795028841", "3.1415926535897932384626433832795028841"),
        ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
        ("0.0000000000000000000000000000000000000000000000000001e52", "1"),
    ] {
        assert_eq!(number(given).to_string(), answered, "{given}");
    }
    assert_eq!(number("1e125").to_string(), format!("1{}", "0".repeat(125)));
    assert_eq!(number("1e-130").to_string(), format!("0.{}1", "0".repeat(129)));
}

#[test]
fn what_does_not_fit_is_refused_in_dynamodbs_words() {
    let numeric = "The parameter cannot be converted to a numeric value";
    for bad in
        ["NaN", "Infinity", "-Infinity", "dog", " 1", "1 ", "1e", "e5", ".", "-", "1.2.3", "0x10", "1_0", "١"]
    {
        assert_eq!(bad.parse::<Number>().unwrap_err().message(), format!("{numeric}: {bad}"), "{bad}");
    }
    assert_eq!("".parse::<Number>().unwrap_err().message(), numeric);
    for (text, message) in [
        ("1e126", OVERFLOW),
        ("11e125", OVERFLOW),
        ("-1e126", OVERFLOW),
        ("1.0e100000000", OVERFLOW),
        ("1e99999999999999999999999999", OVERFLOW),
        ("1e-131", UNDERFLOW),
        ("0.9e-130", UNDERFLOW),
        ("1e-99999999999999999999999999", UNDERFLOW),
        ("3.14159265358979323846264338327950288419", TOO_PRECISE),
        ("314159265358979323846264338327950288419e30", TOO_PRECISE),
        ("100000000000000000000000000000000000001", TOO_PRECISE),
        ("314159265358979323846264338327950288419e100", OVERFLOW),
    ] {
        assert_eq!(text.parse::<Number>().unwrap_err().message(), message, "{text}");
    }
}

#[test]
fn a_very_long_literal_is_read_in_one_pass() {
    let zeros = "0".repeat(400_000);
    assert_eq!(number(&format!("{zeros}1.5{zeros}")).to_string(), "1.5");
    assert_eq!(format!("1{zeros}").parse::<Number>().unwrap_err().message(), OVERFLOW);
}

#[test]
fn sums_are_exact_or_refused() {
    assert_eq!(number("1").plus(&number("1e22")).unwrap().to_string(), "10000000000000000000001");
    assert_eq!(number("1e22").minus(&number("1")).unwrap().to_string(), "9999999999999999999999");
    assert_eq!(number("5").minus(&number("5")).unwrap(), Number::ZERO);
    assert_eq!(number("1e38").minus(&number("1")).unwrap().to_string(), "9".repeat(38));
    for (one, two) in [("1e50", "1"), ("9e125", "9e125"), ("1e50", "-1"), ("1e125", "1e-130"), ("1e38", "1")]
    {
        assert_eq!(number(one).plus(&number(two)).unwrap_err().message(), OVERFLOW, "{one} + {two}");
    }
    assert_eq!(number("1.1e-130").minus(&number("1e-130")).unwrap_err().message(), UNDERFLOW);
}

#[test]
fn the_size_counts_digit_pairs() {
    for (text, size) in [("0", 1), ("1", 2), ("-1", 3), ("12", 2), ("123", 3), ("-27", 3), ("1e125", 2)] {
        assert_eq!(number(text).size_bytes(), size, "{text}");
    }
}

#[test]
fn bytes_that_are_no_number_are_refused() {
    for bad in [
        &[][..],
        &[0x20, 0],
        &[0x30],
        &[0x30, 130],
        &[0x30, 130, 0],
        &[0x30, 130, 101, 0],
        &[0x30, 130, 2],
        &[0x30, 130, 11, 1, 0],
        &[0x10, 125, 0xFE, 0],
        &[0x30, 130, 1, 2, 0],
    ] {
        assert_eq!(Number::decode_ordered(bad), Err(NotANumber), "{bad:?}");
    }
}

fn any_literal() -> impl Strategy<Value = String> {
    ("-?[0-9]{1,20}(\\.[0-9]{1,18})?", -110_i32..105)
        .prop_map(|(mantissa, exponent)| format!("{mantissa}e{exponent}"))
}

proptest! {
    #[test]
    fn any_number_survives_text_and_bytes(text in any_literal()) {
        let Ok(number) = text.parse::<Number>() else { return Ok(()) };
        prop_assert_eq!(number.to_string().parse::<Number>().unwrap(), number);
        prop_assert_eq!(Number::decode_ordered(&ordered(&number)).unwrap(), number);
        let (is_negative, coefficient, exponent) = number.parts();
        prop_assert_eq!(Number::from_parts(is_negative, coefficient, exponent), Some(number));
        prop_assert_eq!(number.to_string().parse::<BigDecimal>().unwrap(), text.parse::<BigDecimal>().unwrap());
    }

    #[test]
    fn order_agrees_with_the_oracle_and_with_the_bytes(one in any_literal(), two in any_literal()) {
        let (Ok(a), Ok(b)) = (one.parse::<Number>(), two.parse::<Number>()) else { return Ok(()) };
        let expected = one.parse::<BigDecimal>().unwrap().cmp(&two.parse::<BigDecimal>().unwrap());
        prop_assert_eq!(a.cmp(&b), expected);
        prop_assert_eq!(ordered(&a).cmp(&ordered(&b)), expected);
    }

    #[test]
    fn near_numbers_are_ordered_too(whole in -2000_i64..2000, other in -2000_i64..2000, places in 0_u32..4) {
        let write = |value: i64| format!("{value}e-{places}");
        let (a, b) = (number(&write(whole)), number(&write(other)));
        prop_assert_eq!(a.cmp(&b), whole.cmp(&other));
        prop_assert_eq!(ordered(&a).cmp(&ordered(&b)), whole.cmp(&other));
    }

    #[test]
    fn sums_agree_with_the_oracle(one in "-?[0-9]{1,30}(\\.[0-9]{1,8})?", two in "-?[0-9]{1,30}(\\.[0-9]{1,8})?") {
        let (a, b) = (number(&one), number(&two));
        let exact = one.parse::<BigDecimal>().unwrap() + two.parse::<BigDecimal>().unwrap();
        match a.plus(&b) {
            Ok(sum) => prop_assert_eq!(sum.to_string().parse::<BigDecimal>().unwrap(), exact),
            Err(_) => prop_assert!(exact.normalized().digits() > 38, "{} was refused", exact),
        }
        let exact = one.parse::<BigDecimal>().unwrap() - two.parse::<BigDecimal>().unwrap();
        if let Ok(difference) = a.minus(&b) {
            prop_assert_eq!(difference.to_string().parse::<BigDecimal>().unwrap(), exact);
        }
    }

    #[test]
    fn no_text_and_no_bytes_make_it_panic(text in ".{0,60}", bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
        let _ = text.parse::<Number>();
        if let Ok(number) = Number::decode_ordered(&bytes) {
            prop_assert_eq!(ordered(&number), bytes);
        }
    }
}
