//! Fuzz target: hands whatever bytes there are to `gateway::fuzz::fuzz_mock_status`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| gateway::fuzz::fuzz_mock_status(data));
