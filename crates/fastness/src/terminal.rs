//! The one way to the terminal. What is printed comes from templates, settings, paths, records and answers: whoever chose the names in them
//! may be no friend of who reads them.
//!
//! It drops nothing: what would move a cursor, forge a line or turn the direction of writing is written out as JSON does it. JSON stays the same
//! JSON, and so does YAML, where these stand in quotes. Nothing else in this crate prints; the linter holds it to that.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the one place that prints")]

/// A name or a value, on one line.
pub(crate) fn line(text: &str) -> String {
    written(text, |_| false)
}

/// On the lines that it has: of a text whose names have none.
pub(crate) fn lines(text: &str) -> String {
    written(text, |character| matches!(character, '\n' | '\t'))
}

/// What a command answers, on stdout: whole lines.
pub(crate) fn print(text: &str) {
    print!("{}", lines(text));
}

/// What a command answers, on stdout, and the end of its line.
pub(crate) fn println(text: &str) {
    println!("{}", lines(text));
}

/// What a command tells besides, on stderr.
pub(crate) fn tell(text: &str) {
    eprintln!("{}", lines(text));
}

/// What went wrong or must be seen, on stderr.
pub(crate) fn warn(text: &str) {
    eprintln!("fastness: {}", lines(text));
}

fn written(text: &str, keeps: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if keeps(character) || !is_hidden(character) {
            out.push(character);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    out
}

const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_line_and_no_hand_on_the_terminal() {
        let name = "k\u{1b}[2J\r\nallowed\u{9b}\u{202e}\u{7f}\t stra\u{df}e \u{540d}";
        let shown = "k\\u001b[2J\\u000d\\u000aallowed\\u009b\\u202e\\u007f\\u0009 stra\u{df}e \u{540d}";
        assert_eq!(line(name), shown);
    }

    #[test]
    fn yaml_says_the_same() {
        let mut document = template::Document::default();
        document.root = serde_json::json!({"a\u{9b}2J": "x\u{7f}\n\u{202e}y", "b": ["\t\u{1b}[2J"]});
        let shown = lines(&document.to_yaml());
        assert!(!shown.contains(['\u{9b}', '\u{7f}', '\u{202e}', '\u{1b}']));
        assert_eq!(template::Document::parse(&shown).unwrap().root, document.root);
    }

    #[test]
    fn json_says_the_same_and_keeps_its_lines() {
        let value = serde_json::json!({"a": "x\u{9b}\n\u{202e}y", "b": [1]});
        let page = serde_json::to_string_pretty(&value).unwrap();
        let shown = lines(&page);
        assert_eq!(shown.lines().count(), page.lines().count());
        assert!(!shown.contains('\u{9b}') && !shown.contains('\u{202e}'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
