//! The memory of one environment: what it may have, what it has, what it had at most, and its end where that is too much.
//!
//! SECURITY: only what stands in `/tmp`, by that file system's own count, is left out, and it is left out of shared memory alone: a
//! memory file, a segment or memory that was written out counts as the function's.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rustix::fs::fstatvfs;
use rustix::process::{Signal, pidfd_send_signal};

use crate::cgroup::{MemoryKinds, MemoryMeter};

const MIB: u64 = 1_024 * 1_024;
/// Of `looks_left`: for as long as it runs.
const RUNS: u8 = u8::MAX;
/// It takes a moment until all of an environment stands still.
const LOOKS_AFTER_FREEZING: u8 = 3;
/// How often the kernel is asked to give back what nobody needs, at most: it takes a while.
const RECLAIM_PAUSE: Duration = Duration::from_millis(250);

/// The processes of an environment as a whole, and why they ended.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) pidfd: OwnedFd,
    was_out_of_memory: AtomicBool,
}

impl Body {
    pub(crate) const fn new(pidfd: OwnedFd) -> Self {
        Self { pidfd, was_out_of_memory: AtomicBool::new(false) }
    }

    /// Kills every process inside.
    pub(crate) fn kill(&self) {
        // The one failure is that it is gone already. What version 2 has frozen still dies.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// The same, and says why.
    pub(crate) fn end_out_of_memory(&self) {
        self.was_out_of_memory.store(true, Ordering::Release);
        self.kill();
    }

    pub(crate) fn was_out_of_memory(&self) -> bool {
        self.was_out_of_memory.load(Ordering::Acquire)
    }
}

/// What is known of an environment's memory.
pub(crate) struct Account {
    meter: MemoryMeter,
    /// The mount of its `/tmp`.
    tmp: OwnedFd,
    pub(crate) body: Arc<Body>,
    /// Whoever looks.
    watcher: Thread,
    memory_mib: AtomicU32,
    /// How often it is looked at again.
    looks_left: AtomicU8,
    own_peak: AtomicU64,
    tmp_peak: AtomicU64,
    beyond: AtomicU64,
    reclaim: Mutex<Reclaim>,
}

/// Where the kernel is with giving back what it keeps for an environment.
#[derive(Clone, Copy, Debug, Default)]
enum Reclaim {
    #[default]
    Never,
    /// So many bytes are to be had.
    Wanted(u64),
    /// Somebody has it in hand.
    Underway,
    Ended(Instant),
}

/// What one look found.
#[derive(Clone, Copy, Debug)]
struct Sight {
    used: u64,
    tmp: u64,
}

impl Account {
    /// Of an environment that runs its function from now on, or is yet to be assigned one.
    pub(crate) fn new(
        meter: MemoryMeter,
        tmp: OwnedFd,
        body: Arc<Body>,
        watcher: Thread,
        memory_mib: u32,
        awaits_assignment: bool,
    ) -> Self {
        Self {
            meter,
            tmp,
            body,
            watcher,
            memory_mib: memory_mib.into(),
            looks_left: AtomicU8::new(if awaits_assignment { 0 } else { RUNS }),
            own_peak: AtomicU64::new(0),
            tmp_peak: AtomicU64::new(0),
            beyond: AtomicU64::new(0),
            reclaim: Mutex::default(),
        }
    }

    /// It has its function, and this much memory, from now on.
    pub(crate) fn assigned(&self, memory_mib: u32) {
        self.memory_mib.store(memory_mib, Ordering::Relaxed);
        self.runs();
    }

    /// It may use memory from now on.
    pub(crate) fn runs(&self) {
        self.looks_left.store(RUNS, Ordering::Release);
        self.watcher.unpark();
    }

    /// It uses no more memory than it has by now, or soon.
    pub(crate) fn stands_still(&self) {
        self.looks_left.store(LOOKS_AFTER_FREEZING, Ordering::Release);
    }

    /// What it uses beyond its memory that nobody can have back, as of the last look.
    pub(super) fn beyond_bytes(&self) -> u64 {
        if self.body.was_out_of_memory() { 0 } else { self.beyond.load(Ordering::Relaxed) }
    }

    /// Whether nobody waits for what it does.
    pub(super) fn is_still(&self) -> bool {
        self.looks_left.load(Ordering::Relaxed) != RUNS
    }

    /// The most that it had, `/tmp` left out, given the most that the kernel saw with it. Exact where `/tmp` was empty; where the two
    /// were at their highest at different times, what was seen, or what must have been.
    pub(crate) fn peak_bytes(&self, with_tmp: u64) -> u64 {
        // Where it cannot be read any more, what was seen so far stands.
        drop(self.see());
        let own = with_tmp.saturating_sub(self.tmp_peak.load(Ordering::Relaxed));
        own.max(self.own_peak.load(Ordering::Relaxed)).min(self.memory_bytes())
    }

    /// Looks, unless it stands still; ends it where it has more than its memory. `false` where there was nothing to look at.
    pub(super) fn look(&self) -> bool {
        let left = self.looks_left.load(Ordering::Acquire);
        if left == 0 || self.body.was_out_of_memory() {
            return false;
        }
        if left != RUNS {
            let (was, is) = (Ordering::AcqRel, Ordering::Relaxed);
            // It may run again by now.
            let _ = self.looks_left.compare_exchange(left, left.saturating_sub(1), was, is);
        }
        match self.is_over() {
            Ok(false) => {}
            Ok(true) => self.body.end_out_of_memory(),
            Err(error) => {
                // SECURITY: what cannot be looked at must not go on. Most are gone already.
                tracing::debug!(%error, "the memory of an environment cannot be read any more");
                self.looks_left.store(0, Ordering::Release);
                self.body.kill();
            }
        }
        true
    }

    fn memory_bytes(&self) -> u64 {
        u64::from(self.memory_mib.load(Ordering::Relaxed)) * MIB
    }

    fn see(&self) -> io::Result<Sight> {
        let sight = Sight { used: self.meter.used_bytes()?, tmp: self.tmp_bytes()? };
        self.tmp_peak.fetch_max(sight.tmp, Ordering::Relaxed);
        self.own_peak.fetch_max(sight.used.saturating_sub(sight.tmp), Ordering::Relaxed);
        Ok(sight)
    }

    fn tmp_bytes(&self) -> io::Result<u64> {
        let all = fstatvfs(&self.tmp)?;
        Ok(all.f_blocks.saturating_sub(all.f_bfree).saturating_mul(all.f_frsize))
    }

    /// Whether it has more than its memory.
    fn is_over(&self) -> io::Result<bool> {
        match self.judge()? {
            Verdict::Within => Ok(false),
            // Once more: between one number and the next, a file may come or go.
            Verdict::Over => Ok(self.judge()? != Verdict::Within),
            Verdict::OverWithKernels(bytes) => {
                self.want_back(bytes);
                Ok(false)
            }
        }
    }

    fn judge(&self) -> io::Result<Verdict> {
        let (sight, memory) = (self.see()?, self.memory_bytes());
        if sight.used <= memory {
            self.beyond.store(0, Ordering::Relaxed);
            return Ok(Verdict::Within);
        }
        let kinds = self.meter.kinds()?;
        // The higher count before and after is the one that cannot make files look like the function's own memory.
        let tmp = sight.tmp.max(self.tmp_bytes()?);
        self.beyond.store(sight.used.saturating_sub(kinds.cached + memory), Ordering::Relaxed);
        Ok(verdict(sight.used, kinds, tmp, memory))
    }

    fn reclaiming(&self) -> MutexGuard<'_, Reclaim> {
        self.reclaim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn want_back(&self, bytes: u64) {
        let mut reclaim = self.reclaiming();
        let may = match *reclaim {
            Reclaim::Never => true,
            Reclaim::Wanted(_) | Reclaim::Underway => false,
            Reclaim::Ended(at) => at.elapsed() >= RECLAIM_PAUSE,
        };
        if may {
            *reclaim = Reclaim::Wanted(bytes);
        }
    }

    /// What the kernel is to give back of what it keeps for this one, told once: whoever asks calls [`Self::reclaim`] with it.
    pub(super) fn wanted_back(&self) -> Option<u64> {
        let mut reclaim = self.reclaiming();
        let Reclaim::Wanted(bytes) = *reclaim else { return None };
        *reclaim = Reclaim::Underway;
        Some(bytes)
    }

    /// Has the kernel give back what it can; ends this one where it has more than its memory then, too.
    pub(super) fn reclaim(&self, bytes: u64) {
        // An error says that it was not all to be had, which the next number says too.
        drop(self.meter.reclaim(bytes.max(MIB)));
        *self.reclaiming() = Reclaim::Ended(Instant::now());
        // Where it cannot be read, the next look says so.
        if self.judge().is_ok_and(|verdict| verdict != Verdict::Within) {
            self.body.end_out_of_memory();
        }
    }
}

/// What a look comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Within,
    /// Its processes have more than its memory.
    Over,
    /// They have more than it with what the kernel keeps for them: some of that only until somebody wants the room, and the kernel
    /// alone knows how much. With copies of files, which it gives back like the rest, all that it keeps are so many bytes: asked for
    /// less, it could give copies alone, which are none of what is too much.
    OverWithKernels(u64),
}

const fn verdict(used: u64, kinds: MemoryKinds, tmp: u64, memory: u64) -> Verdict {
    let own = kinds.anonymous.saturating_add(kinds.shared.saturating_sub(tmp));
    if own > memory {
        return Verdict::Over;
    }
    if used.saturating_sub(tmp).saturating_sub(kinds.cached) <= memory {
        return Verdict::Within;
    }
    Verdict::OverWithKernels(used.saturating_sub(kinds.anonymous).saturating_sub(kinds.shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_tmp_are_left_out_of_shared_memory_and_of_nothing_else() {
        let kinds = |anonymous, shared, cached| MemoryKinds { anonymous, shared, cached };
        for (used, kinds, tmp, expected) in [
            (500, kinds(90, 400, 0), 400, Verdict::Within),
            (500, kinds(90, 400, 0), 0, Verdict::Over),
            // A memory file beside what stands in `/tmp`.
            (500, kinds(90, 410, 0), 200, Verdict::Over),
            // What of `/tmp` was written out makes no room for anything else.
            (110, kinds(101, 0, 0), 400, Verdict::Over),
            (500, kinds(90, 300, 110), 300, Verdict::Within),
            (130, kinds(90, 0, 20), 0, Verdict::OverWithKernels(40)),
            (530, kinds(90, 400, 20), 400, Verdict::OverWithKernels(40)),
        ] {
            assert_eq!(verdict(used, kinds, tmp, 100), expected, "{used} {kinds:?} {tmp}");
        }
    }
}
