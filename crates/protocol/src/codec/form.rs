//! `application/x-www-form-urlencoded` text, in bodies and in query strings.
//!
//! Knows no shapes. A pair that is not UTF-8 once decoded is refused.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::Fault;

/// The most pairs that one request may have.
const PAIRS_MAX: usize = 100_000;

/// A decoded name and value.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The pairs of a form, in order.
pub(crate) fn pairs(text: &[u8]) -> Result<Vec<Pair<'_>>, Fault> {
    let mut pairs = Vec::new();
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() >= PAIRS_MAX {
            return Err(malformed(&format!("The request has more than {PAIRS_MAX} parameters")));
        }
        let at = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let (name, value) = pair.split_at(at);
        pairs.push((decode(name)?, decode(value.get(1..).unwrap_or_default())?));
    }
    Ok(pairs)
}

/// The first value of a name, without decoding the other pairs' values.
pub(crate) fn find<'a>(text: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    text.split(|byte| *byte == b'&').find_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        let (found, value) = pair.split_at(at);
        if found == name.as_bytes() { decode(value.get(1..)?).ok() } else { None }
    })
}

fn decode(raw: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let plain = !raw.iter().any(|byte| matches!(byte, b'+' | b'%'));
    if plain {
        return std::str::from_utf8(raw)
            .map(Cow::Borrowed)
            .map_err(|_| malformed("A parameter is not UTF-8"));
    }
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| malformed("A parameter is not UTF-8"))
}

/// AWS's error for a query that cannot be read.
pub(crate) fn malformed(message: &str) -> Fault {
    Fault::sender("MalformedQueryString", message).with_status(404)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let read = |text: &'static str| -> Vec<(String, String)> {
            let pairs = pairs(text.as_bytes()).unwrap();
            pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        };
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(read("a=1&b=x+y%2Bz&&c"), own(&[("a", "1"), ("b", "x y+z"), ("c", "")]));
        assert_eq!(read("a=b=c"), own(&[("a", "b=c")]));
        assert!(pairs(b"a=%ff").is_err());
        assert_eq!(find(b"x=1&Action=GetUser", "Action").as_deref(), Some("GetUser"));
    }
}
