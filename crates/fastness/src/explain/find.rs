//! Finds a call's record: in the data folder itself, or by asking the platform that holds it.
//!
//! A running platform has its store for itself; it is asked as any client would, with the administrator's key.

use base::{AccountId, Clock, Timestamp};
use crypto::RootKey;
use observe::{Attribute, AuditTrail, Query};
use serde_json::Value;
use store::{Store, StoreOptions};

use super::{Wanted, running};
use crate::Error;
use crate::args::ExplainOptions;

/// So many records are looked at, newest first, where only the request is known.
const RECORDS_MAX: usize = 50_000;

/// The record; `None` where there is none.
pub(super) fn record(
    given: &ExplainOptions,
    keys: &RootKey,
    wanted: &Wanted,
    account: AccountId,
) -> Result<Option<Value>, Error> {
    let path = given.data_dir.join("store");
    let options = StoreOptions { path, sealer: keys.derive("store"), clock: Clock::system() };
    match Store::open(options) {
        Ok(store) => of_store(store, wanted, account),
        Err(store::OpenError::Locked { .. }) => {
            running::record(&given.data_dir, given.ca_bundle.as_deref(), wanted)
        }
        Err(error) => Err(error.into()),
    }
}

fn of_store(store: Store, wanted: &Wanted, account: AccountId) -> Result<Option<Value>, Error> {
    let trail = AuditTrail::new(store)?;
    let (attribute, time) = match wanted {
        Wanted::Event(id) => (Some(Attribute::EventId(id.clone())), None),
        Wanted::Request { time, .. } => (None, time.as_deref().and_then(Timestamp::parse_iso8601)),
    };
    let query = Query {
        account,
        attribute,
        start: time,
        end: time.map(|time| time.plus_secs(1)),
        limit: RECORDS_MAX,
        after: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let page = runtime.block_on(trail.query(&query))?;
    Ok(page
        .events
        .iter()
        .filter_map(|event| serde_json::from_str(&event.json).ok())
        .find(|one| fits(one, wanted)))
}

/// Whether a record is the one.
pub(super) fn fits(record: &Value, wanted: &Wanted) -> bool {
    let (member, id) = match wanted {
        Wanted::Event(id) => ("eventID", id),
        Wanted::Request { id, .. } => ("requestID", id),
    };
    record.get(member).and_then(Value::as_str) == Some(id)
}
