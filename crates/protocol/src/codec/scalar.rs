//! Values that are one piece of text: numbers, booleans, moments, as each protocol spells them.
//!
//! Strict: nothing is trimmed, guessed or rounded into range.

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Value;
use crate::model::{Kind, Shape, TimestampFormat};

/// The kind's name in messages.
pub(super) const fn kind_name(shape: Shape) -> &'static str {
    match shape.kind() {
        Kind::Structure { .. } => "Structure",
        Kind::List { .. } => "List",
        Kind::Map { .. } => "Map",
        Kind::String { .. } => "String",
        Kind::Blob => "Blob",
        Kind::Boolean => "Boolean",
        Kind::Integer { name, .. } => name,
        Kind::Float { single: true } => "Float",
        Kind::Float { single: false } => "Double",
        Kind::Timestamp => "Timestamp",
        Kind::Document => "Document",
    }
}

/// The member's format, else the shape's, else the protocol's.
pub(super) fn format_of(
    shape: Shape,
    member: Option<TimestampFormat>,
    protocol: TimestampFormat,
) -> TimestampFormat {
    member.or(shape.data.timestamp_format).unwrap_or(protocol)
}

/// Parses a moment.
pub(super) fn timestamp(text: &str, format: TimestampFormat) -> Option<Timestamp> {
    match format {
        TimestampFormat::Iso8601 => Timestamp::parse_iso8601(text),
        TimestampFormat::Http => Timestamp::parse_http_date(text),
        TimestampFormat::Epoch => timestamp_from_seconds(text.parse().ok()?),
    }
}

/// A moment from seconds; `None` before the year -9999 and after 9999.
pub(super) fn timestamp_from_seconds(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1_000.0).round();
    (millis.is_finite() && millis.abs() <= 253_402_300_799_999.0)
        .then(|| Timestamp::from_millis(millis as i64))
}

/// Writes a moment. Fractions are written where there are any.
pub(super) fn write_timestamp(moment: Timestamp, format: TimestampFormat) -> String {
    let whole = moment.millis().rem_euclid(1_000) == 0;
    match format {
        TimestampFormat::Iso8601 if whole => moment.iso8601_secs(),
        TimestampFormat::Iso8601 => moment.iso8601_millis(),
        TimestampFormat::Http => moment.http_date(),
        TimestampFormat::Epoch if whole => moment.secs().to_string(),
        TimestampFormat::Epoch => format!("{}", moment.millis() as f64 / 1_000.0),
    }
}

/// Parses a number, with the three words that stand for what has no digits.
pub(super) fn float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => text.parse().ok(),
        _ => None,
    }
}

/// Writes a number so that reading it gives the same one.
pub(super) fn write_float(number: f64, single: bool) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if single { format!("{:?}", number as f32) } else { format!("{number:?}") }
}

/// A value from text, in a query, a header, a label or an XML element. `None` where the text is of another kind.
pub(super) fn parse(
    shape: Shape,
    text: &str,
    member: Option<TimestampFormat>,
    protocol: TimestampFormat,
) -> Option<Value> {
    match shape.kind() {
        Kind::String { .. } => Some(Value::String(text.to_owned())),
        Kind::Boolean => match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Integer { lowest, highest, .. } => {
            let number = text.parse().ok().filter(|number| (*lowest..=*highest).contains(number));
            number.map(Value::Integer)
        }
        Kind::Float { .. } => float(text).map(Value::Float),
        Kind::Timestamp => timestamp(text, format_of(shape, member, protocol)).map(Value::Timestamp),
        Kind::Blob => STANDARD.decode(text).ok().map(|bytes| Value::Blob(bytes.into())),
        Kind::Structure { .. } | Kind::List { .. } | Kind::Map { .. } | Kind::Document => None,
    }
}

/// The text of a value that is one piece of text.
pub(super) fn write(
    shape: Shape,
    value: &Value,
    member: Option<TimestampFormat>,
    protocol: TimestampFormat,
) -> Option<String> {
    Some(match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => write_float(*number, matches!(shape.kind(), Kind::Float { single: true })),
        Value::Timestamp(moment) => write_timestamp(*moment, format_of(shape, member, protocol)),
        Value::Blob(bytes) => STANDARD.encode(bytes),
        Value::Null
        | Value::List(_)
        | Value::Map(_)
        | Value::Structure(_)
        | Value::Document(_)
        | Value::Stream(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_three_spellings() {
        let moment = Timestamp::from_millis(1_398_796_238_123);
        for (format, text) in [
            (TimestampFormat::Iso8601, "2014-04-29T18:30:38.123Z"),
            (TimestampFormat::Epoch, "1398796238.123"),
        ] {
            assert_eq!(write_timestamp(moment, format), text);
            assert_eq!(timestamp(text, format), Some(moment));
        }
        assert_eq!(
            timestamp("Tue, 29 Apr 2014 18:30:38 GMT", TimestampFormat::Http),
            Some(Timestamp::from_secs(1_398_796_238))
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "inf", "nan", "0x10", "1_000", " 1", "infinity"] {
            assert_eq!(float(text), None, "{text}");
        }
        for seconds in [f64::NAN, f64::INFINITY, 1e300, -1e18] {
            assert_eq!(timestamp_from_seconds(seconds), None);
        }
    }
}
