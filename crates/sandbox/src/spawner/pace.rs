//! How soon a spawner that has died is started again.
//!
//! At once the first time; later each time, where it dies often; and not more than a number of times in a minute.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Starts in [`PERIOD`].
const STARTS_MAX: usize = 8;
const PERIOD: Duration = Duration::from_secs(60);
/// Before the second start in a period; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(20);

/// The starts of the last period.
#[derive(Default)]
pub(super) struct Pace(VecDeque<Instant>);

impl Pace {
    /// How long to wait from `now` on before the next start, which counts as done then.
    pub(super) fn next(&mut self, now: Instant) -> Duration {
        while self.0.front().is_some_and(|start| now.saturating_duration_since(*start) >= PERIOD) {
            self.0.pop_front();
        }
        let pause = match (self.0.len(), self.0.front()) {
            (STARTS_MAX.., Some(oldest)) => (*oldest + PERIOD).saturating_duration_since(now),
            (0, _) => Duration::ZERO,
            (starts, _) => PAUSE * (1_u32 << starts.min(STARTS_MAX)) / 2,
        };
        self.0.push_back(now + pause);
        if self.0.len() > STARTS_MAX {
            self.0.pop_front();
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_come_later_each_time_and_end_with_their_number() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        let mut now = begin;
        let pauses: Vec<Duration> = (0..STARTS_MAX)
            .map(|_| {
                let pause = pace.next(now);
                now += pause;
                pause
            })
            .collect();
        assert_eq!(pauses[..3], [0, 20, 40].map(Duration::from_millis));
        assert!(pauses.is_sorted() && now - begin < Duration::from_secs(3), "{pauses:?}");
        // The ninth in a minute.
        now += pace.next(now);
        assert_eq!(now - begin, PERIOD);
        // From then on, no minute has more of them.
        let mut starts = vec![now];
        for _ in 0..40 {
            now += pace.next(now);
            starts.push(now);
        }
        assert!(starts.windows(STARTS_MAX + 1).all(|few| few[STARTS_MAX] - few[0] >= PERIOD));
    }

    #[test]
    fn a_death_after_a_long_life_is_the_first_one_again() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(pace.next(now), Duration::ZERO);
            now += PERIOD;
        }
    }
}
