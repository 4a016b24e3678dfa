//! Conditions on JSON messages: `{ ($.user.id = 1 && $.kind != "a*") || $.error IS NULL }`.
//!
//! A comparison whose selector finds nothing is false, whatever it compares. Parentheses nest to a bounded depth.

use serde_json::Value;

use crate::error::Error;
use crate::pattern::{invalid, terms, unsupported};

const DEPTH_MAX: usize = 16;

/// A condition.
#[derive(Debug, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Test(Selector, Test),
}

/// Where in the message to look: names of objects, places in arrays.
#[derive(Debug, PartialEq)]
pub(crate) struct Selector(Vec<Step>);

#[derive(Debug, PartialEq)]
enum Step {
    Member(String),
    Element(usize),
}

/// What is asked of what was found.
#[derive(Debug, PartialEq)]
pub(crate) enum Test {
    Equals(Operand),
    Differs(Operand),
    Less(f64),
    LessOrEqual(f64),
    Greater(f64),
    GreaterOrEqual(f64),
    Is(Value),
    Exists,
    Missing,
}

/// What a value is compared with.
#[derive(Debug, PartialEq)]
pub(crate) enum Operand {
    Number(f64),
    /// Text in which `*` stands for any characters. Only quoted text is strictly for strings.
    Text {
        parts: Vec<String>,
        quoted: bool,
    },
}

impl Condition {
    pub(crate) fn matches(&self, message: &Value) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.matches(message)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.matches(message)),
            Self::Test(selector, test) => test.holds(selector.find(message)),
        }
    }
}

impl Selector {
    fn find<'v>(&self, message: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(message, |value, step| match step {
            Step::Member(name) => value.as_object()?.get(name),
            Step::Element(at) => value.as_array()?.get(*at),
        })
    }
}

impl Test {
    fn holds(&self, found: Option<&Value>) -> bool {
        let Some(value) = found else { return *self == Self::Missing };
        let number = value.as_f64();
        match self {
            Self::Exists => true,
            Self::Missing => false,
            Self::Is(wanted) => value == wanted,
            Self::Equals(operand) => operand.equals(value),
            Self::Differs(operand) => !operand.equals(value),
            Self::Less(bound) => number.is_some_and(|number| number < *bound),
            Self::LessOrEqual(bound) => number.is_some_and(|number| number <= *bound),
            Self::Greater(bound) => number.is_some_and(|number| number > *bound),
            Self::GreaterOrEqual(bound) => number.is_some_and(|number| number >= *bound),
        }
    }
}

impl Operand {
    #[allow(clippy::float_cmp, reason = "the same digits give the same number")]
    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Number(wanted), value) => value.as_f64() == Some(*wanted),
            (Self::Text { parts, .. }, Value::String(text)) => wildcard(parts, text),
            (Self::Text { parts, quoted: false }, Value::Number(_) | Value::Bool(_)) => {
                wildcard(parts, &value.to_string())
            }
            _ => false,
        }
    }
}

/// True where the text is the parts in order with anything between them. Takes the leftmost place for each part, so it is linear.
fn wildcard(parts: &[String], text: &str) -> bool {
    let [first, between @ .., last] = parts else { return parts.iter().all(|only| only == text) };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in between {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last.as_str())
}

pub(crate) fn parse(text: &str) -> Result<Condition, Error> {
    let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let inside = inside.ok_or_else(|| invalid("a closing brace is missing"))?;
    let mut parser = Parser { rest: inside };
    let condition = parser.any(0)?;
    parser.skip_space();
    if parser.rest.is_empty() { Ok(condition) } else { Err(parser.unexpected()) }
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Condition, Error> {
        let mut conditions = vec![self.all(depth)?];
        while self.takes("||") {
            conditions.push(self.all(depth)?);
        }
        Ok(only(conditions, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, Error> {
        let mut conditions = vec![self.one(depth)?];
        while self.takes("&&") {
            conditions.push(self.one(depth)?);
        }
        Ok(only(conditions, Condition::All))
    }

    fn one(&mut self, depth: usize) -> Result<Condition, Error> {
        if !self.takes("(") {
            return self.test();
        }
        if depth >= DEPTH_MAX {
            return Err(invalid(format!("parentheses nest deeper than {DEPTH_MAX}")));
        }
        let condition = self.any(depth + 1)?;
        if self.takes(")") { Ok(condition) } else { Err(self.unexpected()) }
    }

    fn test(&mut self) -> Result<Condition, Error> {
        let selector = self.selector()?;
        let test = if self.takes("!=") {
            Test::Differs(self.operand()?)
        } else if self.takes("<=") {
            Test::LessOrEqual(self.number()?)
        } else if self.takes(">=") {
            Test::GreaterOrEqual(self.number()?)
        } else if self.takes("<") {
            Test::Less(self.number()?)
        } else if self.takes(">") {
            Test::Greater(self.number()?)
        } else if self.takes("=") {
            Test::Equals(self.operand()?)
        } else {
            self.keyword()?
        };
        Ok(Condition::Test(selector, test))
    }

    fn keyword(&mut self) -> Result<Test, Error> {
        match self.word().to_ascii_uppercase().as_str() {
            "EXISTS" => Ok(Test::Exists),
            "NOT" if self.word().eq_ignore_ascii_case("EXISTS") => Ok(Test::Missing),
            "IS" => match self.word().to_ascii_uppercase().as_str() {
                "NULL" => Ok(Test::Is(Value::Null)),
                "TRUE" => Ok(Test::Is(Value::Bool(true))),
                "FALSE" => Ok(Test::Is(Value::Bool(false))),
                _ => Err(invalid("IS is followed by NULL, TRUE or FALSE")),
            },
            _ => Err(invalid("an operator is missing behind a selector")),
        }
    }

    /// `$`, then `.name`, `[3]` or `['name']`.
    fn selector(&mut self) -> Result<Selector, Error> {
        if !self.takes("$") {
            return Err(self.unexpected());
        }
        let mut steps = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                let name = self.span(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@'));
                if name.is_empty() {
                    return Err(self.unexpected());
                }
                steps.push(Step::Member(name.to_owned()));
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                let (inside, after) = rest.split_once(']').ok_or_else(|| invalid("`]` is missing"))?;
                self.rest = after;
                steps.push(bracket(inside)?);
            } else {
                return Ok(Selector(steps));
            }
        }
    }

    fn operand(&mut self) -> Result<Operand, Error> {
        self.skip_space();
        if self.rest.starts_with('"') {
            let (text, after) = if let Some(after) = self.rest.strip_prefix("\"\"") {
                (String::new(), after)
            } else {
                terms::phrase(self.rest)?
            };
            self.rest = after;
            return Ok(Operand::Text { parts: split(&text), quoted: true });
        }
        let word = self.word();
        match word.parse::<f64>() {
            _ if word.is_empty() => Err(self.unexpected()),
            _ if word.starts_with('%') => Err(unsupported("regular expressions (%…%)")),
            Ok(number) if number.is_finite() => Ok(Operand::Number(number)),
            _ => Ok(Operand::Text { parts: split(word), quoted: false }),
        }
    }

    fn number(&mut self) -> Result<f64, Error> {
        match self.operand()? {
            Operand::Number(number) => Ok(number),
            Operand::Text { .. } => Err(invalid("<, <=, > and >= compare numbers")),
        }
    }

    fn word(&mut self) -> &str {
        self.skip_space();
        self.span(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '&' | '|' | '{' | '}' | '"'))
    }

    fn span(&mut self, belongs: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (span, after) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = after;
        span
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip_space();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self) -> Error {
        match self.rest.chars().next() {
            Some(c) => invalid(format!("`{c}` is not expected")),
            None => invalid("it ends too early"),
        }
    }
}

fn only(mut conditions: Vec<Condition>, combine: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.pop() {
        Some(condition) if conditions.is_empty() => condition,
        last => {
            conditions.extend(last);
            combine(conditions)
        }
    }
}

fn bracket(inside: &str) -> Result<Step, Error> {
    let inside = inside.trim();
    let quoted = |quote: char| inside.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(name) = quoted('\'').or_else(|| quoted('"')) {
        return Ok(Step::Member(name.to_owned()));
    }
    if inside == "*" {
        return Err(unsupported("selectors of all elements ([*])"));
    }
    inside.parse().map(Step::Element).map_err(|_| invalid(format!("`[{inside}]` is not an element")))
}

fn split(text: &str) -> Vec<String> {
    text.split('*').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::pattern::Pattern;

    const MESSAGE: &str = r#"{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "errorCode": null,
        "count": 3, "ratio": 0.5, "ok": true, "tags": ["a", {"id": 7}], "user": {"id": 1, "e-mail": "j@x.org"},
        "dotted.name": "yes"}"#;

    #[test]
    fn conditions_select_as_aws_documents() {
        let cases = [
            ("{ $.eventType = \"UpdateTrail\" }", true),
            ("{ $.eventType = UpdateTrail }", true),
            ("{$.eventType=\"Update*\"}", true),
            ("{ $.eventType = \"*Trail\" }", true),
            ("{ $.eventType = \"U*T*l\" }", true),
            ("{ $.eventType = \"*\" }", true),
            ("{ $.eventType = * }", true),
            ("{ $.eventType = \"Update\" }", false),
            ("{ $.eventType = \"Up*Up*\" }", false),
            ("{ $.eventType != \"DeleteTrail\" }", true),
            ("{ $.nothing != \"DeleteTrail\" }", false),
            ("{ $.sourceIPAddress != 123.123.* }", true),
            ("{ $.sourceIPAddress = 111.111.* }", true),
            ("{ $.count = 3 }", true),
            ("{ $.count = 3.0 }", true),
            ("{ $.count = 3e0 }", true),
            ("{ $.count = \"3\" }", false),
            ("{ $.count > 2 }", true),
            ("{ $.count >= 3 }", true),
            ("{ $.count < 3 }", false),
            ("{ $.count <= 3 }", true),
            ("{ $.ratio < 1 }", true),
            ("{ $.eventType > 1 }", false),
            ("{ $.ok IS TRUE }", true),
            ("{ $.ok is false }", false),
            ("{ $.errorCode IS NULL }", true),
            ("{ $.nothing IS NULL }", false),
            ("{ $.nothing NOT EXISTS }", true),
            ("{ $.errorCode NOT EXISTS }", false),
            ("{ $.errorCode EXISTS }", true),
            ("{ $.tags[0] = \"a\" }", true),
            ("{ $.tags[1].id = 7 }", true),
            ("{ $.tags[2] EXISTS }", false),
            ("{ $.user.id = 1 && $.user.e-mail = \"j@*\" }", true),
            ("{ $.['dotted.name'] = \"yes\" }", false),
            ("{ $['dotted.name'] = \"yes\" }", true),
            ("{ ($.user.id = 2 || $.count = 3) && $.ok IS TRUE }", true),
            ("{ $.user.id = 2 || $.count = 3 && $.ok IS FALSE }", false),
            ("{ ($.user.id = 1 && ($.count = 3)) }", true),
        ];
        for (pattern, expected) in cases {
            let outcome = Pattern::parse(pattern).map(|pattern| pattern.matches(MESSAGE));
            match outcome {
                Ok(matches) => assert_eq!(matches, expected, "{pattern}"),
                Err(error) => assert!(pattern.contains(".["), "{pattern}: {error}"),
            }
        }
        assert!(!Pattern::parse("{ $.a = 1 }").unwrap().matches("not JSON"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let deep = format!("{{ {}$.a = 1 }}", "(".repeat(17));
        let cases = [
            ("{ $.a = 1", "closing brace"),
            ("{ }", "ends too early"),
            ("{ $.a }", "operator"),
            ("{ $.a = }", "ends too early"),
            ("{ $.a = %x% }", "regular expressions"),
            ("{ $.a > b }", "compare numbers"),
            ("{ $.a[*] = 1 }", "all elements"),
            ("{ $.a[x] = 1 }", "is not an element"),
            ("{ $.a IS 3 }", "NULL, TRUE or FALSE"),
            ("{ a = 1 }", "`a` is not expected"),
            ("{ $.a = 1 $.b = 2 }", "`$` is not expected"),
            (&deep, "nest deeper than 16"),
        ];
        for (pattern, expected) in cases {
            let message = Pattern::parse(pattern).unwrap_err().to_string();
            assert!(message.contains(expected), "{pattern}: {message}");
        }
    }
}
