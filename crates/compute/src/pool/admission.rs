//! How many executions there may be at one time, of a function and of an account.
//!
//! Counts only: an execution is counted from before its environment is found until its outcome is known, and where extensions go
//! on behind the answer, until they are done: what is reserved bounds how much of a function runs at once, and its environment is
//! not free before.

use std::collections::HashMap;
use std::sync::Arc;

use base::AccountId;
use parking_lot::Mutex;

use crate::function::{Concurrency, FunctionSpec, Throttled};

/// The executions of this moment.
#[derive(Default)]
pub(super) struct Admission(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: u32,
    by_function: HashMap<String, u32>,
    /// Those of them that are not in what is kept ready of their version.
    beside_what_is_ready: HashMap<String, u32>,
    unreserved_by_account: HashMap<AccountId, u32>,
    /// Executions in what is kept ready, by function and version.
    provisioned: HashMap<(String, String), u32>,
}

/// One execution, counted until dropped.
pub(super) struct Ticket {
    admission: Arc<Admission>,
    function: String,
    unreserved: Option<AccountId>,
    provisioned: Option<(String, String)>,
}

impl Admission {
    /// Counts one more execution, or says which bound forbids it.
    pub(super) fn admit(
        self: &Arc<Self>,
        spec: &FunctionSpec,
        bounds: Concurrency,
    ) -> Result<Ticket, Throttled> {
        let mut counts = self.0.lock();
        let of_function = counts.by_function.get(&spec.arn).copied().unwrap_or(0);
        let provisioned = counts.in_what_is_ready(spec, bounds);
        let unreserved = match bounds.reserved {
            Some(reserved) if of_function >= reserved => {
                counts.leave(provisioned.as_ref());
                return Err(Throttled::Reserved);
            }
            _ if provisioned.is_some() => None,
            Some(reserved) if counts.beside(spec) >= reserved.saturating_sub(bounds.provisioned_in_all) => {
                return Err(Throttled::Reserved);
            }
            Some(_) => None,
            None => {
                let of_account = counts.unreserved_by_account.entry(spec.account).or_default();
                if *of_account >= bounds.unreserved_max {
                    return Err(Throttled::Account);
                }
                *of_account += 1;
                Some(spec.account)
            }
        };
        counts.all += 1;
        *counts.by_function.entry(spec.arn.clone()).or_default() += 1;
        if provisioned.is_none() {
            *counts.beside_what_is_ready.entry(spec.arn.clone()).or_default() += 1;
        }
        Ok(Ticket { admission: Arc::clone(self), function: spec.arn.clone(), unreserved, provisioned })
    }

    /// Executions of this moment.
    pub(super) fn executions(&self) -> u32 {
        self.0.lock().all
    }
}

impl Counts {
    /// Takes a place in what is kept ready of this version, where one is free.
    fn in_what_is_ready(&mut self, spec: &FunctionSpec, bounds: Concurrency) -> Option<(String, String)> {
        if bounds.provisioned == 0 {
            return None;
        }
        let version = (spec.arn.clone(), spec.version.clone());
        let taken = self.provisioned.entry(version.clone()).or_default();
        (*taken < bounds.provisioned).then(|| {
            *taken += 1;
            version
        })
    }

    /// Gives back a place that was taken.
    fn leave(&mut self, version: Option<&(String, String)>) {
        version.into_iter().for_each(|version| one_less(&mut self.provisioned, version));
    }

    fn beside(&self, spec: &FunctionSpec) -> u32 {
        self.beside_what_is_ready.get(&spec.arn).copied().unwrap_or(0)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.admission.0.lock();
        counts.all = counts.all.saturating_sub(1);
        one_less(&mut counts.by_function, &self.function);
        if let Some(account) = self.unreserved {
            one_less(&mut counts.unreserved_by_account, &account);
        }
        match &self.provisioned {
            Some(_) => counts.leave(self.provisioned.as_ref()),
            None => one_less(&mut counts.beside_what_is_ready, &self.function),
        }
    }
}

fn one_less<K, Q>(counts: &mut HashMap<K, u32>, key: &Q)
where
    K: std::hash::Hash + Eq + std::borrow::Borrow<Q>,
    Q: std::hash::Hash + Eq + ?Sized,
{
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const fn bounds(reserved: Option<u32>, unreserved_max: u32) -> Concurrency {
        Concurrency { reserved, provisioned: 0, provisioned_in_all: 0, unreserved_max }
    }

    #[test]
    fn what_is_kept_ready_is_there_whatever_the_account_does() {
        let admission = Arc::new(Admission::default());
        let spec = testing::spec();
        let kept = Concurrency { provisioned: 1, ..bounds(None, 1) };
        let first = admission.admit(&spec, kept).ok();
        let second = admission.admit(&spec, kept).ok();
        assert!(first.is_some() && second.is_some(), "one in what is ready, one beside it");
        assert_eq!(admission.admit(&spec, kept).err(), Some(Throttled::Account));
        drop(first);
        assert!(admission.admit(&spec, kept).is_ok());
        assert_eq!(admission.admit(&spec, bounds(None, 1)).err(), Some(Throttled::Account));
    }

    #[test]
    fn what_is_kept_ready_of_a_reservation_is_nobody_elses() {
        let admission = Arc::new(Admission::default());
        let one = FunctionSpec { version: "1".into(), ..testing::spec() };
        let latest = testing::spec();
        let of = |provisioned| Concurrency { provisioned, provisioned_in_all: 2, ..bounds(Some(3), 0) };
        let beside = admission.admit(&latest, of(0)).ok();
        assert!(beside.is_some());
        assert_eq!(admission.admit(&latest, of(0)).err(), Some(Throttled::Reserved));
        let ready: Vec<_> = (0..2).filter_map(|_| admission.admit(&one, of(2)).ok()).collect();
        assert_eq!(ready.len(), 2);
        assert_eq!(admission.admit(&one, of(2)).err(), Some(Throttled::Reserved));
        drop(beside);
        // Beyond what is ready of it, a version takes of the rest as any other.
        let beyond = admission.admit(&one, of(2)).ok();
        assert!(beyond.is_some());
        assert_eq!(admission.admit(&latest, of(0)).err(), Some(Throttled::Reserved));
        drop((ready, beyond));
        let counts = admission.0.lock();
        assert!(counts.provisioned.is_empty() && counts.beside_what_is_ready.is_empty());
        assert!(counts.by_function.is_empty() && counts.all == 0);
    }

    #[test]
    fn reservations_and_the_account_bound_executions() {
        let admission = Arc::new(Admission::default());
        let spec = testing::spec();
        let admit = |bounds| admission.admit(&spec, bounds);
        assert_eq!(admit(bounds(Some(0), 10)).err(), Some(Throttled::Reserved));
        let first = admit(bounds(Some(1), 0)).ok();
        assert!(first.is_some());
        assert_eq!(admit(bounds(Some(1), 10)).err(), Some(Throttled::Reserved));
        drop(first);
        let again = admit(bounds(Some(1), 0)).ok();
        assert!(again.is_some());
        drop(again);
        assert_eq!(admit(bounds(None, 0)).err(), Some(Throttled::Account));
        let unreserved = admit(bounds(None, 1)).ok();
        assert_eq!(admit(bounds(None, 1)).err(), Some(Throttled::Account));
        assert_eq!(admission.executions(), 1);
        drop(unreserved);
        assert_eq!(admission.executions(), 0);
        assert!(admission.0.lock().by_function.is_empty());
    }
}
