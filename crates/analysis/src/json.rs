//! JSON with the place of everything in it: line, column and offset.
//!
//! It knows no policy. Size and depth are bounded, duplicate names are kept (whoever reads them says what they mean),
//! and what is not JSON is an error with its place.

use std::iter::Peekable;
use std::str::CharIndices;

/// The longest text that is read, in bytes.
pub const BYTES_MAX: usize = 512 * 1_024;
/// The deepest nesting that is read.
pub const DEPTH_MAX: usize = 32;

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 0.
    pub column: usize,
    /// In bytes, from 0.
    pub offset: usize,
}

/// From the first character to behind the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: Place,
    /// Behind its end.
    pub end: Place,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Json,
    /// Where it stands.
    pub span: Span,
}

/// A value. Numbers are kept as they are written.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// As written.
    Number(String),
    /// Without quotes and escapes.
    String(String),
    /// In order.
    Array(Vec<Node>),
    /// In order, duplicates included.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Without quotes and escapes.
    pub name: String,
    /// Where the name stands, quotes included.
    pub name_span: Span,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The member of this name; the first, where there are several.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.members().iter().find(|member| member.name == name).map(|member| &member.node)
    }

    /// The members of an object; none where it is something else.
    pub fn members(&self) -> &[Member] {
        if let Json::Object(members) = &self.value { members } else { &[] }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        if let Json::String(text) = &self.value { Some(text) } else { None }
    }

    /// The items of an array, or the value itself as the only one: policies allow both.
    pub fn one_or_many(&self) -> &[Node] {
        if let Json::Array(items) = &self.value { items } else { std::slice::from_ref(self) }
    }

    /// The strings of a string or a list of strings.
    pub fn texts(&self) -> Vec<&str> {
        self.one_or_many().iter().filter_map(Node::text).collect()
    }
}

/// The text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {}, column {}", .at.line, .at.column)]
pub struct NotJson {
    /// What was met or missed.
    pub what: &'static str,
    /// Where.
    pub at: Place,
}

/// Reads one JSON text.
///
/// # Errors
/// Where it is not JSON, too long or nested too deeply.
pub fn parse(text: &str) -> Result<Node, NotJson> {
    let mut reader = Reader::new(text);
    if text.len() > BYTES_MAX {
        return Err(reader.refuse("the text is too long"));
    }
    let node = reader.value(0)?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.refuse("something follows the end")),
    }
}

struct Reader<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
    at: Place,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, rest: text.char_indices().peekable(), at: Place { line: 1, column: 0, offset: 0 } }
    }

    const fn refuse(&self, what: &'static str) -> NotJson {
        NotJson { what, at: self.at }
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, character)| *character)
    }

    fn take(&mut self) -> Option<char> {
        let (offset, character) = self.rest.next()?;
        self.at.offset = offset + character.len_utf8();
        if character == '\n' {
            self.at.line += 1;
            self.at.column = 0;
        } else {
            self.at.column += 1;
        }
        Some(character)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|character| matches!(character, ' ' | '\t' | '\n' | '\r')) {
            self.take();
        }
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.take();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, NotJson> {
        self.space();
        if depth > DEPTH_MAX {
            return Err(self.refuse("nested too deeply"));
        }
        let start = self.at;
        let value = match self.peek() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Json::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('t' | 'f' | 'n') => self.word()?,
            Some(_) => return Err(self.refuse("an unexpected character")),
            None => return Err(self.refuse("the text ends early")),
        };
        Ok(Node { value, span: Span { start, end: self.at } })
    }

    fn object(&mut self, depth: usize) -> Result<Json, NotJson> {
        self.take();
        let mut members = Vec::new();
        self.space();
        if self.take_if('}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some('"') {
                return Err(self.refuse("a member's name is missing"));
            }
            let start = self.at;
            let name = self.string()?;
            let name_span = Span { start, end: self.at };
            self.space();
            if !self.take_if(':') {
                return Err(self.refuse("a colon is missing"));
            }
            let node = self.value(depth + 1)?;
            members.push(Member { name, name_span, node });
            self.space();
            if self.take_if('}') {
                return Ok(Json::Object(members));
            }
            if !self.take_if(',') {
                return Err(self.refuse("a comma or the object's end is missing"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, NotJson> {
        self.take();
        let mut items = Vec::new();
        self.space();
        if self.take_if(']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take_if(']') {
                return Ok(Json::Array(items));
            }
            if !self.take_if(',') {
                return Err(self.refuse("a comma or the list's end is missing"));
            }
        }
    }

    fn string(&mut self) -> Result<String, NotJson> {
        self.take();
        let mut text = String::new();
        loop {
            match self.take() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                Some(character) if character >= ' ' => text.push(character),
                Some(_) => return Err(self.refuse("a control character in a string")),
                None => return Err(self.refuse("a string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, NotJson> {
        match self.take() {
            Some(character @ ('"' | '\\' | '/')) => Ok(character),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => self.unicode(),
            _ => Err(self.refuse("an unknown escape")),
        }
    }

    fn unicode(&mut self) -> Result<char, NotJson> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if !(self.take_if('\\') && self.take_if('u')) {
                return Err(self.refuse("half of a surrogate pair"));
            }
            let second = self.hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.refuse("half of a surrogate pair"));
            }
            0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.refuse("half of a surrogate pair"))
    }

    fn hex(&mut self) -> Result<u32, NotJson> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.take().and_then(|character| character.to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.refuse("an unknown escape"))?;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Json, NotJson> {
        let start = self.at.offset;
        self.take_if('-');
        if !self.take_if('0') && self.digits() == 0 {
            return Err(self.refuse("a number without digits"));
        }
        if self.take_if('.') && self.digits() == 0 {
            return Err(self.refuse("a number without digits"));
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.take();
            if matches!(self.peek(), Some('+' | '-')) {
                self.take();
            }
            if self.digits() == 0 {
                return Err(self.refuse("a number without digits"));
            }
        }
        Ok(Json::Number(self.text.get(start..self.at.offset).unwrap_or_default().to_owned()))
    }

    fn digits(&mut self) -> usize {
        let mut count = 0;
        while self.peek().is_some_and(|character| character.is_ascii_digit()) {
            self.take();
            count += 1;
        }
        count
    }

    fn word(&mut self) -> Result<Json, NotJson> {
        let rest = self.text.get(self.at.offset..).unwrap_or_default();
        let words = [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)];
        for (word, value) in words {
            if rest.starts_with(word) {
                for _ in word.chars() {
                    self.take();
                }
                return Ok(value);
            }
        }
        Err(self.refuse("an unexpected character"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Json::Null => serde_json::Value::Null,
            Json::Bool(value) => (*value).into(),
            Json::Number(text) => serde_json::from_str(text).unwrap(),
            Json::String(text) => text.as_str().into(),
            Json::Array(items) => items.iter().map(plain).collect(),
            Json::Object(members) => {
                members.iter().map(|member| (member.name.clone(), plain(&member.node))).collect()
            }
        }
    }

    #[test]
    fn everything_has_its_place() {
        let text = "{\n  \"é\": [1,\n \"b\"]}";
        let node = parse(text).unwrap();
        let list = node.get("é").unwrap();
        assert_eq!((list.span.start.line, list.span.start.column, list.span.start.offset), (2, 7, 10));
        let last = &list.one_or_many()[1];
        assert_eq!(text.get(last.span.start.offset..last.span.end.offset), Some("\"b\""));
        assert_eq!((last.span.start.line, last.span.start.column, last.span.end.column), (3, 1, 4));
    }

    #[test]
    fn texts_are_read_as_serde_reads_them() {
        for text in [
            r#"{"a":[true,false,null,-0.5e+3,10],"b":{"c":"\u00e9\ud83d\ude00\n\"\/"}}"#,
            "[]",
            "{}",
            " 0 ",
            r#""x""#,
        ] {
            assert_eq!(
                plain(&parse(text).unwrap()),
                serde_json::from_str::<serde_json::Value>(text).unwrap()
            );
        }
        for text in
            ["", "{", "[1,]", "{\"a\"}", "01", "1.", "tru", "\"\\x\"", "\"\\ud800\"", "[] []", "\"\n\""]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse(&"[".repeat(1_000)).unwrap_err().what, "nested too deeply");
        assert!(parse(&format!("\"{}\"", "a".repeat(BYTES_MAX))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            crate::fuzz::fuzz_json(text.as_bytes());
        }

        #[test]
        fn what_is_read_is_what_serde_reads(text in r#"[\[\]{}",:0-9a-e\\ntrue.\-]{0,24}"#) {
            if let (Ok(node), Ok(value)) = (parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                prop_assert_eq!(plain(&node), value);
            } else if let Ok(node) = parse(&text) {
                // Numbers too large for serde are text here.
                let shown = format!("{node:?}");
                prop_assert!(shown.contains("Number"), "{}", shown);
            }
        }
    }
}
