//! Where the parts of a document stand: a line and a column for every key and every list item.
//!
//! Knows positions only, no values. What was expanded from an alias or generated has none: the nearest part that has one
//! stands for it.

use std::collections::HashMap;
use std::sync::Arc;

/// A position in a template, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// The root of every document.
pub(super) const ROOT: u32 = 0;

/// The positions of a document as a tree: each key is held once, however deep it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Builder>);

/// Positions while a document is read.
#[derive(Debug, Default)]
pub(super) struct Builder {
    places: Vec<Place>,
    children: HashMap<(u32, Box<str>), u32>,
}

impl Builder {
    /// Notes a key or an index below `parent`, and gives its number.
    pub(super) fn child(&mut self, parent: u32, name: &str, place: Place) -> u32 {
        self.places.push(place);
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.children.insert((parent, name.into()), number);
        number
    }

    pub(super) fn finish(self) -> Places {
        Places(Arc::new(self))
    }

    fn place(&self, number: u32) -> Option<Place> {
        self.places.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }
}

impl Places {
    /// The place of the deepest part on the path that has one, at least an entry of a section.
    pub(crate) fn find<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<Place> {
        let (mut at, mut found, mut whole) = (ROOT, 0_u8, true);
        for segment in path {
            match self.0.children.get(&(at, segment.into())) {
                Some(next) => {
                    at = *next;
                    found = found.saturating_add(1);
                }
                // Short-form tags stand in the text without their long name.
                None if segment.starts_with("Fn::") || segment == "Ref" => {}
                None => {
                    whole = false;
                    break;
                }
            }
        }
        if whole || found >= 2 { self.0.place(at) } else { None }
    }
}
