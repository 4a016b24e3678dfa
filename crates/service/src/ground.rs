//! What a decision rests on, and how it is taken again where that does not stand any more.
//!
//! An access function reads records through its request, so that what it read is known. Before a handler sees the state
//! or changes it, all of that is compared with what stands there by then; where anything is another, the operation's own
//! access function is asked again, on that very state, and its refusal is the answer. Nothing is decided here.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use protocol::Fault;
use store::{Key, Range, Read, Snapshot, Store, StoreError, Table};

use crate::access::Access;
use crate::call::Call;
use crate::registry::Failure;

/// Something that was read, and what was found.
pub(crate) enum Seen {
    /// One record; `None` where there was none.
    One(Table, Key, Option<Bytes>),
    /// A run of records.
    Run(Table, Range, Vec<(Vec<u8>, Bytes)>),
}

impl Seen {
    fn stands(&self, now: &dyn Read) -> Result<bool, StoreError> {
        match self {
            Self::One(table, key, value) => Ok(now.read(*table, key)? == *value),
            Self::Run(table, range, entries) => Ok(now.list(*table, range)? == *entries),
        }
    }

    fn renew(&mut self, now: &dyn Read) -> Result<(), StoreError> {
        match self {
            Self::One(table, key, value) => *value = now.read(*table, key)?,
            Self::Run(table, range, entries) => *entries = now.list(*table, range)?,
        }
        Ok(())
    }
}

/// Remembers what is read.
pub(crate) struct Watched<'a> {
    from: &'a dyn Read,
    seen: RefCell<Vec<Seen>>,
}

impl<'a> Watched<'a> {
    pub(crate) const fn over(from: &'a dyn Read) -> Self {
        Self { from, seen: RefCell::new(Vec::new()) }
    }

    pub(crate) fn into_seen(self) -> Vec<Seen> {
        self.seen.into_inner()
    }
}

impl Read for Watched<'_> {
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let known = self.seen.borrow().iter().find_map(|seen| match seen {
            Seen::One(at, under, value) if *at == table && under == key => Some(value.clone()),
            _ => None,
        });
        if let Some(value) = known {
            return Ok(value);
        }
        let value = self.from.read(table, key)?;
        self.seen.borrow_mut().push(Seen::One(table, key.clone(), value.clone()));
        Ok(value)
    }

    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        let entries = self.from.list(table, range)?;
        self.seen.borrow_mut().push(Seen::Run(table, range.clone(), entries.clone()));
        Ok(entries)
    }
}

/// What is durable at the moment of the first read, for all reads. Where nothing is read, nothing is done.
pub(crate) struct AtOnce<'a> {
    store: &'a Store,
    snapshot: RefCell<Option<Snapshot>>,
}

impl<'a> AtOnce<'a> {
    pub(crate) const fn of(store: &'a Store) -> Self {
        Self { store, snapshot: RefCell::new(None) }
    }

    fn with<T>(&self, read: impl FnOnce(&Snapshot) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut snapshot = self.snapshot.borrow_mut();
        let taken = match snapshot.take() {
            Some(taken) => taken,
            None => self.store.snapshot()?,
        };
        read(snapshot.insert(taken))
    }
}

impl Read for AtOnce<'_> {
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.with(|snapshot| snapshot.get(table, key))
    }

    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.with(|snapshot| snapshot.scan(table, range))
    }
}

type Again = dyn Fn(&dyn Read, &Call) -> Result<Access, Failure> + Send + Sync;

/// What leave was asked on, and how it is asked again.
pub struct Ground {
    seen: Mutex<Vec<Seen>>,
    again: Box<Again>,
}

impl Ground {
    /// The ground of what was asked on this.
    pub(crate) fn of(seen: Vec<Seen>, again: Box<Again>) -> Self {
        Self { seen: Mutex::new(seen), again }
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ok where all that was read stands in `now` as it did, or where the caller has leave for what stands there instead.
    ///
    /// # Errors
    /// The refusal, or that the platform failed.
    // SECURITY: what holds for the tags, the policy or the owner of before says nothing of others.
    pub fn settle(&self, now: &dyn Read, call: &Call) -> Result<(), Fault> {
        let mut all_stand = true;
        for seen in self.seen().iter() {
            all_stand = all_stand && seen.stands(now).map_err(|error| call.failed(&error))?;
        }
        if all_stand {
            return Ok(());
        }
        let watched = Watched::over(now);
        let access = (self.again)(&watched, call).map_err(|failure| call.blamed(failure))?;
        call.ask(&access)?;
        *self.seen() = watched.into_seen();
        Ok(())
    }

    /// What the call itself has written since is no news to it.
    pub(crate) fn renew(&self, now: &dyn Read) -> Result<(), StoreError> {
        self.seen().iter_mut().try_for_each(|seen| seen.renew(now))
    }
}

/// Everything at one moment, and the call's leave holds for it. It is not kept for long.
pub struct View(pub(crate) Snapshot);

impl View {
    /// For runs of records.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.0
    }
}

impl Read for View {
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.0.get(table, key)
    }

    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.0.scan(table, range)
    }
}
