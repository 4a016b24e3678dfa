//! Fuzz target: hands whatever bytes there are to `lambda::fuzz::fuzz_function_name`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| lambda::fuzz::fuzz_function_name(data));
