//! One-time codes of virtual second factors (RFC 6238: HMAC-SHA-1, six digits, thirty seconds).
//!
//! A code is good once: what was accepted, and everything before it, is used up. The device's clock may go wrong by
//! one step either way and is followed as it drifts. Nothing here stores or limits attempts; [`crate::directory`] does.

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a code is good, in seconds.
pub const STEP_SECS: i64 = 30;
/// How many steps a device's clock may be off what it was last seen to be.
const WINDOW_STEPS: i64 = 1;
/// How many steps it may be off when it is enabled or resynchronised with two codes: an hour.
const RESYNC_STEPS: i64 = 120;
const DIGITS: usize = 6;

/// How a device's clock goes, and which of its codes are used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The device's clock against ours, in steps.
    #[serde(rename = "d", default)]
    pub drift: i64,
    /// The newest step whose code was accepted.
    #[serde(rename = "l", default)]
    pub last: i64,
}

/// The code of one step.
fn code(key: &[u8], step: i64) -> String {
    let hash = crypto::hmac_sha1(key, &step.to_be_bytes());
    // RFC 4226, section 5.3: the last four bits say where the 31 bits of the number begin.
    let at = usize::from(hash.last().copied().unwrap_or_default() & 0xf);
    let word = hash.iter().skip(at).take(4).fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
    format!("{:0DIGITS$}", (word & 0x7fff_ffff) % 1_000_000)
}

fn step_of(now: Timestamp) -> i64 {
    now.secs().div_euclid(STEP_SECS)
}

/// The bytes of a seed in base32, without padding.
fn key_of(seed: &str) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(seed.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in seed.bytes() {
        let digit = match byte.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5) | u32::from(digit);
        held += 5;
        if held >= 8 {
            held -= 8;
            key.push(u8::try_from((bits >> held) & 0xff).unwrap_or_default());
        }
    }
    (!key.is_empty()).then_some(key)
}

// SECURITY: in a time that does not depend on how much of the code is right.
fn is_code(key: &[u8], step: i64, given: &str) -> bool {
    crypto::constant_time_eq(code(key, step).as_bytes(), given.as_bytes())
}

/// The device's progress after this code; `None` where the code is wrong, too old, or used up.
#[must_use]
pub fn accept(seed: &str, given: &str, progress: Progress, now: Timestamp) -> Option<Progress> {
    let key = key_of(seed)?;
    let expected = step_of(now) + progress.drift;
    // SECURITY: every step is tried, so that the time taken does not tell which one fitted.
    let mut found = None;
    for step in expected - WINDOW_STEPS..=expected + WINDOW_STEPS {
        if is_code(&key, step, given) && step > progress.last {
            found = Some(step);
        }
    }
    found.map(|step| Progress { drift: step - step_of(now), last: step })
}

/// The device's progress after two codes that follow each other; `None` where they do not, or are not of this device.
#[must_use]
pub fn pair(seed: &str, first: &str, second: &str, last: i64, now: Timestamp) -> Option<Progress> {
    let key = key_of(seed)?;
    let middle = step_of(now);
    let mut found = None;
    for step in middle - RESYNC_STEPS..=middle + RESYNC_STEPS {
        if is_code(&key, step, first) && is_code(&key, step + 1, second) && step > last {
            found = Some(Progress { drift: step + 1 - middle, last: step + 1 });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: `12345678901234567890` in base32.
    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn the_standards_vectors_hold() {
        let key = key_of(SEED).unwrap();
        assert_eq!(key, b"12345678901234567890");
        // The standard's eight digits, cut to the last six.
        for (secs, expected) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(code(&key, step_of(Timestamp::from_secs(secs))), expected, "{secs}");
        }
        for seed in ["", "1", "A!"] {
            assert_eq!(key_of(seed), None, "{seed}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_for_its_time() {
        let now = Timestamp::from_secs(1_000_000);
        let key = key_of(SEED).unwrap();
        let at = |steps: i64| code(&key, step_of(now) + steps);
        let fresh = Progress::default();
        let after = accept(SEED, &at(0), fresh, now).unwrap();
        assert_eq!(after, Progress { drift: 0, last: step_of(now) });
        assert_eq!(accept(SEED, &at(0), after, now), None, "used up");
        assert_eq!(accept(SEED, &at(-1), after, now), None, "older than one that was used");
        assert!(accept(SEED, &at(1), after, now).is_some());
        for steps in [-2, 2] {
            assert_eq!(accept(SEED, &at(steps), fresh, now), None, "{steps} steps away");
        }
        for given in ["", "00000", "0000000", "abcdef"] {
            assert_eq!(accept(SEED, given, fresh, now), None, "{given}");
        }
    }

    #[test]
    fn a_drifting_clock_is_followed() {
        let key = key_of(SEED).unwrap();
        let mut progress = Progress::default();
        // A device that loses a step every time it is used.
        for use_of_it in 0..20 {
            let now = Timestamp::from_secs(1_000_000 + use_of_it * 600);
            let given = code(&key, step_of(now) - use_of_it);
            progress = accept(SEED, &given, progress, now).expect("followed");
        }
        assert_eq!(progress.drift, -19);
    }

    #[test]
    fn two_codes_in_a_row_set_the_clock() {
        let now = Timestamp::from_secs(1_000_000);
        let key = key_of(SEED).unwrap();
        let at = |steps: i64| code(&key, step_of(now) + steps);
        let set = pair(SEED, &at(50), &at(51), 0, now).unwrap();
        assert_eq!(set, Progress { drift: 51, last: step_of(now) + 51 });
        assert_eq!(pair(SEED, &at(50), &at(52), 0, now), None);
        assert_eq!(pair(SEED, &at(51), &at(50), 0, now), None);
        assert_eq!(pair(SEED, &at(50), &at(51), set.last, now), None, "used up");
        assert_eq!(pair(SEED, &at(121), &at(122), 0, now), None, "too far away");
    }
}
