//! The numbers: what one peer, one request and all of them together may take.

use std::time::Duration;

/// What the edge grants. Zero means zero, never unlimited.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections at once; a further one is closed before a byte is read.
    pub connections_max: usize,
    /// Open connections at once from one peer, so that none takes the places of all: an IPv4 address, or an IPv6 /64.
    pub peer_connections_max: usize,
    /// Header fields in a request; more answers 431.
    pub headers_max: usize,
    /// Bytes of a request's head; more answers 431.
    pub head_bytes_max: usize,
    /// How long a head may take, idle time on a kept connection included.
    pub head_timeout: Duration,
    /// How long a body may take from its first byte to its last.
    pub body_timeout: Duration,
    /// How long a streamed body may pause.
    pub idle_timeout: Duration,
    /// Bytes of a body that is streamed: what S3 takes in one request.
    pub stream_bytes_max: u64,
    /// Bytes of a body, for all APIs but those with a limit of their own.
    pub body_bytes_max: usize,
    /// Bytes of a body for Lambda: a 50 MB package in base64 and its frame.
    pub package_bytes_max: usize,
    /// Bytes of a body for an API Gateway stage: AWS's payload quota.
    pub stage_body_bytes_max: usize,
    /// Bytes of all bodies that have arrived and are not answered yet; a request beyond waits, then answers 503.
    pub bodies_bytes_max: usize,
    /// How long open requests may go on when the platform stops.
    pub drain_timeout: Duration,
}

impl Limits {
    /// The platform's own choice.
    pub const DEFAULT: Self = Self {
        connections_max: 8_192,
        peer_connections_max: 2_048,
        headers_max: 100,
        head_bytes_max: 64 * 1024,
        head_timeout: Duration::from_secs(75),
        body_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(20),
        // 5 GiB, and the frames of its chunks.
        stream_bytes_max: 5 * 1024 * 1024 * 1024 + 64 * 1024 * 1024,
        body_bytes_max: 16 * 1024 * 1024 + 64 * 1024,
        package_bytes_max: 70_167_211,
        stage_body_bytes_max: 10 * 1024 * 1024,
        bodies_bytes_max: 512 * 1024 * 1024,
        drain_timeout: Duration::from_secs(30),
    };
}
