//! How many connections to the outside there are at once: of all, and of one account.
//!
//! It knows no connection, and gives nobody's place to another.

use std::collections::HashMap;

use base::AccountId;
use parking_lot::Mutex;

/// Places for connections, of which one account takes half at most.
// SECURITY: else one account would take the way out from all others.
pub(super) struct Places {
    max: usize,
    taken: Mutex<HashMap<AccountId, usize>>,
}

/// A place, until it is dropped.
pub(super) struct Place<'a> {
    places: &'a Places,
    account: AccountId,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self { max, taken: Mutex::default() }
    }

    /// `None` where all are taken, or this account has its part.
    pub(super) fn take(&self, account: AccountId) -> Option<Place<'_>> {
        let mut taken = self.taken.lock();
        let all: usize = taken.values().sum();
        let own = taken.get(&account).copied().unwrap_or_default();
        if all >= self.max || own >= self.max.div_ceil(2) {
            return None;
        }
        taken.insert(account, own + 1);
        Some(Place { places: self, account })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        match taken.get_mut(&self.account) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.account)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_takes_half_and_gives_back_what_it_took() {
        let [greedy, modest, late] = ["111111111111", "222222222222", "333333333333"]
            .map(|account| account.parse::<AccountId>().unwrap());
        let places = Places::new(4);
        let held = [places.take(greedy), places.take(greedy)];
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(greedy).is_none(), "its half");
        let others = [places.take(modest), places.take(modest)];
        assert!(others.iter().all(Option::is_some));
        assert!(places.take(late).is_none(), "all");
        drop(held);
        assert!(places.take(late).is_some() && places.take(greedy).is_some());
        drop(others);
        assert!(places.taken.lock().is_empty());
    }
}
