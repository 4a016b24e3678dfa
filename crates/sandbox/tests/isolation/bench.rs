//! How long a sandbox takes, printed for whoever asks with `--nocapture`; no promise is made here.

use std::time::Instant;

use crate::support::{host, spec};

#[test]
fn fifty_launches_one_after_another() {
    let start = Instant::now();
    let host = host();
    println!("spawner: {} ms", start.elapsed().as_millis());
    let mut micros: Vec<u128> = Vec::new();
    for _ in 0..50 {
        let spec = spec(&["/usr/bin/true"]);
        let start = Instant::now();
        let environment = host.spawner.launch(&spec).unwrap();
        micros.push(start.elapsed().as_micros());
        environment.wait().unwrap();
    }
    micros.sort_unstable();
    println!("launch: min {} p50 {} max {} µs", micros[0], micros[25], micros[49]);
}
