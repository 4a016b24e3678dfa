//! Wrong answers to a secret, counted: beyond a few in a row, the secret rests for a while.
//!
//! In memory and bounded: a restart forgets, and so do ten thousand other failures at once. It is a brake on guessing,
//! beside the platform's own limits, and decides nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::Timestamp;

/// So many wrong answers in a row, and the secret rests.
const WRONG_MAX: u32 = 5;
/// How long it rests.
const REST_MILLIS: i64 = 60_000;
/// So many secrets are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Wrong answers by whose secret it is.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<String, (u32, Timestamp)>>);

impl Attempts {
    /// True where the secret rests: whatever is answered now is wrong.
    pub fn rests(&self, whose: &str, now: Timestamp) -> bool {
        let attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (wrong, at) = attempts.get(whose).copied().unwrap_or_default();
        wrong >= WRONG_MAX && now.millis_since(at) < REST_MILLIS
    }

    /// Counts a wrong answer.
    pub fn wrong(&self, whose: &str, now: Timestamp) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= REMEMBERED_MAX {
            attempts.retain(|_, (_, at)| now.millis_since(*at) < REST_MILLIS);
        }
        if attempts.len() < REMEMBERED_MAX || attempts.contains_key(whose) {
            let entry = attempts.entry(whose.to_owned()).or_insert((0, now));
            let rested = now.millis_since(entry.1) >= REST_MILLIS;
            *entry = (if rested { 1 } else { entry.0.saturating_add(1) }, now);
        }
    }

    /// Forgets the wrong answers before a right one.
    pub fn right(&self, whose: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(whose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_rests_after_wrong_answers() {
        let attempts = Attempts::default();
        let at = Timestamp::from_secs;
        for second in 0..5 {
            assert!(!attempts.rests("d", at(second)));
            attempts.wrong("d", at(second));
        }
        assert!(attempts.rests("d", at(5)) && !attempts.rests("other", at(5)));
        assert!(!attempts.rests("d", at(64)));
        attempts.wrong("d", at(64));
        assert!(!attempts.rests("d", at(65)), "counts anew");
        attempts.right("d");
        assert!(!attempts.rests("d", at(65)));
    }
}
