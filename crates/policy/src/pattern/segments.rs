//! Wildcards that stay within one segment of an ARN: between colons.
//!
//! It says which wildcards stay, and whether a text fits with all of them staying. Which statements are read so is not its to
//! know.

use super::glob::Glob;
use super::tokens::Token;
use super::{Piece, Variables, pieces, resolve};

/// The tokens of a resource read closely: a star that ends its segment goes on over the colons behind it, and every other wildcard
/// stays where it is.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html#reference_policies_elements_resource_wildcards>
pub(crate) fn within_segments(tokens: Vec<Token>) -> Vec<Token> {
    let mut tokens = tokens.into_iter().peekable();
    let mut read = Vec::with_capacity(tokens.len());
    while let Some(token) = tokens.next() {
        // What a variable stands for is not known, so a star before one does not end its segment.
        let ends_segment = match tokens.peek() {
            None => true,
            Some(Token::Literal(next)) => next.starts_with(':'),
            Some(_) => false,
        };
        read.push(match token {
            Token::Star if !ends_segment => Token::StarWithin,
            Token::Question => Token::QuestionWithin,
            other => other,
        });
    }
    read
}

/// A pattern without variables, some of whose wildcards stay.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    /// The same pattern with wildcards that go everywhere.
    glob: Glob,
    tokens: Box<[Token]>,
}

impl Segments {
    pub(super) fn new(glob: Glob, tokens: &[Token]) -> Self {
        Self { glob, tokens: tokens.into() }
    }

    pub(super) fn literal_start(&self) -> &str {
        self.glob.literal_start()
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.glob.matches(text) && stays(&self.tokens, &super::NoVariables, false, text)
    }
}

/// Whether a text fits, variables and all.
pub(super) fn fits(tokens: &[Token], variables: &impl Variables, fold: bool, text: &str) -> bool {
    let Some(glob) = resolve(tokens, variables, fold) else { return false };
    glob.matches(text) && (!tokens.iter().any(is_within) || stays(tokens, variables, fold, text))
}

pub(super) const fn is_within(token: &Token) -> bool {
    matches!(token, Token::StarWithin | Token::QuestionWithin)
}

/// Whether a text that fits with wildcards that go everywhere fits with those that stay.
fn stays(tokens: &[Token], variables: &impl Variables, fold: bool, text: &str) -> bool {
    let mut written = 0;
    let count = |piece: Piece<'_>| {
        if let Piece::Text(text) = piece {
            written += colons(text);
        }
    };
    // Mostly: as many colons as are written, so that no wildcard took one.
    if pieces(tokens, variables, fold, count).is_none() || written == colons(text) {
        return written == colons(text);
    }
    let mut steps = Steps::default();
    let read = pieces(tokens, variables, fold, |piece| steps.add(piece));
    read.is_some() && Automaton::new(&steps).matches(text)
}

fn colons(text: &str) -> usize {
    memchr::memchr_iter(b':', text.as_bytes()).count()
}

/// What one character of the text may be, step by step, and where more may stand between.
#[derive(Default)]
struct Steps {
    takes: Vec<Takes>,
    /// The steps before which anything may stand, and those before which anything but colons may.
    anything: Vec<usize>,
    within: Vec<usize>,
}

enum Takes {
    Character(char),
    Any,
    /// Any but a colon.
    Within,
}

impl Steps {
    fn add(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => self.takes.extend(text.chars().map(Takes::Character)),
            Piece::Question { within: false } => self.takes.push(Takes::Any),
            Piece::Question { within: true } => self.takes.push(Takes::Within),
            Piece::Star { within: false } => self.anything.push(self.takes.len()),
            Piece::Star { within: true } => self.within.push(self.takes.len()),
        }
    }
}

/// All places of a pattern at which a text can be at once, a bit for each: one pass over the text, whatever the pattern.
struct Automaton {
    /// For each character that is written: the steps that take it.
    characters: Vec<(char, Bits)>,
    any: Bits,
    within: Bits,
    stay_anywhere: Bits,
    stay_within: Bits,
    steps: usize,
}

type Bits = Box<[u64]>;

impl Automaton {
    fn new(steps: &Steps) -> Self {
        let words = steps.takes.len() / 64 + 1;
        let empty = || vec![0_u64; words].into_boxed_slice();
        let of = |places: &[usize]| {
            let mut bits = empty();
            places.iter().for_each(|place| set(&mut bits, *place));
            bits
        };
        let (mut any, mut within) = (empty(), empty());
        let mut characters: Vec<(char, Bits)> = Vec::new();
        for (at, takes) in steps.takes.iter().enumerate() {
            match takes {
                Takes::Any => set(&mut any, at),
                Takes::Within => set(&mut within, at),
                Takes::Character(character) => {
                    let known = characters.binary_search_by_key(character, |(known, _)| *known);
                    let place = known.unwrap_or_else(|place| {
                        characters.insert(place, (*character, empty()));
                        place
                    });
                    if let Some((_, bits)) = characters.get_mut(place) {
                        set(bits, at);
                    }
                }
            }
        }
        let (stay_anywhere, stay_within) = (of(&steps.anything), of(&steps.within));
        Self { characters, any, within, stay_anywhere, stay_within, steps: steps.takes.len() }
    }

    /// Bit `i` of the state says: what was read can be the first `i` steps with whatever stands between them.
    fn matches(&self, text: &str) -> bool {
        let mut state = vec![0_u64; self.any.len()];
        set(&mut state, 0);
        for character in text.chars() {
            self.step(&mut state, character);
            if state.iter().all(|word| *word == 0) {
                return false;
            }
        }
        state.get(self.steps / 64).is_some_and(|word| word >> (self.steps % 64) & 1 == 1)
    }

    fn step(&self, state: &mut [u64], character: char) {
        let known = self.characters.binary_search_by_key(&character, |(known, _)| *known).ok();
        let own = known.and_then(|at| self.characters.get(at)).map(|(_, bits)| bits);
        let word = |bits: &Bits, index: usize| bits.get(index).copied().unwrap_or(0);
        let mut carry = 0;
        for (index, places) in state.iter_mut().enumerate() {
            let mut takes = word(&self.any, index) | own.map_or(0, |own| word(own, index));
            let mut stays = word(&self.stay_anywhere, index);
            if character != ':' {
                takes |= word(&self.within, index);
                stays |= word(&self.stay_within, index);
            }
            let moved = *places & takes;
            *places = moved << 1 | carry | (*places & stays);
            carry = moved >> 63;
        }
    }
}

fn set(bits: &mut [u64], place: usize) {
    if let Some(word) = bits.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pattern, Syntax, tokenize};
    use super::*;

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    struct One(&'static str);

    impl Variables for One {
        fn variable(&self, key: &str) -> Option<&str> {
            (key == "v").then_some(self.0)
        }
    }

    fn matches(pattern: &str, text: &str) -> bool {
        let tokens = within_segments(tokenize(pattern, ALL).unwrap());
        Pattern::from_tokens(&tokens).matches(text, &One("x:y"))
    }

    #[test]
    fn a_star_that_does_not_end_its_segment_stays_in_it() {
        for (pattern, text, expected) in [
            ("f:app-*-prod", "f:app-x-prod", true),
            ("f:app-*-prod", "f:app-x:y-prod", false),
            ("f:app-*-prod*", "f:app-x:y-prod", false),
            ("f:app-*", "f:app-x:y-prod", true),
            ("f:app-*:prod", "f:app-x:y:prod", true),
            ("f:*x*", "f:axb:c", true),
            ("f:*x*", "f:a:xb", false),
            ("a:*:*x", "a:b:c:dx", true),
            ("a:*:*x", "a:b:c:d:x", true),
            ("a:*b*:c", "a:b:::c", true),
            ("a:*b*:c", "a::b:c", false),
            ("a:?:c", "a:b:c", true),
            ("a:?:c", "a:::c", false),
            ("a?", "a:", false),
            ("a*?", "ab:c", false),
            ("a?*", "ab:c", true),
            ("*a", "::a", false),
            ("*", "a:b", true),
            ("a*b", "ab", true),
            ("a*b/c*", "axb/c:d/e", true),
            ("ä?ö*ü", "äxöyü", true),
            ("ä?ö*ü:*", "äxöyü:ü:", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn what_a_variable_stands_for_may_hold_colons_and_ends_no_segment() {
        for (pattern, text, expected) in [
            ("b/${v}/*", "b/x:y/k", true),
            ("b/*${v}", "b/1x:y", true),
            ("b/*${v}", "b/1:x:y", false),
            ("b/*${w, ':'}", "b/1:", true),
            ("b/*${w, ':'}", "b/1:1:", false),
            ("b/?${v}", "b/1x:y", true),
            ("b/?${w}", "b/1x:y", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_decided_quickly() {
        let letters = "a".repeat(50_000);
        let (one, two) = (format!("{letters}:{letters}z"), format!("{letters}:{letters}:z"));
        let stars = "a*".repeat(900);
        assert!(!matches(&format!("{stars}z"), &one));
        assert!(matches(&format!("{stars}:z"), &two), "the last star ends its segment");
        assert!(!matches(&format!("{stars}a:z"), &two));
        assert!(matches(&format!("a*:{}z", "*?".repeat(400)), &one));
        let long = format!("{}*z:*", "ab".repeat(70));
        assert!(matches(&long, &format!("{}yz:{}", "ab".repeat(70), "q:".repeat(70))));
        assert!(!matches(&long, &format!("{}y:z:{}", "ab".repeat(70), "q:".repeat(70))));
    }
}
