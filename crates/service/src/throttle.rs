//! How many calls a second an account may make of a service: token buckets without locks on the way of a call.
//!
//! Knows nothing of principals or operations; stage and usage-plan limits belong to the gateway.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use base::{AccountId, Timestamp};

/// A sustained rate and the burst above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls a second. Zero means that no call is admitted.
    pub per_second: u32,
    /// Calls that may come at once after a quiet time.
    pub burst: u32,
}

impl Rate {
    /// What every account may do with every service unless the operator says otherwise.
    pub const DEFAULT: Self = Self { per_second: 50_000, burst: 100_000 };
}

/// Buckets by account and service, made on first use.
///
/// Bounded: accounts exist only by an administrator's act, and services are compiled in.
#[derive(Debug)]
pub struct Throttle {
    rate: Rate,
    buckets: ArcSwap<HashMap<(AccountId, &'static str), Arc<Bucket>>>,
}

impl Throttle {
    /// Empty buckets that fill at `rate`.
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: ArcSwap::default() }
    }

    /// Takes one token; false where the account has spent its share.
    pub fn admit(&self, account: AccountId, service: &'static str, now: Timestamp) -> bool {
        let key = (account, service);
        if let Some(bucket) = self.buckets.load().get(&key) {
            return bucket.take(self.rate, now);
        }
        self.buckets.rcu(|buckets| {
            let mut grown = HashMap::clone(buckets);
            grown.entry(key).or_default();
            grown
        });
        self.buckets.load().get(&key).is_some_and(|bucket| bucket.take(self.rate, now))
    }
}

/// The generic cell rate algorithm: one number, the moment (µs) at which the bucket will be full again.
#[derive(Debug, Default)]
struct Bucket {
    full_at_micros: AtomicI64,
}

impl Bucket {
    fn take(&self, rate: Rate, now: Timestamp) -> bool {
        if rate.per_second == 0 || rate.burst == 0 {
            return false;
        }
        let now_micros = now.millis().saturating_mul(1_000);
        let cost = 1_000_000 / i64::from(rate.per_second).min(1_000_000);
        let depth = cost.saturating_mul(i64::from(rate.burst));
        let taken = self.full_at_micros.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            let next = full_at.max(now_micros).saturating_add(cost);
            (next.saturating_sub(now_micros) <= depth).then_some(next)
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let throttle = Throttle::new(Rate { per_second: 10, burst: 3 });
        let one = account("000000000001");
        let start = Timestamp::from_secs(100);
        let admitted = (0..10).filter(|_| throttle.admit(one, "iam", start)).count();
        assert_eq!(admitted, 3);
        assert!(!throttle.admit(one, "iam", start.plus_millis(99)));
        assert!(throttle.admit(one, "iam", start.plus_millis(100)));
        assert!(!throttle.admit(one, "iam", start.plus_millis(100)));
    }

    #[test]
    fn accounts_and_services_do_not_share_buckets() {
        let throttle = Throttle::new(Rate { per_second: 1, burst: 1 });
        let now = Timestamp::from_secs(1);
        assert!(throttle.admit(account("000000000001"), "iam", now));
        assert!(throttle.admit(account("000000000002"), "iam", now));
        assert!(throttle.admit(account("000000000001"), "sts", now));
        assert!(!throttle.admit(account("000000000001"), "iam", now));
    }

    #[test]
    fn a_rate_of_zero_admits_nothing() {
        let throttle = Throttle::new(Rate { per_second: 0, burst: 5 });
        assert!(!throttle.admit(account("000000000001"), "iam", Timestamp::from_secs(1)));
    }
}
