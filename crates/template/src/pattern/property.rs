//! Java's names of classes, `\p{…}`, in the words of the engines. A name that is not listed is refused, never guessed.

use super::PatternError;
use super::token::{Reader, Token};

/// POSIX's, which are ASCII's.
const POSIX: [(&str, &str); 13] = [
    ("Lower", "a-z"),
    ("Upper", "A-Z"),
    ("ASCII", r"\x{0}-\x{7f}"),
    ("Alpha", "A-Za-z"),
    ("Digit", "0-9"),
    ("Alnum", "0-9A-Za-z"),
    ("Punct", r"\x{21}-\x{2f}\x{3a}-\x{40}\x{5b}-\x{60}\x{7b}-\x{7e}"),
    ("Graph", r"\x{21}-\x{7e}"),
    ("Print", r"\x{20}-\x{7e}"),
    ("Blank", r"\x{20}\x{9}"),
    ("Cntrl", r"\x{0}-\x{1f}\x{7f}"),
    ("XDigit", "0-9A-Fa-f"),
    ("Space", r"\x{20}\x{9}-\x{d}"),
];

/// Unicode's, after `Is`; their case says nothing.
const BINARY: [(&str, &str); 15] = [
    ("alphabetic", r"\p{Alphabetic}"),
    ("ideographic", r"\p{Ideographic}"),
    ("letter", r"\p{L}"),
    ("lowercase", r"\p{Lowercase}"),
    ("uppercase", r"\p{Uppercase}"),
    ("titlecase", r"\p{Lt}"),
    ("punctuation", r"\p{P}"),
    ("control", r"\p{Cc}"),
    ("white_space", r"\p{White_Space}"),
    ("whitespace", r"\p{White_Space}"),
    ("digit", r"\p{Nd}"),
    // Java's has every decimal digit in it.
    ("hex_digit", r"\p{Hex_Digit}\p{Nd}"),
    ("hexdigit", r"\p{Hex_Digit}\p{Nd}"),
    ("join_control", r"\p{Join_Control}"),
    ("joincontrol", r"\p{Join_Control}"),
];

/// Unicode's general categories; not those of halves of characters, of which there are none in a text.
const CATEGORIES: [&str; 36] = [
    "L", "M", "N", "Z", "C", "P", "S", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Me", "Mc", "Nd", "Nl", "No",
    "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn", "Pd", "Ps", "Pe", "Pc", "Po", "Sm", "Sc", "Sk", "So", "Pi",
    "Pf",
];

/// The set that the name after `\p` or `\P` stands for.
pub(super) fn set(reader: &mut Reader, negated: bool, insensitive: bool) -> Result<String, PatternError> {
    let name = match reader.next() {
        Some(Token::Plain('{')) => reader.until('}')?,
        Some(Token::Plain(one)) => one.to_string(),
        _ => return Err(PatternError::Unreadable),
    };
    let unsupported = || PatternError::unsupported(&format!(r"\p{{{name}}}"));
    let class = class(&name).ok_or_else(unsupported)?;
    // Of these Java's versions disagree whether the other case is in them, too.
    if insensitive
        && ["a-z", "A-Z", r"\p{Lowercase}", r"\p{Uppercase}", r"\p{Lt}", r"\p{Lu}", r"\p{Ll}"]
            .contains(&class.as_str())
    {
        return Err(PatternError::unsupported(&format!(r"\p{{{name}}} beside (?i)")));
    }
    let not = if negated { "^" } else { "" };
    Ok(format!("[{not}{class}]"))
}

fn class(name: &str) -> Option<String> {
    if let Some((_, class)) = POSIX.iter().find(|(known, _)| *known == name) {
        return Some((*class).to_owned());
    }
    if let Some((kind, value)) = name.split_once('=') {
        return match kind.to_ascii_lowercase().as_str() {
            "script" | "sc" => script(value),
            "general_category" | "gc" => category(value),
            _ => None,
        };
    }
    let Some(named) = name.strip_prefix("Is") else { return category(name) };
    let lower = named.to_ascii_lowercase();
    let binary = BINARY.iter().find(|(known, _)| *known == lower).map(|(_, class)| (*class).to_owned());
    binary.or_else(|| category(named)).or_else(|| script(named))
}

fn category(name: &str) -> Option<String> {
    CATEGORIES.contains(&name).then(|| format!(r"\p{{{name}}}"))
}

/// A script, if the engines know it.
fn script(name: &str) -> Option<String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return None;
    }
    let class = format!(r"\p{{Script={name}}}");
    regex_automata::util::syntax::parse(&class).is_ok().then_some(class)
}
