//! What a function's answer becomes that is handed on as it comes.
//!
//! A function that says so puts status and headers before its answer: JSON, eight NULs, and then the body. What comes
//! before the body is bounded and read whole; the body is not looked at. A failure after the head breaks the answer
//! off, so that half of one never looks like a whole one.

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Response, header};
use protocol::{ByteStream, Chunks, EventMessage, Fault};
use serde_json::Value;

use super::answer;
use crate::body::Body;
use crate::proxy::{self, HEADER_BYTES_MAX, Malformed};

/// The media type of an answer with its head in front.
const INTEGRATION_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";
/// The end of that head.
const MARK: [u8; 8] = [0; 8];
/// The largest such head: its headers, and what JSON makes of them.
const HEAD_BYTES_MAX: usize = 8 * HEADER_BYTES_MAX;
const BYTES_TYPE: &str = "application/octet-stream";

/// The messages of an answer on its way.
struct Messages {
    chunks: Chunks,
    arrived: BytesMut,
}

impl Messages {
    /// The next piece and its media type; `None` after the last one of an answer that went well.
    async fn next(&mut self) -> Result<Option<(String, Bytes)>, Fault> {
        loop {
            match EventMessage::take(&mut self.arrived)? {
                Some(message) if message.event_type == "PayloadChunk" => {
                    return Ok(Some((message.content_type, message.payload)));
                }
                Some(message) => return ended(&message.payload).map(|()| None),
                None => {}
            }
            let chunk = self.chunks.next().await.ok_or_else(Fault::internal)??;
            self.arrived.extend_from_slice(&chunk);
        }
    }
}

/// Whether an answer went well, by its last message.
fn ended(payload: &[u8]) -> Result<(), Fault> {
    match serde_json::from_slice(payload) {
        Ok(Value::Object(members)) if !members.contains_key("ErrorCode") => Ok(()),
        _ => Err(Fault::internal()),
    }
}

/// The answer, once its head is known.
pub(super) async fn of(events: &ByteStream) -> Result<Response<Body>, Malformed> {
    let mut messages = Messages { chunks: events.take(), arrived: BytesMut::new() };
    let first = messages.next().await.map_err(|_| Malformed)?;
    let Some((content_type, piece)) = first else { return plain(BYTES_TYPE, Body::Whole(Bytes::new())) };
    if !content_type.eq_ignore_ascii_case(INTEGRATION_RESPONSE) {
        return plain(&content_type, body(piece, messages));
    }
    let mut begun = BytesMut::from(piece.as_ref());
    let mut seen = 0;
    let at = loop {
        // SECURITY: what was searched is not searched again, however small the pieces are.
        let fresh = begun.get(seen..).unwrap_or_default();
        if let Some(at) = fresh.windows(MARK.len()).position(|window| window == MARK) {
            break seen + at;
        }
        seen = begun.len().saturating_sub(MARK.len() - 1);
        if begun.len() > HEAD_BYTES_MAX {
            return Err(Malformed);
        }
        let (_, piece) = messages.next().await.ok().flatten().ok_or(Malformed)?;
        begun.extend_from_slice(&piece);
    };
    let prelude = begun.split_to(at);
    begun.advance(MARK.len());
    let mut response = head(&prelude)?;
    *response.body_mut() = body(begun.freeze(), messages);
    Ok(response)
}

fn plain(content_type: &str, body: Body) -> Result<Response<Body>, Malformed> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_str(content_type).map_err(|_| Malformed)?;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

/// Status, headers and cookies.
fn head(prelude: &[u8]) -> Result<Response<Body>, Malformed> {
    if prelude.len() > HEAD_BYTES_MAX {
        return Err(Malformed);
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(prelude) else { return Err(Malformed) };
    let mut response = Response::new(Body::Whole(Bytes::new()));
    *response.status_mut() = proxy::status(members.get("statusCode"))?;
    answer::add_head(response.headers_mut(), &members, BYTES_TYPE)?;
    Ok(response)
}

/// What is here of the body already, and the rest.
fn body(first: Bytes, messages: Messages) -> Body {
    let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
    let rest = stream::try_unfold(messages, |mut messages| async move {
        Ok(messages.next().await?.map(|(_, piece)| (piece, messages)))
    });
    Body::Stream(ByteStream::new(None, Box::pin(first.chain(rest))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event_type: &str, content_type: &str, payload: &[u8]) -> Vec<u8> {
        let message = EventMessage {
            event_type: event_type.to_owned(),
            content_type: content_type.to_owned(),
            payload: Bytes::copy_from_slice(payload),
        };
        message.encode().unwrap().to_vec()
    }

    async fn shown(content_type: &str, pieces: &[&[u8]], end: &str, cut: usize) -> String {
        let mut wire: Vec<u8> =
            pieces.iter().flat_map(|piece| event("PayloadChunk", content_type, piece)).collect();
        wire.extend(event("InvokeComplete", "application/json", end.as_bytes()));
        let chunks: Vec<_> = wire.chunks(cut).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
        let events = ByteStream::new(None, Box::pin(stream::iter(chunks)));
        let Ok(response) = of(&events).await else { return "malformed".to_owned() };
        let headers: String = response
            .headers()
            .iter()
            .map(|(name, value)| format!(" {name}={}", value.to_str().unwrap()))
            .collect();
        let status = response.status().as_u16();
        let body = match response.into_body() {
            Body::Whole(bytes) => Ok(bytes),
            Body::Stream(stream) => stream.collect(1_000_000).await,
        };
        let body =
            body.map_or_else(|_| "broken".to_owned(), |body| String::from_utf8_lossy(&body).into_owned());
        format!("{status}{headers} {body}")
    }

    #[tokio::test]
    async fn a_head_in_front_becomes_the_answers_head() {
        let head = br#"{"statusCode":201,"headers":{"X-A":"1"},"cookies":["a=b"]}"#;
        let all = [head.as_slice(), &MARK, b"body"].concat();
        for cut in [1, 7, 10_000] {
            let expected = "201 x-a=1 set-cookie=a=b content-type=application/octet-stream bodymore";
            assert_eq!(shown(INTEGRATION_RESPONSE, &[&all, b"more"], "{}", cut).await, expected);
            let (one, two) = all.split_at(head.len() + 3);
            assert_eq!(shown(INTEGRATION_RESPONSE, &[one, two, b"more"], "{}", cut).await, expected);
            assert_eq!(
                shown("text/html", &[b"<p>", b"</p>"], "{}", cut).await,
                "200 content-type=text/html <p></p>"
            );
        }
        assert_eq!(shown("text/html", &[], "{}", 9).await, "200 content-type=application/octet-stream ");
    }

    #[tokio::test]
    async fn failures_show_before_the_head_or_break_the_answer_off() {
        let failed = r#"{"ErrorCode":"Unhandled","ErrorDetails":"secret"}"#;
        assert_eq!(shown("text/html", &[], failed, 9).await, "malformed");
        assert_eq!(shown("text/html", &[b"half"], failed, 9).await, "200 content-type=text/html broken");
        for pieces in
            [&[b"{\"statusCode\":200}".as_slice()][..], &[b"no", &MARK], &[b"{\"statusCode\":100}", &MARK]]
        {
            assert_eq!(shown(INTEGRATION_RESPONSE, pieces, "{}", 9).await, "malformed");
        }
        let endless = vec![b'x'; HEAD_BYTES_MAX + 1];
        assert_eq!(shown(INTEGRATION_RESPONSE, &[&endless], "{}", 10_000).await, "malformed");
    }
}
