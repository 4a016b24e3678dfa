//! Addresses at which somebody awaits an answer: each good for one question, for a time, and for nothing else.
//!
//! Whoever has an address may answer, as with a presigned URL: it carries its own proof, of which only a digest is kept. An
//! answer is durable before it is acknowledged. What it says, and whether it is true, is for whoever asked to judge.

mod answer;
mod place;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::{Clock, Timestamp};
use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::{Key, Range, Store, StoreError, Table, Transaction};
use tokio::sync::Notify;

use crate::records::{self, RecordError};
pub(crate) use answer::fuzz_answer;
pub use answer::{NOT_JSON, Shape, TOO_LONG};
pub(crate) use place::Place;

/// What is awaited, by id.
pub const CALLBACKS: Table = Table::new(0x0604, "callbacks");
/// The largest answer, in bytes: CloudFormation's limit.
pub const CALLBACK_BYTES_MAX: usize = 4_096;
/// How many questions' time is looked at when another one is asked: asking adds one, so that all are looked at in turn.
const LOOKED_AT: usize = 16;
/// The most answers to one question.
const ANSWERS_MAX: usize = 100;
const SECRET_CHARS: usize = 43;
/// The host under which functions find the platform.
const INSIDE: &str = "https://platform.fastness.internal";

/// A question, and what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// SHA-256 of the address's secret, in hexadecimal.
    digest: String,
    expires: Timestamp,
    shape: Shape,
    /// True once whoever is asked has the address.
    #[serde(default)]
    sent: bool,
    /// True once whoever asked waits no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    left: bool,
    #[serde(default)]
    answers: Vec<String>,
}

/// Why a question cannot be asked or looked at.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The record has no stored form.
    #[error("an awaited answer cannot be read or written")]
    Record(#[from] RecordError),
}

/// All questions. Clones share them.
#[derive(Clone)]
pub struct Callbacks(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    arrived: Notify,
    served_at: OnceLock<String>,
    /// The key of the last question whose time was looked at.
    looked_at: Mutex<Vec<u8>>,
}

impl Callbacks {
    /// Over this store.
    pub fn new(store: Store, clock: Clock) -> Self {
        let (arrived, served_at) = (Notify::new(), OnceLock::new());
        Self(Arc::new(Shared { store, clock, arrived, served_at, looked_at: Mutex::default() }))
    }

    /// From here on addresses for programs outside of functions are told with this endpoint.
    pub fn served_at(&self, endpoint: &str) {
        let _ = self.0.served_at.set(endpoint.to_owned());
    }

    /// Asks: the address that answers may be sent to until then, for functions and for programs outside. Asking again under
    /// an id keeps the answers, and makes the earlier address worthless.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn ask(&self, id: &str, shape: Shape, lifetime: Duration) -> Result<Addresses, CallbackError> {
        let secret = crypto::random::alphanumeric(SECRET_CHARS);
        let now = self.0.clock.now();
        let expires = now.plus_secs(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX));
        let digest = digest(&secret);
        let (key, path) = (key(id), place::path(id, &secret));
        self.0
            .store
            .transact(|tx| {
                let known = read(tx, &key)?;
                let answers = known.map(|known| known.answers).unwrap_or_default();
                self.drop_expired(tx, now)?;
                put(tx, &key, &Record { digest, expires, shape, sent: false, left: false, answers })
            })
            .await?;
        let outside = self.0.served_at.get().map_or("http://127.0.0.1:4566", String::as_str);
        Ok(Addresses { inside: format!("{INSIDE}{path}"), outside: format!("{outside}{path}") })
    }

    /// Forgets questions whose time is over, a few at a time.
    fn drop_expired(&self, tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), CallbackError> {
        let mut last = self.0.looked_at.lock();
        let found = tx.scan(CALLBACKS, &Range::all().after(&*last).limit(LOOKED_AT))?;
        *last = match found.last() {
            Some((key, _)) if found.len() == LOOKED_AT => key.clone(),
            _ => Vec::new(),
        };
        for (key, bytes) in found {
            if records::decode::<Record>(&bytes).is_ok_and(|record| record.expires <= now) {
                tx.delete(CALLBACKS, key)?;
            }
        }
        Ok(())
    }

    /// Notes that whoever is asked has the address: after a restart the answer is awaited, and nobody asked again.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn sent(&self, id: &str) -> Result<(), CallbackError> {
        let key = key(id);
        self.0
            .store
            .transact(|tx| match read(tx, &key)? {
                Some(record) => put(tx, &key, &Record { sent: true, ..record }),
                None => Ok(()),
            })
            .await
    }

    /// Notes that whoever asked waits no more. What comes is taken as before.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn left(&self, id: &str) -> Result<(), CallbackError> {
        let key = key(id);
        self.0
            .store
            .transact(|tx| match read(tx, &key)? {
                Some(record) => put(tx, &key, &Record { left: true, ..record }),
                None => Ok(()),
            })
            .await
    }

    /// True where a question was begun under this id, its time is not over, and whoever asked did not give up waiting. Where nobody
    /// waits, the platform stopped in between.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn is_open(&self, id: &str) -> Result<bool, CallbackError> {
        let Some(bytes) = self.0.store.get(CALLBACKS, key(id))? else { return Ok(false) };
        let record = records::decode::<Record>(&bytes)?;
        Ok(!record.left && record.expires > self.0.clock.now())
    }

    /// True where somebody was asked under this id, and may answer still.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn is_sent(&self, id: &str) -> Result<bool, CallbackError> {
        let Some(bytes) = self.0.store.get(CALLBACKS, key(id))? else { return Ok(false) };
        Ok(records::decode::<Record>(&bytes)?.sent)
    }

    /// The id of the question that an address belongs to.
    pub fn id_of(address: &str) -> Option<String> {
        let at = address.find("/_fastness/")?;
        let (path, query) = address.get(at..)?.split_once('?')?;
        Some(Place::of(path, query)?.id.to_owned())
    }

    /// What came back so far, in the order of arrival.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn answers(&self, id: &str) -> Result<Vec<String>, CallbackError> {
        let Some(bytes) = self.0.store.get(CALLBACKS, key(id))? else { return Ok(Vec::new()) };
        Ok(records::decode::<Record>(&bytes)?.answers)
    }

    /// Waits until `enough` finds what it looks for in the answers; `None` where it did not in time.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn wait<T>(
        &self,
        id: &str,
        time_max: Duration,
        enough: impl Fn(&[String]) -> Option<T>,
    ) -> Result<Option<T>, CallbackError> {
        let deadline = tokio::time::Instant::now() + time_max;
        loop {
            // Before looking, so that what arrives in between is not missed.
            let arrived = self.0.arrived.notified();
            if let Some(found) = enough(&self.answers(id)?) {
                return Ok(Some(found));
            }
            if tokio::time::timeout_at(deadline, arrived).await.is_err() {
                return Ok(enough(&self.answers(id)?));
            }
        }
    }

    /// Adds an answer that came another way; false where nothing is awaited under this id.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn add(&self, tx: &mut Transaction<'_>, id: &str, answer: String) -> Result<bool, CallbackError> {
        let key = key(id);
        let Some(mut record) = read(tx, &key)? else { return Ok(false) };
        record.take(answer);
        put(tx, &key, &record)?;
        let callbacks = self.clone();
        tx.after_commit(move || callbacks.0.arrived.notify_waiters());
        Ok(true)
    }

    /// Awaits nothing under this id any more.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn close(&self, id: &str) -> Result<(), CallbackError> {
        let key = key(id);
        self.0.store.transact(|tx| Ok::<_, CallbackError>(tx.delete(CALLBACKS, &key)?)).await
    }
}

/// Where an answer may be sent.
#[derive(Clone)]
pub struct Addresses {
    /// By functions.
    pub inside: String,
    /// By programs on this host, or wherever the platform is reached.
    pub outside: String,
}

impl Record {
    /// Whether the secret with this digest may answer at this moment.
    fn opens(&self, digest: &str, now: Timestamp) -> bool {
        crypto::constant_time_eq(self.digest.as_bytes(), digest.as_bytes()) && self.expires > now
    }

    /// The first answer stands where one is awaited; a repeated one, as after a lost acknowledgement, changes nothing.
    fn take(&mut self, answer: String) {
        let is_full = match self.shape {
            Shape::Once => !self.answers.is_empty(),
            Shape::Many => self.answers.len() >= ANSWERS_MAX || self.answers.contains(&answer),
        };
        if !is_full {
            self.answers.push(answer);
        }
    }
}

/// True where a request is for whoever awaits an answer.
pub(crate) fn is_for(head: &Parts) -> bool {
    place::is_for(head.uri.path())
}

/// Takes an answer.
// SECURITY: unknown, expired and wrong are told alike: an address says nothing about others.
pub(crate) async fn take(callbacks: Option<&Callbacks>, head: &Parts, body: &Bytes) -> Response<Bytes> {
    let place = Place::of(head.uri.path(), head.uri.query().unwrap_or_default());
    let (Some(callbacks), Some(place)) = (callbacks, place) else { return answer::forbidden() };
    if head.method != http::Method::PUT {
        return answer::plain(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Use PUT.");
    }
    match answer::text(body) {
        Some(text) => keep(callbacks, &place, text, |_| true).await,
        None => {
            refused(callbacks, &place, NOT_JSON).await;
            answer::plain(StatusCode::BAD_REQUEST, "InvalidRequest", "The answer is not JSON.")
        }
    }
}

/// Notes that an answer was too long to be read: whoever awaits it need not wait any longer.
pub(crate) async fn too_long(callbacks: Option<&Callbacks>, head: &Parts) {
    let place = Place::of(head.uri.path(), head.uri.query().unwrap_or_default());
    if let (Some(callbacks), Some(place)) = (callbacks, place)
        && head.method == http::Method::PUT
    {
        refused(callbacks, &place, TOO_LONG).await;
    }
}

/// Where one answer is awaited, one that cannot be read is that answer.
async fn refused(callbacks: &Callbacks, place: &Place<'_>, why: &str) {
    let told = serde_json::Value::from(why).to_string();
    keep(callbacks, place, told, |record| record.shape == Shape::Once).await;
}

/// Writes an answer to the question that it belongs to, where the question takes it.
async fn keep(
    callbacks: &Callbacks,
    place: &Place<'_>,
    text: String,
    takes: impl Fn(&Record) -> bool + Send,
) -> Response<Bytes> {
    let (shared, key, digest) = (&callbacks.0, key(place.id), digest(place.secret));
    let now = shared.clock.now();
    let stored = match shared.store.get(CALLBACKS, key.clone()) {
        Ok(stored) => stored,
        Err(error) => return not_kept(&error.into()),
    };
    // SECURITY: whoever has no address stops here: strangers take no turn of the store's one writer.
    let known = stored.and_then(|bytes| records::decode::<Record>(&bytes).ok());
    if !known.is_some_and(|record| record.opens(&digest, now)) {
        return answer::forbidden();
    }
    let taken = shared.store.transact(|tx| {
        // It may have been asked anew in between, which makes the address worthless.
        let Some(mut record) = read(tx, &key)?.filter(|record| record.opens(&digest, now)) else {
            return Ok(false);
        };
        if takes(&record) {
            record.take(text);
            put(tx, &key, &record)?;
        }
        Ok::<_, CallbackError>(true)
    });
    match taken.await {
        Ok(true) => {
            shared.arrived.notify_waiters();
            answer::taken()
        }
        Ok(false) => answer::forbidden(),
        Err(error) => not_kept(&error),
    }
}

fn not_kept(error: &CallbackError) -> Response<Bytes> {
    tracing::error!(error = %base::Chain(error), "an answer was not kept");
    answer::plain(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "Please try again.")
}

fn key(id: &str) -> Key {
    Key::new().str(id)
}

fn digest(secret: &str) -> String {
    crypto::sha256(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(tx: &Transaction<'_>, key: &Key) -> Result<Option<Record>, CallbackError> {
    Ok(tx.get(CALLBACKS, key)?.map(|bytes| records::decode(&bytes)).transpose()?)
}

fn put(tx: &mut Transaction<'_>, key: &Key, record: &Record) -> Result<(), CallbackError> {
    Ok(tx.put(CALLBACKS, key, records::encode(record)?)?)
}

#[cfg(test)]
mod tests;
