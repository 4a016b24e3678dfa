//! The canonical request: the one spelling of a request that both sides hash.
//!
//! Output goes into one byte buffer; nothing is validated here, so that whatever the input is, the worst that can
//! happen is a hash that nobody signed.

use std::borrow::Cow;

use http::HeaderMap;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Percent-encodes every byte that is not unreserved; slashes stay where `keep_slash`.
fn encode_into(out: &mut Vec<u8>, bytes: impl IntoIterator<Item = u8>, keep_slash: bool) {
    for byte in bytes {
        if is_unreserved(byte) || (keep_slash && byte == b'/') {
            out.push(byte);
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// Percent-decodes text; what is not UTF-8 afterwards becomes replacement characters and so never matches.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('%') {
        Cow::Owned(percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned())
    } else {
        Cow::Borrowed(text)
    }
}

/// True for a path that its canonical form tells apart from all others: without empty segments, `.` and `..`.
pub(super) fn is_normal(path: &str) -> bool {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let whole = inner.strip_suffix('/').unwrap_or(inner);
    inner.is_empty() || whole.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// The canonical URI. For S3 the path's own bytes, encoded once; for all others the path as sent, normalised, its
/// escapes escaped again.
pub(super) fn uri(out: &mut Vec<u8>, path: &str, s3: bool) {
    if s3 {
        let path = if path.is_empty() { "/" } else { path };
        return encode_into(out, percent_encoding::percent_decode_str(path), true);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        encode_into(out, segment.bytes(), false);
    }
    if segments.is_empty() || path.ends_with('/') {
        out.push(b'/');
    }
}

/// The canonical query: every name and value decoded, encoded in the one strict way, and sorted. `X-Amz-Signature`
/// is left out where `presigned`.
pub(super) fn query(out: &mut Vec<u8>, query: &str, presigned: bool) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| !(presigned && *name == "X-Amz-Signature"))
        .map(|(name, value)| (query_part(name), query_part(value)))
        .collect();
    pairs.sort_unstable();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// A plus sign in a query is a space to AWS; a literal plus is sent as `%2B`.
fn query_part(text: &str) -> Vec<u8> {
    let mut part = Vec::with_capacity(text.len() + 16);
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        encode_into(&mut part, percent_encoding::percent_decode_str(&spaced), false);
    } else {
        encode_into(&mut part, percent_encoding::percent_decode_str(text), false);
    }
    part
}

/// One canonical header line: values in order of arrival joined by commas, trimmed, runs of spaces made one.
pub(super) fn header(out: &mut Vec<u8>, headers: &HeaderMap, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    for (at, value) in headers.get_all(name).iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        folded(out, value.as_bytes());
    }
    out.push(b'\n');
}

fn folded(out: &mut Vec<u8>, value: &[u8]) {
    let mut words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        out.extend_from_slice(first);
    }
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths_are_normalised_and_escaped_again_except_for_s3() {
        let table = [
            ("", "/", "/"),
            ("/", "/", "/"),
            ("//", "/", "//"),
            ("/a/../b/./c//d/", "/b/c/d/", "/a/../b/./c//d/"),
            ("/../..", "/", "/../.."),
            ("/a%20b", "/a%2520b", "/a%20b"),
            ("/a%2fb", "/a%252fb", "/a/b"),
            ("/a(b)+c", "/a%28b%29%2Bc", "/a%28b%29%2Bc"),
            ("/%zz", "/%25zz", "/%25zz"),
            (
                "/2015-03-31/functions/a%3Ab/invocations",
                "/2015-03-31/functions/a%253Ab/invocations",
                "/2015-03-31/functions/a%3Ab/invocations",
            ),
        ];
        for (path, standard, s3) in table {
            assert_eq!(text(|out| uri(out, path, false)), standard, "{path}");
            assert_eq!(text(|out| uri(out, path, true)), s3, "{path} in S3");
        }
    }

    #[test]
    fn queries_are_decoded_encoded_and_sorted() {
        let table = [
            ("", ""),
            ("a", "a="),
            ("b=2&a=1&a=0", "a=0&a=1&b=2"),
            ("a=b=c", "a=b%3Dc"),
            ("a=x+y&b=%2B", "a=x%20y&b=%2B"),
            ("a=%e1%88%b4", "a=%E1%88%B4"),
            ("&&a=1&", "a=1"),
            ("A=1&a=1&B=1", "A=1&B=1&a=1"),
        ];
        for (raw, canonical) in table {
            assert_eq!(text(|out| query(out, raw, false)), canonical, "{raw}");
        }
        assert_eq!(text(|out| query(out, "X-Amz-Signature=f&a=1", true)), "a=1");
        assert_eq!(text(|out| query(out, "X-Amz-Signature=f", false)), "X-Amz-Signature=f");
    }
}
