//! Wildcard matching in time linear in the text, whatever the pattern: there is no backtracking to blow up.
//!
//! A pattern is cut at its stars; the pieces between them are found leftmost first. Pieces without `?` are found
//! by substring search, pieces with `?` by a bit-parallel automaton (Shift-And) of one word for each 64 characters.

use memchr::memmem;

/// A pattern with at least one wildcard.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    chunks: Vec<Chunk>,
    starts_with_star: bool,
    ends_with_star: bool,
}

/// What stands between two stars. Never empty.
#[derive(Clone, Debug)]
enum Chunk {
    Literal(Box<str>),
    Mixed(Mixed),
}

/// A piece with question marks.
#[derive(Clone, Debug)]
struct Mixed {
    /// `None` is a question mark.
    characters: Box<[Option<char>]>,
    /// For each character that occurs: the positions at which it may stand.
    positions: Vec<(char, Box<[u64]>)>,
    /// The positions of question marks.
    anywhere: Box<[u64]>,
}

/// Collects the pieces of a pattern.
#[derive(Debug, Default)]
pub(crate) struct GlobBuilder {
    chunks: Vec<Chunk>,
    open: Vec<Option<char>>,
    starts_with_star: bool,
    ends_with_star: bool,
    any: bool,
}

impl GlobBuilder {
    pub(crate) fn literal(&mut self, text: &str) {
        if !text.is_empty() {
            self.open.extend(text.chars().map(Some));
            self.any = true;
            self.ends_with_star = false;
        }
    }

    pub(crate) fn question(&mut self) {
        self.open.push(None);
        self.any = true;
        self.ends_with_star = false;
    }

    pub(crate) fn star(&mut self) {
        self.starts_with_star |= !self.any;
        self.any = true;
        self.ends_with_star = true;
        self.close();
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.is_empty() {
            return;
        }
        let literal: Option<String> = open.iter().copied().collect();
        self.chunks.push(literal.map_or_else(
            || Chunk::Mixed(Mixed::new(open.into_boxed_slice())),
            |text| Chunk::Literal(text.into_boxed_str()),
        ));
    }

    pub(crate) fn build(mut self) -> Glob {
        self.close();
        Glob {
            chunks: self.chunks,
            starts_with_star: self.starts_with_star,
            ends_with_star: self.ends_with_star,
        }
    }
}

impl Glob {
    /// What every text that fits begins with, where that is text.
    pub(crate) fn literal_start(&self) -> &str {
        match self.chunks.first() {
            Some(Chunk::Literal(text)) if !self.starts_with_star => text,
            _ => "",
        }
    }

    /// True where the whole text fits the pattern.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut chunks = self.chunks.as_slice();
        let mut rest = text;
        if !self.starts_with_star {
            let Some((first, others)) = chunks.split_first() else {
                return self.ends_with_star || text.is_empty();
            };
            let Some(after) = first.strip_start(rest) else { return false };
            chunks = others;
            rest = after;
            if chunks.is_empty() {
                return self.ends_with_star || rest.is_empty();
            }
        }
        let anchored = if self.ends_with_star { None } else { chunks.split_last() };
        let floating = anchored.map_or(chunks, |(_, floating)| floating);
        for chunk in floating {
            match chunk.find_end(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        match anchored {
            Some((last, _)) => last.ends(rest),
            None => self.ends_with_star || rest.is_empty(),
        }
    }
}

impl Chunk {
    /// What follows the chunk where the text starts with it.
    fn strip_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Literal(literal) => text.strip_prefix(&**literal),
            Self::Mixed(mixed) => {
                let mut rest = text.chars();
                let fits = mixed.characters.iter().all(|expected| {
                    rest.next().is_some_and(|found| expected.is_none_or(|expected| expected == found))
                });
                fits.then_some(rest.as_str())
            }
        }
    }

    fn ends(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => text.ends_with(&**literal),
            Self::Mixed(mixed) => {
                let mut found = text.chars().rev();
                mixed.characters.iter().rev().all(|expected| {
                    found.next().is_some_and(|found| expected.is_none_or(|expected| expected == found))
                })
            }
        }
    }

    /// What follows the leftmost place at which the chunk occurs.
    fn find_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Literal(literal) => {
                let at = memmem::find(text.as_bytes(), literal.as_bytes())?;
                text.get(at.saturating_add(literal.len())..)
            }
            Self::Mixed(mixed) => mixed.find_end(text),
        }
    }
}

impl Mixed {
    fn new(characters: Box<[Option<char>]>) -> Self {
        let words = characters.len().div_ceil(64);
        let zeroes = || vec![0_u64; words].into_boxed_slice();
        let mut anywhere = zeroes();
        let mut positions: Vec<(char, Box<[u64]>)> = Vec::new();
        for (at, expected) in characters.iter().enumerate() {
            let mask = match expected {
                None => &mut anywhere,
                Some(character) => match positions.binary_search_by_key(character, |(known, _)| *known) {
                    Ok(found) => match positions.get_mut(found) {
                        Some((_, mask)) => mask,
                        None => continue,
                    },
                    Err(place) => {
                        positions.insert(place, (*character, zeroes()));
                        match positions.get_mut(place) {
                            Some((_, mask)) => mask,
                            None => continue,
                        }
                    }
                },
            };
            if let Some(word) = mask.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
        Self { characters, positions, anywhere }
    }

    fn find_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        let last = self.characters.len().checked_sub(1)?;
        let mut state = vec![0_u64; self.anywhere.len()];
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            self.step(&mut state, character);
            if state.last().is_some_and(|word| word >> (last % 64) & 1 == 1) {
                return Some(rest.as_str());
            }
        }
        None
    }

    /// Bit `i` of the state says: the last `i + 1` characters read fit the first `i + 1` of the piece.
    fn step(&self, state: &mut [u64], character: char) {
        let at = self.positions.binary_search_by_key(&character, |(known, _)| *known).ok();
        let own = at.and_then(|at| self.positions.get(at)).map(|(_, mask)| mask);
        let mut carry = 1;
        for (index, word) in state.iter_mut().enumerate() {
            let allowed = self.anywhere.get(index).copied().unwrap_or(0)
                | own.and_then(|mask| mask.get(index)).copied().unwrap_or(0);
            let overflow = *word >> 63;
            *word = (*word << 1 | carry) & allowed;
            carry = overflow;
        }
    }
}
