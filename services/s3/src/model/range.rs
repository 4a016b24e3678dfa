//! `Range: bytes=…`: which bytes of an object are wanted.
//!
//! One range only; what is no range is ignored, as HTTP says, and one beyond the end is an error.

use crate::error::Error;

/// The bytes from the first number to before the second; `None` where all are wanted.
pub(crate) fn parse(text: &str, size: u64) -> Result<Option<(u64, u64)>, Error> {
    let Some(spec) = text.strip_prefix("bytes=").map(str::trim) else { return Ok(None) };
    let Some((first, last)) = spec.split_once('-') else { return Ok(None) };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let beyond = || Error::invalid_range(text, size);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Ok(None),
        (Some(first), _) if first >= size && (last.is_empty() || number(last).is_some()) => Err(beyond()),
        (Some(first), Some(last)) => Ok(Some((first, last.saturating_add(1).min(size)))),
        (Some(first), None) if last.is_empty() => Ok(Some((first, size))),
        (None, Some(0)) if first.is_empty() => Err(beyond()),
        (None, Some(_)) if first.is_empty() && size == 0 => Err(beyond()),
        (None, Some(last)) if first.is_empty() => Ok(Some((size.saturating_sub(last), size))),
        _ => Ok(None),
    }
}

/// `bytes=0-9` of a copied part: strict, for a part of something else is a mistake.
pub(crate) fn of_copy(text: &str, size: u64) -> Result<(u64, u64), Error> {
    let wrong = || {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are \
                       the zero-based offsets of the first and last bytes to copy";
        Error::invalid_argument(message, "x-amz-copy-source-range", text)
    };
    let (first, last) =
        text.strip_prefix("bytes=").and_then(|spec| spec.split_once('-')).ok_or_else(wrong)?;
    let (first, last): (u64, u64) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    if first > last {
        return Err(wrong());
    }
    if last >= size {
        let message = format!("Range specified is not valid for source object of size: {size}");
        return Err(Error::invalid_argument(message, "x-amz-copy-source-range", text));
    }
    Ok((first, last + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        type Expected = Option<Option<(u64, u64)>>;
        let cases: &[(&str, u64, Expected)] = &[
            ("bytes=0-4", 10, Some(Some((0, 5)))),
            ("bytes=5-", 10, Some(Some((5, 10)))),
            ("bytes=-3", 10, Some(Some((7, 10)))),
            ("bytes=-30", 10, Some(Some((0, 10)))),
            ("bytes=5-99", 10, Some(Some((5, 10)))),
            ("bytes=9-9", 10, Some(Some((9, 10)))),
            ("bytes=10-", 10, None),
            ("bytes=10-12", 10, None),
            ("bytes=-0", 10, None),
            ("bytes=0-0", 0, None),
            ("bytes=-1", 0, None),
            ("bytes=4-2", 10, Some(None)),
            ("bytes=0-1,3-4", 10, Some(None)),
            ("bytes=a-b", 10, Some(None)),
            ("bytes=-", 10, Some(None)),
            ("lines=0-4", 10, Some(None)),
            ("bytes=99999999999999999999999-", 10, None),
        ];
        for (text, size, expected) in cases {
            assert_eq!(parse(text, *size).ok(), *expected, "{text}");
        }
        assert_eq!(of_copy("bytes=0-9", 10).ok(), Some((0, 10)));
        for text in ["bytes=0-10", "bytes=0-", "bytes=-5", "bytes=5-4", "0-9"] {
            assert!(of_copy(text, 10).is_err(), "{text}");
        }
    }
}
