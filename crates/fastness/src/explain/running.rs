//! Asks a running platform for a record: a signed `LookupEvents` on its own address.
//!
//! It sends nothing else, and follows no redirect.

use base::Timestamp;
use serde_json::{Value, json};

use super::{Wanted, find};
use crate::Error;
use crate::args::ExplainOptions;
use crate::client::Client;

/// Pages of 50 records.
const PAGES_MAX: usize = 100;
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// The platform, as its administrator sees it and as whoever the environment names does.
pub(super) struct Running {
    administrator: Client,
    other: Option<Client>,
}

impl Running {
    pub(super) fn of(given: &ExplainOptions) -> Result<Self, Error> {
        let administrator = Client::of(&given.data_dir, given.ca_bundle.as_deref())?;
        let other = match (&given.access_key_id, &given.secret_access_key) {
            (Some(key), Some(secret)) => {
                Some(administrator.as_whoever(key, secret.clone(), given.session_token.clone()))
            }
            _ => None,
        };
        Ok(Self { administrator, other })
    }

    /// The record; `None` where there is none in any trail that is to be read.
    pub(super) fn record(&self, wanted: &Wanted) -> Result<Option<Value>, Error> {
        if let Some(found) = lookup(&self.administrator, wanted)? {
            return Ok(Some(found));
        }
        match &self.other {
            Some(other) => lookup(other, wanted),
            None => Ok(None),
        }
    }
}

fn lookup(client: &Client, wanted: &Wanted) -> Result<Option<Value>, Error> {
    let mut body = question(wanted);
    for _ in 0..PAGES_MAX {
        let page = client.json("cloudtrail", TARGET, &body)?;
        let events = page.get("Events").and_then(Value::as_array).cloned().unwrap_or_default();
        let records = events.iter().filter_map(|event| event.get("CloudTrailEvent")?.as_str());
        let mut records = records.filter_map(|text| serde_json::from_str(text).ok());
        if let Some(record) = records.find(|record| find::fits(record, wanted)) {
            return Ok(Some(record));
        }
        let (Some(token), Some(members)) = (page.get("NextToken"), body.as_object_mut()) else {
            return Ok(None);
        };
        members.insert("NextToken".to_owned(), token.clone());
    }
    Ok(None)
}

fn question(wanted: &Wanted) -> Value {
    match wanted {
        Wanted::Event(id) => json!({"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": id}]}),
        Wanted::Request { time, .. } | Wanted::Shared { time, .. } => {
            match time.as_deref().and_then(Timestamp::parse_iso8601) {
                Some(time) => json!({"StartTime": time.secs(), "EndTime": time.secs() + 1}),
                None => json!({}),
            }
        }
    }
}
