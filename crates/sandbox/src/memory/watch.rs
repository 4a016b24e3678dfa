//! One thread that looks at the memory of every environment that runs, and at what all of them take beyond their memory.
//!
//! The kernel's own alarm at an amount of memory would have to be set anew with each assignment, which takes it 8 to 16 ms; a look
//! takes a microsecond. Where nothing runs, it sleeps.

use std::cmp::Reverse;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::account::Account;
use crate::sys::run_before_others;

/// Between one look and the next.
const PAUSE: Duration = Duration::from_millis(10);
/// However many environments there are: of a processor's time, looking takes one part in so many.
const PART_OF_TIME: u32 = 50;
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// The thread, for as long as this is held.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

struct Shared {
    accounts: Mutex<Vec<Weak<Account>>>,
    /// Bytes that all environments together may take beyond their memory.
    beyond_max: u64,
    is_over: AtomicBool,
    reclaimer: Sender<(Weak<Account>, u64)>,
}

impl Watch {
    pub(crate) fn start(beyond_max: u64) -> io::Result<Self> {
        let (reclaimer, wanted) = mpsc::channel();
        let shared = Shared { accounts: Mutex::default(), beyond_max, is_over: false.into(), reclaimer };
        let shared = Arc::new(shared);
        // SECURITY: it can take the kernel seconds to give back what a function made it keep; nobody else is left unseen meanwhile.
        std::thread::Builder::new().name("memory-reclaim".to_owned()).spawn(move || reclaim(&wanted))?;
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("memory-watch".to_owned()).spawn(move || own.run())?;
        Ok(Self { shared, thread })
    }

    /// Whom to wake when an environment begins to run.
    pub(crate) fn thread(&self) -> &Thread {
        self.thread.thread()
    }

    /// Looks at this one too from now on, until it is dropped.
    pub(crate) fn add(&self, account: &Arc<Account>) {
        self.shared.accounts().push(Arc::downgrade(account));
        self.thread().unpark();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        self.thread().unpark();
    }
}

impl Shared {
    fn accounts(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Account>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        // SECURITY: however busy functions keep the processors, who takes too much is seen. It takes little time itself.
        if let Err(error) = run_before_others() {
            tracing::debug!(%error, "the memory of environments is looked at when the processors have time");
        }
        while !self.is_over.load(Ordering::Acquire) {
            match pause_after(|| self.look()) {
                Some(pause) => std::thread::sleep(pause),
                None => std::thread::park(),
            }
        }
    }

    /// Looks at each; `false` where nothing runs.
    fn look(&self) -> bool {
        // Nobody who makes an environment waits for the looks.
        let accounts = self.living();
        let seen = accounts.iter().filter(|account| account.look()).count();
        for account in &accounts {
            if let Some(bytes) = account.wanted_back() {
                // It ends when this does.
                let _ = self.reclaimer.send((Arc::downgrade(account), bytes));
            }
        }
        if let Some(account) = one_too_many(&accounts, self.beyond_max) {
            tracing::warn!(
                bytes = account.beyond_bytes(),
                "an environment was ended: together they keep more in /tmp than this machine gives"
            );
            account.body.end_out_of_memory();
        }
        seen > 0
    }

    fn living(&self) -> Vec<Arc<Account>> {
        let mut living = Vec::new();
        self.accounts().retain(|account| {
            let account = account.upgrade();
            let is_alive = account.is_some();
            living.extend(account);
            is_alive
        });
        living
    }
}

/// How long to rest after this look; `None` where nothing runs.
fn pause_after(look: impl FnOnce() -> bool) -> Option<Duration> {
    let before = processor_time();
    let does_run = look();
    // SECURITY: what it took itself. How long it was held up tells how busy functions keep the machine, and who makes it busy would be
    // looked at least.
    let took = processor_time().saturating_sub(before);
    does_run.then(|| took.saturating_mul(PART_OF_TIME).clamp(PAUSE, PAUSE_MAX))
}

/// What the calling thread has had of a processor so far.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Has the kernel give back what is wanted, one after the other: each environment waits at most once.
fn reclaim(wanted: &Receiver<(Weak<Account>, u64)>) {
    for (account, bytes) in wanted {
        if let Some(account) = account.upgrade() {
            account.reclaim(bytes);
        }
    }
}

/// Whom to end where all together take too much: of those that nobody waits for, else of all, the one that takes most.
fn one_too_many(accounts: &[Arc<Account>], beyond_max: u64) -> Option<&Arc<Account>> {
    let all = accounts.iter().fold(0_u64, |all, account| all.saturating_add(account.beyond_bytes()));
    if all <= beyond_max {
        return None;
    }
    let taking = accounts.iter().filter(|account| account.beyond_bytes() > 0);
    taking.min_by_key(|account| (!account.is_still(), Reverse(account.beyond_bytes())))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;

    /// How the thread of this process that has this name is scheduled: the forty-first field of its line in `/proc`.
    fn policy_of(name: &str) -> Option<String> {
        let threads = fs::read_dir("/proc/self/task").unwrap();
        let stat = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("stat")).ok();
        let lines: Vec<_> = threads.filter_map(|entry| stat(entry.unwrap())).collect();
        let line = lines.iter().find(|line| line.contains(&format!("({name})")))?;
        let after_name = line.rsplit_once(')')?.1;
        after_name.split_whitespace().nth(38).map(str::to_owned)
    }

    #[test]
    fn it_rests_as_long_as_its_own_work_asks_however_long_the_machine_held_it_up() {
        let held_up = || {
            std::thread::sleep(Duration::from_millis(50));
            true
        };
        assert_eq!(pause_after(held_up), Some(PAUSE));

        let works = || {
            let before = processor_time();
            while processor_time() - before < Duration::from_millis(1) {}
            true
        };
        let pause = pause_after(works).unwrap();
        assert!(pause >= Duration::from_millis(1) * PART_OF_TIME && pause <= PAUSE_MAX, "{pause:?}");

        assert_eq!(pause_after(|| false), None, "nothing runs");
    }

    #[test]
    fn it_runs_before_whatever_functions_do() {
        let _watch = Watch::start(0).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while policy_of("memory-watch").as_deref() != Some("1") {
            assert!(Instant::now() < deadline, "first in, first out: {:?}", policy_of("memory-watch"));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
