//! Sends one request again and again over kept connections, and counts.
//!
//! The bytes were signed beforehand, so that the client costs next to nothing beside the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::{Error, cpu};

/// What a run showed.
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) min_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) server_cpu_us: f64,
    /// Calls that were answered, those of the warm-up too.
    pub(crate) sent: usize,
}

/// Runs for `span` after a short warm-up.
pub(crate) fn run(
    address: SocketAddr,
    server: u32,
    request: &[u8],
    connections: usize,
    span: Duration,
) -> Result<Figures, Error> {
    run_all(address, server, &[request.to_vec()], connections, span)
}

/// The same with several requests, which each connection sends in turn, from another one on.
pub(crate) fn run_all(
    address: SocketAddr,
    server: u32,
    requests: &[Vec<u8>],
    connections: usize,
    span: Duration,
) -> Result<Figures, Error> {
    let warm = drive(address, requests, connections, span / 8)?.len();
    let before = cpu::time(server)?;
    let begin = Instant::now();
    let mut latencies = drive(address, requests, connections, span)?;
    let elapsed = begin.elapsed();
    let used = cpu::time(server)?.saturating_sub(before);
    latencies.sort_unstable();
    let calls = latencies.len() as f64;
    let at = |part: f64| {
        let index = ((calls - 1.0) * part) as usize;
        latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
    };
    Ok(Figures {
        per_second: calls / elapsed.as_secs_f64(),
        min_us: at(0.0),
        p50_us: at(0.5),
        p99_us: at(0.99),
        server_cpu_us: used.as_secs_f64() * 1e6 / calls,
        sent: warm + latencies.len(),
    })
}

fn drive(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    span: Duration,
) -> Result<Vec<Duration>, Error> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        let first = |worker: usize| worker * requests.len() / connections;
        let workers: Vec<_> = (0..connections)
            .map(|worker| scope.spawn(move || one_connection(address, requests, first(worker), stop)))
            .collect();
        std::thread::sleep(span);
        stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a connection's thread panicked")??);
        }
        Ok(all)
    })
}

fn one_connection(
    address: SocketAddr,
    requests: &[Vec<u8>],
    first: usize,
    stop: &AtomicBool,
) -> Result<Vec<Duration>, Error> {
    let mut connection = Connection::open(address)?;
    let mut latencies = Vec::with_capacity(100_000);
    for request in requests.iter().cycle().skip(first) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let begin = Instant::now();
        connection.send(request)?;
        latencies.push(begin.elapsed());
    }
    Ok(latencies)
}

/// A kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        self.stream.write_all(request)?;
        read_answer(&mut self.stream, &mut self.buffer)
    }
}

/// Sends the request once and answers status and body.
pub(crate) fn once(address: SocketAddr, request: &[u8]) -> Result<String, Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request)?;
    let mut buffer = Vec::new();
    read_answer(&mut stream, &mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), Error> {
    buffer.clear();
    let mut chunk = [0_u8; 16 * 1024];
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Err("the server closed the connection".into());
        }
        buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if let Some(whole) = length(buffer)
            && buffer.len() >= whole
        {
            return if buffer.starts_with(b"HTTP/1.1 2") {
                Ok(())
            } else {
                Err(format!("refused: {}", String::from_utf8_lossy(buffer)).into())
            };
        }
    }
}

fn length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(buffer.get(..head)?).ok()?.to_ascii_lowercase();
    let declared = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    Some(head + declared.trim().parse::<usize>().ok()?)
}
