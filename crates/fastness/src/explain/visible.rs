//! Text from records as a terminal may show it: whoever is refused chooses names, and may be no friend of who reads them.
//!
//! It drops nothing: what would move a cursor, forge a line or turn the direction of writing is written out as JSON does it.

/// On one line.
pub(super) fn line(text: &str) -> String {
    written(text, |_| false)
}

/// On the lines that it has: of a text whose names have none.
pub(super) fn lines(text: &str) -> String {
    written(text, |character| character == '\n')
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
    fn json_says_the_same_and_keeps_its_lines() {
        let value = serde_json::json!({"a": "x\u{9b}\n\u{202e}y", "b": [1]});
        let page = serde_json::to_string_pretty(&value).unwrap();
        let shown = lines(&page);
        assert_eq!(shown.lines().count(), page.lines().count());
        assert!(!shown.contains('\u{9b}') && !shown.contains('\u{202e}'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
