//! Fuzz target: hands whatever bytes there are to `policy::fuzz::fuzz_request`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    policy::fuzz::fuzz_request(data);
});
