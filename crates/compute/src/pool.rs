//! All environments of this machine, and the way to invoke a function in one of them.
//!
//! An environment is reused only for the same revision of the same version of the same function. It knows no alias,
//! no permission and no queue.

mod admission;
mod beginning;
mod early;
mod ending;
#[cfg(test)]
mod extension_tests;
#[cfg(test)]
mod fairness_tests;
mod host;
mod idle;
#[cfg(test)]
mod init_tests;
mod invoke;
mod parked;
mod persevering;
mod provision;
mod room;
mod shares;
#[cfg(test)]
mod shutdown_tests;
mod starts;
mod streaming;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::{AccountId, Clock};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

pub use host::HostLimits;
pub use provision::Provisioned;
pub use shares::Room;

pub(crate) use host::HostShare;

use self::admission::Admission;
use self::early::EarlyAnswer;
use self::host::Host;
use self::idle::Idle;
use self::parked::ParkedPool;
use self::persevering::Persevering;
use self::provision::Provisions;
use self::starts::Starts;
use crate::contract::{AwsDoor, CredentialSource, Launcher, LogSink, StandIn};
use crate::environment::{Environment, ShutdownReason};
use crate::function::{FunctionKey, InvokeError, InvokeOutcome, InvokeRequest, SharedSpec};
use crate::limits::SHUTDOWN_TIME_EXTERNAL;
use crate::logs::LogQueue;
use crate::package::{AccountCode, CodeStore};

/// How long the last output of an environment that is being ended is waited for.
const LAST_OUTPUT_PATIENCE: Duration = Duration::from_millis(500);
/// How long the delivery of the last output is waited for.
const LAST_OUTPUT_TIME_MAX: Duration = Duration::from_secs(2);

/// What compute is made of.
pub struct ComputeOptions {
    /// Starts processes.
    pub launcher: Arc<dyn Launcher>,
    /// Holds the code.
    pub code: CodeStore,
    /// Gives roles' credentials.
    pub credentials: Arc<dyn CredentialSource>,
    /// Takes output.
    pub logs: Arc<dyn LogSink>,
    /// Serves the AWS API inside.
    pub door: AwsDoor,
    /// Serves what functions want of the outside; nothing is reached where it is `None`.
    pub egress: Option<AwsDoor>,
    /// Tells the time.
    pub clock: Clock,
    /// Bounds this machine.
    pub limits: HostLimits,
}

/// Runs functions. Cheap to clone.
#[derive(Clone)]
pub struct Compute(Arc<Pool>);

struct Pool {
    launcher: Arc<dyn Launcher>,
    code: CodeStore,
    credentials: Arc<dyn CredentialSource>,
    logs: LogQueue,
    door: AwsDoor,
    egress: Option<AwsDoor>,
    clock: Clock,
    host: Arc<Host>,
    admission: Arc<Admission>,
    idle: Mutex<Idle>,
    parked: ParkedPool,
    provisions: Provisions,
    starts: Arc<Starts>,
    stopping: AtomicBool,
    /// Held once by each environment that takes its time to end.
    closing: Arc<()>,
    /// Wakes the sweep where it sleeps because there is nothing to freeze.
    sweep_sleeps: AtomicBool,
    wake_sweep: Notify,
}

/// Figures of this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComputeFigures {
    /// Environments of functions, idle ones included.
    pub environments: usize,
    /// Environments that were started ahead and wait for a function.
    pub parked: usize,
    /// Environments without an invocation.
    pub idle: usize,
    /// Invocations in progress.
    pub executions: u32,
    /// Log events that were dropped or refused since the start.
    pub log_events_dropped: u64,
}

impl Compute {
    /// Starts compute on the current tokio runtime.
    pub fn start(options: ComputeOptions) -> Self {
        let pool = Arc::new(Pool {
            launcher: options.launcher,
            code: options.code,
            credentials: options.credentials,
            logs: LogQueue::start(options.logs),
            door: options.door,
            egress: options.egress,
            clock: options.clock,
            host: Arc::new(Host::new(options.limits)),
            admission: Arc::default(),
            idle: Mutex::default(),
            parked: ParkedPool::default(),
            provisions: Provisions::default(),
            starts: Arc::default(),
            stopping: AtomicBool::new(false),
            closing: Arc::new(()),
            sweep_sleeps: AtomicBool::new(false),
            wake_sweep: Notify::new(),
        });
        tokio::spawn(sweep::sweep(Arc::downgrade(&pool)));
        tokio::spawn(parked::refill(Arc::downgrade(&pool)));
        tokio::spawn(provision::keep(Arc::downgrade(&pool)));
        Self(pool)
    }

    /// The code packages of all accounts.
    pub fn code(&self) -> &CodeStore {
        &self.0.code
    }

    /// The code packages of this account.
    pub fn code_of(&self, account: AccountId) -> AccountCode {
        self.0.code.of(account)
    }

    /// Whether functions of this runtime can be run on this machine.
    pub fn supports(&self, runtime: &str) -> bool {
        self.0.launcher.supports(runtime)
    }

    /// The runtimes of functions that can be run on this machine.
    pub fn runtimes(&self) -> Vec<String> {
        self.0.launcher.runtimes()
    }

    /// What functions of this runtime run on, where that is not the version that its name says.
    pub fn stand_in(&self, runtime: &str) -> Option<StandIn> {
        self.0.launcher.stand_in(runtime)
    }

    /// Whether functions of this runtime run on this machine whatever machine they were written for.
    pub fn is_portable(&self, runtime: &str) -> bool {
        self.0.launcher.is_portable(runtime)
    }

    /// Says that a function exists now: what it can be given is started ahead of its first invocation.
    pub fn expect(&self, runtime: &str, memory_mib: u32, tmp_mib: u32) {
        if let Some(class) = self.0.launcher.parking(runtime, memory_mib, tmp_mib) {
            self.0.parked.expect(&class);
        }
    }

    /// The bounds of this machine.
    pub fn limits(&self) -> HostLimits {
        self.0.host.limits
    }

    /// Asks to keep this much of the machine free for a function. It counts until [`Compute::keep_free`] says what came of it; false
    /// where the machine cannot promise it beside what it has promised: an account has at most half of what other accounts leave.
    pub fn ask_to_keep_free(&self, account: AccountId, function_arn: &str, room: Room) -> bool {
        self.0.host.ask(account, function_arn, room)
    }

    /// Says that a function exists and how much of the machine is kept free for it from now on; or, with `None`, that it is gone.
    /// Accounts that have functions have a share of the machine, whatever others do.
    pub fn keep_free(&self, account: AccountId, function_arn: &str, room: Option<Room>) {
        self.0.host.keep(account, function_arn, room);
        // The sweep ends what is idle where this is due: whoever calls may be on a thread that must not wait for that.
        if self.0.host.is_overpromised() {
            self.0.wake_sweep.notify_one();
        }
    }

    /// Keeps so many environments of this version ready from now on; none ends it. A change of the function ends it too. What is
    /// kept ready beyond that ends: at once, or after its invocation.
    pub fn provision(&self, spec: &SharedSpec, count: u32) {
        self.0.provisions.set(spec, count);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let ended = self.0.idle.lock().retire_beyond(&FunctionKey::of(spec), count);
        ended.into_iter().for_each(|environment| self.0.discard(environment));
    }

    /// What is kept ready for this version; `None` where nothing was asked for.
    pub fn provisioned(&self, spec: &SharedSpec) -> Option<Provisioned> {
        self.0.provisioned(spec)
    }

    /// Runs a function once. An invocation that has begun goes on to its end even where the caller goes away.
    ///
    /// # Errors
    /// Where the function was never reached. A failure of the function itself is an outcome.
    pub async fn invoke(
        &self,
        spec: &SharedSpec,
        request: InvokeRequest,
    ) -> Result<InvokeOutcome, InvokeError> {
        if self.0.stopping.load(Ordering::Relaxed) {
            return Err(InvokeError::Stopping);
        }
        let ticket = self.0.admission.admit(spec, request.concurrency).map_err(InvokeError::Throttled)?;
        let pool = Arc::clone(&self.0);
        let spec = Arc::clone(spec);
        // Shared, and let go of after the other end: the end of a channel wakes who waits there, which is this very task, and
        // a task that wakes itself wakes another thread to look after it.
        let (early, answered) = EarlyAnswer::new();
        let early = Arc::new(early);
        let telling = Arc::clone(&early);
        let run = Persevering::new(async move {
            let _ticket = ticket;
            pool.run(&spec, &request, &telling).await
        });
        tokio::select! {
            biased;
            outcome = run => outcome,
            // The rest of the invocation goes on without its caller.
            Ok(outcome) = answered => outcome,
        }
    }

    /// Ends the environments of a function, or of one version of it: idle ones now, others after their invocation.
    pub fn retire(&self, function_arn: &str, version: Option<&str>) {
        let matches = |key: &FunctionKey| key.arn == function_arn && version.is_none_or(|v| key.version == v);
        self.0.provisions.forget(matches);
        let ended = self.0.idle.lock().retire(matches);
        ended.into_iter().for_each(|environment| self.0.discard(environment));
    }

    /// Figures of this moment.
    pub fn figures(&self) -> ComputeFigures {
        ComputeFigures {
            environments: self.0.host.environments(),
            parked: self.0.parked.ready(),
            idle: self.0.idle.lock().count(),
            executions: self.0.admission.executions(),
            log_events_dropped: self.0.logs.dropped(),
        }
    }

    /// Takes no more invocations, waits for those in progress as long as `grace`, ends every environment, and waits
    /// a moment for their last output to be delivered.
    pub async fn stop(&self, grace: Duration) {
        self.0.stopping.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + grace;
        self.0.provisions.forget(|_| true);
        self.0.parked.clear();
        self.0.discard_idle();
        while self.0.admission.executions() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.0.discard_idle();
        self.0.parked.clear();
        let last = Instant::now() + SHUTDOWN_TIME_EXTERNAL + LAST_OUTPUT_PATIENCE;
        while self.0.closing() > 0 && Instant::now() < last {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.0.logs.drain(LAST_OUTPUT_TIME_MAX).await;
    }
}

impl Pool {
    /// Gives an environment back after an invocation that left it usable.
    fn give_back(&self, mut environment: Box<Environment>) {
        environment.idle_since = Instant::now();
        let refused = if self.stopping.load(Ordering::Relaxed) || self.is_beyond_due(&environment) {
            Some(environment)
        } else {
            self.idle.lock().give_back(environment)
        };
        if let Some(environment) = refused {
            self.discard(environment);
        } else if self.sweep_sleeps.swap(false, Ordering::Relaxed) {
            self.wake_sweep.notify_one();
        }
    }

    /// Ends an environment and hands on what it had written: at once, or in the background where extensions get time.
    fn discard(&self, mut environment: Box<Environment>) {
        self.idle.lock().forget(&environment.placement.log.environment_id);
        if environment.shutdown_time.is_zero() {
            environment.kill();
            environment.hand_on_all();
            return;
        }
        let closing = Arc::clone(&self.closing);
        tokio::spawn(async move {
            environment.shut_down(ShutdownReason::Spindown, LAST_OUTPUT_PATIENCE).await;
            environment.hand_on();
            drop((environment, closing));
        });
    }

    /// Environments that take their time to end.
    fn closing(&self) -> usize {
        Arc::strong_count(&self.closing).saturating_sub(1)
    }

    fn discard_idle(&self) {
        let all = self.idle.lock().retire(|_| true);
        all.into_iter().for_each(|environment| self.discard(environment));
    }
}
