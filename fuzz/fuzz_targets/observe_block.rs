//! Fuzz target: hands whatever bytes there are to `observe::fuzz::fuzz_block`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| observe::fuzz::fuzz_block(data));
