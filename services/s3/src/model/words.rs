//! Texts as RFC 2047 writes them: what a header cannot hold is told in encoded words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What one encoded word has at most (RFC 2047, section 2).
const WORD_CHARS: usize = 75;
/// What is around the text of a word: `=?UTF-8?Q?` and `?=`.
const FRAME_CHARS: usize = 12;

/// Metadata as S3 tells it: ASCII as it is, everything else in words of UTF-8, in `Q` where most of it is ASCII and in `B` where
/// it is not. Source: S3's user guide, "Working with object metadata"; that either form comes is seen of S3.
pub(crate) fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let ascii = text.chars().filter(char::is_ascii).count();
    let is_quoted = ascii > text.chars().count() - ascii;
    let mut words: Vec<String> = Vec::new();
    let mut part = String::new();
    for char in text.chars() {
        let longer = format!("{part}{char}");
        if inner(&longer, is_quoted).len() > WORD_CHARS - FRAME_CHARS {
            words.push(word(&part, is_quoted));
            part = char.to_string();
        } else {
            part = longer;
        }
    }
    words.push(word(&part, is_quoted));
    words.join(" ")
}

fn word(part: &str, is_quoted: bool) -> String {
    format!("=?UTF-8?{}?{}?=", if is_quoted { "Q" } else { "B" }, inner(part, is_quoted))
}

fn inner(part: &str, is_quoted: bool) -> String {
    if !is_quoted {
        return STANDARD.encode(part);
    }
    let quoted = |byte: u8| match byte {
        b' ' => "_".to_owned(),
        // What may stand in a word wherever that stands (RFC 2047, section 5).
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'*' | b'+' | b'-' | b'/' => {
            char::from(byte).to_string()
        }
        other => format!("={other:02X}"),
    };
    part.bytes().map(quoted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ascii_is_told_as_it_is() {
        for text in ["", "a b", "=?UTF-8?Q?Z=C3=BCrich?=", "1,2"] {
            assert_eq!(encoded(text), text);
        }
    }

    #[test]
    fn everything_else_is_told_in_words() {
        assert_eq!(encoded("Zürich"), "=?UTF-8?Q?Z=C3=BCrich?=");
        assert_eq!(encoded("a é_="), "=?UTF-8?Q?a_=C3=A9=5F=3D?=");
        assert_eq!(encoded("日本"), "=?UTF-8?B?5pel5pys?=");
    }

    #[test]
    fn no_word_is_longer_than_a_word_may_be() {
        for text in ["ü and more of it, ".repeat(40), "日本語".repeat(200)] {
            let told = encoded(&text);
            assert!(
                told.split(' ').all(|word| word.len() <= WORD_CHARS && word.starts_with("=?UTF-8?")),
                "{told}"
            );
            assert!(told.is_ascii());
        }
    }
}
