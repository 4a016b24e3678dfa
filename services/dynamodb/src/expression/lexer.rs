//! Cuts an expression's text into tokens.
//!
//! It never fails: what is no token becomes [`TokenKind::Unknown`], which no rule of any grammar accepts.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, a keyword or a function.
    Word,
    /// `#name`.
    NameRef,
    /// `:value`.
    ValueRef,
    /// Digits.
    Integer,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Comma,
    Dot,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    /// A character that starts no token.
    Unknown,
    /// The end of the text.
    End,
}

/// A token: its kind and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// All tokens of a text, an [`TokenKind::End`] behind the last.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let start = text.len() - rest.len();
        let (kind, length) = token(rest);
        let end = start + length;
        tokens.push(Token { kind, start, end });
        if kind == TokenKind::End {
            return tokens;
        }
        rest = text.get(end..).unwrap_or("");
    }
}

const fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

const fn is_word_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The kind and the length of the first token; no blank comes before it.
fn token(rest: &str) -> (TokenKind, usize) {
    let bytes = rest.as_bytes();
    let Some(&first) = bytes.first() else {
        return (TokenKind::End, 0);
    };
    let run = |from: usize, part: fn(u8) -> bool| {
        from + bytes.iter().skip(from).take_while(|byte| part(**byte)).count()
    };
    match first {
        b'#' | b':' => {
            let length = run(1, is_word_part);
            let kind = match (first, length) {
                (_, 1) => TokenKind::Unknown,
                (b'#', _) => TokenKind::NameRef,
                _ => TokenKind::ValueRef,
            };
            (kind, length)
        }
        byte if is_word_start(byte) => (TokenKind::Word, run(0, is_word_part)),
        byte if byte.is_ascii_digit() => (TokenKind::Integer, run(0, |byte| byte.is_ascii_digit())),
        _ => symbol(first, bytes.get(1).copied())
            .unwrap_or_else(|| (TokenKind::Unknown, rest.chars().next().map_or(0, char::len_utf8))),
    }
}

fn symbol(first: u8, second: Option<u8>) -> Option<(TokenKind, usize)> {
    let kind = match (first, second) {
        (b'<', Some(b'>')) => return Some((TokenKind::NotEqual, 2)),
        (b'<', Some(b'=')) => return Some((TokenKind::LessEqual, 2)),
        (b'>', Some(b'=')) => return Some((TokenKind::GreaterEqual, 2)),
        (b'<', _) => TokenKind::Less,
        (b'>', _) => TokenKind::Greater,
        (b'=', _) => TokenKind::Equal,
        (b'+', _) => TokenKind::Plus,
        (b'-', _) => TokenKind::Minus,
        (b',', _) => TokenKind::Comma,
        (b'.', _) => TokenKind::Dot,
        (b'(', _) => TokenKind::OpenParen,
        (b')', _) => TokenKind::CloseParen,
        (b'[', _) => TokenKind::OpenBracket,
        (b']', _) => TokenKind::CloseBracket,
        _ => return None,
    };
    Some((kind, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_the_text_is_in_a_token_or_blank() {
        let text = "#a.b[12] <> :v AND size(x)>=\t:w, é%";
        let cut: Vec<_> = tokens(text).iter().map(|t| text.get(t.start..t.end).unwrap()).collect();
        assert_eq!(
            cut,
            [
                "#a", ".", "b", "[", "12", "]", "<>", ":v", "AND", "size", "(", "x", ")", ">=", ":w", ",",
                "é", "%", ""
            ]
        );
    }
}
