//! SPDX licence expressions: whether one can be met with a set of licences.
//!
//! Knows AND, OR, WITH and parentheses. Anything else is not met.

use std::collections::BTreeSet;

/// Whether `expression` can be met with these licences alone.
pub(super) fn is_met(expression: &str, licences: &BTreeSet<String>) -> bool {
    // Old manifests write `/` for OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Expression { words: &words, licences };
    reader.any(0) == Some(true) && reader.words.is_empty()
}

/// An SPDX expression being read; `None` where it is none.
struct Expression<'a> {
    words: &'a [&'a str],
    licences: &'a BTreeSet<String>,
}

/// Deeper parentheses than any licence has.
const DEPTH_MAX: usize = 16;

impl Expression<'_> {
    fn any(&mut self, depth: usize) -> Option<bool> {
        let mut met = self.all(depth)?;
        while self.take("OR") {
            met |= self.all(depth)?;
        }
        Some(met)
    }

    fn all(&mut self, depth: usize) -> Option<bool> {
        let mut met = self.one(depth)?;
        while self.take("AND") {
            met &= self.one(depth)?;
        }
        Some(met)
    }

    fn one(&mut self, depth: usize) -> Option<bool> {
        if depth > DEPTH_MAX {
            return None;
        }
        if self.take("(") {
            let met = self.any(depth + 1)?;
            return self.take(")").then_some(met);
        }
        let mut licence = self.next()?.to_owned();
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.next()?);
        }
        Some(self.licences.contains(&licence))
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn next(&mut self) -> Option<&str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_with_allowed_licences_only() {
        let licences = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
        for (expression, met) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0", true),
            ("MIT/GPL-3.0", true),
            ("MIT AND GPL-3.0", false),
            ("GPL-3.0 OR MIT AND ISC", true),
            ("(GPL-3.0 OR MIT) AND ISC", true),
            ("(MIT AND (ISC OR GPL-3.0))", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("MIT WITH LLVM-exception", false),
            ("MIT MIT", false),
            ("MIT OR", false),
            ("(MIT", false),
            (")", false),
            ("", false),
            (&"(".repeat(10_000), false),
        ] {
            assert_eq!(is_met(expression, &licences), met, "{expression}");
        }
    }
}
