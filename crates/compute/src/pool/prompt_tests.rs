//! A lone invocation of a prompt function is looked after without sleep, and others are not.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use tokio::task::yield_now;

use super::tests::{Fixture, fixture};
use crate::contract::Exit;
use crate::testing::request;
use crate::testkit::Runtime;

/// Turns that the function leaves to others before it answers.
const TURNS: usize = 20;
/// Calls until one of them was prompt: how busy the machine is decides.
const CALLS: usize = 500;

async fn takes_turns(mut runtime: Runtime) -> Exit {
    loop {
        let (id, payload) = runtime.next().await;
        if payload == "\"wait\"" {
            std::future::pending::<()>().await;
        }
        for _ in 0..TURNS {
            yield_now().await;
        }
        runtime.respond(&id, "1").await;
    }
}

/// How often an invocation is looked at until it ends.
async fn looks(fixture: &Fixture) -> usize {
    let spec = Arc::new(fixture.spec.clone());
    let mut invocation = pin!(fixture.compute.invoke(&spec, request("1")));
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        invocation.as_mut().poll(cx).map(|outcome| assert!(!outcome.unwrap().is_function_error))
    })
    .await;
    polls
}

#[tokio::test]
async fn who_is_alone_with_a_prompt_function_does_not_sleep() {
    let fixture = fixture(takes_turns).await;
    for _ in 0..CALLS {
        if looks(&fixture).await >= TURNS {
            return;
        }
    }
    panic!("every answer was slept for");
}

#[tokio::test]
async fn who_is_not_alone_sleeps() {
    let fixture = fixture(takes_turns).await;
    looks(&fixture).await;
    let spec = Arc::new(fixture.spec.clone());
    let compute = fixture.compute.clone();
    let other = tokio::spawn(async move { compute.invoke(&spec, request("\"wait\"")).await.is_ok() });
    while fixture.compute.figures().executions == 0 || fixture.launched() < 2 {
        looks(&fixture).await;
        yield_now().await;
    }
    for _ in 0..CALLS / 5 {
        let looks = looks(&fixture).await;
        assert!(looks < TURNS / 2, "{looks}");
    }
    other.abort();
}
