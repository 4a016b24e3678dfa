//! Wrong answers to a secret, counted: beyond a few in a row, the secret rests for a while.
//!
//! In memory and bounded for each account: a restart forgets, and one account's failures are never another's. Where an
//! account has more failures than are remembered, its other secrets rest as well. It is a brake on guessing, beside the
//! platform's own limits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::{AccountId, Timestamp};

/// So many wrong answers in a row, and the secret rests.
const WRONG_MAX: u32 = 5;
/// How long it rests.
const REST_MILLIS: i64 = 60_000;
/// So many secrets of an account are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Wrong answers in a row, and when the last one came.
type Wrong = (u32, Timestamp);

/// Wrong answers by whose secret it is.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<AccountId, HashMap<String, Wrong>>>);

fn is_recent((_, at): &Wrong, now: Timestamp) -> bool {
    now.millis_since(*at) < REST_MILLIS
}

impl Attempts {
    /// True where the secret rests: whatever is answered now is wrong.
    pub fn rests(&self, account: AccountId, whose: &str, now: Timestamp) -> bool {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of_account) = attempts.get_mut(&account) else { return false };
        if let Some(wrong) = of_account.get(whose) {
            return wrong.0 >= WRONG_MAX && is_recent(wrong, now);
        }
        // SECURITY: what could not be counted could be tried through.
        of_account.len() >= REMEMBERED_MAX && {
            of_account.retain(|_, wrong| is_recent(wrong, now));
            of_account.len() >= REMEMBERED_MAX
        }
    }

    /// Counts a wrong answer.
    pub fn wrong(&self, account: AccountId, whose: &str, now: Timestamp) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = attempts.entry(account).or_default();
        if of_account.len() >= REMEMBERED_MAX {
            of_account.retain(|_, wrong| is_recent(wrong, now));
        }
        if of_account.len() < REMEMBERED_MAX || of_account.contains_key(whose) {
            let entry = of_account.entry(whose.to_owned()).or_insert((0, now));
            let before = if is_recent(entry, now) { entry.0 } else { 0 };
            *entry = (before.saturating_add(1), now);
        }
    }

    /// Forgets the wrong answers before a right one.
    pub fn right(&self, account: AccountId, whose: &str) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_account) = attempts.get_mut(&account) {
            of_account.remove(whose);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    #[test]
    fn a_secret_rests_after_wrong_answers() {
        let attempts = Attempts::default();
        let (own, other) = (account("111111111111"), account("222222222222"));
        let at = Timestamp::from_secs;
        for second in 0..5 {
            assert!(!attempts.rests(own, "d", at(second)));
            attempts.wrong(own, "d", at(second));
        }
        assert!(attempts.rests(own, "d", at(5)) && !attempts.rests(own, "other", at(5)));
        assert!(!attempts.rests(other, "d", at(5)), "of the same name in another account");
        assert!(!attempts.rests(own, "d", at(64)));
        attempts.wrong(own, "d", at(64));
        assert!(!attempts.rests(own, "d", at(65)), "counts anew");
        attempts.right(own, "d");
        assert!(!attempts.rests(own, "d", at(65)));
    }

    #[test]
    fn one_account_fills_its_own_memory_only() {
        let attempts = Attempts::default();
        let (own, other) = (account("111111111111"), account("222222222222"));
        let at = Timestamp::from_secs;
        for number in 0..REMEMBERED_MAX {
            attempts.wrong(own, &number.to_string(), at(0));
        }
        assert!(attempts.rests(own, "not remembered", at(1)), "it cannot be counted, and is not let through");
        assert!(!attempts.rests(own, "7", at(1)), "it is counted");
        attempts.wrong(own, "not remembered", at(1));
        for _ in 0..WRONG_MAX {
            assert!(!attempts.rests(other, "d", at(1)));
            attempts.wrong(other, "d", at(1));
        }
        assert!(attempts.rests(other, "d", at(1)), "another account's failures count as ever");
        assert!(!attempts.rests(own, "not remembered", at(61)), "for no longer than they last");
        let held = attempts.0.lock().unwrap().values().map(HashMap::len).sum::<usize>();
        assert!(held <= REMEMBERED_MAX, "{held}");
    }
}
