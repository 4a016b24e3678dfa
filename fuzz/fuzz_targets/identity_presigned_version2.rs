//! Fuzz target: hands whatever bytes there are to `identity::fuzz::fuzz_presigned_version2`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| identity::fuzz::fuzz_presigned_version2(data));
