//! Fuzz target: hands whatever bytes there are to `apigateway::fuzz::fuzz_keys_csv`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| apigateway::fuzz::fuzz_keys_csv(data));
