//! `*` and `?` in actions and ARNs, as policies match them; and which pattern takes in which.
//!
//! It reads patterns only: policy variables are letters like others here, and callers say what they make of them.

/// True where the pattern matches the whole text.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some('?') => {
                at += 1;
                read += 1;
            }
            Some(wanted) if text.get(read) == Some(wanted) => {
                at += 1;
                read += 1;
            }
            // Give the last star one character more.
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    at = place + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|left| *left == '*')
}

/// True where everything that `narrow` matches is matched by `wide`, as far as patterns show: a star or question mark
/// of the narrow one is taken in by a star of the wide one, a question mark by a question mark.
#[must_use]
pub fn covers(wide: &str, narrow: &str) -> bool {
    covers_letters(&letters(wide), &letters(narrow))
}

/// True where some text is matched by both.
#[must_use]
pub fn overlap(left: &str, right: &str) -> bool {
    overlap_letters(&letters(left), &letters(right))
}

/// One place of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    Char(char),
    /// Any text.
    Star,
    /// Any text without a colon.
    StarWithin,
    /// Any character.
    Question,
    /// Any character but a colon.
    QuestionWithin,
    /// Text that only a request knows: the same wherever the same is written.
    Variable(String),
}

fn letters(pattern: &str) -> Vec<Letter> {
    let letter = |letter| match letter {
        '*' => Letter::Star,
        '?' => Letter::Question,
        other => Letter::Char(other),
    };
    pattern.chars().map(letter).collect()
}

impl Letter {
    /// True where this, for one place, takes in whatever the other stands for there.
    fn takes(&self, other: &Self) -> bool {
        match self {
            Self::Star => true,
            Self::Question => matches!(other, Self::Char(_) | Self::Question | Self::QuestionWithin),
            Self::QuestionWithin => {
                *other == Self::QuestionWithin || matches!(other, Self::Char(other) if *other != ':')
            }
            Self::StarWithin => *other == Self::StarWithin || Self::QuestionWithin.takes(other),
            Self::Char(_) | Self::Variable(_) => self == other,
        }
    }

    const fn is_text(&self) -> bool {
        matches!(self, Self::Star | Self::StarWithin | Self::Variable(_))
    }
}

/// Never yes where it should be no: some yes are missed (`?*` and `*?`).
pub(crate) fn covers_letters(wide: &[Letter], narrow: &[Letter]) -> bool {
    // One row of the usual table for each place of the wide pattern.
    let get = |row: &[bool], at: usize| row.get(at).copied().unwrap_or(false);
    let mut row = vec![false; narrow.len() + 1];
    if let Some(first) = row.first_mut() {
        *first = true;
    }
    for letter in wide {
        let goes_on = matches!(letter, Letter::Star | Letter::StarWithin);
        let mut next = vec![false; narrow.len() + 1];
        for at in 0..=narrow.len() {
            let before = at.checked_sub(1);
            let takes = before.and_then(|before| narrow.get(before)).is_some_and(|other| letter.takes(other));
            let fits = match before {
                Some(before) if takes => get(if goes_on { &next } else { &row }, before),
                _ => false,
            };
            if let Some(cell) = next.get_mut(at) {
                *cell = fits || (goes_on && get(&row, at));
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or(false)
}

/// Never no where it should be yes: what keeps within a segment, and what a variable stands for, is taken for any text.
pub(crate) fn overlap_letters(left: &[Letter], right: &[Letter]) -> bool {
    // `reached[at]`: the left pattern up to here and the right one up to `at` can match the same text.
    let mut reached = vec![false; right.len() + 1];
    for (at, cell) in reached.iter_mut().enumerate() {
        *cell = right.iter().take(at).all(Letter::is_text);
    }
    for letter in left {
        let mut next = vec![false; right.len() + 1];
        for at in 0..=right.len() {
            let get = |row: &[bool], at: usize| row.get(at).copied().unwrap_or(false);
            let other = at.checked_sub(1).and_then(|before| right.get(before));
            let together = match (letter, other) {
                (text, _) if text.is_text() => get(&reached, at),
                (_, Some(text)) if text.is_text() => false,
                (Letter::Char(one), Some(Letter::Char(two))) => one == two && get(&reached, at - 1),
                (_, Some(_)) => get(&reached, at - 1),
                (_, None) => false,
            };
            // A star on either side takes the other's next letter, or nothing.
            let left_star = letter.is_text() && at > 0 && get(&next, at - 1);
            let right_star =
                other.is_some_and(Letter::is_text) && (get(&reached, at) || (at > 0 && get(&next, at - 1)));
            if let Some(cell) = next.get_mut(at) {
                *cell = together || left_star || right_star;
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("a*c", "abbc", true),
            ("a?c", "ac", false),
            ("*b*", "abc", true),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:Get*", "s3:PutObject", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn wide_patterns_take_in_narrow_ones() {
        for (wide, narrow, expected) in [
            ("*", "a*b?", true),
            ("s3:*", "s3:Get*", true),
            ("s3:Get*", "s3:*", false),
            ("a?", "a?", true),
            ("a?", "a*", false),
            ("a*", "a?", true),
            ("a?", "ab", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k/*", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::*/k", false),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn patterns_overlap_where_a_text_fits_both() {
        for (left, right, expected) in [
            ("a*", "*b", true),
            ("a*", "b*", false),
            ("s3:Get*", "s3:*Object", true),
            ("s3:Get?", "s3:Get", false),
            ("", "*", true),
            ("*", "", true),
            ("a?c", "ab*", true),
            ("a*c", "a*d", false),
        ] {
            assert_eq!(overlap(left, right), expected, "{left} {right}");
            assert_eq!(overlap(right, left), expected, "{right} {left}");
        }
    }

    proptest! {
        #[test]
        fn a_text_that_fits_both_is_an_overlap(left in "[ab*?]{0,6}", right in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            if matches(&left, &text) && matches(&right, &text) {
                prop_assert!(overlap(&left, &right), "{} {} {}", left, right, text);
            }
        }

        #[test]
        fn what_is_covered_is_matched(wide in "[ab*?]{0,6}", narrow in "[ab*?]{0,6}", text in "[ab]{0,8}") {
            if covers(&wide, &narrow) && matches(&narrow, &text) {
                prop_assert!(matches(&wide, &text), "{} {} {}", wide, narrow, text);
            }
        }
    }
}
