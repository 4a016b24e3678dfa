//! From the pattern of a model (Java's dialect) to one that our engine reads with the same meaning.
//!
//! Differences that matter: `\w`, `\d` and `\s` are ASCII there, and `--` or `~~` inside a class is no operator.
//! Look-around has no counterpart: those patterns need an entry in `models/overrides.toml`.

use regex_automata::meta::Regex;

use super::overrides::{Global, Pattern};
use crate::failure::{Failure, Outcome};

/// How to match this pattern.
pub(crate) fn matcher(pattern: &str, place: &str, global: &Global) -> Outcome<Pattern> {
    let chosen = match global.pattern.get(pattern) {
        Some(chosen) => chosen.clone(),
        None => Pattern { regex: translate(pattern), except: None },
    };
    for regex in std::iter::once(&chosen.regex).chain(&chosen.except) {
        Regex::new(&format!(r"\A(?:{regex})\z")).map_err(|error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Failure::new(format!(
                "{place}: add the pattern `{pattern}` to models/overrides.toml: {}",
                cause.lines().last().unwrap_or_default()
            ))
        })?;
    }
    Ok(chosen)
}

/// The same language, spelled for our engine.
fn translate(pattern: &str) -> String {
    // Java writes what lies beyond the basic plane as surrogate pairs.
    let pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}");
    let mut out = String::with_capacity(pattern.len());
    let mut depth = 0_usize;
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('p') if chars.peek() == Some(&'{') => {
                    let name: String = chars.by_ref().skip(1).take_while(|char| *char != '}').collect();
                    out.push_str(&property(&name, depth > 0));
                }
                Some(class) => out.push_str(&escape(class, depth > 0)),
                None => out.push('\\'),
            },
            '[' => {
                depth += 1;
                out.push('[');
            }
            ']' if depth > 0 => {
                depth -= 1;
                out.push(']');
            }
            '-' | '~' if depth > 0 && chars.peek() == Some(&char) => {
                out.push('\\');
                out.push(char);
            }
            other => out.push(other),
        }
    }
    out
}

/// Java's POSIX names are ASCII; every other property has the same name in our engine.
fn property(name: &str, inside: bool) -> String {
    let posix = [
        "Lower", "Upper", "ASCII", "Alpha", "Digit", "Alnum", "Punct", "Graph", "Print", "Blank", "Cntrl",
        "XDigit",
    ];
    match (posix.contains(&name), inside) {
        (false, _) => format!("\\p{{{name}}}"),
        (true, true) => format!("[:{}:]", name.to_ascii_lowercase()),
        (true, false) => format!("[[:{}:]]", name.to_ascii_lowercase()),
    }
}

fn escape(class: char, inside: bool) -> String {
    let ascii = match class {
        'w' | 'W' => "0-9A-Za-z_",
        'd' | 'D' => "0-9",
        's' | 'S' => r"\t\n\x0B\x0C\r ",
        '/' | '"' | '\'' | '@' | '%' | '=' | ':' | ',' | '_' => return class.to_string(),
        other => return format!("\\{other}"),
    };
    match (class.is_ascii_uppercase(), inside) {
        (false, true) => ascii.to_owned(),
        (false, false) => format!("[{ascii}]"),
        (true, _) => format!("[^{ascii}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_as_in_the_models_dialect() {
        for (pattern, expected) in [
            (r"[\w+=,.@-]+", r"[0-9A-Za-z_+=,.@-]+"),
            (r"\d{12}", r"[0-9]{12}"),
            (r"[\S\s]*", r"[[^\t\n\x0B\x0C\r ]\t\n\x0B\x0C\r ]*"),
            (r"\p{Print}+[\p{L}\p{Alnum}]", r"[[:print:]]+[\p{L}[:alnum:]]"),
            (r"a\.b", r"a\.b"),
        ] {
            assert_eq!(translate(pattern), expected);
        }
    }
}
