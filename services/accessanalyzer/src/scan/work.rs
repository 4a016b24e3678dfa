//! What is to be looked at: bounded, and rung for when there is something.

use std::collections::{BTreeMap, BTreeSet};

use base::AccountId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Family;

/// More than so many things to look at one by one are everything.
const FAMILIES_MAX: usize = 10_000;

/// What waits to be looked at.
#[derive(Default)]
pub(crate) struct Work {
    due: Mutex<Due>,
    bell: Notify,
}

/// What one scan looks at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// All that every analyzer watches.
    pub(crate) everything: bool,
    /// All that these analyzers watch.
    pub(crate) analyzers: BTreeSet<(AccountId, String)>,
    /// Resources, by the accounts that own them.
    pub(crate) families: BTreeMap<AccountId, BTreeSet<Family>>,
}

impl Work {
    /// Everything that this analyzer watches is to be looked at.
    pub(crate) fn look_after(&self, account: AccountId, analyzer: &str) {
        self.due.lock().analyzers.insert((account, analyzer.to_owned()));
        self.bell.notify_one();
    }

    /// A resource is to be looked at.
    pub(crate) fn look_at(&self, account: AccountId, family: Family) {
        let mut due = self.due.lock();
        if !due.everything {
            due.families.entry(account).or_default().insert(family);
            if due.families.values().map(BTreeSet::len).sum::<usize>() > FAMILIES_MAX {
                due.families.clear();
                due.everything = true;
            }
        }
        drop(due);
        self.bell.notify_one();
    }

    /// Everything is to be looked at.
    pub(crate) fn everything(&self) {
        self.due.lock().everything = true;
        self.bell.notify_one();
    }

    /// Returns once there is something to look at.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Takes what is due.
    pub(crate) fn take(&self) -> Due {
        std::mem::take(&mut self.due.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_things_are_everything() {
        let work = Work::default();
        let account: AccountId = "123456789012".parse().unwrap();
        for at in 0..=FAMILIES_MAX {
            work.look_at(account, Family::of(&format!("arn:aws:s3:::b{at}")).unwrap());
        }
        let due = work.take();
        assert!(due.everything && due.families.is_empty());
        assert_eq!(work.take(), Due::default());
    }
}
