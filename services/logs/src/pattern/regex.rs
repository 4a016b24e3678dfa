//! Regular expressions as filter patterns have them: ASCII letters, digits, some symbols, and no groups.
//!
//! What is not of that subset is refused. The automaton is linear in a message and bounded when it is made.

use regex_automata::meta;
use regex_automata::nfa::thompson;

use crate::error::Error;
use crate::pattern::invalid;

/// The compiled size that an expression may have, in bytes.
const COMPILED_BYTES_MAX: usize = 32 * 1_024;
/// Symbols that stand for themselves; the space is in the service's own examples.
const SYMBOLS: &str = ":_#=@/;,- ";
/// Symbols that mean something, and themselves behind `\`.
const OPERATORS: &str = "^$?[]{}|\\*+.";

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Regex {
    compiled: meta::Regex,
    states: usize,
}

impl Regex {
    /// Compiles what stands between `%` and `%`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(invalid("a regular expression is empty"));
        }
        let written = translate(text)?;
        let wrong = || invalid(format!("`%{text}%` is no regular expression, or too large a one"));
        let limits = thompson::Config::new().nfa_size_limit(Some(COMPILED_BYTES_MAX));
        let automaton = thompson::Compiler::new().configure(limits).build(&written).map_err(|_| wrong())?;
        // SECURITY: the expression is the caller's; its size is capped, and a search pays for each of its states.
        let limits = meta::Config::new().nfa_size_limit(Some(COMPILED_BYTES_MAX)).onepass(false);
        let compiled = meta::Builder::new().configure(limits).build(&written).map_err(|_| wrong())?;
        Ok(Self { compiled, states: automaton.states().len() })
    }

    /// True where a part of the text fits.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// States of the automaton: what a byte costs at worst.
    pub(crate) const fn states(&self) -> usize {
        self.states
    }
}

/// The same expression for the engine: classes mean ASCII, and nothing means more than the service says.
fn translate(text: &str) -> Result<String, Error> {
    let refused = |c: char| invalid(format!("`{c}` is not supported in a regular expression"));
    let mut written = String::with_capacity(text.len() + 8);
    let mut in_class = false;
    let mut last = ' ';
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escaped(&mut chars, &mut written)?,
            '[' if !in_class => {
                in_class = true;
                written.push('[');
            }
            // The engine would read classes in classes, and differences of classes, which the service does not know.
            '[' => written.push_str(r"\["),
            '-' if in_class && last == '-' => return Err(refused('-')),
            ']' if in_class => {
                in_class = false;
                written.push(']');
            }
            // The engine asks for the lower bound that the service lets out.
            ',' if !in_class && last == '{' => written.push_str("0,"),
            c if c.is_ascii_alphanumeric() || SYMBOLS.contains(c) || OPERATORS.contains(c) => written.push(c),
            c => return Err(refused(c)),
        }
        last = c;
    }
    Ok(written)
}

/// What stands behind `\`.
fn escaped(chars: &mut std::str::Chars<'_>, written: &mut String) -> Result<(), Error> {
    let class = match chars.next() {
        Some('d') => "[0-9]",
        Some('D') => "[^0-9]",
        Some('w') => "[0-9A-Za-z_]",
        Some('W') => "[^0-9A-Za-z_]",
        Some('s') => r"[\t\n\x0B\x0C\r ]",
        Some('S') => r"[^\t\n\x0B\x0C\r ]",
        Some('t') => r"\t",
        Some('n') => r"\n",
        Some('r') => r"\r",
        Some('x') => {
            let digits: String = chars.by_ref().take(2).collect();
            let is_code = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let code = u8::from_str_radix(&digits, 16).ok().filter(|code| is_code && code.is_ascii());
            let code = code.ok_or_else(|| invalid(format!(r"`\x{digits}` is no ASCII character")))?;
            written.push_str(&format!(r"\x{code:02X}"));
            return Ok(());
        }
        Some(c) if OPERATORS.contains(c) || SYMBOLS.contains(c) => {
            written.push_str(&format!(r"\x{:02X}", u32::from(c)));
            return Ok(());
        }
        Some(c) => return Err(invalid(format!(r"`\{c}` is not supported in a regular expression"))),
        None => return Err(invalid(r"a regular expression ends with `\`")),
    };
    written.push_str(class);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_as_aws_documents() {
        for (expression, text, expected) in [
            ("AUTHORIZED", "[ERROR 401] UNAUTHORIZED REQUEST", true),
            ("AUTHORIZED", "[SUCCESS 200] OK", false),
            ("^[hc]at", "hat trick", true),
            ("^[hc]at", "a hat", false),
            ("[hc]at$", "the cat", true),
            ("[hc]at$", "cats", false),
            ("colou?r", "color", true),
            ("colou?r", "colour", true),
            ("[abcx-z]", "y", true),
            ("[abcx-z]", "d", false),
            ("^a{3,5}$", "aaaa", true),
            ("^a{3,5}$", "aa", false),
            ("^a{,2}$", "aa", true),
            ("^a{,2}$", "aaa", false),
            ("^a{2,}$", "aaaa", true),
            ("^a{2}$", "aa", true),
            ("gra|ey", "grey", true),
            ("^starting|^initializing|^shutting down", "shutting down now", true),
            ("^starting|^initializing|^shutting down", "skipping initializing ...", false),
            ("abcc|ab[^c]$", "aba", true),
            ("abcc|ab[^c]$", "aac", false),
            (r"\[.\]", "[7]", true),
            (r"\[.\]", "7", false),
            (r"10\.10\.0\.1", "10.10.0.1", true),
            (r"10\.10\.0\.1", "10010,051", false),
            ("10.10.0.1", "10010,051", true),
            ("ab*c", "ac", true),
            ("ab+c", "ac", false),
            ("ab+c", "abbbc", true),
            (".at", " at", true),
            (r"^\d+$", "12", true),
            (r"^\d$", "٣", false),
            (r"^\D$", "é", true),
            (r"\s", "a\tb", true),
            (r"^\S+$", "ab", true),
            (r"^[\w.-]+$", "a_b.c-d", true),
            (r"\W", "ab", false),
            (r"\x3A", "a:b", true),
            (r"\x28", "f(x)", true),
            (r"[\x28]", "f(x)", true),
            ("[[]", "a[b", true),
            (r"\\", r"a\b", true),
            ("_#=@/;,-:", "_#=@/;,-:", true),
        ] {
            assert_eq!(
                Regex::parse(expression).unwrap().is_match(text),
                expected,
                "%{expression}% on {text}"
            );
        }
    }

    #[test]
    fn what_is_not_of_the_subset_is_refused() {
        for (expression, expected) in [
            ("", "empty"),
            ("something!", "`!` is not supported"),
            ("(a)", "`(` is not supported"),
            ("a)", "`)` is not supported"),
            ("café", "`é` is not supported"),
            (r"\(", r"`\(` is not supported"),
            (r"\b", r"`\b` is not supported"),
            (r"\p", r"`\p` is not supported"),
            (r"\xG1", r"`\xG1` is no ASCII"),
            (r"\x+1", r"`\x+1` is no ASCII"),
            (r"\x9", r"`\x9` is no ASCII"),
            (r"\xFF", r"`\xFF` is no ASCII"),
            ("a\\", "ends with"),
            ("[a--b]", "`-` is not supported"),
            ("[a", "no regular expression"),
            ("*", "no regular expression"),
            ("a{3,", "no regular expression"),
            ("a{99999}", "too large"),
            (".{1,1000}", "too large"),
        ] {
            let message = Regex::parse(expression).unwrap_err().to_string();
            assert!(message.contains(expected), "%{expression}%: {message}");
        }
    }
}
