//! Fuzz target: hands whatever bytes there are to `accessanalyzer::fuzz::fuzz_names`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| accessanalyzer::fuzz::fuzz_names(data));
