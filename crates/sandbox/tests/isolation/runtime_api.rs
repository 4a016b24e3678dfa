//! A Runtime API just large enough to drive the bootstraps, on the listener that was born inside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// One runtime: a client may use a connection for everything, as ours do, or a new one at any time.
pub(crate) struct Runtime {
    listener: TcpListener,
    stream: Option<BufReader<TcpStream>>,
    next: u32,
}

fn connection(listener: &TcpListener) -> BufReader<TcpStream> {
    let (stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    BufReader::new(stream)
}

impl Runtime {
    /// Waits for the runtime to connect.
    pub(crate) fn accept(listener: TcpListener) -> Self {
        Self { stream: Some(connection(&listener)), listener, next: 0 }
    }

    fn reader(&mut self) -> &mut BufReader<TcpStream> {
        self.stream.as_mut().unwrap()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.reader().get_mut().write_all(bytes).unwrap();
    }

    /// Hangs up, entirely, and waits for the runtime to come back.
    fn reconnect(&mut self) {
        self.stream = None;
        self.stream = Some(connection(&self.listener));
    }

    pub(crate) fn request(&mut self) -> Request {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.reader().read_line(&mut line).unwrap() == 0 {
                assert!(lines.is_empty(), "the runtime closed the connection: {lines:?}");
                self.reconnect();
                continue;
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let headers: Vec<(String, String)> = lines[1..]
            .iter()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut request = Request { line: lines[0].clone(), headers, body: String::new() };
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.reader().read_exact(&mut body).unwrap();
        request.body = String::from_utf8(body).unwrap();
        request
    }

    /// Expects the runtime to ask, gives it an event, and returns its answer.
    pub(crate) fn invoke(&mut self, event: &str) -> Request {
        self.invoke_with(event, "")
    }

    pub(crate) fn invoke_with(&mut self, event: &str, headers: &str) -> Request {
        let asked = self.request();
        assert_eq!(asked.line, "GET /2018-06-01/runtime/invocation/next HTTP/1.1", "{asked:?}");
        self.give_with(event, headers);
        let answer = self.request();
        self.accept_answer();
        answer
    }

    /// Answers the runtime's request for an invocation.
    pub(crate) fn give(&mut self, event: &str) {
        self.give_with(event, "");
    }

    fn give_with(&mut self, event: &str, headers: &str) {
        self.next += 1;
        let deadline = 4_102_444_800_000_u64;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: req-{}\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n\
             Lambda-Runtime-Trace-Id: Root=1-2-3\r\n{headers}Content-Length: {}\r\n\r\n{event}",
            self.next,
            event.len()
        );
        self.write(head.as_bytes());
    }

    pub(crate) fn accept_answer(&mut self) {
        self.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n");
    }

    /// Gives an event in chunks, as a proxy in between may.
    pub(crate) fn give_chunked(&mut self, chunks: &[&str]) {
        let mut text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
            lambda-runtime-aws-request-id: req-c\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_owned();
        for chunk in chunks.iter().chain([&""]) {
            text.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
        }
        // Byte by byte: nothing may depend on where packets end.
        for byte in text.bytes() {
            self.write(&[byte]);
        }
    }

    /// Reads the head of an answer, refuses it, and hangs up without reading its body.
    pub(crate) fn refuse_answer(&mut self) -> String {
        let mut line = String::new();
        self.reader().read_line(&mut line).unwrap();
        let refusal = "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        self.write(refusal.as_bytes());
        self.reconnect();
        line
    }
}
