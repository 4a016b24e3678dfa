//! Looks after environments that nobody uses: freezes them, and ends those that are old, broken or out of date, and
//! those that stand where others are due room.
//!
//! Sleeps until an environment becomes idle; then it looks often until all of them are frozen.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use super::Pool;
use crate::environment::Environment;
use crate::limits::{CREDENTIALS_MARGIN, ENVIRONMENT_AGE_MAX, IDLE_BEFORE_FREEZE, IDLE_TIME_MAX};

/// How often it looks while everything is frozen.
const LONG_PAUSE: Duration = Duration::from_secs(5);

pub(super) async fn sweep(pool: Weak<Pool>) {
    let mut all_frozen = true;
    loop {
        if all_frozen {
            let Some(alive) = pool.upgrade() else { return };
            alive.sweep_sleeps.store(true, Ordering::Relaxed);
            let _ = tokio::time::timeout(LONG_PAUSE, alive.wake_sweep.notified()).await;
        } else {
            tokio::time::sleep(IDLE_BEFORE_FREEZE).await;
        }
        let Some(pool) = pool.upgrade() else { return };
        all_frozen = pool.sweep_once();
    }
}

impl Pool {
    /// Looks at every idle environment once; true where all of them are frozen.
    fn sweep_once(&self) -> bool {
        self.free_what_is_due();
        let mut all_frozen = true;
        let mut cx = Context::from_waker(Waker::noop());
        let mut kept = self.provisions.counts();
        let sifted = self.idle.lock().sift(|environment, is_provisioned| {
            let left = kept.get_mut(&*environment.placement.key).filter(|_| is_provisioned);
            let is_provisioned = left.is_some_and(|left| {
                let is_one = *left > 0;
                *left = left.saturating_sub(1);
                is_one
            });
            let keep = self.is_worth_keeping(environment, is_provisioned, &mut cx);
            if keep && environment.is_ready() && environment.idle_since.elapsed() >= IDLE_BEFORE_FREEZE {
                environment.hand_on_all();
                environment.freeze();
            }
            all_frozen &= environment.is_frozen();
            keep
        });
        sifted.into_iter().for_each(|environment| self.discard(environment));
        all_frozen
    }

    fn is_worth_keeping(
        &self,
        environment: &mut Environment,
        is_provisioned: bool,
        cx: &mut Context<'_>,
    ) -> bool {
        let idle = environment.idle_since.elapsed();
        environment.look(cx)
            && (is_provisioned || idle < IDLE_TIME_MAX)
            && environment.made_at.elapsed() < ENVIRONMENT_AGE_MAX
            && (environment.is_ready() || idle < environment.placement.spec.timeout)
            && self.has_fresh_credentials(environment)
    }

    /// Whether its credentials last longer than an invocation can.
    pub(super) fn has_fresh_credentials(&self, environment: &Environment) -> bool {
        let left = environment.placement.credentials_end.millis_since(self.clock.now());
        u128::try_from(left).is_ok_and(|left| left > CREDENTIALS_MARGIN.as_millis())
    }
}
