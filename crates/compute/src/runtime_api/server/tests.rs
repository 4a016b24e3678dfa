use std::future::poll_fn;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::task::Waker;
use std::time::Duration;

use super::*;

const NEXT: &[u8] = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";
const ANSWER: &[u8] =
    b"POST /2018-06-01/runtime/invocation/r-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";

fn served() -> (RuntimeApi, TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    (RuntimeApi::new(listener).unwrap(), peer)
}

async fn request(api: &mut RuntimeApi) -> (ConnectionId, RuntimeRequest) {
    poll_fn(|cx| api.poll_request(cx)).await
}

/// Looks without waiting, as a sweep does.
fn look(api: &mut RuntimeApi) -> Poll<(ConnectionId, RuntimeRequest)> {
    api.poll_request(&mut Context::from_waker(Waker::noop()))
}

/// What the runtime has got by now.
fn got(peer: &mut TcpStream) -> String {
    let mut bytes = [0; 4_096];
    peer.read(&mut bytes)
        .map_or_else(|_| String::new(), |n| String::from_utf8_lossy(&bytes[..n]).into_owned())
}

fn invocation() -> Assignment<'static> {
    static PAYLOAD: Bytes = Bytes::from_static(b"[1]");
    Assignment {
        request_id: "r-2",
        deadline_millis: 1,
        invoked_arn: "arn",
        trace_id: "t",
        client_context: None,
        payload: &PAYLOAD,
    }
}

/// Answers an invocation with `sent` behind the answer, and has it accepted.
async fn answered(sent: &[u8]) -> (RuntimeApi, TcpStream) {
    let (mut api, mut peer) = served();
    peer.write_all(&[ANSWER, sent].concat()).unwrap();
    let (id, call) = request(&mut api).await;
    assert!(matches!(call, RuntimeRequest::Response { .. }), "{call:?}");
    api.accept_request(id);
    (api, peer)
}

#[tokio::test]
async fn who_has_asked_for_the_next_invocation_gets_it_with_the_acceptance() {
    let (mut api, mut peer) = answered(NEXT).await;
    let (id, call) = request(&mut api).await;
    assert!(matches!(call, RuntimeRequest::Next), "{call:?}");
    api.park(id);
    assert!(look(&mut api).is_pending() && look(&mut api).is_pending());
    assert_eq!(got(&mut peer), "");
    assert!(api.assign(&invocation()));
    let both = got(&mut peer);
    assert!(both.starts_with("HTTP/1.1 202 Accepted\r\n") && both.ends_with("\r\n\r\n[1]"), "{both}");
    assert_eq!(both.matches("HTTP/1.1").count(), 2);
    // The connection goes on as any other.
    peer.write_all(&[ANSWER, NEXT].concat()).unwrap();
    assert!(matches!(request(&mut api).await.1, RuntimeRequest::Response { .. }));
}

#[tokio::test]
async fn who_has_not_asked_is_told_at_once() {
    let (_api, mut peer) = answered(b"").await;
    assert!(got(&mut peer).starts_with("HTTP/1.1 202 Accepted\r\n"));
}

#[tokio::test]
async fn half_a_request_is_no_reason_to_wait() {
    let (mut api, mut peer) = answered(&NEXT[..20]).await;
    assert!(look(&mut api).is_pending());
    assert!(got(&mut peer).starts_with("HTTP/1.1 202 Accepted\r\n"));
    peer.write_all(&NEXT[20..]).unwrap();
    assert!(matches!(request(&mut api).await.1, RuntimeRequest::Next));
}

#[tokio::test]
async fn what_waits_leaves_when_no_invocation_comes() {
    let (mut api, mut peer) = answered(NEXT).await;
    let (id, _) = request(&mut api).await;
    api.park(id);
    api.let_go();
    assert!(got(&mut peer).starts_with("HTTP/1.1 202 Accepted\r\n"));
    api.let_go();
    assert!(api.assign(&invocation()));
    assert!(got(&mut peer).starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_refusal_and_the_end_of_a_connection_do_not_wait() {
    let (mut api, mut peer) = answered(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let (id, call) = request(&mut api).await;
    assert!(matches!(call, RuntimeRequest::Unknown));
    api.refuse(id, Refused::Unknown);
    let both = got(&mut peer);
    assert!(both.starts_with("HTTP/1.1 202") && both.contains("HTTP/1.1 404"), "{both}");

    let (mut api, peer) = answered(NEXT).await;
    let (id, _) = request(&mut api).await;
    api.park(id);
    drop(peer);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(look(&mut api).is_pending());
    assert!(!api.is_parked());
}
