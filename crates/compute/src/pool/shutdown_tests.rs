//! Ends of environments whose extensions get time, with functions that are tasks of the test.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::beginning::Beginning;
use super::invoke::Initialization;
use super::tests::{Fixture, echo, fixture, fixture_with};
use crate::contract::Exit;
use crate::function::{FunctionKey, FunctionSpec};
use crate::limits::{RUNTIME_SHUTDOWN_TIME, SHUTDOWN_TIME_EXTERNAL, SHUTDOWN_TIME_INTERNAL};
use crate::pool::HostLimits;
use crate::testing::request;
use crate::testkit::{Runtime, exit};

/// For a machine that is busy with something else; less than what tells the cases apart.
const SLACK: Duration = Duration::from_secs(1);

/// One idle environment whose end may take `time`.
async fn idle(fixture: &Fixture, time: Duration) {
    let pool = &fixture.compute.0;
    let spec = Arc::new(fixture.spec.clone());
    let key = Arc::new(FunctionKey::of(&spec));
    let beginning = Beginning::of(&pool.idle, &key, Initialization::OnDemand);
    let mut environment = pool.start(&spec, &beginning).await.unwrap();
    environment.initialise(Duration::from_secs(5)).await.unwrap();
    environment.shutdown_time = time;
    pool.give_back(environment);
}

/// Says that it was asked to end, and goes so many milliseconds later.
async fn leave_after(mut runtime: Runtime, millis: u64) -> Exit {
    let asked = runtime.asked_to_end();
    tokio::select! {
        _ = runtime.next() => std::future::pending::<()>().await,
        () = asked => {}
    }
    runtime.print("asked");
    tokio::time::sleep(Duration::from_millis(millis)).await;
    runtime.print("leaving");
    exit(0)
}

async fn gone(fixture: &Fixture) -> Duration {
    let begin = Instant::now();
    while fixture.compute.figures().environments > 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "it never went");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begin.elapsed()
}

async fn logged(fixture: &Fixture) -> Vec<String> {
    fixture.compute.stop(Duration::ZERO).await;
    fixture.logged()
}

#[tokio::test]
async fn without_extensions_nothing_is_asked() {
    let fixture = fixture(|runtime| leave_after(runtime, 0)).await;
    idle(&fixture, Duration::ZERO).await;
    fixture.compute.retire(&fixture.spec.arn, None);
    assert!(gone(&fixture).await < SLACK);
    assert_eq!(logged(&fixture).await, [""; 0]);
}

#[tokio::test]
async fn with_extensions_the_runtime_is_asked_and_given_its_time() {
    // (what may be taken, what is taken, what is written, how long it lasts)
    let cases = [
        (SHUTDOWN_TIME_INTERNAL, 50, &["asked", "leaving"][..], Duration::from_millis(50)),
        (SHUTDOWN_TIME_INTERNAL, 60_000, &["asked"][..], SHUTDOWN_TIME_INTERNAL),
        (SHUTDOWN_TIME_EXTERNAL, 50, &["asked", "leaving"][..], Duration::from_millis(50)),
        (SHUTDOWN_TIME_EXTERNAL, 60_000, &["asked"][..], RUNTIME_SHUTDOWN_TIME),
    ];
    for (time, takes, writes, lasts) in cases {
        let fixture = fixture(move |runtime| leave_after(runtime, takes)).await;
        idle(&fixture, time).await;
        fixture.compute.retire(&fixture.spec.arn, None);
        let took = gone(&fixture).await;
        assert!(took >= lasts && took < lasts + SLACK, "{time:?} {takes}: {took:?}");
        assert_eq!(logged(&fixture).await, writes);
    }
}

#[tokio::test]
async fn a_stop_waits_for_ends_that_take_their_time() {
    let fixture = fixture(|runtime| leave_after(runtime, 200)).await;
    idle(&fixture, SHUTDOWN_TIME_EXTERNAL).await;
    fixture.compute.stop(Duration::ZERO).await;
    assert_eq!(fixture.compute.figures().environments, 0);
    assert_eq!(fixture.logged(), ["asked", "leaving"]);
}

#[tokio::test]
async fn what_makes_room_is_waited_for_and_not_more_than_that_is_ended() {
    let limits = HostLimits { environments_max: 2, ..HostLimits::default() };
    let fixture = fixture_with(limits, |runtime: Runtime| async move {
        if runtime.serial < 2 { leave_after(runtime, 100).await } else { echo(runtime).await }
    })
    .await;
    idle(&fixture, SHUTDOWN_TIME_EXTERNAL).await;
    idle(&fixture, SHUTDOWN_TIME_EXTERNAL).await;
    let other = Arc::new(FunctionSpec { revision: "other".into(), ..fixture.spec.clone() });
    let outcome = fixture.compute.invoke(&other, request("1")).await.unwrap();
    assert!(!outcome.is_function_error);
    assert_eq!(fixture.compute.figures().environments, 2);
    assert_eq!(fixture.compute.figures().idle, 2);
}

#[tokio::test]
async fn a_time_out_asks_the_runtime_too() {
    let mut fixture = fixture(|mut runtime: Runtime| async move {
        let asked = runtime.asked_to_end();
        drop(runtime.next().await);
        asked.await;
        runtime.print("asked while at work");
        exit(0)
    })
    .await;
    fixture.spec.timeout = Duration::from_millis(100);
    idle(&fixture, SHUTDOWN_TIME_EXTERNAL).await;
    let outcome = fixture.invoke("1").await;
    assert!(String::from_utf8_lossy(&outcome.payload).contains("Sandbox.Timedout"));
    let log = String::from_utf8(outcome.log_tail.unwrap()).unwrap();
    assert!(log.contains("asked while at work\n"), "{log}");
}
