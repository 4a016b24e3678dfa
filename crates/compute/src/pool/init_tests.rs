//! How environments come up: within which time, on whose time, and what is told of them meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::Provisioned;
use super::invoke::Initialization;
use super::tests::{echo, fixture};
use crate::testkit::{Runtime, exit};

#[test]
fn code_that_is_kept_ready_may_take_longer_to_come_up() {
    let secs = Duration::from_secs;
    for (initialization, timeout, expected) in [
        (Initialization::OnDemand, 3, 10),
        (Initialization::OnDemand, 900, 10),
        (Initialization::Provisioned, 3, 130),
        (Initialization::Provisioned, 130, 130),
        (Initialization::Provisioned, 900, 900),
    ] {
        assert_eq!(initialization.time_max(secs(timeout)), secs(expected), "{initialization:?} {timeout}");
    }
}

/// Comes up at the second attempt, after 300 ms, and takes as many milliseconds for an invocation as it is told.
async fn late(mut runtime: Runtime) -> crate::contract::Exit {
    if runtime.serial == 0 {
        return exit(7);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    loop {
        let (id, payload) = runtime.next().await;
        tokio::time::sleep(Duration::from_millis(payload.parse().unwrap())).await;
        runtime.respond(&id, &payload).await;
    }
}

#[tokio::test]
async fn a_second_attempt_to_come_up_is_on_the_invocations_own_time() {
    let mut all = fixture(late).await;
    all.spec.timeout = Duration::from_secs(5);
    let outcome = all.invoke("1").await;
    assert_eq!((outcome.payload.as_ref(), outcome.init_duration), (b"1".as_slice(), None));
    assert!(outcome.duration >= Duration::from_millis(250), "{:?}", outcome.duration);
    let warm = all.invoke("1").await;
    assert!(warm.duration < outcome.duration, "{:?}", warm.duration);

    let mut short = fixture(late).await;
    short.spec.timeout = Duration::from_millis(1_000);
    let outcome = short.invoke("900").await;
    let payload = String::from_utf8_lossy(&outcome.payload).into_owned();
    assert!(payload.contains("Task timed out after 1.00 seconds"), "{payload}");
    assert_eq!(outcome.duration, short.spec.timeout);
    let log = String::from_utf8(outcome.log_tail.unwrap()).unwrap();
    assert!(log.contains("\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\t"), "{log}");
}

#[tokio::test]
async fn what_is_provisioned_counts_once_it_has_come_up() {
    let (release, released) = tokio::sync::watch::channel(false);
    let fixture = fixture(move |runtime: Runtime| {
        let mut released = released.clone();
        async move {
            released.wait_for(|is| *is).await.unwrap();
            echo(runtime).await
        }
    })
    .await;
    let spec = Arc::new(fixture.spec.clone());
    fixture.compute.provision(&spec, 1);
    let shown = || fixture.compute.provisioned(&spec);
    while fixture.launched() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let none = Provisioned { requested: 1, allocated: 0, available: 0, failure: None };
    assert_eq!(shown(), Some(none.clone()));
    release.send(true).unwrap();
    let all = Provisioned { allocated: 1, available: 1, ..none };
    for _ in 0..1_000 {
        if shown().as_ref() == Some(&all) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((shown(), fixture.launched()), (Some(all), 1));
}
