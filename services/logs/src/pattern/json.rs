//! Conditions on JSON messages: `{ ($.user.id = 1 && $.kind != "a*") || $.error IS NULL }`.
//!
//! A comparison whose selector finds nothing, a list or an object is false, whatever it compares.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::Error;
use crate::pattern::comparison::{Comparison, Scalar};
use crate::pattern::condition::Condition;
use crate::pattern::cursor::Cursor;
use crate::pattern::invalid;
use crate::pattern::selector::Selector;

/// Where an unquoted operand ends, besides at space.
const ENDS: [char; 6] = ['(', ')', '&', '|', '{', '}'];

/// A selector, and what is asked of what it finds.
#[derive(Debug)]
pub(crate) struct Test {
    selector: Selector,
    question: Question,
}

#[derive(Debug)]
enum Question {
    Compares(Comparison),
    Is(Value),
    Exists,
    Missing,
}

impl Test {
    /// Where a selector finds many values, one that does suffices.
    pub(crate) fn holds(&self, message: &Value) -> bool {
        match &self.question {
            Question::Compares(comparison) => self
                .selector
                .any(message, &|found| scalar(found).is_some_and(|scalar| comparison.holds(&scalar))),
            Question::Is(wanted) => self.selector.any(message, &|found| found == wanted),
            Question::Exists => self.selector.any(message, &|_| true),
            Question::Missing => !self.selector.any(message, &|_| true),
        }
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let selector = Selector::parse(cursor)?;
        let question = match Comparison::parse(cursor, &ENDS)? {
            Some(comparison) => Question::Compares(comparison),
            None => keyword(cursor)?,
        };
        Ok(Self { selector, question })
    }
}

fn scalar(value: &Value) -> Option<Scalar<'_>> {
    match value {
        Value::String(text) => Some(Scalar { text: Some(Cow::Borrowed(text)), number: None, is_text: true }),
        Value::Number(number) => {
            let text = Some(Cow::Owned(number.to_string()));
            Some(Scalar { text, number: number.as_f64(), is_text: false })
        }
        Value::Bool(flag) => {
            let text = Some(Cow::Borrowed(if *flag { "true" } else { "false" }));
            Some(Scalar { text, number: None, is_text: false })
        }
        Value::Null => Some(Scalar::default()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn keyword(cursor: &mut Cursor<'_>) -> Result<Question, Error> {
    match word(cursor).as_str() {
        "EXISTS" => Ok(Question::Exists),
        "NOT" if word(cursor) == "EXISTS" => Ok(Question::Missing),
        "IS" => match word(cursor).as_str() {
            "NULL" => Ok(Question::Is(Value::Null)),
            "TRUE" => Ok(Question::Is(Value::Bool(true))),
            "FALSE" => Ok(Question::Is(Value::Bool(false))),
            _ => Err(invalid("IS is followed by NULL, TRUE or FALSE")),
        },
        _ => Err(invalid("an operator is missing behind a selector")),
    }
}

fn word(cursor: &mut Cursor<'_>) -> String {
    cursor.skip_space();
    cursor.span(char::is_alphabetic).to_ascii_uppercase()
}

pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Condition<Test>, Error> {
    cursor.takes("{");
    let condition = Condition::parse(cursor, Test::parse)?;
    if cursor.peek().is_none() {
        return Err(invalid("a closing brace is missing"));
    }
    if !cursor.takes("}") {
        return Err(cursor.unexpected());
    }
    cursor.ends()?;
    Ok(condition)
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
            ("{ $.['dotted.name'] = \"yes\" }", true),
            ("{ $['dotted.name'] = \"yes\" }", true),
            ("{ $.eventType = %Trail% }", true),
            ("{ $.eventType != %^Trail% }", true),
            ("{ $.eventType = %a|b% }", true),
            ("{ $.count = %^[0-9]$% }", true),
            ("{ $.sourceIPAddress = %^111\\.111\\.111\\.1[0-9]{1,2}$% }", true),
            ("{ $.* = %111\\.111\\.111\\.1[0-9]{1,2}% }", true),
            ("{ $.* = \"nowhere\" }", false),
            ("{ $.tags[*] = \"a\" }", true),
            ("{ $.tags[*] = %b% }", false),
            ("{ $.tags[*].id = 7 }", true),
            ("{ $.tags[*].id NOT EXISTS }", false),
            ("{ $.tags[*].none NOT EXISTS }", true),
            ("{ $.user.* = 1 }", true),
            ("{ $.user[*] = 1 }", false),
            ("{ $.tags.* = \"a\" }", false),
            ("{ $.* IS NULL }", true),
            ("{ $.tags != \"x\" }", false),
            ("{ $.user = * }", false),
            ("{ $.user != 3 }", false),
            ("{ ($.user.id = 2 || $.count = 3) && $.ok IS TRUE }", true),
            ("{ $.user.id = 2 || $.count = 3 && $.ok IS FALSE }", false),
            ("{ ($.user.id = 1 && ($.count = 3)) }", true),
        ];
        for (pattern, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(MESSAGE), expected, "{pattern}");
        }
        assert!(!Pattern::parse("{ $.a = 1 }").unwrap().matches("not JSON"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let deep = format!("{{ {}$.a = 1 }}", "(".repeat(17));
        let cases = [
            ("{ $.a = 1", "closing brace"),
            ("{ }", "`}` is not expected"),
            ("{ $.a }", "operator"),
            ("{ $.a = }", "`}` is not expected"),
            ("{ $.a = %x }", "`%` behind a regular expression"),
            ("{ $.a = %x(y)% }", "`(` is not supported"),
            ("{ $.a = %x% || $.b = %y% || $.c = %z% }", "more than 2 regular expressions"),
            ("{ $.a > b }", "compare numbers"),
            ("{ $.a > %b% }", "compare numbers"),
            ("{ $.a[*].*.c = 1 }", "more than one wildcard"),
            ("{ $.*=1 || $.*=2 || $.*=3 || $.*=4 }", "more than 3 wildcard selectors"),
            ("{ $.a[0 = 1 }", "`]` is missing"),
            ("{ $.a IS NOT NULL }", "NULL, TRUE or FALSE"),
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
