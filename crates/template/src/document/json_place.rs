//! The positions of keys and items in JSON text that was found well-formed before.
//!
//! Checks nothing: on text that is not JSON it may note nonsense, never more than one place a token.

use super::place::{Builder, Place, Places, ROOT};

/// An object or list that is open.
struct Open {
    number: u32,
    list: bool,
    items: usize,
    /// The entry whose value comes next.
    pending: Option<u32>,
}

/// Walks once over the text.
pub(super) fn places(text: &str) -> Places {
    let mut builder = Builder::default();
    let mut open: Vec<Open> = Vec::new();
    let mut place = Place { line: 1, column: 0 };
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        place.column += 1;
        match character {
            '\n' => place = Place { line: place.line + 1, column: 0 },
            '{' | '[' => {
                let number = value(&mut builder, &mut open, place);
                open.push(Open { number, list: character == '[', items: 0, pending: None });
            }
            '}' | ']' => {
                open.pop();
            }
            '"' => {
                let start = place;
                let mut end = at;
                let mut escaped = false;
                for (position, inner) in characters.by_ref() {
                    place.column += 1;
                    end = position;
                    match inner {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        '"' => break,
                        _ => {}
                    }
                }
                let is_key = open.last().is_some_and(|open| !open.list && open.pending.is_none());
                if is_key {
                    let key = text.get(at..=end).and_then(|raw| serde_json::from_str::<String>(raw).ok());
                    if let (Some(open), Some(key)) = (open.last_mut(), key) {
                        open.pending = Some(builder.child(open.number, &key, start));
                    }
                } else {
                    value(&mut builder, &mut open, start);
                }
            }
            ',' | ':' => {}
            c if c.is_whitespace() => {}
            // The first character of a number or a word; the others find nothing pending.
            _ => {
                let start = place;
                while let Some((_, next)) = characters.peek() {
                    if matches!(next, ',' | ']' | '}') || next.is_whitespace() {
                        break;
                    }
                    place.column += 1;
                    characters.next();
                }
                value(&mut builder, &mut open, start);
            }
        }
    }
    builder.finish()
}

/// The number of the value that starts here: its key's, or its own in a list.
fn value(builder: &mut Builder, open: &mut [Open], place: Place) -> u32 {
    let Some(parent) = open.last_mut() else { return ROOT };
    if parent.list {
        parent.items += 1;
        return builder.child(parent.number, &(parent.items - 1).to_string(), place);
    }
    parent.pending.take().unwrap_or(ROOT)
}
