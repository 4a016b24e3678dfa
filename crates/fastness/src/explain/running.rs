//! Asks a running platform for a record: a signed `LookupEvents` on its own address, and `GetCallerIdentity` for whose
//! trail that is.
//!
//! It sends nothing else, and follows no redirect.

use base::{AccountId, Timestamp};
use serde_json::{Value, json};

use super::{Wanted, find};
use crate::Error;
use crate::args::ExplainOptions;
use crate::client::Client;

/// Pages of 50 records.
const PAGES_MAX: usize = 100;
/// The version of STS's API.
const STS: &str = "2011-06-15";
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

    /// The record; `None` where there is none in any trail that is to be read, or in `account`'s where one is given.
    pub(super) fn record(&self, wanted: &Wanted, account: Option<AccountId>) -> Result<Option<Value>, Error> {
        for client in self.clients() {
            if let Some(account) = account
                && account_of(client)? != account.as_str()
            {
                continue;
            }
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
        for client in self.clients() {
            if account_of(client)? == account.as_str() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn clients(&self) -> impl Iterator<Item = &Client> {
        std::iter::once(&self.administrator).chain(&self.other)
    }
}

/// Whose the keys are.
fn account_of(client: &Client) -> Result<String, Error> {
    let xml = client.query("sts", STS, &[("Action", "GetCallerIdentity")])?;
    let account = xml.split_once("<Account>").and_then(|(_, rest)| rest.split_once("</Account>"));
    account.map(|(account, _)| account.to_owned()).ok_or_else(|| "GetCallerIdentity names no account".into())
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
