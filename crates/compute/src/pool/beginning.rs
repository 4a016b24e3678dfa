//! Environments that are wanted, or being made, and have no record yet: what ends a function's environments ends these too.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::idle::Idle;
use super::invoke::Initialization;
use crate::function::FunctionKey;

/// One of them, until dropped.
pub(super) struct Beginning<'a> {
    idle: &'a Mutex<Idle>,
    number: u64,
    pub(super) key: Arc<FunctionKey>,
    pub(super) initialization: Initialization,
}

/// All of them, by number.
#[derive(Default)]
pub(super) struct Beginnings {
    all: HashMap<u64, Begun>,
    last: u64,
}

struct Begun {
    key: Arc<FunctionKey>,
    /// Whether it is to be kept ready, and no environment came of it yet.
    is_to_be_kept: bool,
    is_retired: bool,
}

impl<'a> Beginning<'a> {
    pub(super) fn of(idle: &'a Mutex<Idle>, key: &Arc<FunctionKey>, initialization: Initialization) -> Self {
        let is_to_be_kept = initialization == Initialization::Provisioned;
        let number = idle.lock().beginnings.add(key, is_to_be_kept);
        Self { idle, number, key: Arc::clone(key), initialization }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        self.idle.lock().beginnings.all.remove(&self.number);
    }
}

impl Beginnings {
    fn add(&mut self, key: &Arc<FunctionKey>, is_to_be_kept: bool) -> u64 {
        self.last = self.last.wrapping_add(1);
        self.all.insert(self.last, Begun { key: Arc::clone(key), is_to_be_kept, is_retired: false });
        self.last
    }

    /// An environment has come of it; whether that must not be used again.
    pub(super) fn became(&mut self, number: u64) -> bool {
        self.all.get_mut(&number).is_some_and(|begun| {
            begun.is_to_be_kept = false;
            begun.is_retired
        })
    }

    pub(super) fn retire(&mut self, matches: impl Fn(&FunctionKey) -> bool) {
        let matching = self.all.values_mut().filter(|begun| matches(&begun.key));
        matching.for_each(|begun| begun.is_retired = true);
    }

    /// How many are to be kept ready for exactly this.
    pub(super) fn count_kept(&self, key: &FunctionKey) -> usize {
        self.all.values().filter(|begun| begun.is_kept_for(key)).count()
    }

    /// Of those, gives up so many at most; how many it were.
    pub(super) fn retire_kept(&mut self, key: &FunctionKey, most: usize) -> usize {
        let own = self.all.values_mut().filter(|begun| begun.is_kept_for(key));
        own.take(most).map(|begun| begun.is_retired = true).count()
    }
}

impl Begun {
    fn is_kept_for(&self, key: &FunctionKey) -> bool {
        self.is_to_be_kept && !self.is_retired && *self.key == *key
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::limits::STARTS_MAX;
    use crate::pool::starts::Turn;
    use crate::pool::tests::{Fixture, echo, fixture};
    use crate::testing::request;

    /// All turns to start environments.
    async fn turns(fixture: &Fixture) -> Vec<Turn> {
        let mut turns = Vec::new();
        for of in 0..STARTS_MAX {
            let account = format!("{of:012}").parse().unwrap();
            turns.push(fixture.compute.0.starts.turn(account, "f").await.unwrap());
        }
        turns
    }

    async fn until(holds: impl Fn() -> bool) {
        let looking = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), looking).await.expect("it never came true");
    }

    fn beginnings(fixture: &Fixture) -> usize {
        fixture.compute.0.idle.lock().beginnings.all.len()
    }

    #[tokio::test]
    async fn what_was_about_to_start_as_its_function_changed_ends_with_its_invocation() {
        let fixture = fixture(echo).await;
        let spec = Arc::new(fixture.spec.clone());
        for (version, left) in [(Some(spec.version.as_str()), 0), (None, 0), (Some("another"), 1)] {
            let turns = turns(&fixture).await;
            let (compute, invoked) = (fixture.compute.clone(), Arc::clone(&spec));
            let waits = tokio::spawn(async move { compute.invoke(&invoked, request("1")).await });
            until(|| beginnings(&fixture) == 1).await;
            fixture.compute.retire(&spec.arn, version);
            drop(turns);
            assert!(!waits.await.unwrap().unwrap().is_function_error);
            assert_eq!(fixture.compute.figures().idle, left, "{version:?}");
            until(|| fixture.compute.figures().environments == left && beginnings(&fixture) == 0).await;
        }
    }

    #[tokio::test]
    async fn what_was_about_to_start_to_be_kept_ready_and_is_no_more_wanted_ends() {
        let fixture = fixture(echo).await;
        let spec = Arc::new(fixture.spec.clone());
        let turns = turns(&fixture).await;
        fixture.compute.provision(&spec, 2);
        until(|| beginnings(&fixture) == 1).await;
        fixture.compute.provision(&spec, 0);
        drop(turns);
        until(|| beginnings(&fixture) == 0).await;
        until(|| fixture.compute.figures().environments == 0).await;
        // What is wanted again comes.
        fixture.compute.provision(&spec, 1);
        until(|| fixture.compute.provisioned(&spec).is_some_and(|met| met.available == 1)).await;
        assert_eq!(fixture.launched(), 2);
    }
}
