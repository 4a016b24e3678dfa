//! The proxy over real connections, with a resolver that says what a test wants.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::relay::RelayTimes;
use super::{EgressAttempt, EgressLog, EgressOutcome, EgressProxy, EgressProxyOptions, Resolve};
use crate::BoxFuture;
use crate::contract::{EnvironmentIdentity, OwnDoor};

/// Answers one list of addresses after the other.
struct Answers(Mutex<Vec<Vec<IpAddr>>>, AtomicUsize);

impl Resolve for Answers {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.0.lock();
        let answer =
            if answers.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(answers.remove(0)) };
        Box::pin(std::future::ready(answer))
    }
}

struct Log(Mutex<Vec<EgressAttempt>>, AtomicBool);

impl EgressLog for Log {
    fn record(&self, attempt: EgressAttempt) -> BoxFuture<'_, bool> {
        self.0.lock().push(attempt);
        Box::pin(std::future::ready(self.1.load(Ordering::SeqCst)))
    }
}

struct Fixture {
    proxy: EgressProxy,
    log: Arc<Log>,
    resolver: Arc<Answers>,
}

fn fixture(rules: &[&str], answers: &[&[&str]], platform: u16) -> Fixture {
    let addresses = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
    let resolver =
        Arc::new(Answers(Mutex::new(answers.iter().map(addresses).collect()), AtomicUsize::new(0)));
    let log = Arc::new(Log(Mutex::default(), AtomicBool::new(true)));
    let proxy = EgressProxy::new(EgressProxyOptions {
        rules: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        log: Arc::clone(&log) as Arc<dyn EgressLog>,
        platform: Arc::new(OnceLock::from(SocketAddr::from(([127, 0, 0, 1], platform)))),
        own: Some(own_door()),
        resolver: Some(Arc::clone(&resolver) as Arc<dyn Resolve>),
    });
    let times = RelayTimes { idle: Duration::from_millis(300), total: Duration::from_secs(5) };
    Fixture { proxy: proxy.with_times(times), log, resolver }
}

impl Fixture {
    /// A connection through the door.
    async fn connect(&self) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let identity = EnvironmentIdentity {
            account: "000000000000".parse().unwrap(),
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".into(),
            version: "1".into(),
            role_arn: "arn:aws:iam::000000000000:role/r".into(),
            environment_id: "environment".into(),
        };
        tokio::spawn((self.proxy.door())(server, Arc::new(identity)));
        client
    }

    /// Everything that is answered to these bytes.
    async fn ask(&self, bytes: &str) -> String {
        let mut client = self.connect().await;
        client.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer).await;
        answer
    }

    fn last(&self) -> EgressAttempt {
        self.log.0.lock().last().unwrap().clone()
    }
}

/// Serves the platform's own addresses: tells the environment, and what it was sent.
fn own_door() -> OwnDoor {
    Arc::new(|mut stream, identity| {
        Box::pin(async move {
            let mut received = Vec::new();
            let mut buffer = [0; 1_024];
            while let Ok(Ok(read @ 1..)) =
                tokio::time::timeout(Duration::from_millis(100), stream.read(&mut buffer)).await
            {
                received.extend_from_slice(&buffer[..read]);
            }
            let told = format!("[{} sent {}]", identity.environment_id, String::from_utf8_lossy(&received));
            stream.write_all(told.as_bytes()).await.unwrap();
        })
    })
}

/// A server that answers every connection with what it received until a pause, and counts them.
async fn upstream() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                let mut received = Vec::new();
                while let Ok(Ok(read @ 1..)) =
                    tokio::time::timeout(Duration::from_millis(100), stream.read(&mut buffer)).await
                {
                    received.extend_from_slice(&buffer[..read]);
                }
                let _ = stream.write_all(&received).await;
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn where_no_more_may_go_out_the_platforms_own_addresses_are_served() {
    let (port, reached) = upstream().await;
    let Fixture { proxy, log, resolver } = fixture(&["*:*"], &[&["127.0.0.1"]], port);
    let fixture = Fixture { proxy: proxy.with_places(0), log, resolver };
    let own = fixture.ask("GET http://a1.execute-api.localhost/p HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(own.starts_with("[environment sent GET /p"), "{own}");
    for out in
        ["CONNECT example.com:443 HTTP/1.1\r\n\r\n", "GET http://example.com/ HTTP/1.1\r\nHost: x\r\n\r\n"]
    {
        let answer = fixture.ask(out).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_platforms_own_addresses_are_served_by_its_door_without_rule_record_or_resolver() {
    let (port, reached) = upstream().await;
    let fixture = fixture(&["*:443"], &[&["127.0.0.1"]], port);
    let host = format!("u1.lambda-url.us-east-1.localhost:{port}");
    let answer = fixture.ask(&format!("CONNECT {host} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")).await;
    assert_eq!(
        answer,
        "HTTP/1.1 200 Connection Established\r\n\r\n[environment sent GET / HTTP/1.1\r\n\r\n]"
    );
    let plain = "POST http://A1.execute-api.localhost/p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(
        fixture.ask(plain).await,
        "[environment sent POST /p HTTP/1.1\r\nHost: A1.execute-api.localhost\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc]"
    );
    assert_eq!((reached.load(Ordering::SeqCst), fixture.resolver.1.load(Ordering::SeqCst)), (0, 0));
    assert!(fixture.log.0.lock().is_empty());
    for other in ["a1.execute-api.us-east-1.amazonaws.com:80", "b.s3.localhost:80"] {
        let answer = fixture.ask(&format!("CONNECT {other} HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn without_a_rule_nothing_is_reached_resolved_or_forgotten() {
    let (port, reached) = upstream().await;
    let fixture = fixture(&["example.com:443"], &[&["127.0.0.1"]], 1);
    for target in [format!("127.0.0.1:{port}"), format!("evil.com:{port}"), "example.com:80".into()] {
        let answer = fixture.ask(&format!("CONNECT {target} HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
        assert!(answer.contains("no egress rule"), "{answer}");
        assert!(matches!(fixture.last().outcome, EgressOutcome::Refused(_)));
    }
    assert_eq!((reached.load(Ordering::SeqCst), fixture.resolver.1.load(Ordering::SeqCst)), (0, 0));
    assert_eq!(fixture.log.0.lock().len(), 3);
}

#[tokio::test]
async fn a_name_that_stands_for_a_special_address_is_refused_unless_a_rule_names_that_too() {
    let (port, reached) = upstream().await;
    let name = format!("rebind.example.com:{port}");
    let ask = format!("CONNECT {name} HTTP/1.1\r\n\r\n");
    for address in [
        "127.0.0.1",
        "::ffff:127.0.0.1",
        "::1",
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
        "fd00:ec2::254",
        "224.0.0.1",
    ] {
        let fixture =
            fixture(&[&format!("*.example.com:{port}"), "0.0.0.0/0:*", "[::/0]:*"], &[&[address]], 1);
        let answer = fixture.ask(&ask).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{address}: {answer}");
        assert!(!answer.contains(address), "{answer}");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
    let named = fixture(
        &[&format!("*.example.com:{port}"), &format!("127.0.0.1:{port}")],
        &[&["10.0.0.1", "127.0.0.1"]],
        1,
    );
    let answer = named.ask(&format!("{ask}hello")).await;
    assert_eq!(answer, "HTTP/1.1 200 Connection Established\r\n\r\nhello");
    let attempt = named.last();
    assert_eq!(
        (attempt.outcome, attempt.address.unwrap().to_string()),
        (EgressOutcome::Connected, format!("127.0.0.1:{port}"))
    );
}

#[tokio::test]
async fn a_name_is_resolved_once_and_what_was_checked_is_what_is_connected_to() {
    let (port, reached) = upstream().await;
    // The answers take turns, as a rebinding server's do: the first is checked and connected to, and nobody asks again.
    let rules = [&*format!("a.com:{port}"), &*format!("127.0.0.1:{port}")];
    let fixture = fixture(&rules, &[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1"]], 1);
    let ask = format!("CONNECT a.com:{port} HTTP/1.1\r\n\r\n");
    for (at, status) in [(1, "200"), (2, "403"), (3, "200")] {
        let answer = fixture.ask(&ask).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(fixture.resolver.1.load(Ordering::SeqCst), at);
    }
    assert_eq!(reached.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_platform_itself_is_never_reached() {
    let (port, reached) = upstream().await;
    let rules = ["127.0.0.0/8:*", "0.0.0.0:*", "[::1]:*", "a.com:*"];
    let fixture = fixture(&rules, &[&["127.0.0.1"]], port);
    for target in ["127.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "a.com"] {
        let answer = fixture.ask(&format!("CONNECT {target}:{port} HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{target}: {answer}");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_plain_request_is_sent_on_alone() {
    let (port, reached) = upstream().await;
    let fixture = fixture(&[&format!("127.0.0.1:{port}")], &[], 1);
    let request = format!(
        "POST http://127.0.0.1:{port}/x HTTP/1.1\r\nHost: other\r\nProxy-Authorization: secret\r\nContent-Length: 3\r\n\r\nabcGET /smuggled HTTP/1.1\r\n\r\n"
    );
    let answer = fixture.ask(&request).await;
    assert_eq!(
        answer,
        format!(
            "POST /x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
        )
    );
    assert_eq!((reached.load(Ordering::SeqCst), fixture.last().method.as_str()), (1, "POST"));
    let chunked = format!(
        "PUT http://127.0.0.1:{port}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nDELETE / HTTP/1.1\r\n\r\n"
    );
    assert!(fixture.ask(&chunked).await.ends_with("\r\n\r\n1\r\na\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_get_out() {
    let (port, _) = upstream().await;
    let fixture = fixture(&[&format!("127.0.0.1:{port}")], &[], 1);
    fixture.log.1.store(false, Ordering::SeqCst);
    let answer = fixture.ask(&format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\nhello")).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}

#[tokio::test]
async fn failures_and_bad_requests_are_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fixture = fixture(&["127.0.0.1:*", "gone.com"], &[], 1);
    for (request, status) in [
        (format!("CONNECT 127.0.0.1:{closed} HTTP/1.1\r\n\r\n"), "502"),
        ("CONNECT gone.com:443 HTTP/1.1\r\n\r\n".into(), "502"),
        ("GET / HTTP/1.1\r\n\r\n".into(), "400"),
        ("GET https://gone.com/ HTTP/1.1\r\n\r\n".into(), "400"),
        (format!("GET http://a/ HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(20_000)), "431"),
    ] {
        let answer = fixture.ask(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
    }
}

#[tokio::test]
async fn silence_ends_a_tunnel_and_so_does_either_side() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let fixture = fixture(&[&format!("127.0.0.1:{port}")], &[], 1);
    let mut client = fixture.connect().await;
    client.write_all(format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let mut answer = Vec::new();
    let started = tokio::time::Instant::now();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(250));
    assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn refusals_beyond_the_pace_wait_and_are_recorded_all_the_same() {
    let fixture = fixture(&[], &[], 1);
    let started = tokio::time::Instant::now();
    for _ in 0..60 {
        fixture.ask("CONNECT a.com:443 HTTP/1.1\r\n\r\n").await;
    }
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
    assert_eq!(fixture.log.0.lock().len(), 60);
}
