//! Fuzz target: hands whatever bytes there are to `crypto::fuzz::fuzz_certificate`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| crypto::fuzz::fuzz_certificate(data));
