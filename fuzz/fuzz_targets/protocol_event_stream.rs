//! Fuzz target: hands whatever bytes there are to `protocol::fuzz::fuzz_event_stream`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| protocol::fuzz::fuzz_event_stream(data));
