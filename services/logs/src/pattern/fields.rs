//! Patterns of space-delimited messages: `[ip, user, ..., status = 4* || status = 5*, bytes > 1000]`.
//!
//! A message is as many fields as its words; what stands in brackets or quotation marks is one, without them. The last
//! field that a pattern names takes what is left; behind `...`, fields are counted from the message's end.

use std::borrow::Cow;

use crate::error::Error;
use crate::pattern::comparison::{Comparison, Scalar};
use crate::pattern::condition::Condition;
use crate::pattern::cursor::Cursor;
use crate::pattern::invalid;

/// Where an unquoted operand ends, besides at space.
const ENDS: [char; 6] = [',', ']', '(', ')', '&', '|'];

/// What a message's fields have to be, in order.
#[derive(Debug)]
pub(crate) struct Fields {
    /// Those before `...`, or all.
    first: Vec<Field>,
    /// Those behind `...`, where there is one.
    last: Option<Vec<Field>>,
}

/// What one field has to be.
type Field = Condition<Test>;

/// A field's name, and a comparison of it; one that is only named may be anything.
#[derive(Debug)]
pub(crate) struct Test {
    name: String,
    comparison: Option<Comparison>,
}

impl Fields {
    pub(crate) fn matches(&self, message: &str) -> bool {
        match &self.last {
            None => fits(&self.first, &words(message, self.first.len())),
            Some(last) => {
                let words = words(message, usize::MAX);
                let split = words.len().checked_sub(last.len()).filter(|split| *split >= self.first.len());
                let halves = split.and_then(|split| words.split_at_checked(split));
                halves.is_some_and(|(before, behind)| {
                    let before = before.get(..self.first.len()).unwrap_or_default();
                    fits(&self.first, before) && fits(last, behind)
                })
            }
        }
    }
}

fn fits(fields: &[Field], words: &[&str]) -> bool {
    fields.len() == words.len() && fields.iter().zip(words).all(|(field, word)| is(field, word))
}

fn is(field: &Field, word: &str) -> bool {
    let number = word.parse().ok().filter(|number: &f64| number.is_finite());
    let word = Scalar { text: Some(Cow::Borrowed(word)), number, is_text: true };
    field.holds(&|test: &Test| test.holds(&word))
}

/// A message's fields, at most so many; the last of these is all that is left.
fn words(message: &str, at_most: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() && words.len() < at_most {
        let end = word_end(rest);
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let after = after.trim_start();
        if words.len() + 1 == at_most && !after.is_empty() {
            words.push(rest);
            break;
        }
        words.push(bare(word));
        rest = after;
    }
    words
}

/// Where a word ends: at the space behind it, or behind the brackets or quotation marks that it begins with.
fn word_end(text: &str) -> usize {
    let close = match text.chars().next() {
        Some('[') => Some(']'),
        Some('"') => Some('"'),
        _ => None,
    };
    let closed = close.and_then(|close| text.get(1..)?.find(close)).map_or(0, |at| at + 2);
    let space = text.get(closed..).and_then(|rest| rest.find(char::is_whitespace));
    space.map_or(text.len(), |at| closed + at)
}

/// A word without the brackets or quotation marks around it.
fn bare(word: &str) -> &str {
    let within = |open: char, close: char| {
        let inside = word.strip_prefix(open)?.strip_suffix(close)?;
        (!inside.contains(close)).then_some(inside)
    };
    within('[', ']').or_else(|| within('"', '"')).unwrap_or(word)
}

pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Fields, Error> {
    cursor.takes("[");
    let mut fields = Fields { first: Vec::new(), last: None };
    loop {
        if cursor.takes("...") {
            if fields.last.replace(Vec::new()).is_some() {
                return Err(invalid("`...` stands more than once"));
            }
        } else {
            let field = field(cursor)?;
            fields.last.as_mut().unwrap_or(&mut fields.first).push(field);
        }
        if cursor.takes("]") {
            break;
        }
        if !cursor.takes(",") {
            return Err(if cursor.peek().is_none() {
                invalid("`]` is missing")
            } else {
                cursor.unexpected()
            });
        }
    }
    cursor.ends()?;
    Ok(fields)
}

/// A name, or a condition in which each test has the same name.
fn field(cursor: &mut Cursor<'_>) -> Result<Condition<Test>, Error> {
    let condition = Condition::parse(cursor, Test::parse)?;
    let tests = condition.tests();
    if tests.windows(2).any(|pair| matches!(pair, [one, other] if one.name != other.name)) {
        return Err(invalid("a condition of one field names another"));
    }
    if tests.len() > 1 && tests.iter().any(|test| test.comparison.is_none()) {
        return Err(invalid("an operator is missing behind a field's name"));
    }
    Ok(condition)
}

impl Test {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        cursor.skip_space();
        let name = cursor.span(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if name.is_empty() {
            return Err(cursor.unexpected());
        }
        Ok(Self { name: name.to_owned(), comparison: Comparison::parse(cursor, &ENDS)? })
    }

    fn holds(&self, word: &Scalar<'_>) -> bool {
        self.comparison.as_ref().is_none_or(|comparison| comparison.holds(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    const ACCESS: &str =
        r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
    const REPORT: &str =
        "REPORT RequestId: 1-2\tDuration: 2.04 ms\tBilled Duration: 100 ms\tMemory Size: 128 MB\n";

    #[test]
    fn a_message_is_split_as_aws_documents() {
        assert_eq!(
            words(ACCESS, usize::MAX),
            [
                "127.0.0.1",
                "Prod",
                "frank",
                "10/Oct/2000:13:25:15 -0700",
                "GET /index.html HTTP/1.0",
                "404",
                "1534"
            ]
        );
        for (message, at_most, expected) in [
            ("", 3, &[][..]),
            (" a  b\tc\n", 9, &["a", "b", "c"]),
            ("a b c", 2, &["a", "b c"]),
            ("a [b c]", 2, &["a", "b c"]),
            ("a [b c] d", 2, &["a", "[b c] d"]),
            ("[a b]c d", 9, &["[a b]c", "d"]),
            ("[a b", 9, &["[a", "b"]),
            ("\"a b\" \"", 9, &["a b", "\""]),
            ("[] \"\"", 9, &["", ""]),
            ("[é ü] é", 9, &["é ü", "é"]),
        ] {
            assert_eq!(words(message, at_most), expected, "{message}");
        }
    }

    #[test]
    fn fields_select_as_aws_documents() {
        let failed = "ERROR 09/25/2014 12:00:02 Failed to process request";
        let (warned, info) = (
            "WARNING 09/25/2014 12:00:02 Invalid user request",
            "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200",
        );
        let part = "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310";
        for (pattern, message, expected) in [
            (
                r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]",
                ACCESS,
                true,
            ),
            ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", ACCESS, true),
            ("[ip, user, username, timestamp, request =*.html*, status_code = 5*, bytes]", ACCESS, false),
            ("[ip, user, username, timestamp, request =*.png*, status_code = 4*, bytes]", ACCESS, false),
            ("[..., request =*.html*, status_code = 4*, bytes]", ACCESS, true),
            ("[ip, ..., status_code = 404, bytes]", ACCESS, true),
            ("[ip = 127.0.0.1, ...]", ACCESS, true),
            (
                "[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]",
                ACCESS,
                true,
            ),
            ("[..., status_code = 403 || status_code = 410, bytes]", ACCESS, false),
            ("[..., bytes > 1000]", ACCESS, true),
            ("[..., bytes > 1000 && bytes < 1500]", ACCESS, false),
            ("[..., (s = 404 || s = 410) && s != 404, bytes]", ACCESS, false),
            ("[..., status_code >= 400, bytes <= 1534]", ACCESS, true),
            ("[..., request = \"GET /index*\", s, b]", ACCESS, true),
            ("[a, b, c, d, e, f, g, h]", ACCESS, false),
            ("[a, b, c, d, e, f, g, h, ...]", ACCESS, false),
            ("[a, b, c, d, ..., e, f, g]", ACCESS, true),
            ("[w1=ERROR, w2]", failed, true),
            ("[w1=ERROR, w2]", info, false),
            ("[w1=ERROR]", failed, false),
            ("[w1=ERROR, w2]", "ERROR", false),
            ("[w1=ERROR || w1=WARNING, w2]", warned, true),
            ("[w1=ERROR || w1=WARNING, w2]", info, false),
            ("[w1!=ERROR && w1!=WARNING, w2]", info, true),
            ("[w1!=ERROR && w1!=WARNING, w2]", failed, false),
            ("[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", info, true),
            ("[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", part, false),
            (
                "[logLevel, date, time, method, url=%/service/resource/[0-9]+/part/[0-9]+$%, response_time]",
                part,
                true,
            ),
            ("[logLevel, date, time, method, url!=%part%, response_time]", part, false),
            (
                "[report_name=\"REPORT\", request_id_name=\"RequestId:\", request_id_value, duration_name=\"Duration:\", duration > 2, ms=\"ms\", ...]",
                REPORT,
                true,
            ),
            ("[a = nan]", "nan", true),
            ("[a > 1]", "nan", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(message), expected, "{pattern} on {message}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (pattern, expected) in [
            ("[a, b", "`]` is missing"),
            ("[]", "`]` is not expected"),
            ("[a,]", "`]` is not expected"),
            ("[,a]", "`,` is not expected"),
            ("[a b]", "`b` is not expected"),
            ("[a] b", "`b` is not expected"),
            ("[..., a, ...]", "`...` stands more than once"),
            ("[a = 1 || b = 2]", "names another"),
            ("[a = 1 || a]", "operator is missing"),
            ("[a > x]", "compare numbers"),
            ("[a = %x%, b = %x%, c = %x%]", "more than 2 regular expressions"),
            ("[a = %x(%]", "`(` is not supported"),
            ("[a = ]", "`]` is not expected"),
            ("[*a*]", "`*` is not expected"),
        ] {
            let message = Pattern::parse(pattern).unwrap_err().to_string();
            assert!(message.contains(expected), "{pattern}: {message}");
        }
    }
}
