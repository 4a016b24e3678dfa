//! Environments that were started ahead: how many of each kind there are, and who gets them.
//!
//! Their number follows the arrivals of the last seconds. They are started one at a time, when no invocation waits for a
//! start, and none of them is ever given out twice. Where an invocation lacks room, what waits ends, and so does what comes up.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Pool;
use crate::contract::{ParkOrder, ParkingClass};
use crate::environment::{Parked, binds_at_exec, parked_variables};
use crate::function::FunctionSpec;
use crate::limits::{INIT_TIME_MAX, PARKED_AGE_MAX, PARKED_CLASS_MAX, PARKED_INTEREST, PARKED_MAX};

/// How long arrivals count.
const MEMORY_SECS: f64 = 10.0;
/// How often it looks whether something is too old.
const LONG_PAUSE: Duration = Duration::from_secs(5);
/// How long a start ahead waits for invocations that start environments, at most.
const YIELD_MAX: Duration = Duration::from_millis(20);
/// How long nothing of a kind is started after a failure.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

/// Environments without a function.
#[derive(Default)]
pub(super) struct ParkedPool {
    classes: Mutex<HashMap<ParkingClass, Class>>,
    wake: Notify,
    /// Whether one that comes up has room of the machine, or is about to.
    is_rising: AtomicBool,
    give_up: Notify,
}

struct Class {
    ready: Vec<Parked>,
    starting: usize,
    /// Arrivals, each of which counts less as it grows old.
    arrivals: f64,
    last: Instant,
    not_before: Instant,
}

impl Class {
    fn new(now: Instant) -> Self {
        Self { ready: Vec::new(), starting: 0, arrivals: 0.0, last: now, not_before: now }
    }

    fn arrived(&mut self, now: Instant, count: f64) {
        self.arrivals = self.faded(now) + count;
        self.last = now;
    }

    fn faded(&self, now: Instant) -> f64 {
        self.arrivals * (-now.saturating_duration_since(self.last).as_secs_f64() / MEMORY_SECS).exp()
    }

    /// One, and as many as arrive in a second.
    fn target(&self, now: Instant) -> usize {
        if now.saturating_duration_since(self.last) >= PARKED_INTEREST {
            return 0;
        }
        let a_second = (self.faded(now) / MEMORY_SECS).ceil().clamp(0.0, 1_000.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let a_second = a_second as usize;
        (1 + a_second).min(PARKED_CLASS_MAX)
    }
}

impl ParkedPool {
    /// Notes that such environments will be wanted.
    pub(super) fn expect(&self, class: &ParkingClass) {
        let now = Instant::now();
        self.classes.lock().entry(class.clone()).or_insert_with(|| Class::new(now)).arrived(now, 0.0);
        self.wake.notify_one();
    }

    /// One that waits, and notes the arrival either way.
    pub(super) fn take(&self, class: &ParkingClass) -> Option<Parked> {
        let now = Instant::now();
        let mut classes = self.classes.lock();
        let entry = classes.entry(class.clone()).or_insert_with(|| Class::new(now));
        entry.arrived(now, 1.0);
        self.wake.notify_one();
        loop {
            let mut parked = entry.ready.pop()?;
            if parked.is_waiting() {
                return Some(parked);
            }
            parked.end();
        }
    }

    /// Gives up one, to make room. False where there is none.
    pub(super) fn evict_one(&self) -> bool {
        let mut classes = self.classes.lock();
        let evicted = classes.values_mut().find_map(|class| class.ready.pop());
        evicted.map(Parked::end).is_some()
    }

    /// Whether one comes up that has room of the machine, which is there for others soon after [`ParkedPool::give_up_start`].
    pub(super) fn is_rising(&self) -> bool {
        self.is_rising.load(Ordering::SeqCst)
    }

    /// Gives up the one that comes up, to make room; where it is only just being started, whoever wants that asks again.
    pub(super) fn give_up_start(&self) {
        self.give_up.notify_waiters();
    }

    pub(super) fn clear(&self) {
        let classes = std::mem::take(&mut *self.classes.lock());
        classes.into_values().flat_map(|class| class.ready).for_each(Parked::end);
    }

    /// Those that wait.
    pub(super) fn ready(&self) -> usize {
        self.classes.lock().values().map(|class| class.ready.len()).sum()
    }

    /// The kind that lacks most, counted as starting from now on.
    fn begin_start(&self) -> Option<ParkingClass> {
        let now = Instant::now();
        let mut classes = self.classes.lock();
        let all: usize = classes.values().map(|class| class.ready.len() + class.starting).sum();
        if all >= PARKED_MAX {
            return None;
        }
        let lacking = |class: &Class| class.target(now).saturating_sub(class.ready.len() + class.starting);
        let wanting = classes.iter_mut().filter(|(_, class)| class.not_before <= now);
        let (name, class) =
            wanting.max_by_key(|(_, class)| lacking(class)).filter(|(_, c)| lacking(c) > 0)?;
        class.starting += 1;
        Some(name.clone())
    }

    fn end_start(&self, name: &ParkingClass, parked: Option<Parked>) {
        let now = Instant::now();
        let mut classes = self.classes.lock();
        let Some(class) = classes.get_mut(name) else {
            // Everything was given up meanwhile.
            parked.into_iter().for_each(Parked::end);
            return;
        };
        class.starting = class.starting.saturating_sub(1);
        match parked {
            Some(parked) => class.ready.push(parked),
            None => class.not_before = now + FAILURE_PAUSE,
        }
    }

    /// Ends those that are too many, too old or gone; forgets kinds that nobody wants.
    fn trim(&self) {
        let now = Instant::now();
        let mut ended = Vec::new();
        self.classes.lock().retain(|_, class| {
            let is_of_use = |parked: &mut Parked| {
                now.saturating_duration_since(parked.since) < PARKED_AGE_MAX && parked.is_waiting()
            };
            ended.extend(class.ready.extract_if(.., |parked| !is_of_use(parked)));
            let target = class.target(now);
            let surplus = class.ready.len().saturating_sub(target.max(1));
            ended.extend(class.ready.drain(..if target == 0 { class.ready.len() } else { surplus }));
            target > 0 || class.starting > 0
        });
        ended.into_iter().for_each(Parked::end);
    }
}

/// Keeps the pool at its size for as long as there is one.
pub(super) async fn refill(pool: Weak<Pool>) {
    loop {
        let Some(alive) = pool.upgrade() else { return };
        alive.parked.trim();
        let Some(class) = alive.parked.begin_start() else {
            let woken = tokio::time::timeout(LONG_PAUSE, alive.parked.wake.notified());
            let _ = woken.await;
            continue;
        };
        let parked = alive.park(&class).await;
        alive.parked.end_start(&class, parked);
        // Behind that: by now its room is free, or it is one of those that wait.
        alive.parked.is_rising.store(false, Ordering::SeqCst);
    }
}

impl Pool {
    /// What such a function can be given that was started ahead.
    pub(super) fn parking(&self, spec: &FunctionSpec) -> Option<ParkingClass> {
        // Layers may bring programs that run from the start.
        if !spec.layers.is_empty() {
            return None;
        }
        if spec.variables.iter().any(|(name, _)| binds_at_exec(name)) {
            return self.launcher.parking_empty(&spec.runtime, spec.tmp_mib);
        }
        self.launcher.parking(&spec.runtime, spec.memory_mib, spec.tmp_mib)
    }

    async fn park(self: &Arc<Self>, class: &ParkingClass) -> Option<Parked> {
        let deadline = Instant::now() + YIELD_MAX;
        while !self.starts.is_quiet() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.parked.is_rising.store(true, Ordering::SeqCst);
        let share = self.host.reserve(None, class.memory_mib)?;
        let environment_id = crypto::random::hex(16);
        let order = ParkOrder {
            environment_id: environment_id.clone(),
            class: class.clone(),
            variables: parked_variables(),
        };
        let parked = match self.launcher.park(order).await {
            Ok(launched) if !class.is_booted => {
                Parked::empty(environment_id, launched, share).map_err(|error| error.to_string())
            }
            Ok(launched) => {
                let given_up = self.parked.give_up.notified();
                match Parked::boot(environment_id, launched, share, INIT_TIME_MAX, given_up).await {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => return None,
                    booted => booted.map_err(|error| error.to_string()),
                }
            }
            Err(error) => Err(base::Chain(&error).to_string()),
        };
        parked
            .inspect_err(|error| {
                tracing::warn!(error, runtime = class.runtime, "an environment was not started ahead")
            })
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::sync::Barrier;

    use super::*;
    use crate::BoxFuture;
    use crate::contract::{LaunchError, LaunchOrder, Launched, Launcher};
    use crate::pool::HostLimits;
    use crate::pool::tests::fixture_of;
    use crate::testkit::{Runtime, TaskLauncher};

    /// Starts ahead what never comes up.
    struct Ahead(Arc<TaskLauncher>);

    impl Launcher for Ahead {
        fn supports(&self, runtime: &str) -> bool {
            self.0.supports(runtime)
        }

        fn launch(&self, order: LaunchOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
            self.0.launch(order)
        }

        fn parking(&self, runtime: &str, memory_mib: u32, _tmp_mib: u32) -> Option<ParkingClass> {
            Some(ParkingClass { runtime: runtime.to_owned(), memory_mib, is_booted: true })
        }

        fn park(&self, order: ParkOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
            self.0.launch(LaunchOrder {
                environment_id: order.environment_id,
                runtime: order.class.runtime,
                code_directory: PathBuf::new(),
                layers_directory: None,
                variables: order.variables,
                memory_mib: order.class.memory_mib,
                tmp_mib: 0,
                extensions: Vec::new(),
            })
        }
    }

    #[tokio::test]
    async fn what_comes_up_ahead_makes_room_for_who_lacks_it() {
        let together = Arc::new(Barrier::new(2));
        let launcher = TaskLauncher::new(move |mut runtime: Runtime| {
            let together = Arc::clone(&together);
            async move {
                if runtime.order.code_directory == PathBuf::new() {
                    return std::future::pending().await;
                }
                loop {
                    let (id, _) = runtime.next().await;
                    // Each waits for the other one to run, too.
                    together.wait().await;
                    runtime.respond(&id, "1").await;
                }
            }
        });
        let limits = HostLimits { environments_max: 2, ..HostLimits::default() };
        let outer = Arc::new(Ahead(Arc::clone(&launcher)));
        let fixture = fixture_of(limits, launcher, outer).await;
        fixture.compute.expect(&fixture.spec.runtime, fixture.spec.memory_mib, fixture.spec.tmp_mib);
        while fixture.launched() == 0 {
            tokio::task::yield_now().await;
        }
        let (one, other) = tokio::join!(fixture.invoke("1"), fixture.invoke("2"));
        assert!(!one.is_function_error && !other.is_function_error);
        assert_eq!((fixture.launched(), fixture.compute.figures().environments), (3, 2));
    }

    #[test]
    fn the_number_follows_the_arrivals_and_ends_with_the_interest() {
        let start = Instant::now();
        let mut class = Class::new(start);
        assert_eq!(class.target(start), 1);
        for _ in 0..25 {
            class.arrived(start, 1.0);
        }
        assert_eq!(class.target(start), 4);
        for _ in 0..1_000 {
            class.arrived(start, 1.0);
        }
        assert_eq!(class.target(start), PARKED_CLASS_MAX);
        assert_eq!(class.target(start + Duration::from_secs(120)), 2);
        assert_eq!(class.target(start + PARKED_INTEREST), 0);
    }
}
