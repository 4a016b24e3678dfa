//! Invocations end to end, with functions that are tasks of the test and real loopback connections.

use std::io::{Cursor, Write as _};
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::contract::{Exit, ExitStatus};
use crate::function::{Concurrency, FunctionSpec, Throttled};
use crate::limits::{RESPONSE_BYTES_MAX, STARTS_MAX};
use crate::testing::{self, Collected, Credentials, request};
use crate::testkit::{Runtime, TaskLauncher, exit};

pub(super) struct Fixture {
    pub(super) compute: Compute,
    launcher: Arc<TaskLauncher>,
    logs: Arc<Collected>,
    pub(super) spec: FunctionSpec,
    _data: tempfile::TempDir,
}

pub(super) async fn fixture<F>(body: impl Fn(Runtime) -> F + Send + Sync + 'static) -> Fixture
where
    F: Future<Output = Exit> + Send + 'static,
{
    fixture_with(HostLimits::default(), body).await
}

pub(super) async fn fixture_with<F>(
    limits: HostLimits,
    body: impl Fn(Runtime) -> F + Send + Sync + 'static,
) -> Fixture
where
    F: Future<Output = Exit> + Send + 'static,
{
    let launcher = TaskLauncher::new(body);
    fixture_of(limits, Arc::clone(&launcher), launcher).await
}

/// The same where `launcher` starts the tasks for another one.
pub(super) async fn fixture_of(
    limits: HostLimits,
    launcher: Arc<TaskLauncher>,
    outer: Arc<dyn Launcher>,
) -> Fixture {
    let data = tempfile::tempdir().unwrap();
    let code = CodeStore::open(data.path()).unwrap();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("app.py", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(b"pass").unwrap();
    let package = code
        .of(testing::spec().account)
        .put(Bytes::from(writer.finish().unwrap().into_inner()))
        .await
        .unwrap();
    let logs = Arc::new(Collected::default());
    let door: AwsDoor = Arc::new(|mut stream, identity| {
        Box::pin(async move {
            let text = format!("{} {}", identity.role_arn, identity.environment_id.len());
            tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await.unwrap();
        })
    });
    let compute = Compute::start(ComputeOptions {
        launcher: outer,
        code,
        credentials: Arc::new(Credentials),
        logs: Arc::clone(&logs) as Arc<dyn LogSink>,
        door,
        egress: None,
        clock: Clock::system(),
        limits,
    });
    let spec = FunctionSpec { code: package.hash, ..testing::spec() };
    Fixture { compute, launcher, logs, spec, _data: data }
}

impl Fixture {
    pub(super) async fn invoke(&self, payload: &str) -> InvokeOutcome {
        self.compute.invoke(&Arc::new(self.spec.clone()), request(payload)).await.unwrap()
    }

    pub(super) fn launched(&self) -> usize {
        self.launcher.launched.load(Ordering::SeqCst)
    }

    /// What was delivered to the log so far.
    pub(super) fn logged(&self) -> Vec<String> {
        self.logs.0.lock().clone()
    }

    fn killed(&self) -> usize {
        self.launcher.killed.load(Ordering::SeqCst)
    }
}

fn text(outcome: &InvokeOutcome) -> &str {
    std::str::from_utf8(&outcome.payload).unwrap()
}

pub(super) async fn echo(mut runtime: Runtime) -> Exit {
    loop {
        let (id, payload) = runtime.next().await;
        runtime.print(&format!("got {payload}"));
        let serial = runtime.serial;
        runtime.respond(&id, &format!("{payload} from {serial}")).await;
    }
}

/// Waits until this stands in the log.
async fn await_logged(fixture: &Fixture, line: &str) {
    let found = async {
        while !fixture.logged().iter().any(|logged| logged.starts_with(line)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(5), found).await.is_ok(),
        "{line}: {:?}",
        fixture.logged()
    );
}

#[tokio::test]
async fn the_log_of_an_invocation_can_be_followed_while_it_goes_on() {
    let (goes_on, gate) = tokio::sync::watch::channel(0);
    let fixture = fixture(move |mut runtime| {
        let mut gate = gate.clone();
        async move {
            loop {
                let (id, _) = runtime.next().await;
                gate.wait_for(|step| *step >= 1).await.unwrap();
                runtime.print("one");
                gate.wait_for(|step| *step >= 2).await.unwrap();
                runtime.print("two");
                gate.wait_for(|step| *step >= 3).await.unwrap();
                runtime.respond(&id, "3").await;
            }
        }
    })
    .await;
    let answered = async {
        let outcome = fixture.invoke("1").await;
        assert_eq!(text(&outcome), "3");
    };
    let follows = async {
        await_logged(&fixture, "START RequestId: ").await;
        for (step, line) in [(1, "one"), (2, "two")] {
            assert!(!fixture.logged().iter().any(|logged| logged == line));
            goes_on.send_replace(step);
            await_logged(&fixture, line).await;
        }
        assert!(!fixture.logged().iter().any(|line| line.starts_with("END ")));
        goes_on.send_replace(3);
    };
    tokio::join!(answered, follows);
    await_logged(&fixture, "REPORT RequestId: ").await;
    let logged = fixture.logged();
    assert_eq!(
        logged.iter().filter(|line| *line == "one" || line.starts_with("START ")).count(),
        2,
        "{logged:?}"
    );
}

#[tokio::test]
async fn what_ends_in_no_line_feed_stands_in_its_own_invocations_log() {
    let fixture = fixture(|mut runtime| async move {
        loop {
            let (id, payload) = runtime.next().await;
            runtime.print_part(&format!("of caller {payload}"));
            runtime.respond(&id, "1").await;
            runtime.print_part(&format!("after {payload}"));
        }
    })
    .await;
    let mut tails = Vec::new();
    for caller in ["a", "b"] {
        let tail = fixture.invoke(caller).await.log_tail.unwrap();
        tails.push(String::from_utf8(tail).unwrap());
        let said = format!("of caller {caller}\nEND RequestId: ");
        assert!(tails.last().unwrap().contains(&said), "{tails:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(tails[1].starts_with("START ") && !tails[1].contains("after a"), "{tails:?}");
    // The environment ends in peace, and what it wrote last is there nevertheless.
    fixture.compute.retire(&fixture.spec.arn, None);
    await_logged(&fixture, "after b").await;
    assert_eq!(fixture.logged().iter().filter(|line| line.starts_with("after ")).count(), 2);
}

#[tokio::test]
async fn what_waits_for_its_line_feed_can_be_followed() {
    let (goes_on, gate) = tokio::sync::watch::channel(false);
    let fixture = fixture(move |mut runtime| {
        let mut gate = gate.clone();
        async move {
            let (id, _) = runtime.next().await;
            runtime.print_part("half");
            gate.wait_for(|goes_on| *goes_on).await.unwrap();
            runtime.respond(&id, "1").await;
            runtime.next().await;
            exit(0)
        }
    })
    .await;
    let follows = async {
        await_logged(&fixture, "half").await;
        goes_on.send_replace(true);
    };
    tokio::join!(fixture.invoke("1"), follows);
}

#[tokio::test]
async fn a_warm_environment_is_used_again_and_says_so_in_the_log() {
    let fixture = fixture(echo).await;
    let first = fixture.invoke("1").await;
    assert_eq!(text(&first), "1 from 0");
    assert!(first.init_duration.is_some());
    let log = String::from_utf8(first.log_tail.unwrap()).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("START RequestId: ") && lines[0].ends_with(" Version: $LATEST"), "{log}");
    assert_eq!(lines[1], "got 1");
    assert!(lines[2].starts_with("END RequestId: "));
    assert!(lines[3].contains("\tMax Memory Used: 30 MB\tInit Duration: "), "{log}");
    for n in 2..20 {
        let outcome = fixture.invoke(&n.to_string()).await;
        assert_eq!(text(&outcome), format!("{n} from 0"));
        assert_eq!(outcome.init_duration, None);
        assert!(!outcome.is_function_error);
    }
    assert_eq!(fixture.launched(), 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(text(&fixture.invoke("thawed").await), "thawed from 0");
    assert!(fixture.logs.0.lock().iter().any(|line| line == "got 2"));
}

#[tokio::test]
async fn versions_revisions_and_functions_never_share() {
    let mut fixture = fixture(echo).await;
    assert_eq!(text(&fixture.invoke("x").await), "x from 0");
    let changes: [fn(&mut FunctionSpec); 3] = [
        |spec| spec.revision = "2".into(),
        |spec| spec.version = "1".into(),
        |spec| spec.arn = spec.arn.replace("000000000000", "000000000001"),
    ];
    for (n, change) in changes.iter().enumerate() {
        change(&mut fixture.spec);
        assert_eq!(text(&fixture.invoke("x").await), format!("x from {}", n + 1));
    }
}

#[tokio::test]
async fn concurrent_invocations_get_an_environment_each() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        loop {
            let (id, _) = runtime.next().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            runtime.respond(&id, "ok").await;
        }
    })
    .await;
    let outcomes = tokio::join!(fixture.invoke("a"), fixture.invoke("b"), fixture.invoke("c"));
    assert!(!outcomes.0.is_function_error && !outcomes.1.is_function_error && !outcomes.2.is_function_error);
    assert_eq!(fixture.launched(), 3);
    assert_eq!(fixture.compute.figures().idle, 3);
}

#[tokio::test]
async fn a_time_out_kills_and_the_next_invocation_starts_anew() {
    let mut fixture = fixture(|mut runtime: Runtime| async move {
        let (id, payload) = runtime.next().await;
        runtime.print("working");
        if payload == "hang" {
            std::future::pending::<()>().await;
        }
        runtime.respond(&id, "fine").await;
        std::future::pending().await
    })
    .await;
    fixture.spec.timeout = Duration::from_millis(200);
    let outcome = fixture.invoke("hang").await;
    assert!(outcome.is_function_error);
    assert!(text(&outcome).contains(r#""errorType":"Sandbox.Timedout""#), "{}", text(&outcome));
    assert!(text(&outcome).contains("Error: Task timed out after 0.20 seconds"));
    let log = String::from_utf8(outcome.log_tail.unwrap()).unwrap();
    assert!(log.contains("working\n") && log.contains(" Task timed out after 0.20 seconds\n"), "{log}");
    assert!(log.contains("\tStatus: timeout"));
    assert_eq!(fixture.killed(), 1);
    assert_eq!(text(&fixture.invoke("go").await), "fine");
    assert_eq!(fixture.launched(), 2);
}

#[tokio::test]
async fn an_answer_after_the_time_is_none_however_little_after() {
    const TIMEOUT: Duration = Duration::from_millis(40);
    let mut fixture = fixture(|mut runtime: Runtime| async move {
        let (id, _) = runtime.next().await;
        let time_is_up = std::time::Instant::now() + TIMEOUT;
        // As exactly as the test can: a timer would be as late as the one that ends the invocation.
        while std::time::Instant::now() < time_is_up {
            tokio::task::yield_now().await;
        }
        runtime.respond(&id, "late").await;
        std::future::pending().await
    })
    .await;
    fixture.spec.timeout = TIMEOUT;
    for _ in 0..10 {
        let outcome = fixture.invoke("1").await;
        assert!(text(&outcome).contains("Sandbox.Timedout"), "{}", text(&outcome));
    }
}

#[tokio::test]
async fn a_runtime_that_ends_is_reported_with_its_cause() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        let (_, payload) = runtime.next().await;
        runtime.print("last words");
        match payload.as_str() {
            "oom" => Exit { status: ExitStatus::Signal(9), oom_killed: true },
            code => exit(code.parse().unwrap()),
        }
    })
    .await;
    for (payload, kind, message) in [
        ("1", "Runtime.ExitError", "Runtime exited with error: exit status 1"),
        ("0", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("oom", "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
    ] {
        let outcome = fixture.invoke(payload).await;
        let failure: serde_json::Value = serde_json::from_slice(&outcome.payload).unwrap();
        assert_eq!(failure["errorType"], kind);
        let said = failure["errorMessage"].as_str().unwrap();
        assert!(said.starts_with("RequestId: ") && said.ends_with(&format!(" Error: {message}")), "{said}");
        let log = String::from_utf8(outcome.log_tail.unwrap()).unwrap();
        assert!(log.contains("last words\n"), "{log}");
        assert!(log.contains(&format!("Status: error\tError Type: {kind}")), "{log}");
    }
    assert_eq!(fixture.compute.figures().idle, 0);
}

#[tokio::test]
async fn a_function_error_leaves_the_environment_usable() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        loop {
            let (id, _) = runtime.next().await;
            let path = format!("invocation/{id}/error");
            runtime.call("POST", &path, "", r#"{"errorType":"ValueError"}"#).await;
        }
    })
    .await;
    for _ in 0..3 {
        let outcome = fixture.invoke("x").await;
        assert!(outcome.is_function_error);
        assert_eq!(text(&outcome), r#"{"errorType":"ValueError"}"#);
    }
    assert_eq!(fixture.launched(), 1);
}

#[tokio::test]
async fn a_failed_start_is_tried_once_more_and_then_told() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        runtime.print("importing");
        let error = r#"{"errorType":"Runtime.ImportModuleError"}"#;
        runtime
            .call(
                "POST",
                "init/error",
                "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError\r\n",
                error,
            )
            .await;
        exit(1)
    })
    .await;
    let outcome = fixture.invoke("x").await;
    assert!(outcome.is_function_error);
    assert_eq!(text(&outcome), r#"{"errorType":"Runtime.ImportModuleError"}"#);
    assert_eq!(fixture.launched(), 2);
    let log = String::from_utf8(outcome.log_tail.unwrap()).unwrap();
    assert!(log.contains("Phase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError\n"), "{log}");
    assert_eq!(fixture.compute.figures().environments, 0);
}

#[tokio::test]
async fn a_start_that_fails_once_is_forgiven() {
    let fixture =
        fixture(
            |runtime: Runtime| async move { if runtime.serial == 0 { exit(7) } else { echo(runtime).await } },
        )
        .await;
    assert_eq!(text(&fixture.invoke("x").await), "x from 1");
}

#[tokio::test]
async fn forged_ids_and_calls_out_of_turn_are_refused() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        loop {
            let early = runtime.respond("00000000-0000-0000-0000-000000000000", "forged").await;
            let (id, _) = runtime.next().await;
            let forged = runtime.respond("00000000-0000-0000-0000-000000000000", "forged").await;
            let (twice, _) = runtime.call("GET", "invocation/next", "", "").await;
            let (unknown, _) = runtime.call("GET", "extension/register", "", "").await;
            let status = |answer: &str| answer.get(9..12).unwrap_or_default().to_owned();
            let seen = [early, forged, twice, unknown].map(|answer| status(&answer)).join(" ");
            runtime.respond(&id, &seen).await;
            let again = runtime.respond(&id, "again").await;
            assert!(again.starts_with("HTTP/1.1 403"), "{again}");
        }
    })
    .await;
    assert_eq!(text(&fixture.invoke("x").await), "403 400 403 404");
    assert_eq!(text(&fixture.invoke("x").await), "403 400 403 404");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        loop {
            let (id, payload) = runtime.next().await;
            let body = "x".repeat(payload.parse().unwrap());
            runtime.respond(&id, &body).await;
        }
    })
    .await;
    let fits = fixture.invoke(&RESPONSE_BYTES_MAX.to_string()).await;
    assert_eq!((fits.payload.len(), fits.is_function_error), (RESPONSE_BYTES_MAX, false));
    let over = fixture.invoke(&(RESPONSE_BYTES_MAX + 1).to_string()).await;
    assert!(over.is_function_error);
    assert!(text(&over).contains("Function.ResponseSizeTooLarge"));
    assert_eq!(fixture.launched(), 1);
}

#[tokio::test]
async fn an_invocation_goes_on_where_its_caller_goes_away() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        loop {
            let (id, payload) = runtime.next().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            runtime.print(&format!("finished {payload}"));
            runtime.respond(&id, "ok").await;
        }
    })
    .await;
    let abandoned = tokio::time::timeout(Duration::from_millis(50), fixture.invoke("a")).await;
    assert!(abandoned.is_err());
    assert_eq!(fixture.compute.figures().executions, 1);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let figures = fixture.compute.figures();
    assert_eq!((figures.executions, figures.idle), (0, 1));
    assert!(fixture.logs.0.lock().iter().any(|line| line == "finished a"));
}

#[tokio::test]
async fn retired_environments_end_now_or_after_their_invocation() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        loop {
            let (id, payload) = runtime.next().await;
            tokio::time::sleep(Duration::from_millis(payload.parse().unwrap())).await;
            runtime.respond(&id, "ok").await;
        }
    })
    .await;
    fixture.invoke("0").await;
    fixture.compute.retire(&fixture.spec.arn, Some("1"));
    assert_eq!(fixture.compute.figures().idle, 1);
    fixture.compute.retire(&fixture.spec.arn, None);
    assert_eq!((fixture.compute.figures().environments, fixture.killed()), (0, 1));
    let (outcome, ()) = tokio::join!(fixture.invoke("100"), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        fixture.compute.retire(&fixture.spec.arn, None);
    });
    assert_eq!(text(&outcome), "ok");
    assert_eq!((fixture.compute.figures().environments, fixture.killed()), (0, 2));
}

#[tokio::test]
async fn a_full_machine_ends_the_oldest_idle_environment_or_refuses() {
    let limits = HostLimits { environments_max: 1, ..HostLimits::default() };
    let mut fixture = fixture_with(limits, |mut runtime: Runtime| async move {
        loop {
            let (id, payload) = runtime.next().await;
            tokio::time::sleep(Duration::from_millis(payload.parse().unwrap())).await;
            runtime.respond(&id, "ok").await;
        }
    })
    .await;
    fixture.invoke("0").await;
    fixture.spec.version = "2".into();
    fixture.invoke("0").await;
    assert_eq!((fixture.launched(), fixture.killed()), (2, 1));
    let spec = Arc::new(fixture.spec.clone());
    let (_, refused) = tokio::join!(fixture.invoke("100"), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        fixture.compute.invoke(&spec, request("0")).await
    });
    assert!(matches!(refused, Err(InvokeError::Throttled(Throttled::Machine))), "{refused:?}");
}

#[tokio::test]
async fn a_reservation_of_zero_and_an_unknown_runtime_never_launch() {
    let fixture = fixture(echo).await;
    let mut throttled = request("x");
    throttled.concurrency =
        Concurrency { reserved: Some(0), provisioned: 0, provisioned_in_all: 0, unreserved_max: 1_000 };
    let spec = Arc::new(fixture.spec.clone());
    let refused = fixture.compute.invoke(&spec, throttled).await;
    assert!(matches!(refused, Err(InvokeError::Throttled(Throttled::Reserved))));
    let other = Arc::new(FunctionSpec { runtime: "cobol".into(), ..fixture.spec.clone() });
    let refused = fixture.compute.invoke(&other, request("x")).await;
    assert!(matches!(refused, Err(InvokeError::RuntimeUnavailable { .. })));
    assert_eq!(fixture.launched(), 0);
}

#[tokio::test]
async fn the_door_is_served_with_the_environments_identity() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        loop {
            let (id, _) = runtime.next().await;
            let mut seen = String::new();
            let mut door = tokio::net::TcpStream::connect(runtime.door).await.unwrap();
            door.read_to_string(&mut seen).await.unwrap();
            runtime.respond(&id, &seen).await;
        }
    })
    .await;
    assert_eq!(text(&fixture.invoke("x").await), "arn:aws:iam::000000000000:role/orders 32");
}

#[tokio::test]
async fn a_stop_waits_for_work_and_then_ends_everything() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        loop {
            let (id, _) = runtime.next().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            runtime.respond(&id, "ok").await;
        }
    })
    .await;
    let (outcome, ()) = tokio::join!(fixture.invoke("x"), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        fixture.compute.stop(Duration::from_secs(5)).await;
    });
    assert_eq!(text(&outcome), "ok");
    assert_eq!(fixture.compute.figures().environments, 0);
    let refused = fixture.compute.invoke(&Arc::new(fixture.spec.clone()), request("x")).await;
    assert!(matches!(refused, Err(InvokeError::Stopping)));
}

#[tokio::test]
async fn a_burst_starts_a_bounded_number_at_once() {
    use std::sync::atomic::AtomicUsize;
    let (starting, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = (Arc::clone(&starting), Arc::clone(&most));
    let fixture = fixture(move |mut runtime: Runtime| {
        let (starting, most) = seen.clone();
        async move {
            most.fetch_max(starting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            starting.fetch_sub(1, Ordering::SeqCst);
            loop {
                let (id, _) = runtime.next().await;
                runtime.respond(&id, "ok").await;
            }
        }
    })
    .await;
    let spec = Arc::new(fixture.spec.clone());
    let mut burst = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (compute, spec) = (fixture.compute.clone(), Arc::clone(&spec));
        burst.spawn(async move { compute.invoke(&spec, request("x")).await.unwrap() });
    }
    while let Some(outcome) = burst.join_next().await {
        assert!(!outcome.unwrap().is_function_error);
    }
    assert!(most.load(Ordering::SeqCst) <= STARTS_MAX);
    assert!(fixture.launched() < 40, "{}", fixture.launched());
    fixture.compute.stop(Duration::from_secs(1)).await;
    assert_eq!(fixture.logs.0.lock().iter().filter(|line| line.starts_with("END ")).count(), 40);
}

#[tokio::test]
async fn a_runtime_that_never_stops_asking_is_ended() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        runtime.next().await;
        loop {
            runtime.call("GET", "nothing", "", "").await;
        }
    })
    .await;
    let outcome = tokio::time::timeout(Duration::from_secs(5), fixture.invoke("x")).await.unwrap();
    assert!(text(&outcome).contains("Runtime.ExitError"), "{}", text(&outcome));
    assert_eq!((fixture.killed(), fixture.compute.figures().environments), (1, 0));
}

#[tokio::test]
async fn a_runtime_that_talks_while_it_is_idle_is_ended_and_others_go_on() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        let (id, _) = runtime.next().await;
        runtime.respond(&id, "ok").await;
        loop {
            runtime.flood(&id).await;
        }
    })
    .await;
    assert_eq!(text(&fixture.invoke("x").await), "ok");
    for _ in 0..100 {
        if fixture.killed() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((fixture.killed(), fixture.compute.figures().environments), (1, 0));
    assert_eq!(text(&fixture.invoke("x").await), "ok");
}

#[tokio::test]
async fn output_without_end_is_handed_on_and_never_piles_up() {
    let mut fixture = fixture(|mut runtime: Runtime| async move {
        let line = "x".repeat(1_000);
        runtime.next().await;
        tokio::task::spawn_blocking(move || {
            loop {
                if !runtime.try_print(&line) {
                    return exit(1);
                }
            }
        })
        .await
        .unwrap()
    })
    .await;
    fixture.spec.timeout = Duration::from_millis(300);
    let outcome = fixture.invoke("x").await;
    assert!(text(&outcome).contains("Sandbox.Timedout"));
    fixture.compute.stop(Duration::from_secs(1)).await;
    let delivered = fixture.logs.0.lock().len() as u64;
    let dropped = fixture.compute.figures().log_events_dropped;
    assert!(delivered + dropped > 1_000, "{delivered} delivered, {dropped} dropped");
}
