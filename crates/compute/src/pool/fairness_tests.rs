//! What accounts cannot take from one another: environments, what is kept free, idle environments, turns to start.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::tests::{Fixture, fixture, fixture_with};
use super::*;
use crate::contract::Exit;
use crate::function::{FunctionSpec, Throttled};
use crate::testing::request;
use crate::testkit::Runtime;

/// Functions whose module takes two seconds are those with this much memory.
const SLOW_MIB: u32 = 129;

/// Sleeps for as many milliseconds as the event says.
async fn sleeper(mut runtime: Runtime) -> Exit {
    if runtime.order.memory_mib == SLOW_MIB {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    loop {
        let (id, payload) = runtime.next().await;
        tokio::time::sleep(Duration::from_millis(payload.parse().unwrap())).await;
        runtime.respond(&id, "ok").await;
    }
}

/// A function of an account, of which compute is told.
async fn function(fixture: &Fixture, account: &str, name: &str, kept: Room) -> SharedSpec {
    let spec = FunctionSpec {
        account: account.parse().unwrap(),
        arn: format!("arn:aws:lambda:us-east-1:{account}:function:{name}"),
        name: name.into(),
        ..fixture.spec.clone()
    };
    let packages = fixture.compute.code_of(fixture.spec.account);
    fixture.compute.code_of(spec.account).take_over(&packages, spec.code).await.unwrap();
    fixture.compute.keep_free(spec.account, &spec.arn, Some(kept));
    Arc::new(spec)
}

/// Begins this many invocations; those that go on are in the set, and this many were refused.
async fn begin(fixture: &Fixture, spec: &SharedSpec, count: usize, millis: &str) -> (JoinSet<bool>, usize) {
    let mut going_on = JoinSet::new();
    for _ in 0..count {
        let (compute, spec, request) = (fixture.compute.clone(), Arc::clone(spec), request(millis));
        going_on.spawn(async move {
            let outcome = compute.invoke(&spec, request).await;
            assert!(!matches!(outcome, Err(ref error) if !matches!(error, InvokeError::Throttled(Throttled::Machine))));
            outcome.is_ok()
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut refused = 0;
    while let Some(ended) = going_on.try_join_next() {
        assert!(!ended.unwrap(), "it ended too early");
        refused += 1;
    }
    (going_on, refused)
}

async fn works(fixture: &Fixture, spec: &SharedSpec) -> bool {
    fixture.compute.invoke(spec, request("0")).await.is_ok()
}

#[tokio::test]
async fn an_account_that_takes_all_leaves_the_others_their_share() {
    let limits = HostLimits { environments_max: 4, ..HostLimits::default() };
    let fixture = fixture_with(limits, sleeper).await;
    let greedy = function(&fixture, "111111111111", "greedy", Room::default()).await;
    let modest = function(&fixture, "222222222222", "modest", Room::default()).await;
    let (going_on, refused) = begin(&fixture, &greedy, 8, "3000").await;
    assert_eq!((going_on.len(), refused), (3, 5));
    assert!(works(&fixture, &modest).await);
    // What is idle within another account's share is not ended for one who would be refused all the same.
    assert!(!works(&fixture, &function(&fixture, "111111111111", "more", Room::default()).await).await);
    assert_eq!(fixture.compute.figures().idle, 1);
    drop(going_on);
}

#[tokio::test]
async fn what_is_kept_for_a_function_is_free_whoever_asks_for_the_rest() {
    let limits = HostLimits { environments_max: 6, ..HostLimits::default() };
    let fixture = fixture_with(limits, sleeper).await;
    let reserved = function(&fixture, "222222222222", "reserved", Room::of(3, 128)).await;
    let greedy = function(&fixture, "111111111111", "greedy", Room::default()).await;
    let (others, refused) = begin(&fixture, &greedy, 6, "4000").await;
    assert_eq!((others.len(), refused), (3, 3));
    let (going_on, refused) = begin(&fixture, &reserved, 3, "1500").await;
    assert_eq!((going_on.len(), refused), (3, 0));
    drop((going_on, others));
}

#[tokio::test]
async fn idle_environments_beyond_a_share_make_room_for_others() {
    let limits = HostLimits { environments_max: 4, ..HostLimits::default() };
    let fixture = fixture_with(limits, sleeper).await;
    let first = function(&fixture, "111111111111", "first", Room::default()).await;
    let (mut all, _) = begin(&fixture, &first, 4, "700").await;
    assert_eq!(all.len(), 4, "a lone account has the whole machine");
    while all.join_next().await.is_some() {}
    assert_eq!(fixture.compute.figures().idle, 4);
    let second = function(&fixture, "222222222222", "second", Room::default()).await;
    let (going_on, refused) = begin(&fixture, &second, 4, "1500").await;
    assert_eq!((going_on.len(), refused, fixture.compute.figures().idle), (3, 1, 1));
    drop(going_on);
}

#[tokio::test]
async fn what_is_kept_anew_is_freed_of_what_is_idle_now_or_after_its_invocation() {
    for begins_first in [true, false] {
        let limits = HostLimits { environments_max: 4, ..HostLimits::default() };
        let fixture = fixture_with(limits, sleeper).await;
        let first = function(&fixture, "111111111111", "first", Room::default()).await;
        let (mut all, _) = begin(&fixture, &first, 4, "900").await;
        if !begins_first {
            while all.join_next().await.is_some() {}
        }
        function(&fixture, "222222222222", "second", Room::of(2, 128)).await;
        while all.join_next().await.is_some() {}
        let deadline = Instant::now() + Duration::from_secs(5);
        while fixture.compute.figures().environments != 2 {
            assert!(Instant::now() < deadline, "{:?}", fixture.compute.figures());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn slow_starts_of_one_account_hold_up_no_other() {
    let fixture = fixture(sleeper).await;
    let slow = function(&fixture, "111111111111", "slow", Room::default()).await;
    let slow = Arc::new(FunctionSpec { memory_mib: SLOW_MIB, ..FunctionSpec::clone(&slow) });
    let quick = function(&fixture, "222222222222", "quick", Room::default()).await;
    let mut starting = JoinSet::new();
    for _ in 0..24 {
        let (compute, slow) = (fixture.compute.clone(), Arc::clone(&slow));
        starting.spawn(async move { compute.invoke(&slow, request("10")).await.is_ok() });
    }
    tokio::task::yield_now().await;
    let began = Instant::now();
    assert!(works(&fixture, &quick).await);
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    assert!(starting.try_join_next().is_none(), "the slow ones are still starting");
}
