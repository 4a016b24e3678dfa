//! How many requests a stage and its methods admit: one token bucket for each setting.
//!
//! It knows no caller: usage plans and accounts have limits of their own.

use std::sync::atomic::{AtomicI64, Ordering};

use base::Timestamp;

/// AWS's default for an account's APIs: requests a second.
pub const RATE_DEFAULT: f64 = 10_000.0;
/// AWS's default for an account's APIs: requests at once.
pub const BURST_DEFAULT: u32 = 5_000;

/// The generic cell rate algorithm: one number, the moment (µs) at which the bucket will be full again.
#[derive(Debug)]
pub(crate) struct Bucket {
    cost_micros: Option<i64>,
    depth_micros: i64,
    full_at_micros: AtomicI64,
}

impl Bucket {
    /// A full bucket. A rate or burst of zero, or a rate that is no number, admits nothing.
    pub(crate) fn new(rate_per_second: f64, burst: u32) -> Self {
        let usable = rate_per_second.is_finite() && rate_per_second > 0.0 && burst > 0;
        let cost_micros = usable.then(|| ((1_000_000.0 / rate_per_second).min(1e15) as i64).max(1));
        let depth_micros = cost_micros.unwrap_or(0).saturating_mul(i64::from(burst));
        Self { cost_micros, depth_micros, full_at_micros: AtomicI64::new(i64::MIN) }
    }

    /// Takes one token; false where none is left.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let Some(cost) = self.cost_micros else { return false };
        let now_micros = now.millis().saturating_mul(1_000);
        let taken = self.full_at_micros.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            let next = full_at.max(now_micros).saturating_add(cost);
            (next.saturating_sub(now_micros) <= self.depth_micros).then_some(next)
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let bucket = Bucket::new(2.0, 3);
        let start = Timestamp::from_secs(5);
        assert_eq!((0..9).filter(|_| bucket.take(start)).count(), 3);
        assert!(!bucket.take(start.plus_millis(499)));
        assert!(bucket.take(start.plus_millis(500)));
        assert!(!bucket.take(start.plus_millis(500)));
        assert_eq!((0..9).filter(|_| bucket.take(start.plus_secs(60))).count(), 3);
    }

    #[test]
    fn zero_means_nothing_passes() {
        for (rate, burst) in [(0.0, 5), (5.0, 0), (f64::NAN, 5), (f64::INFINITY, 5), (-1.0, 5)] {
            assert!(!Bucket::new(rate, burst).take(Timestamp::from_secs(1)), "{rate} {burst}");
        }
    }
}
