//! Who hears what an environment does and writes, besides its log: subscribers of the Telemetry API and of the Logs API.
//!
//! Records wait in bounded queues and are posted in batches to where the subscriber listens inside the environment. What
//! does not fit is dropped and counted; no invocation waits for a subscriber.

mod deliver;

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::platform::PlatformEvent;
use crate::contract::Process;
use crate::limits::{EARLY_TELEMETRY_BYTES_MAX, EARLY_TELEMETRY_MAX};

/// Which of the two interfaces a subscription was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubscriptionApi {
    Telemetry,
    Logs,
}

/// What a subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscribe {
    pub(super) name: String,
    pub(super) api: SubscriptionApi,
    pub(super) types: Vec<&'static str>,
    buffering: Buffering,
    port: u16,
    path: String,
}

/// When a batch leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Buffering {
    items: usize,
    bytes: usize,
    time: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    schema_version: Option<String>,
    types: Vec<String>,
    #[serde(default)]
    buffering: AskedBuffering,
    destination: Destination,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedBuffering {
    max_items: Option<u64>,
    max_bytes: Option<u64>,
    timeout_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Destination {
    protocol: String,
    #[serde(rename = "URI")]
    uri: Option<String>,
}

const TYPES: [&str; 3] = ["platform", "function", "extension"];
const HOSTS: [&str; 2] = ["sandbox.localdomain", "sandbox"];
const PATH_BYTES_MAX: usize = 1_024;
/// The doors, which no subscriber listens at.
const DOORS: [u16; 4] = [9001, 4566, 443, 3128];

impl Subscribe {
    pub(super) fn is_of_logs(&self) -> bool {
        self.api == SubscriptionApi::Logs
    }

    /// Reads a subscription.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(name: String, api: SubscriptionApi, body: &[u8]) -> Result<Self, String> {
        let asked: Asked =
            serde_json::from_slice(body).map_err(|error| format!("The request is not valid: {error}"))?;
        let schemas: &[&str] = match api {
            SubscriptionApi::Telemetry => &["2022-07-01", "2022-12-13", "2025-01-29"],
            SubscriptionApi::Logs => &["2020-08-15", "2021-03-18"],
        };
        if asked.schema_version.as_deref().is_some_and(|version| !schemas.contains(&version)) {
            return Err(format!("schemaVersion must be one of {}", schemas.join(", ")));
        }
        let mut types = Vec::new();
        for asked in &asked.types {
            let known = TYPES.into_iter().find(|known| known == asked);
            let known = known.ok_or_else(|| "types must be of platform, function, extension".to_owned())?;
            if !types.contains(&known) {
                types.push(known);
            }
        }
        if types.is_empty() {
            return Err("types must not be empty".to_owned());
        }
        let (port, path) = destination(&asked.destination)?;
        Ok(Self { name, api, types, buffering: Buffering::of(&asked.buffering)?, port, path })
    }
}

impl Buffering {
    fn of(asked: &AskedBuffering) -> Result<Self, String> {
        let within = |name: &str, asked: Option<u64>, default: u64, range: std::ops::RangeInclusive<u64>| {
            let value = asked.unwrap_or(default);
            let is_within = range.contains(&value);
            let refuse = || format!("buffering.{name} must be between {} and {}", range.start(), range.end());
            is_within.then_some(value).ok_or_else(refuse)
        };
        let bytes = within("maxBytes", asked.max_bytes, 262_144, 262_144..=1_048_576)?;
        let items = within("maxItems", asked.max_items, 10_000, 1_000..=10_000)?;
        let millis = within("timeoutMs", asked.timeout_ms, 1_000, 25..=30_000)?;
        Ok(Self {
            items: usize::try_from(items).unwrap_or(usize::MAX),
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            time: Duration::from_millis(millis),
        })
    }
}

// SECURITY: the host is only a name for the environment itself: nothing outside can be named here.
fn destination(destination: &Destination) -> Result<(u16, String), String> {
    if destination.protocol != "HTTP" {
        return Err("destination.protocol must be HTTP; TCP is not supported on this platform".to_owned());
    }
    let refuse = || "destination.URI must be http://sandbox.localdomain:PORT/PATH".to_owned();
    let rest = destination.uri.as_deref().and_then(|uri| uri.strip_prefix("http://")).ok_or_else(refuse)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let port: u16 = port.parse().map_err(|_| refuse())?;
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic()) && path.len() <= PATH_BYTES_MAX;
    if !HOSTS.contains(&host) || port == 0 || DOORS.contains(&port) || !is_plain {
        return Err(refuse());
    }
    Ok((port, format!("/{path}")))
}

/// All subscribers of one environment.
pub(super) struct Telemetry {
    process: Arc<dyn Process>,
    clock: Clock,
    /// One batch at a time leaves for the environment.
    turn: Arc<tokio::sync::Mutex<()>>,
    subscribers: Vec<Subscriber>,
    /// What was said before anybody could subscribe; `None` once nobody can any more.
    early: Option<Early>,
}

#[derive(Default)]
struct Early {
    records: Vec<Record>,
    bytes: usize,
}

/// A record before it is in anybody's words.
#[derive(Clone)]
enum Record {
    Platform(Arc<PlatformEvent>, Timestamp),
    Function(Value, Timestamp),
}

struct Subscriber {
    asked: Subscribe,
    queue: Arc<Queue>,
    task: JoinHandle<()>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Records that wait for one subscriber.
struct Queue {
    waiting: Mutex<Waiting>,
    wake: Notify,
    buffering: Buffering,
}

#[derive(Default)]
struct Waiting {
    records: Vec<String>,
    bytes: usize,
    dropped_records: u64,
    dropped_bytes: u64,
    /// Whatever is there leaves at once.
    hurries: bool,
}

impl Telemetry {
    pub(super) fn new(process: Arc<dyn Process>, clock: Clock) -> Self {
        let early = Some(Early::default());
        Self { process, clock, turn: Arc::default(), subscribers: Vec::new(), early }
    }

    /// True where somebody listens, or may yet.
    pub(super) fn is_heard(&self) -> bool {
        self.early.is_some() || !self.subscribers.is_empty()
    }

    /// Begins to tell a subscriber, also what was said before; one of the same name is replaced.
    pub(super) fn subscribe(&mut self, asked: Subscribe) {
        self.subscribers.retain(|subscriber| subscriber.asked.name != asked.name);
        let queue =
            Arc::new(Queue { waiting: Mutex::default(), wake: Notify::new(), buffering: asked.buffering });
        let post = deliver::Post { port: asked.port, path: asked.path.clone(), clock: self.clock.clone() };
        let (process, turn) = (Arc::clone(&self.process), Arc::clone(&self.turn));
        let task = tokio::spawn(deliver::run(Arc::clone(&queue), post, process, turn));
        let subscriber = Subscriber { asked, queue, task };
        for record in self.early.iter().flat_map(|early| &early.records) {
            subscriber.put(record);
        }
        self.subscribers.push(subscriber);
    }

    /// Nobody can subscribe any more.
    pub(super) fn close(&mut self) {
        self.early = None;
    }

    /// Tells what the platform says.
    pub(super) fn platform(&mut self, event: PlatformEvent, now: Timestamp) {
        if self.is_heard() {
            self.put(&Record::Platform(Arc::new(event), now));
        }
    }

    /// Tells a line that the function or an extension wrote.
    pub(super) fn line(&mut self, message: String, is_json: bool, now: Timestamp) {
        let parsed =
            (is_json && message.starts_with('{')).then(|| serde_json::from_str(&message).ok()).flatten();
        self.put(&Record::Function(parsed.unwrap_or(Value::String(message)), now));
    }

    fn put(&mut self, record: &Record) {
        for subscriber in &self.subscribers {
            subscriber.put(record);
        }
        if let Some(early) = &mut self.early
            && early.records.len() < EARLY_TELEMETRY_MAX
            && early.bytes < EARLY_TELEMETRY_BYTES_MAX
        {
            early.bytes += record.size();
            early.records.push(record.clone());
        }
    }

    /// Sends what waits without waiting for more.
    pub(super) fn hurry(&self) {
        for subscriber in &self.subscribers {
            subscriber.queue.waiting.lock().hurries = true;
            subscriber.queue.wake.notify_one();
        }
    }
}

impl Record {
    fn size(&self) -> usize {
        match self {
            Self::Platform(..) => 512,
            Self::Function(Value::String(text), _) => text.len(),
            Self::Function(..) => 1_024,
        }
    }
}

impl Subscriber {
    fn put(&self, record: &Record) {
        match record {
            Record::Function(value, now) if self.asked.types.contains(&"function") => {
                let time = now.iso8601_millis();
                self.queue.put(json!({"time": time, "type": "function", "record": value}).to_string());
            }
            Record::Platform(event, now) if self.asked.types.contains(&"platform") => {
                for value in self.in_words(event, *now) {
                    self.queue.put(value.to_string());
                }
            }
            _ => {}
        }
    }

    /// The Logs API knows fewer events, and one more.
    fn in_words(&self, event: &PlatformEvent, now: Timestamp) -> Vec<Value> {
        let told = event.telemetry(now);
        if self.asked.api == SubscriptionApi::Telemetry {
            let is_of_logs = matches!(event, PlatformEvent::Subscription { is_logs_api: true, .. });
            return if is_of_logs { Vec::new() } else { vec![told] };
        }
        match event {
            PlatformEvent::InitStart { .. }
            | PlatformEvent::InitRuntimeDone { .. }
            | PlatformEvent::InitReport { .. }
            | PlatformEvent::Subscription { is_logs_api: false, .. } => Vec::new(),
            PlatformEvent::Report(report) => {
                let end = json!({"time": now.iso8601_millis(), "type": "platform.end",
                    "record": {"requestId": report.request_id}});
                vec![end, told]
            }
            _ => vec![told],
        }
    }
}

impl Queue {
    fn put(&self, record: String) {
        let mut waiting = self.waiting.lock();
        let bytes = record.len();
        // As much again as a batch may have: what comes on top of that is lost.
        if waiting.bytes + bytes > 2 * self.buffering.bytes
            || waiting.records.len() >= 2 * self.buffering.items
        {
            waiting.dropped_records += 1;
            waiting.dropped_bytes += bytes as u64;
            return;
        }
        waiting.bytes += bytes;
        waiting.records.push(record);
        drop(waiting);
        self.wake.notify_one();
    }
}

/// Any bytes as a subscription: it is read or refused.
pub(crate) fn fuzz_subscription(data: &[u8]) {
    for api in [SubscriptionApi::Telemetry, SubscriptionApi::Logs] {
        if let Ok(subscribe) = Subscribe::parse("e".to_owned(), api, data) {
            assert!(!subscribe.types.is_empty() && subscribe.path.starts_with('/') && subscribe.port > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &Value) -> Result<Subscribe, String> {
        Subscribe::parse("e".into(), SubscriptionApi::Telemetry, body.to_string().as_bytes())
    }

    #[test]
    fn a_subscription_names_this_environment_and_its_bounds() {
        let good = json!({"schemaVersion": "2022-12-13", "types": ["platform", "function", "platform"],
            "buffering": {"maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25},
            "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/a?b"}});
        let read = parse(&good).unwrap();
        assert_eq!(
            (read.port, read.path.as_str(), read.types.as_slice()),
            (8080, "/a?b", &["platform", "function"][..])
        );
        assert_eq!(read.buffering.time, Duration::from_millis(25));
        for (pointer, bad) in [
            ("/schemaVersion", json!("2020-08-15")),
            ("/types", json!([])),
            ("/types", json!(["all"])),
            ("/buffering/maxItems", json!(999)),
            ("/buffering/maxBytes", json!(1)),
            ("/buffering/timeoutMs", json!(30_001)),
            ("/destination/protocol", json!("TCP")),
            ("/destination/URI", json!("http://169.254.169.254/")),
            ("/destination/URI", json!("http://127.0.0.1:8080/")),
            ("/destination/URI", json!("https://sandbox:8080/")),
            ("/destination/URI", json!("http://sandbox:9001/2018-06-01/runtime/init/error")),
            ("/destination/URI", json!("http://sandbox:0/")),
            ("/destination/URI", json!("http://sandbox:1/ HTTP/1.1\r\nx: y")),
        ] {
            let mut body = good.clone();
            *body.pointer_mut(pointer).unwrap() = bad.clone();
            assert!(parse(&body).is_err(), "{pointer} {bad}");
        }
        for seed in [good.to_string().as_bytes(), b"", b"{}", b"[1]"] {
            fuzz_subscription(seed);
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let buffering = Buffering { items: 2, bytes: 10, time: Duration::from_secs(1) };
        let queue = Queue { waiting: Mutex::default(), wake: Notify::new(), buffering };
        for _ in 0..6 {
            queue.put("12345".to_owned());
        }
        let waiting = queue.waiting.lock();
        assert_eq!((waiting.records.len(), waiting.bytes), (4, 20));
        assert_eq!((waiting.dropped_records, waiting.dropped_bytes), (2, 10));
    }
}
