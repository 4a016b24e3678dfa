//! Asks a running platform for a record: a signed `LookupEvents` on its own address, by whoever may read the trail.
//!
//! It sends nothing else, and follows no redirect.

use base::{AccountId, Timestamp};
use serde_json::{Value, json};

use super::{Wanted, find};
use crate::Error;
use crate::args::AskerOptions;
use crate::askers::{Askers, account_of};
use crate::client::{Client, Refused};

/// Pages of 50 records.
const PAGES_MAX: usize = 100;
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// The platform, as each of those who ask sees it.
pub(super) struct Running(Askers);

impl Running {
    pub(super) fn of(given: &AskerOptions) -> Result<Self, Error> {
        Askers::of(given).map(Self)
    }

    /// The administrator's.
    pub(super) fn home(&self) -> Result<AccountId, Error> {
        account_of(self.0.administrator())
    }

    /// The record in this account's trail; unless it is to be `there` alone, also in any other that is to be read. A trail that
    /// refuses to be read hides nothing that another one holds.
    pub(super) fn record(
        &self,
        wanted: &Wanted,
        account: AccountId,
        there: bool,
    ) -> Result<Option<Value>, Error> {
        let mut refused = None;
        for client in self.asked(wanted, account, there)? {
            match one(client, wanted) {
                Ok(None) => {}
                // SECURITY: who cannot be reached, or is not who was meant, has refused nothing.
                Err(error) if !error.is::<Refused>() => return Err(error),
                Err(error) => refused = refused.or(Some(Refused(self.0.told_by(client, &error)))),
                found => return found,
            }
        }
        refused.map_or(Ok(None), |error| Err(error.into()))
    }

    /// Whose trails are read, in order.
    fn asked(&self, wanted: &Wanted, account: AccountId, there: bool) -> Result<Vec<&Client>, Error> {
        if !there && matches!(wanted, Wanted::Either(_)) {
            return Ok(self.0.all().collect());
        }
        let owner = self.0.of_account(account);
        if there {
            return Ok(owner?.into_iter().collect());
        }
        // Of a call across accounts the administrator's trail may hold the other side, whoever else may not ask.
        let administrator = self.0.administrator();
        let owner = owner.ok().flatten().filter(|owner| !std::ptr::eq(*owner, administrator));
        Ok(owner.into_iter().chain([administrator]).collect())
    }

    /// Whether any of those who ask is of this account.
    pub(super) fn reads(&self, account: AccountId) -> Result<bool, Error> {
        Ok(self.0.of_account(account)?.is_some())
    }
}

fn one(client: &Client, wanted: &Wanted) -> Result<Option<Value>, Error> {
    match (lookup(client, wanted)?, wanted) {
        (None, Wanted::Either(id)) => lookup(client, &find::request(id)),
        (found, _) => Ok(found),
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
