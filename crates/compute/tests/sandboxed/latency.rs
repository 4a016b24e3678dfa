//! How long a warm invocation takes, for whoever reads the test's output.
//!
//! Time decides nothing here: the figures are the benches'.

use std::time::{Duration, Instant};

use crate::support::{host, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_echoes_meet_one_environment() {
    let host = host().await;
    let spec = host.function("python3.12", &[("app.py", "def handler(e, c):\n    return e\n")]).await;
    let cold = Instant::now();
    host.invoke(&spec, "1").await;
    println!("cold start: {:?}", cold.elapsed());
    let spec = std::sync::Arc::new(spec);
    let mut times: Vec<Duration> = Vec::new();
    for n in 0..2_000 {
        let mut request = crate::support::request(&n.to_string());
        request.wants_log_tail = false;
        let start = Instant::now();
        let outcome = host.compute.invoke(&spec, request).await.unwrap();
        times.push(start.elapsed());
        assert_eq!(text(&outcome), n.to_string());
    }
    times.sort();
    let at = |share: usize| times[times.len() * share / 100];
    println!("warm invocation: p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
    assert_eq!(host.compute.figures().environments, 1);
}
