//! Environments without an invocation, by what they may be used for.
//!
//! What was started to be kept ready is used before what was not; else the one used last is used first, so that the others grow
//! old. Nothing here waits or ends a process.

#![allow(
    clippy::vec_box,
    reason = "environments move in and out of here: as pointers, not as hundreds of bytes"
)]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use base::AccountId;

use super::beginning::{Beginning, Beginnings};
use super::invoke::Initialization;
use super::shares::{Holder, Room};
use crate::environment::Environment;
use crate::function::FunctionKey;

#[derive(Default)]
pub(super) struct Idle {
    environments: HashMap<Arc<FunctionKey>, Vec<Box<Environment>>>,
    /// What is none of those below yet.
    pub(super) beginnings: Beginnings,
    /// Environments in use, by id, so that an update reaches them too.
    busy: HashMap<String, Arc<FunctionKey>>,
    /// Of those in use, environments that have not come up yet.
    rising: HashSet<String>,
    /// Environments that were started to be kept ready, in use or not.
    provisioned: HashMap<String, Arc<FunctionKey>>,
    /// Environments in use that must not be used again.
    retired: HashSet<String>,
}

/// An idle environment that may end to make room.
pub(super) struct Candidate {
    pub(super) key: Arc<FunctionKey>,
    pub(super) environment_id: String,
    account: AccountId,
    memory_mib: u32,
}

impl Candidate {
    fn of(environment: &Environment) -> Self {
        let placement = &environment.placement;
        Self {
            key: Arc::clone(&placement.key),
            environment_id: placement.log.environment_id.clone(),
            account: placement.spec.account,
            memory_mib: placement.spec.memory_mib,
        }
    }

    /// Whose it is, and what its end would give back.
    pub(super) fn held(&self) -> (Holder, Room) {
        (Holder { account: self.account, function: self.key.arn.clone() }, Room::one(self.memory_mib))
    }
}

impl Idle {
    /// The environment for exactly this that is to be used next.
    pub(super) fn take(&mut self, key: &FunctionKey) -> Option<Box<Environment>> {
        let stack = self.environments.get_mut(key)?;
        // What is left empty is most often filled again; the sweep forgets it otherwise.
        let environment = stack.pop()?;
        let placement = &environment.placement;
        self.busy.insert(placement.log.environment_id.clone(), Arc::clone(&placement.key));
        Some(environment)
    }

    /// Counts a new environment as one in use, and as one that is kept ready where it was started for that.
    pub(super) fn started(&mut self, environment: &Environment, beginning: &Beginning<'_>) {
        let placement = &environment.placement;
        if self.beginnings.became(beginning.number()) {
            self.retired.insert(placement.log.environment_id.clone());
        }
        if beginning.initialization == Initialization::Provisioned {
            self.provisioned.insert(placement.log.environment_id.clone(), Arc::clone(&placement.key));
        }
        self.busy.insert(placement.log.environment_id.clone(), Arc::clone(&placement.key));
        self.rising.insert(placement.log.environment_id.clone());
    }

    /// Notes that a new environment has come up.
    pub(super) fn came_up(&mut self, environment_id: &str) {
        self.rising.remove(environment_id);
    }

    /// Takes an environment back, or answers it where it must not be used again.
    pub(super) fn give_back(&mut self, environment: Box<Environment>) -> Option<Box<Environment>> {
        if self.leaves_use(&environment) {
            return Some(environment);
        }
        let is_kept = |one: &Environment| self.provisioned.contains_key(&one.placement.log.environment_id);
        let stack = self.environments.entry(Arc::clone(&environment.placement.key)).or_default();
        let at = if is_kept(&environment) {
            stack.len()
        } else {
            // Behind what is kept ready, which is taken first.
            stack.iter().rposition(|one| !is_kept(one)).map_or(0, |at| at.saturating_add(1))
        };
        stack.insert(at, environment);
        None
    }

    /// Takes an environment back that is still at work, as the last one to be used.
    pub(super) fn give_back_last(&mut self, environment: Box<Environment>) -> Option<Box<Environment>> {
        if self.leaves_use(&environment) {
            return Some(environment);
        }
        self.environments.entry(Arc::clone(&environment.placement.key)).or_default().insert(0, environment);
        None
    }

    /// Notes that an environment is in use no more; true where it must not be used again.
    fn leaves_use(&mut self, environment: &Environment) -> bool {
        let id = &environment.placement.log.environment_id;
        self.busy.remove(id);
        self.retired.remove(id)
    }

    /// Forgets an environment that has ended.
    pub(super) fn forget(&mut self, environment_id: &str) {
        self.busy.remove(environment_id);
        self.rising.remove(environment_id);
        self.provisioned.remove(environment_id);
        self.retired.remove(environment_id);
    }

    /// Takes out the environments that match, and marks those in use, and those that are only coming to be.
    pub(super) fn retire(&mut self, matches: impl Fn(&FunctionKey) -> bool) -> Vec<Box<Environment>> {
        self.beginnings.retire(&matches);
        let marked = self.busy.iter().filter(|(_, key)| matches(key)).map(|(id, _)| id.clone());
        self.retired.extend(marked);
        self.environments.extract_if(|key, _| matches(key)).flat_map(|(_, stack)| stack).collect()
    }

    /// Of those that were started to be kept ready for exactly this, takes out what is more than `count`, and marks what of it is in
    /// use: they say of themselves that they are provisioned.
    pub(super) fn retire_beyond(&mut self, key: &FunctionKey, count: usize) -> Vec<Box<Environment>> {
        let own = self.ids_of_provisioned(key).cloned();
        let (mut busy, mut idle): (Vec<_>, Vec<_>) = own.partition(|id| self.busy.contains_key(id));
        let coming = self.beginnings.count_kept(key);
        let surplus = (busy.len() + idle.len() + coming).saturating_sub(count);
        // What is not there yet serves nobody.
        let coming = self.beginnings.retire_kept(key, surplus);
        idle.truncate(surplus - coming);
        busy.truncate(surplus - coming - idle.len());
        self.retired.extend(busy);
        idle.iter().filter_map(|id| self.take_this(key, id)).collect()
    }

    /// Those that need not be kept, the one that was not used for the longest time first.
    pub(super) fn oldest_first(&self, kept: &HashMap<FunctionKey, u32>) -> Vec<Candidate> {
        let need_not = |key: &FunctionKey, one: &Environment| {
            !(kept.contains_key(key) && self.provisioned.contains_key(&one.placement.log.environment_id))
        };
        let stacks = self.environments.iter();
        let free = stacks.flat_map(|(key, stack)| {
            stack.iter().enumerate().filter(|(_, environment)| need_not(key, environment))
        });
        let mut all: Vec<_> = free.collect();
        all.sort_by_key(|(at, environment)| (environment.idle_since, *at));
        all.into_iter().map(|(_, environment)| Candidate::of(environment)).collect()
    }

    /// Takes out this one, where it is still here.
    pub(super) fn take_this(&mut self, key: &FunctionKey, environment_id: &str) -> Option<Box<Environment>> {
        let stack = self.environments.get_mut(key)?;
        let at = stack.iter().position(|one| one.placement.log.environment_id == environment_id)?;
        let environment = stack.remove(at);
        if stack.is_empty() {
            self.environments.remove(key);
        }
        Some(environment)
    }

    /// Lets `keep` look at every idle environment, and whether it was started to be kept ready, and takes out those it does not keep.
    pub(super) fn sift(
        &mut self,
        mut keep: impl FnMut(&mut Environment, bool) -> bool,
    ) -> Vec<Box<Environment>> {
        let mut sifted = Vec::new();
        let provisioned = &self.provisioned;
        self.environments.retain(|_, stack| {
            sifted.extend(stack.extract_if(.., |environment| {
                let is_provisioned = provisioned.contains_key(&environment.placement.log.environment_id);
                !keep(environment, is_provisioned)
            }));
            !stack.is_empty()
        });
        sifted
    }

    /// Environments that were started to be kept ready for exactly this, in use or not, and may go on.
    pub(super) fn count_provisioned(&self, key: &FunctionKey) -> usize {
        self.ids_of_provisioned(key).count()
    }

    /// Of those, how many have come up, and how many of these are without an invocation.
    pub(super) fn provisioned_up_and_idle(&self, key: &FunctionKey) -> (usize, usize) {
        let up = self.ids_of_provisioned(key).filter(|id| !self.rising.contains(*id));
        up.fold((0, 0), |(up, idle), id| (up + 1, idle + usize::from(!self.busy.contains_key(id))))
    }

    fn ids_of_provisioned(&self, key: &FunctionKey) -> impl Iterator<Item = &String> {
        let own = self.provisioned.iter().filter(move |(_, own)| ***own == *key).map(|(id, _)| id);
        own.filter(|id| !self.retired.contains(*id))
    }

    pub(super) fn count(&self) -> usize {
        self.environments.values().map(Vec::len).sum()
    }
}
