//! Patterns of terms: all plain ones, none with `-`, and, where there are no plain ones, one of those with `?`.

use crate::error::Error;
use crate::pattern::{invalid, unsupported};

/// Words and phrases; letters count as they are written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    required: Vec<String>,
    optional: Vec<String>,
    excluded: Vec<String>,
}

impl Terms {
    pub(crate) fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        // Beside plain terms, AWS ignores optional ones.
        let wanted = if self.required.is_empty() {
            self.optional.is_empty() || self.optional.iter().any(has)
        } else {
            self.required.iter().all(has)
        };
        wanted && !self.excluded.iter().any(has)
    }
}

pub(crate) fn parse(text: &str) -> Result<Terms, Error> {
    let mut terms = Terms::default();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let list = match first {
            '-' => &mut terms.excluded,
            '?' => &mut terms.optional,
            _ => &mut terms.required,
        };
        let body = rest.strip_prefix(['-', '?']).unwrap_or(rest);
        let (term, after) = if body.starts_with('"') { phrase(body)? } else { word(body)? };
        list.push(term);
        rest = after.trim_start();
    }
    Ok(terms)
}

/// A term without quotation marks: letters, digits, underscores.
fn word(text: &str) -> Result<(String, &str), Error> {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, after) = text.split_at_checked(end).unwrap_or((text, ""));
    if word.starts_with('%') {
        return Err(unsupported("regular expressions (%…%)"));
    }
    if word.is_empty() {
        return Err(invalid("a term is missing"));
    }
    match word.chars().find(|c| !c.is_alphanumeric() && *c != '_') {
        Some(other) => Err(invalid(format!("`{word}` has `{other}` and must be quoted"))),
        None => Ok((word.to_owned(), after)),
    }
}

/// A phrase in quotation marks, in which `\"` and `\\` stand for themselves.
pub(crate) fn phrase(text: &str) -> Result<(String, &str), Error> {
    let mut phrase = String::new();
    let mut chars = text.strip_prefix('"').unwrap_or(text).chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if phrase.is_empty() => return Err(invalid("a phrase is empty")),
            '"' => return Ok((phrase, chars.as_str())),
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\')) => phrase.push(escaped),
                Some(other) => phrase.extend(['\\', other]),
                None => break,
            },
            other => phrase.push(other),
        }
    }
    Err(invalid("a quotation mark is missing"))
}

#[cfg(test)]
mod tests {
    use crate::pattern::Pattern;

    #[test]
    fn terms_select_as_aws_documents() {
        let cases = [
            ("", "anything", true),
            ("  ", "anything", true),
            ("ERROR", "[ERROR 400] BAD REQUEST", true),
            ("ERROR", "[error 400]", false),
            ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true),
            ("ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST", false),
            ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR", true),
            ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] SERVER INTERNAL ERROR", false),
            ("?ERROR ?ARGUMENTS", "[ERROR 401]", true),
            ("?ERROR ?ARGUMENTS", "MISSING ARGUMENTS", true),
            ("?ERROR ?ARGUMENTS", "fine", false),
            ("ERROR -ARGUMENTS", "[ERROR 401] UNAUTHORIZED", true),
            ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
            ("-DEBUG", "info", true),
            ("-DEBUG", "DEBUG", false),
            ("-\"a b\" c", "a b c", false),
            ("?\"a b\" ?x", "a b c", true),
            ("ERROR ?WARN", "WARN", false),
            ("\"say \\\"hi\\\"\"", "say \"hi\"", true),
            ("Zürich", "in Zürich", true),
        ];
        for (pattern, message, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(message), expected, "{pattern} on {message}");
        }
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let cases = [
            ("%4[0-9]{2}%", "regular expressions"),
            ("[ip, user]", "space-delimited"),
            ("a=b", "`a=b` has `=` and must be quoted"),
            ("\"open", "quotation mark"),
            ("\"\"", "empty"),
            ("a -", "a term is missing"),
        ];
        for (pattern, expected) in cases {
            let message = Pattern::parse(pattern).unwrap_err().to_string();
            assert!(message.starts_with("InvalidParameterException: Invalid filter pattern"), "{message}");
            assert!(message.contains(expected), "{message}");
        }
    }
}
