//! An invocation whose answer is handed on as it comes.
//!
//! It runs like any other; only its answer goes another way.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Compute;
use super::early::EarlyAnswer;
use crate::function::{InvokeError, InvokeRequest, SharedSpec};
use crate::streamed::{AnswerSink, StreamedAnswer, at_once};

impl Compute {
    /// As [`Compute::invoke`], for a caller who takes the answer as it comes: this returns once it begins.
    ///
    /// # Errors
    /// Where the function was never reached. A failure of the function itself is told at the end of the answer.
    pub async fn invoke_streaming(
        &self,
        spec: &SharedSpec,
        mut request: InvokeRequest,
    ) -> Result<StreamedAnswer, InvokeError> {
        if self.0.stopping.load(Ordering::Relaxed) {
            return Err(InvokeError::Stopping);
        }
        let ticket = self.0.admission.admit(spec, request.concurrency).map_err(InvokeError::Throttled)?;
        let (sink, mut source) = AnswerSink::new();
        request.answer_sink = Some(sink);
        let (early, mut end) = EarlyAnswer::new();
        let (pool, own) = (Arc::clone(&self.0), Arc::clone(spec));
        tokio::spawn(async move {
            let _ticket = ticket;
            let outcome = pool.run(&own, &request, &early).await;
            early.tell(outcome);
        });
        let began = tokio::select! {
            biased;
            began = &mut source.began => began.ok(),
            told = &mut end => return told.unwrap_or(Err(InvokeError::Stopping)).map(at_once),
        };
        // The sink goes with the request: an answer that never begins ends this wait.
        if let Some(content_type) = began {
            let end = async move { end.await.unwrap_or(Err(InvokeError::Stopping)) };
            return Ok(StreamedAnswer {
                content_type,
                executed_version: spec.version.clone(),
                pieces: source.pieces,
                end: Box::pin(end),
            });
        }
        end.await.unwrap_or(Err(InvokeError::Stopping)).map(at_once)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::tests::{Fixture, fixture};
    use super::*;
    use crate::limits::{RESPONSE_BYTES_MAX, STREAMED_PIECES_MAX};
    use crate::testing::request;
    use crate::testkit::{Runtime, exit};

    /// Streams what the event asks for.
    async fn streaming(mut runtime: Runtime) -> crate::contract::Exit {
        loop {
            let (id, payload) = runtime.next().await;
            match payload.as_str() {
                "two" => drop(runtime.stream(&id, &["one", "two"], "").await),
                "late" => {
                    let trailers = "Lambda-Runtime-Function-Error-Type: Late\r\n\
                                    Lambda-Runtime-Function-Error-Body: eyJhIjoxfQ==\r\n";
                    runtime.stream(&id, &["one"], trailers).await;
                }
                "break" => {
                    runtime.begin_stream(&id, &["one"]).await;
                    runtime.hang_up();
                }
                "forged" => {
                    let head = runtime.stream("00000000-0000-0000-0000-000000000000", &["one"], "").await;
                    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
                    runtime.hang_up();
                    runtime.respond(&id, "\"plain\"").await;
                }
                "large" => {
                    let piece = "x".repeat(1024 * 1024);
                    let pieces: Vec<&str> = (0..8).map(|_| piece.as_str()).collect();
                    runtime.stream(&id, &pieces, "").await;
                }
                "chatty" => {
                    let piece = "x".repeat(1024 * 1024);
                    let pieces: Vec<&str> = (0..8).map(|_| piece.as_str()).collect();
                    runtime.print("before");
                    runtime.stream(&id, &pieces, "").await;
                }
                "exit" => {
                    runtime.begin_stream(&id, &["one"]).await;
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    return exit(1);
                }
                _ => drop(runtime.respond(&id, "\"plain\"").await),
            }
        }
    }

    async fn stream(fixture: &Fixture, payload: &str) -> (StreamedAnswer, Arc<crate::FunctionSpec>) {
        let spec = Arc::new(fixture.spec.clone());
        (fixture.compute.invoke_streaming(&spec, request(payload)).await.unwrap(), spec)
    }

    async fn read(mut answer: StreamedAnswer) -> (String, crate::InvokeOutcome) {
        let mut all = Vec::new();
        while let Some(piece) = answer.pieces.recv().await {
            all.extend_from_slice(&piece);
        }
        (String::from_utf8(all).unwrap(), answer.end.await.unwrap())
    }

    #[tokio::test]
    async fn pieces_are_handed_on_and_the_end_tells_how_it_went() {
        let fixture = fixture(streaming).await;
        for (payload, body, error) in [
            ("two", "onetwo", None),
            ("plain", "\"plain\"", None),
            ("forged", "\"plain\"", None),
            ("late", "one", Some("{\"a\":1}")),
            ("break", "one", Some("TruncatedResponse")),
            ("two", "onetwo", None),
            ("exit", "one", Some("Runtime.ExitError")),
            ("two", "onetwo", None),
        ] {
            let (answer, _) = stream(&fixture, payload).await;
            let kind = answer.content_type.clone().unwrap();
            let (text, outcome) = read(answer).await;
            assert_eq!(text, body, "{payload}");
            assert_eq!(kind, if body.starts_with('"') { "application/json" } else { "text/plain" });
            assert_eq!(outcome.is_function_error, error.is_some(), "{payload}");
            let shown = String::from_utf8_lossy(&outcome.payload).into_owned();
            assert!(shown.contains(error.unwrap_or_default()), "{payload}: {shown}");
        }
        assert_eq!(fixture.launched(), 2, "only the one that ended was replaced");
    }

    #[tokio::test]
    async fn who_asks_for_the_whole_answer_gets_it_whole_or_hears_that_it_is_too_large() {
        let fixture = fixture(streaming).await;
        assert_eq!(fixture.invoke("two").await.payload, Bytes::from_static(b"onetwo"));
        let large = fixture.invoke("large").await;
        assert!(large.is_function_error);
        assert!(String::from_utf8_lossy(&large.payload).contains(&RESPONSE_BYTES_MAX.to_string()));
        let (answer, _) = stream(&fixture, "large").await;
        let (text, outcome) = read(answer).await;
        assert_eq!((text.len(), outcome.is_function_error), (8 * 1024 * 1024, false));
    }

    #[tokio::test]
    async fn the_log_goes_on_while_a_reader_takes_its_time() {
        let fixture = fixture(streaming).await;
        let (answer, _) = stream(&fixture, "chatty").await;
        let until = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
        while !fixture.logged().iter().any(|line| line == "before") {
            assert!(tokio::time::Instant::now() < until, "{:?}", fixture.logged());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(fixture.compute.figures().executions, 1);
        assert_eq!(read(answer).await.0.len(), 8 * 1024 * 1024);
    }

    #[tokio::test]
    async fn a_function_waits_for_a_slow_reader_and_goes_on_without_one() {
        let fixture = fixture(streaming).await;
        let (mut answer, spec) = stream(&fixture, "large").await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert!(answer.pieces.len() <= STREAMED_PIECES_MAX);
        assert_eq!(fixture.compute.figures().executions, 1);
        assert!(answer.pieces.recv().await.is_some());
        drop(answer);
        let next = fixture.compute.invoke(&spec, request("plain")).await.unwrap();
        assert!(!next.is_function_error);
    }
}
