//! Fuzz target: hands whatever bytes there are to `lambda::fuzz::fuzz_event_pattern`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| lambda::fuzz::fuzz_event_pattern(data));
