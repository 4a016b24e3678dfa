//! Fuzz target: hands whatever bytes there are to `store::fuzz::fuzz_key`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| store::fuzz::fuzz_key(data));
