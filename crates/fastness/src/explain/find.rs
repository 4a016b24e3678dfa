//! Finds a call's records: in the data folder itself, or by asking the platform that holds it.
//!
//! A running platform has its store for itself; it is asked as any client would, with the administrator's key, and for
//! the trail of another account with the credentials that the environment gives.

use base::{AccountId, Clock, Timestamp};
use crypto::RootKey;
use identity::Directory;
use observe::{Attribute, AuditTrail, Query};
use serde_json::Value;
use store::{Store, StoreOptions};

use super::Wanted;
use super::running::Running;
use crate::Error;
use crate::args::AskerOptions;
use crate::askers;

/// So many records are looked at, newest first, where only the request is known.
const RECORDS_MAX: usize = 50_000;

/// Where trails are read.
pub(super) enum Trails {
    /// The store of a platform that does not run: every account's.
    Stored { trail: AuditTrail, first: AccountId },
    /// A platform that runs: those of whoever asks.
    Running(Box<Running>),
}

impl Trails {
    pub(super) fn open(given: &AskerOptions, keys: &RootKey) -> Result<Self, Error> {
        let path = given.data_dir.join("store");
        let options = StoreOptions { path, sealer: keys.derive("store"), clock: Clock::system() };
        match Store::open(options) {
            Ok(store) => {
                let first = Directory::new(store.clone(), keys.derive("sessions")).first_account()?;
                let first = first.ok_or("no platform was ever started with this data folder")?;
                Ok(Self::Stored { trail: AuditTrail::new(store)?, first })
            }
            Err(store::OpenError::Locked { .. }) => Ok(Self::Running(Box::new(Running::of(given)?))),
            Err(error) => Err(error.into()),
        }
    }

    /// The account whose trail is looked at where nothing else is said.
    pub(super) fn home(&self) -> Result<AccountId, Error> {
        match self {
            Self::Stored { first, .. } => Ok(*first),
            Self::Running(running) => running.home(),
        }
    }

    /// The record in this account's trail; `None` where there is none, or that trail is not to be read. A platform that
    /// runs may find it in another trail that whoever asks may read, unless it is to be `there` alone.
    pub(super) fn record(
        &self,
        wanted: &Wanted,
        account: AccountId,
        there: bool,
    ) -> Result<Option<Value>, Error> {
        match self {
            Self::Stored { trail, .. } => match wanted {
                Wanted::Either(id) => match of_store(trail, wanted, account)? {
                    None => of_store(trail, &request(id), account),
                    found => Ok(found),
                },
                _ => of_store(trail, wanted, account),
            },
            Self::Running(running) => running.record(wanted, account, there),
        }
    }

    /// Why this account's trail could not be read at all; `None` where it was.
    pub(super) fn unread(&self, account: AccountId) -> Option<String> {
        let Self::Running(running) = self else { return None };
        match running.reads(account) {
            Ok(true) => None,
            Ok(false) => {
                let missing = askers::missing(account, "cloudtrail:LookupEvents");
                Some(format!("{missing}, or stop the platform"))
            }
            Err(error) => Some(error.to_string()),
        }
    }
}

fn of_store(trail: &AuditTrail, wanted: &Wanted, account: AccountId) -> Result<Option<Value>, Error> {
    let (attribute, time) = match wanted {
        Wanted::Either(id) => (Some(Attribute::EventId(id.clone())), None),
        Wanted::Request { time, .. } | Wanted::Shared { time, .. } => {
            (None, time.as_deref().and_then(Timestamp::parse_iso8601))
        }
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

/// The request of this id, made at any time.
pub(super) fn request(id: &str) -> Wanted {
    Wanted::Request { id: id.to_owned(), time: None }
}

/// Whether a record is the one.
pub(super) fn fits(record: &Value, wanted: &Wanted) -> bool {
    let is = |member: &str, text: &str| record.get(member).and_then(Value::as_str) == Some(text);
    match wanted {
        Wanted::Either(id) => is("eventID", id),
        Wanted::Request { id, .. } => is("requestID", id),
        Wanted::Shared { id, account, .. } => {
            is("sharedEventID", id) && is("recipientAccountId", account.as_str())
        }
    }
}
