//! Fuzz target: hands whatever bytes there are to `dynamodb::fuzz::fuzz_partiql`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| dynamodb::fuzz::fuzz_partiql(data));
