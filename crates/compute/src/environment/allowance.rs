//! How much one environment may write in a second, and how much more than that it wrote.
//!
//! What is over is dropped and counted, never held back: a function does not wait for its log, and one that writes without
//! end takes no room from the logs of others. It reads no clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{OUTPUT_BURST_BYTES, OUTPUT_BYTES_PER_SECOND};

/// Grows with time up to the burst, shrinks with every line.
pub(super) struct Allowance {
    left: u64,
    since: Instant,
    dropped: Dropped,
}

#[derive(Default)]
struct Dropped {
    lines: u64,
    bytes: u64,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: OUTPUT_BURST_BYTES, since: now, dropped: Dropped::default() }
    }

    /// Whether a line of so many bytes may be kept. One that may not is counted.
    pub(super) fn admits(&mut self, bytes: usize, now: Instant) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.grow(now.saturating_duration_since(self.since));
        self.since = now;
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            return true;
        }
        self.dropped.lines += 1;
        self.dropped.bytes = self.dropped.bytes.saturating_add(bytes);
        false
    }

    fn grow(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let grown = micros.saturating_mul(OUTPUT_BYTES_PER_SECOND) / 1_000_000;
        self.left = self.left.saturating_add(grown).min(OUTPUT_BURST_BYTES);
    }

    /// What was dropped since this was last asked, in words for the function's log.
    pub(super) fn notice(&mut self) -> Option<String> {
        let Dropped { lines, bytes } = std::mem::take(&mut self.dropped);
        (lines > 0).then(|| {
            format!(
                "{lines} lines ({bytes} bytes) were dropped: output is limited to {OUTPUT_BYTES_PER_SECOND} bytes a second"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_what_is_over_is_counted_and_time_makes_room() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let half = usize::try_from(OUTPUT_BURST_BYTES / 2).unwrap();
        assert!(allowance.admits(half, start) && allowance.admits(half, start));
        assert_eq!(allowance.notice(), None);
        assert!(!allowance.admits(10, start) && !allowance.admits(5, start));
        let notice = allowance.notice().unwrap();
        assert!(notice.starts_with("2 lines (15 bytes) were dropped"), "{notice}");
        assert_eq!(allowance.notice(), None);
        let second = usize::try_from(OUTPUT_BYTES_PER_SECOND).unwrap();
        let later = start + Duration::from_secs(1);
        assert!(!allowance.admits(second + 1, later) && allowance.admits(second, later));
        let much_later = start + Duration::from_secs(1_000_000);
        assert!(!allowance.admits(2 * half + 1, much_later) && allowance.admits(2 * half, much_later));
    }
}
