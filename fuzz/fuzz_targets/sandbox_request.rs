//! Fuzz target: hands whatever bytes there are to `sandbox::fuzz::fuzz_request`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sandbox::fuzz::fuzz_request(data));
