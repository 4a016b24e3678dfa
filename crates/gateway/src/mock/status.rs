//! The status that a request to a mock names, read as leniently as API Gateway reads it.
//!
//! Constructs and frameworks write `{ statusCode: 200 }`, which is no JSON. As there, names and texts may be bare or in
//! quotation marks of either kind, commas may be too many, and what is behind the object is not looked at. A text with no
//! end or nothing between a name and its value is refused as there: no status is guessed from it.

use std::borrow::Cow;

/// How deep objects and lists may lie in each other: as deep as JSON is read everywhere else.
const DEPTH_MAX: usize = 127;
const NAME: &str = "statusCode";

/// The status that a text names, if it is an object with one that is a whole number.
#[must_use]
pub fn mock_status(text: &str) -> Option<u16> {
    let mut reader = Reader { rest: text, depth: 0 };
    reader.skip_space();
    reader.inside('{', Reader::members)?
}

/// Any bytes: what is strict JSON is read as strictly as ever.
pub(crate) fn fuzz_status(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let found = mock_status(text);
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(text) {
        let status = json.get(NAME).and_then(serde_json::Value::as_u64);
        assert_eq!(
            found,
            status.and_then(|status| u16::try_from(status).ok()),
            "JSON that is read otherwise"
        );
    }
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

/// What a value is as a status; all others than whole numbers are `None`.
type Status = Option<u16>;

impl<'t> Reader<'t> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn eat(&mut self, c: char) -> bool {
        let after = self.rest.strip_prefix(c);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// What an object or a list holds, read one level deeper.
    fn inside<T>(&mut self, open: char, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEPTH_MAX || !self.eat(open) {
            return None;
        }
        self.depth += 1;
        let held = read(self)?;
        self.depth -= 1;
        Some(held)
    }

    /// The members of an object to its end; the last status counts.
    fn members(&mut self) -> Option<Status> {
        let mut status = None;
        loop {
            self.skip_space();
            if self.eat('}') {
                return Some(status);
            }
            if self.eat(',') {
                continue;
            }
            let name = self.name()?;
            self.skip_space();
            if !self.eat(':') {
                return None;
            }
            let value = self.value(&[',', '}'])?;
            if name == NAME {
                status = value;
            }
            self.skip_space();
            if !self.rest.starts_with([',', '}']) {
                return None;
            }
        }
    }

    /// The values of a list to its end.
    fn values(&mut self) -> Option<()> {
        loop {
            self.skip_space();
            if self.eat(']') {
                return Some(());
            }
            if !self.eat(',') {
                self.value(&[',', ']'])?;
            }
        }
    }

    fn name(&mut self) -> Option<Cow<'t, str>> {
        match self.rest.chars().next()? {
            ':' | '{' | '[' | ']' => None,
            '"' | '\'' => self.quoted(),
            _ => self.bare(&[':']).map(Cow::Borrowed),
        }
    }

    fn value(&mut self, ends: &[char]) -> Option<Status> {
        self.skip_space();
        match self.rest.chars().next()? {
            ':' | '}' | ']' => None,
            '{' => self.inside('{', Self::members).map(|_| None),
            '[' => self.inside('[', Self::values).map(|()| None),
            '"' | '\'' => self.quoted().map(|_| None),
            _ => {
                let text = self.bare(ends)?;
                let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
                Some(if is_whole { text.parse().ok() } else { None })
            }
        }
    }

    /// A text without quotation marks, to what ends it.
    fn bare(&mut self, ends: &[char]) -> Option<&'t str> {
        let (text, rest) = self.rest.split_at_checked(self.rest.find(ends)?)?;
        self.rest = rest;
        Some(text.trim_ascii())
    }

    /// A text in quotation marks, with its escapes resolved.
    fn quoted(&mut self) -> Option<Cow<'t, str>> {
        let quote = self.rest.chars().next()?;
        let inside = self.rest.get(quote.len_utf8()..)?;
        let (text, rest) = inside.split_at_checked(inside.find([quote, '\\'])?)?;
        self.rest = rest;
        if self.eat(quote) {
            return Some(Cow::Borrowed(text));
        }
        let mut text = text.to_owned();
        loop {
            let c = self.take()?;
            if c == quote {
                return Some(Cow::Owned(text));
            }
            text.extend(if c == '\\' { self.escaped()? } else { Some(c) });
        }
    }

    fn take(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..)?;
        Some(c)
    }

    /// What is behind a backslash; an escape that none knows is nothing.
    fn escaped(&mut self) -> Option<Option<char>> {
        Some(Some(match self.take()? {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'b' => '\u{8}',
            'u' => self.unicode(4)?,
            'x' => self.unicode(2)?,
            c @ ('"' | '\'' | '\\' | '/') => c,
            _ => return Some(None),
        }))
    }

    fn unicode(&mut self, digits: usize) -> Option<char> {
        let (hex, rest) = self.rest.split_at_checked(digits)?;
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.rest = rest;
        let code = u32::from_str_radix(hex, 16).ok()?;
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_status_is_read_as_leniently_as_api_gateway_reads_it() {
        for text in [
            "{ statusCode: 200 }",
            "{statusCode:200}",
            "\n{\n  'statusCode' : 200\n}\n",
            r#"{"statusCode": 200, "message": "a, b}", "more": {"statusCode": 404, 'a': [1, "]", {b: c}]}}"#,
            r#"{"message": 'it\'s: {', "status\u0043ode": 200}"#,
            r#"{statusCode: 200, "value": 'goog'}"#,
            "{'statusCode': 200, '': ''}",
            r#"{statusCode: 200, " ": " "}"#,
            r#"{"statusCode": 200 , }"#,
            r#"{"statusCode": 200 ,, }"#,
            r#"{"statusCode": 200 , null: null }"#,
            "{,statusCode: 200}",
            "{statusCode: 404, statusCode: 200}",
            "{statusCode: 200, list: [a b, 'c' d,,]}",
            "{statusCode: 200,super{ f}oo: [ba r]}",
            "{statusCode: 200, foo'}: [ba r]}",
            "{statusCode: 200, }foo: [ba r]}",
        ] {
            assert_eq!(mock_status(text), Some(200), "{text}");
        }
    }

    #[test]
    fn what_names_no_status_has_none() {
        for text in [
            "",
            "{}",
            "200",
            "statusCode: 200",
            "[{statusCode: 200}]",
            "x{statusCode: 200}",
            "{statusCode: 200",
            "{statusCode 200}",
            "{statusCode= 200}",
            "{statusCode: \"200\"}",
            "{statusCode: '200'}",
            "{statusCode: 200 OK}",
            "{statusCode: 200.0}",
            "{statusCode: 2e2}",
            "{statusCode: -200}",
            "{statusCode: +200}",
            "{statusCode: 65536}",
            "{statusCode: }",
            "{statusCode: , }",
            "{statusCode: 200, empty: }",
            "{statusCode: [200]}",
            "{StatusCode: 200}",
            "{a: {statusCode: 200}}",
            "{statusCode: 200, statusCode: x}",
            "{\"statusCode': 200 }",
            "{'statusCode\": 200 }",
            "{'statusCode: 200 }",
            "{statusCode: 200, {foo: [ba r]}",
            "{statusCode: 200, what:{}foo: [ba r]}}",
            r#"{statusCode: 200, "\u12": 1}"#,
            r#"{statusCode: 200, "a\"#,
        ] {
            assert_eq!(mock_status(text), None, "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested =
            |depth: usize| format!("{{statusCode: 200, a: {}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(mock_status(&nested(DEPTH_MAX - 1)), Some(200));
        assert_eq!(mock_status(&nested(DEPTH_MAX)), None);
        assert_eq!(mock_status(&"{a:".repeat(1_000_000)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_json_is_read_as_json(
            members in prop::collection::vec(
                ("statusCode|[a-z'\"\\\\:,{}é\u{1}]{0,6}", "(0|[1-9][0-9]{0,5})|-0|-7|1e2|2.5|null|true|[a]"),
                0..5,
            ),
            nested in any::<bool>(),
        ) {
            let of = |(name, value): &(String, String)| {
                let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::from(value.as_str()));
                format!("{} : {value}", serde_json::Value::from(name.as_str()))
            };
            let object = format!("{{{}}}", members.iter().map(of).collect::<Vec<_>>().join(" ,"));
            fuzz_status(object.as_bytes());
            if nested {
                fuzz_status(format!(r#"{{"a": [{object}, {{}}], "statusCode": 201, "b": {object}}}"#).as_bytes());
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\{?(statusCode|[a-z{}\\[\\]:,'\" \\\\ux0-9é])*\\}?") {
            fuzz_status(text.as_bytes());
        }
    }
}
