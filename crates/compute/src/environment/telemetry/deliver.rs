//! Posts batches of records to one subscriber, as HTTP inside the environment.
//!
//! A batch that has left is not sent again: a subscriber that is frozen meanwhile finds it when it runs. One that does not
//! listen loses a batch after a few attempts.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Queue;
use crate::contract::Process;
use crate::environment::platform::PlatformEvent;

/// How often a batch is tried, and how long after an attempt that failed.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);
/// How long a connection, a write, and the answer to it may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// As much of an answer as is looked at.
const ANSWER_BYTES: usize = 512;

/// Where the batches go.
pub(super) struct Post {
    pub(super) port: u16,
    pub(super) path: String,
    pub(super) clock: Clock,
}

pub(super) async fn run(
    queue: Arc<Queue>,
    post: Post,
    process: Arc<dyn Process>,
    turn: Arc<tokio::sync::Mutex<()>>,
) {
    loop {
        let batch = queue.batch(&post.clock).await;
        let request = post.request(&batch);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(PAUSE * attempt).await;
            }
            let _turn = turn.lock().await;
            if post.send(&*process, &request).await.is_ok() {
                break;
            }
        }
    }
}

impl Queue {
    /// The next batch, as a JSON array, once it is large or old enough.
    async fn batch(&self, clock: &Clock) -> String {
        let mut oldest: Option<Instant> = None;
        loop {
            {
                let mut waiting = self.waiting.lock();
                let has_any = !waiting.records.is_empty();
                let is_full =
                    waiting.records.len() >= self.buffering.items || waiting.bytes >= self.buffering.bytes;
                let is_old = oldest.is_some_and(|since| since.elapsed() >= self.buffering.time);
                if has_any && (is_full || is_old || waiting.hurries) {
                    waiting.bytes = 0;
                    let mut records = std::mem::take(&mut waiting.records);
                    let lost = (waiting.dropped_records, waiting.dropped_bytes);
                    (waiting.dropped_records, waiting.dropped_bytes) = (0, 0);
                    drop(waiting);
                    if lost.0 > 0 {
                        let event = PlatformEvent::LogsDropped { records: lost.0, bytes: lost.1 };
                        records.push(event.telemetry(clock.now()).to_string());
                    }
                    return format!("[{}]", records.join(","));
                }
                if has_any && oldest.is_none() {
                    oldest = Some(Instant::now());
                }
            }
            match oldest {
                Some(since) => drop(timeout_at(since + self.buffering.time, self.wake.notified()).await),
                None => self.wake.notified().await,
            }
        }
    }
}

impl Post {
    fn request(&self, batch: &str) -> Vec<u8> {
        let (path, port, length) = (&self.path, self.port, batch.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: sandbox.localdomain:{port}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{batch}"
        )
        .into_bytes()
    }

    async fn send(&self, process: &dyn Process, request: &[u8]) -> io::Result<()> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let mut stream = timeout(PATIENCE, process.connect(self.port)).await.map_err(late)??;
        timeout(PATIENCE, stream.write_all(request)).await.map_err(late)??;
        // Its answer is waited for so that it is not cut off while it reads, and means nothing.
        let mut answer = [0; ANSWER_BYTES];
        let _ = timeout(PATIENCE, stream.read(&mut answer)).await;
        let _ = stream.shutdown().await;
        Ok(())
    }
}
