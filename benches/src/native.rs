//! A native function for the benches: this same program, as the `bootstrap` of a package.
//!
//! Answers each invocation with its payload; an integer as payload is waited for, in milliseconds. As the handler `once` it ends
//! after its first answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Error;

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";

/// Where the Runtime API is, where this process is a function.
#[allow(clippy::disallowed_methods, reason = "the Runtime API tells functions so")]
pub(crate) fn runtime_api() -> Option<String> {
    std::env::var("AWS_LAMBDA_RUNTIME_API").ok()
}

/// Serves invocations until it is ended.
#[allow(clippy::disallowed_methods, reason = "the Runtime API tells functions so")]
pub(crate) fn serve(api: &str) -> Result<(), Error> {
    let ends = std::env::var("_HANDLER").is_ok_and(|handler| handler == "once");
    let mut stream = TcpStream::connect(api)?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    stream.write_all(NEXT.as_bytes())?;
    loop {
        let (head, body) = message(&mut stream, &mut buffer)?;
        let id = head.lines().find_map(|line| line.strip_prefix("Lambda-Runtime-Aws-Request-Id: "));
        let id = id.ok_or("no request id")?;
        if let Ok(millis) = String::from_utf8_lossy(&body).trim().parse() {
            std::thread::sleep(Duration::from_millis(millis));
        }
        let length = body.len();
        let mut answer = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        answer.extend_from_slice(&body);
        if !ends {
            answer.extend_from_slice(NEXT.as_bytes());
        }
        stream.write_all(&answer)?;
        message(&mut stream, &mut buffer)?;
        if ends {
            return Ok(());
        }
    }
}

/// One message: its head and its body; what came after it stays in the buffer.
fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(String, Vec<u8>), Error> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let whole = end + 4 + length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if buffer.len() >= whole {
                let rest = buffer.split_off(whole);
                let body = buffer.split_off(end + 4);
                *buffer = rest;
                return Ok((head, body));
            }
        }
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err("the Runtime API closed the connection".into());
        }
        buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
}
