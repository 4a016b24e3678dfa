use std::time::Duration;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

async fn callbacks() -> (Callbacks, Clock) {
    let (store, clock) = (Store::ephemeral().unwrap(), Clock::manual(Timestamp::from_secs(1_790_000_000)));
    (Callbacks::new(store, clock.clone()), clock)
}

fn target(address: &str) -> String {
    address.split_once("/_fastness").map(|(_, rest)| format!("/_fastness{rest}")).unwrap()
}

async fn put(callbacks: &Callbacks, target: &str, body: &'static str) -> u16 {
    let request = http::Request::put(target).body(()).unwrap();
    let (head, ()) = request.into_parts();
    assert!(is_for(&head));
    take(Some(callbacks), &head, &Bytes::from_static(body.as_bytes())).await.status().as_u16()
}

#[tokio::test]
async fn the_first_answer_stands_and_ends_the_wait() {
    let (callbacks, _) = callbacks().await;
    let addresses = callbacks.ask("q", Shape::Once, HOUR).await.unwrap();
    assert!(addresses.inside.starts_with("https://platform.fastness.internal/_fastness/answers/q?"));
    let waiting = tokio::spawn({
        let callbacks = callbacks.clone();
        async move { callbacks.wait("q", HOUR, |answers| answers.first().cloned()).await.unwrap() }
    });
    let target = target(&addresses.inside);
    assert_eq!(put(&callbacks, &target, r#"{"Status": "SUCCESS"}"#).await, 200);
    assert_eq!(put(&callbacks, &target, r#"{"Status":"FAILED"}"#).await, 200);
    assert_eq!(waiting.await.unwrap().unwrap(), r#"{"Status":"SUCCESS"}"#);
    assert_eq!(callbacks.answers("q").unwrap().len(), 1);
    callbacks.close("q").await.unwrap();
    assert_eq!(put(&callbacks, &target, "{}").await, 403);
}

#[tokio::test]
async fn many_answers_are_kept_each_once_and_bounded() {
    let (callbacks, _) = callbacks().await;
    let address = target(&callbacks.ask("q", Shape::Many, HOUR).await.unwrap().outside);
    for body in [r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":2}"#] {
        assert_eq!(put(&callbacks, &address, body).await, 200);
    }
    assert_eq!(callbacks.answers("q").unwrap(), [r#"{"a":1}"#, r#"{"a":2}"#]);
    let mut record = Record {
        digest: String::new(),
        expires: Timestamp::default(),
        shape: Shape::Many,
        sent: false,
        left: false,
        answers: vec![],
    };
    (0..ANSWERS_MAX + 7).for_each(|at| record.take(at.to_string()));
    assert_eq!(record.answers.len(), ANSWERS_MAX);
}

#[tokio::test]
async fn what_is_forged_late_or_no_answer_is_refused() {
    let (callbacks, clock) = callbacks().await;
    let address = target(&callbacks.ask("q", Shape::Once, HOUR).await.unwrap().inside);
    let forged = format!("{address}0");
    assert_eq!(put(&callbacks, &forged, "{}").await, 403);
    assert_eq!(put(&callbacks, &address.replace("/q?", "/other?"), "{}").await, 403);
    for body in ["", "[]", "no", "{\"a\":"] {
        assert_eq!(put(&callbacks, &address, body).await, 400, "{body}");
    }
    assert_eq!(callbacks.answers("q").unwrap(), [r#""NOT_JSON""#], "what cannot be read is the answer");
    let again = target(&callbacks.ask("q", Shape::Once, HOUR).await.unwrap().inside);
    assert_eq!(put(&callbacks, &address, "{}").await, 403, "asking again makes the address worthless");
    clock.advance_millis(3_600_000);
    assert_eq!(put(&callbacks, &again, "{}").await, 403);
    assert_eq!(callbacks.answers("q").unwrap().len(), 1);
    let (head, ()) = http::Request::get(&again).body(()).unwrap().into_parts();
    assert_eq!(take(Some(&callbacks), &head, &Bytes::new()).await.status(), 405);
}

#[tokio::test]
async fn an_answer_that_is_too_long_ends_the_wait_of_whoever_has_the_address() {
    let (callbacks, _) = callbacks().await;
    for (id, shape, expected) in [("once", Shape::Once, 1), ("many", Shape::Many, 0)] {
        let address = target(&callbacks.ask(id, shape, HOUR).await.unwrap().inside);
        for (method, address) in [("GET", address.clone()), ("PUT", format!("{address}0")), ("PUT", address)]
        {
            assert!(callbacks.answers(id).unwrap().is_empty(), "{method} {address}");
            let request = http::Request::builder().method(method).uri(&address).body(()).unwrap();
            too_long(Some(&callbacks), &request.into_parts().0).await;
        }
        assert_eq!(callbacks.answers(id).unwrap().len(), expected);
    }
}

#[tokio::test]
async fn all_questions_whose_time_is_over_are_forgotten_in_turn() {
    let (callbacks, clock) = callbacks().await;
    for at in 0..LOOKED_AT * 3 {
        callbacks.ask(&format!("old-{at:03}"), Shape::Once, HOUR).await.unwrap();
    }
    clock.advance_millis(3_600_000);
    for at in 0..6 {
        callbacks.ask(&format!("new-{at}"), Shape::Once, HOUR).await.unwrap();
    }
    let left = callbacks.0.store.scan(CALLBACKS, &Range::all()).unwrap();
    assert_eq!(left.len(), 6);
}

#[tokio::test]
async fn a_wait_ends() {
    let (callbacks, _) = callbacks().await;
    callbacks.ask("q", Shape::Once, HOUR).await.unwrap();
    let waited = callbacks.wait("q", Duration::from_millis(5), |answers| answers.first().cloned()).await;
    assert_eq!(waited.unwrap(), None);
}

#[tokio::test]
async fn what_was_sent_is_remembered_and_what_is_over_is_forgotten() {
    let (callbacks, clock) = callbacks().await;
    let asked = callbacks.ask("q", Shape::Once, HOUR).await.unwrap();
    assert!(!callbacks.is_sent("q").unwrap());
    callbacks.sent("q").await.unwrap();
    assert!(callbacks.is_sent("q").unwrap());
    assert_eq!(Callbacks::id_of(&asked.outside).as_deref(), Some("q"));
    assert_eq!(Callbacks::id_of("https://elsewhere.example/q?X-Signature=a"), None);
    clock.advance_millis(3_600_000);
    callbacks.ask("other", Shape::Once, HOUR).await.unwrap();
    assert!(!callbacks.is_sent("q").unwrap());
}

#[tokio::test]
async fn a_question_is_open_until_whoever_asked_gives_up_or_its_time_is_over() {
    let (callbacks, clock) = callbacks().await;
    assert!(!callbacks.is_open("q").unwrap());
    callbacks.ask("q", Shape::Once, HOUR).await.unwrap();
    assert!(callbacks.is_open("q").unwrap());
    callbacks.left("q").await.unwrap();
    assert!(!callbacks.is_open("q").unwrap());
    // It may be asked anew.
    callbacks.ask("q", Shape::Once, HOUR).await.unwrap();
    assert!(callbacks.is_open("q").unwrap());
    clock.advance_millis(3_600_000);
    assert!(!callbacks.is_open("q").unwrap());
}
