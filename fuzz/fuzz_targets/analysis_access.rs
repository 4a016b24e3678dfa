//! Fuzz target: hands whatever bytes there are to `analysis::fuzz::fuzz_access`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| analysis::fuzz::fuzz_access(data));
