//! Asks a running platform for a record: a signed `LookupEvents` on its own address, by whoever may read the trail.
//!
//! It sends nothing else, and follows no redirect.

use base::{AccountId, Timestamp};
use serde_json::{Value, json};

use super::{Wanted, find};
use crate::Error;
use crate::args::AskerOptions;
use crate::askers::Askers;
use crate::client::Client;

/// Pages of 50 records.
const PAGES_MAX: usize = 100;
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// The platform, as each of those who ask sees it.
pub(super) struct Running(Askers);

impl Running {
    pub(super) fn of(given: &AskerOptions) -> Result<Self, Error> {
        Askers::of(given).map(Self)
    }

    /// The record; `None` where there is none in any trail that is to be read, or in `account`'s where one is given.
    pub(super) fn record(&self, wanted: &Wanted, account: Option<AccountId>) -> Result<Option<Value>, Error> {
        let clients: Vec<&Client> = match account {
            Some(account) => self.0.of_account(account)?.into_iter().collect(),
            None => self.0.all().collect(),
        };
        for client in clients {
            let found = match (lookup(client, wanted)?, wanted) {
                (None, Wanted::Either(id)) => lookup(client, &find::request(id))?,
                (found, _) => found,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Whether any of those who ask is of this account.
    pub(super) fn reads(&self, account: AccountId) -> Result<bool, Error> {
        Ok(self.0.of_account(account)?.is_some())
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
        Wanted::Either(id) => {
            json!({"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": id}]})
        }
        Wanted::Request { time, .. } | Wanted::Shared { time, .. } => {
            match time.as_deref().and_then(Timestamp::parse_iso8601) {
                Some(time) => json!({"StartTime": time.secs(), "EndTime": time.secs() + 1}),
                None => json!({}),
            }
        }
    }
}
