//! Fuzz target: hands whatever bytes there are to `compute::fuzz::fuzz_root_layer`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| compute::fuzz::fuzz_root_layer(data));
