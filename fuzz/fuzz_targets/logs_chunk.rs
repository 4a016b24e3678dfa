//! Fuzz target: hands whatever bytes there are to `logs::fuzz::fuzz_chunk`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| logs::fuzz::fuzz_chunk(data));
