//! Environments that are kept ready for a version of a function, whether or not anybody invokes it.
//!
//! Each account's are started one after the other in the background, replaced when they end, and neither grow too old by
//! waiting nor make room for others. Environments that were started for an invocation are none of them: their function was told
//! that it came up on demand. What counts as provisioned concurrency, and what it costs, is not decided here.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use base::AccountId;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Pool;
use super::beginning::Beginning;
use super::invoke::{INIT_PHASE, Initialization};
use crate::function::{FunctionKey, SharedSpec};

/// How often it looks whether all are there.
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// How long nothing is started for a function after it did not come up.
const FAILURE_PAUSE: Duration = Duration::from_secs(30);

/// What is to be kept ready.
#[derive(Default)]
pub(super) struct Provisions {
    wanted: Mutex<HashMap<FunctionKey, Provision>>,
    /// Accounts of which one is being started: none waits for another account's slow ones.
    starting: Mutex<HashSet<AccountId>>,
    wake: Notify,
}

struct Provision {
    spec: SharedSpec,
    count: u32,
    failure: Option<String>,
    not_before: Instant,
}

/// What is kept ready for a version of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioned {
    /// Environments that were asked for.
    pub requested: u32,
    /// Environments that have come up, whether or not they have an invocation; at most those asked for.
    pub allocated: u32,
    /// Of those, environments without an invocation.
    pub available: u32,
    /// Why the last attempt to start one failed, where it did.
    pub failure: Option<String>,
}

impl Provisions {
    pub(super) fn set(&self, spec: &SharedSpec, count: u32) {
        let key = FunctionKey::of(spec);
        let mut wanted = self.wanted.lock();
        if count == 0 {
            wanted.remove(&key);
        } else {
            let provision = wanted.entry(key).or_insert_with(|| Provision {
                spec: SharedSpec::clone(spec),
                count,
                failure: None,
                not_before: Instant::now(),
            });
            provision.count = count;
        }
        drop(wanted);
        self.wake.notify_one();
    }

    pub(super) fn forget(&self, matches: impl Fn(&FunctionKey) -> bool) {
        self.wanted.lock().retain(|key, _| !matches(key));
    }

    /// How many of each are kept.
    pub(super) fn counts(&self) -> HashMap<FunctionKey, u32> {
        self.wanted.lock().iter().map(|(key, provision)| (key.clone(), provision.count)).collect()
    }

    fn of(&self, key: &FunctionKey) -> Option<(u32, Option<String>)> {
        self.wanted.lock().get(key).map(|provision| (provision.count, provision.failure.clone()))
    }

    /// A function of which one is missing.
    fn missing(&self, existing: impl Fn(&FunctionKey) -> usize) -> Option<SharedSpec> {
        let now = Instant::now();
        let starting = self.starting.lock();
        let wanted = self.wanted.lock();
        let lacking = wanted.iter().find(|(key, provision)| {
            provision.not_before <= now
                && !starting.contains(&provision.spec.account)
                && existing(key) < usize::try_from(provision.count).unwrap_or(usize::MAX)
        });
        lacking.map(|(_, provision)| SharedSpec::clone(&provision.spec))
    }

    fn note(&self, key: &FunctionKey, failure: Option<String>) {
        if let Some(provision) = self.wanted.lock().get_mut(key) {
            if failure.is_some() {
                provision.not_before = Instant::now() + FAILURE_PAUSE;
            }
            provision.failure = failure;
        }
    }
}

/// Starts what is missing for as long as there is a pool.
pub(super) async fn keep(pool: Weak<Pool>) {
    loop {
        let Some(alive) = pool.upgrade() else { return };
        let missing = alive.provisions.missing(|key| alive.idle.lock().count_provisioned(key));
        match missing {
            Some(spec) => {
                alive.provisions.starting.lock().insert(spec.account);
                let pool = Arc::clone(&alive);
                tokio::spawn(async move {
                    pool.provide(&spec).await;
                    pool.provisions.starting.lock().remove(&spec.account);
                    pool.provisions.wake.notify_one();
                });
            }
            None => {
                let _ = tokio::time::timeout(LONG_PAUSE, alive.provisions.wake.notified()).await;
            }
        }
    }
}

impl Pool {
    /// What is kept ready for this version.
    pub(super) fn provisioned(&self, spec: &SharedSpec) -> Option<Provisioned> {
        let key = FunctionKey::of(spec);
        let (requested, failure) = self.provisions.of(&key)?;
        let (up, idle) = self.idle.lock().provisioned_up_and_idle(&key);
        let bounded = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).min(requested);
        Some(Provisioned { requested, allocated: bounded(up), available: bounded(idle), failure })
    }

    async fn provide(&self, spec: &SharedSpec) {
        let key = Arc::new(FunctionKey::of(spec));
        let beginning = Beginning::of(&self.idle, &key, Initialization::Provisioned);
        let turn = self.starts.turn(spec.account, &spec.arn).await;
        let began = Instant::now();
        let up = Box::pin(self.start_and_bring_up(spec, &beginning));
        let up = match turn {
            Some(mut turn) => turn.during(up).await,
            None => up.await,
        };
        let failure = match up {
            Err(error) => Some(base::Chain(&error).to_string()),
            Ok((environment, Ok(()))) => {
                self.give_back(environment);
                None
            }
            Ok((mut environment, Err(failure))) => {
                self.report_init_failure(&mut environment, &failure, began.elapsed(), INIT_PHASE).await;
                self.discard(environment);
                Some("the function did not come up".to_owned())
            }
        };
        self.provisions.note(&key, failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Exit;
    use crate::function::{FunctionSpec, InvokeError, Throttled};
    use crate::pool::HostLimits;
    use crate::pool::tests::{echo, fixture, fixture_with};
    use crate::testing::request;
    use crate::testkit::{Runtime, exit};

    #[tokio::test]
    async fn what_is_provisioned_is_there_before_anyone_asks_and_ends_with_a_change() {
        let fixture = fixture(echo).await;
        let spec = Arc::new(fixture.spec.clone());
        assert_eq!(fixture.compute.provisioned(&spec), None);
        fixture.compute.provision(&spec, 3);
        let all = Provisioned { requested: 3, allocated: 3, available: 3, failure: None };
        until(|| fixture.compute.provisioned(&spec).as_ref() == Some(&all)).await;
        let outcome = fixture.invoke("1").await;
        assert_eq!((outcome.init_duration, fixture.launched()), (None, 3));
        fixture.compute.retire(&spec.arn, Some(&spec.version));
        assert_eq!(fixture.compute.provisioned(&spec), None);
        until(|| fixture.compute.figures().environments == 0).await;
        assert_eq!(fixture.launched(), 3);
    }

    #[tokio::test]
    async fn what_is_provisioned_no_more_ends_and_nobody_else_does() {
        let fixture = fixture(echo).await;
        let spec = Arc::new(fixture.spec.clone());
        assert!(fixture.invoke("1").await.init_duration.is_some());
        fixture.compute.provision(&spec, 4);
        let available = |count| fixture.compute.provisioned(&spec).is_some_and(|met| met.available == count);
        until(|| available(4)).await;
        // One that was there before is none of them: it came up on demand, and says so.
        assert_eq!(fixture.launched(), 5);
        fixture.compute.provision(&spec, 1);
        until(|| fixture.compute.figures().environments == 2).await;
        fixture.compute.provision(&spec, 0);
        until(|| fixture.compute.figures().environments == 1).await;
        let outcome = fixture.invoke("2").await;
        assert_eq!((outcome.init_duration, fixture.launched()), (None, 5));
    }

    #[tokio::test]
    async fn what_is_provisioned_is_used_before_what_is_not() {
        let fixture = fixture(its_number_later).await;
        let spec = Arc::new(fixture.spec.clone());
        let on_demand = fixture.invoke("0").await.payload;
        fixture.compute.provision(&spec, 2);
        until(|| fixture.compute.provisioned(&spec).is_some_and(|met| met.available == 2)).await;
        // The one on demand is the last to be given back.
        let (one, kept, other) =
            tokio::join!(fixture.invoke("100"), fixture.invoke("200"), fixture.invoke("300"));
        assert_eq!(other.payload, on_demand);
        assert!(kept.payload != on_demand && one.payload != on_demand);
        for _ in 0..3 {
            assert_eq!(fixture.invoke("0").await.payload, kept.payload);
        }
        assert_eq!(fixture.launched(), 3);
    }

    #[tokio::test]
    async fn what_is_provisioned_no_more_ends_after_its_invocation() {
        let fixture = fixture(|mut runtime: Runtime| async move {
            let (id, payload) = runtime.next().await;
            tokio::time::sleep(Duration::from_millis(150)).await;
            runtime.respond(&id, &payload).await;
            std::future::pending().await
        })
        .await;
        let spec = Arc::new(fixture.spec.clone());
        fixture.compute.provision(&spec, 1);
        until(|| fixture.compute.provisioned(&spec).is_some_and(|met| met.available == 1)).await;
        let (outcome, ()) = tokio::join!(fixture.invoke("1"), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            fixture.compute.provision(&spec, 0);
        });
        assert_eq!((outcome.is_function_error, fixture.launched()), (false, 1));
        until(|| fixture.compute.figures().environments == 0).await;
    }

    #[tokio::test]
    async fn what_ends_is_replaced_and_what_is_kept_makes_no_room() {
        let limits = HostLimits { environments_max: 2, ..HostLimits::default() };
        let fixture = fixture_with(limits, echo_until_told).await;
        let spec = Arc::new(fixture.spec.clone());
        let available =
            || fixture.compute.provisioned(&spec).is_some_and(|provisioned| provisioned.available == 2);
        fixture.compute.provision(&spec, 2);
        until(available).await;
        assert!(fixture.invoke("\"die\"").await.is_function_error);
        until(available).await;
        assert_eq!(fixture.launched(), 3);
        let other = Arc::new(FunctionSpec { revision: "other".into(), ..fixture.spec.clone() });
        let refused = fixture.compute.invoke(&other, request("1")).await;
        assert!(matches!(refused, Err(InvokeError::Throttled(Throttled::Machine))), "{refused:?}");
        fixture.compute.provision(&spec, 0);
        assert_eq!(fixture.compute.provisioned(&spec), None);
        assert!(fixture.compute.invoke(&other, request("1")).await.is_ok());
    }

    async fn its_number_later(mut runtime: Runtime) -> Exit {
        loop {
            let (id, millis) = runtime.next().await;
            tokio::time::sleep(Duration::from_millis(millis.parse().unwrap())).await;
            let serial = runtime.serial;
            runtime.respond(&id, &serial.to_string()).await;
        }
    }

    async fn echo_until_told(mut runtime: Runtime) -> Exit {
        loop {
            let (id, payload) = runtime.next().await;
            if payload == "\"die\"" {
                return exit(1);
            }
            runtime.respond(&id, &payload).await;
        }
    }

    async fn until(holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !holds() {
            assert!(Instant::now() < deadline, "it never came true");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
