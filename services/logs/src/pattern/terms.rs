//! Patterns of terms: all plain ones, none with `-`, and, where there are no plain ones, one of those with `?`.

use crate::error::Error;
use crate::pattern::cursor::Cursor;
use crate::pattern::invalid;
use crate::pattern::regex::Regex;

/// Words, phrases and regular expressions; letters count as they are written.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    required: Vec<Term>,
    optional: Vec<Term>,
    excluded: Vec<Term>,
}

#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}

impl Terms {
    pub(crate) fn matches(&self, message: &str) -> bool {
        let has = |term: &Term| term.is_in(message);
        // Beside plain terms, AWS ignores optional ones.
        let wanted = if self.required.is_empty() {
            self.optional.is_empty() || self.optional.iter().any(has)
        } else {
            self.required.iter().all(has)
        };
        wanted && !self.excluded.iter().any(has)
    }
}

pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Terms, Error> {
    let mut terms = Terms::default();
    while cursor.peek().is_some() {
        let list = if cursor.takes("-") {
            &mut terms.excluded
        } else if cursor.takes("?") {
            &mut terms.optional
        } else {
            &mut terms.required
        };
        list.push(term(cursor)?);
        cursor.costs(1);
    }
    Ok(terms)
}

fn term(cursor: &mut Cursor<'_>) -> Result<Term, Error> {
    match cursor.next_char() {
        Some('"') => {
            let phrase = cursor.quoted()?;
            if phrase.is_empty() { Err(invalid("a phrase is empty")) } else { Ok(Term::Text(phrase)) }
        }
        Some('%') => cursor.regex().map(Term::Regex),
        _ => word(cursor).map(Term::Text),
    }
}

/// A term without quotation marks: letters, digits, underscores.
fn word(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    let word = cursor.span(|c| !c.is_whitespace());
    if word.is_empty() {
        return Err(invalid("a term is missing"));
    }
    match word.chars().find(|c| !c.is_alphanumeric() && *c != '_') {
        Some(other) => Err(invalid(format!("`{word}` has `{other}` and must be quoted"))),
        None => Ok(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::pattern::Pattern;

    #[test]
    fn terms_select_as_aws_documents() {
        let cases = [
            ("", "anything", true),
            ("  ", "anything", true),
            ("\" \"", "anything", true),
            ("\"\"", "anything", true),
            ("ERROR", "[ERROR 400] BAD REQUEST", true),
            ("ERROR", "[error 400]", false),
            ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true),
            ("ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST", false),
            ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR", true),
            ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] SERVER INTERNAL ERROR", false),
            ("?ERROR ?ARGUMENTS", "[ERROR 401]", true),
            ("?ERROR ?ARGUMENTS", "MISSING ARGUMENTS", true),
            ("?ERROR ?ARGUMENTS", "fine", false),
            ("?ERROR ?ARGUMENTS REQUEST", "[INFO] REQUEST FAILED", true),
            ("ERROR -ARGUMENTS", "[ERROR 401] UNAUTHORIZED", true),
            ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
            ("-DEBUG", "info", true),
            ("-DEBUG", "DEBUG", false),
            ("-\"a b\" c", "a b c", false),
            ("?\"a b\" ?x", "a b c", true),
            ("ERROR ?WARN", "WARN", false),
            ("\"say \\\"hi\\\"\"", "say \"hi\"", true),
            ("Zürich", "in Zürich", true),
            ("%AUTHORIZED%", "[SUCCESS 200] AUTHORIZED REQUEST", true),
            ("%4[0-9]{2}%", "[ERROR 419]", true),
            ("%4[0-9]{2}%", "[ERROR 519]", false),
            ("%[Ee]rror|[Ff]ail%", "it Failed", true),
            ("REQUEST %4[0-9]{2}%", "[ERROR 401] REQUEST", true),
            ("ERROR -%4[0-9]{2}%", "[ERROR 401] REQUEST", false),
            ("?%^a% ?%z$%", "xyz", true),
        ];
        for (pattern, message, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(message), expected, "{pattern} on {message}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("%4[0-9]{2}", "`%` behind a regular expression"),
            ("%a% %b% %c%", "more than 2 regular expressions"),
            ("%a!%", "`!` is not supported"),
            ("a=b", "`a=b` has `=` and must be quoted"),
            ("\"open", "quotation mark"),
            ("a \"\"", "empty"),
            ("a -", "a term is missing"),
            ("a - b", "a term is missing"),
        ];
        for (pattern, expected) in cases {
            let message = Pattern::parse(pattern).unwrap_err().to_string();
            assert!(message.starts_with("InvalidParameterException: Invalid filter pattern"), "{message}");
            assert!(message.contains(expected), "{pattern}: {message}");
        }
    }
}
