//! The tables as every call sees them: an in-memory snapshot, filled at the start, changed only after commits.
//!
//! Reading it takes no lock and never waits on the store. It holds no items.

mod limits;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::ArcSwap;
use base::{AccountId, Arn, Region};
use policy::{Policy, PolicyKind};
use service::Internal;
use store::{Range, Store, Transaction};

use crate::error::Error;
use crate::invalid::Invalid;
use crate::records::{TABLES, TableRecord, stored_stamp, table_arn, table_key};
use crate::streams::Sequence;
use crate::throughput::Throughput;

/// A table, ready for use.
#[derive(Debug)]
pub struct Table {
    /// What is stored of it.
    pub record: TableRecord,
    /// Its own policy, compiled.
    pub policy: Option<Policy>,
    /// Its ARN.
    pub arn: String,
    /// How much is in it.
    pub counts: Arc<Counts>,
    /// How much is in its indexes, by their ids.
    pub index_counts: BTreeMap<u64, Arc<Counts>>,
    /// What is left of the throughput of the table and its indexes, by their ids.
    pub throughput: BTreeMap<u64, Arc<Throughput>>,
    /// The order of its changes.
    pub sequence: Arc<Sequence>,
    /// True where calls can be refused for the throughput that they need.
    pub is_limited: bool,
}

/// How many items a table has, as they were last counted: DynamoDB's numbers are hours old, too.
#[derive(Debug, Default)]
pub struct Counts {
    items: AtomicI64,
    bytes: AtomicI64,
    is_stale: AtomicBool,
}

impl Counts {
    /// How many items there are.
    pub fn items(&self) -> i64 {
        self.items.load(Ordering::Relaxed)
    }

    /// How many bytes they count for.
    pub fn bytes(&self) -> i64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Says that something changed since the last count.
    pub fn touch(&self) {
        self.is_stale.store(true, Ordering::Relaxed);
    }

    /// True where something changed since this was last asked.
    pub fn take_stale(&self) -> bool {
        self.is_stale.swap(false, Ordering::Relaxed)
    }

    /// The result of a count.
    pub fn set(&self, items: i64, bytes: i64) {
        self.items.store(items, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

impl Table {
    /// From its record.
    ///
    /// # Errors
    /// The stored policy does not parse.
    pub fn new(record: TableRecord) -> Result<Self, Internal> {
        let policy = record.policy.as_ref().map(|policy| Policy::parse(&policy.text, PolicyKind::Resource));
        let policy = policy.transpose().map_err(Internal::new)?;
        let arn = record.arn();
        let counts = Arc::new(Counts::default());
        counts.touch();
        let ids = std::iter::once(record.id).chain(record.indexes.iter().map(|index| index.id));
        let throughput = ids.map(|id| (id, Arc::default())).collect();
        let index_counts = record.indexes.iter().map(|index| (index.id, Arc::default())).collect();
        let is_limited = record.is_limited();
        Ok(Self {
            record,
            policy,
            arn,
            counts,
            index_counts,
            throughput,
            sequence: Arc::default(),
            is_limited,
        })
    }

    /// The same table as the transaction finds it: its indexes may have changed since a call looked it up.
    ///
    /// # Errors
    /// The table was deleted, or made anew, in the meantime.
    // SECURITY: asked inside the transaction, so that nothing is written for a table whose deletion was acknowledged,
    // and no write passes by an index.
    pub fn current(self: &Arc<Self>, transaction: &Transaction<'_>) -> Result<Arc<Self>, Error> {
        let stored = transaction.get(TABLES, self.record.key())?.ok_or_else(not_found)?;
        match stored_stamp(&stored) {
            Some(stamp) if stamp == self.record.stamp() => Ok(Arc::clone(self)),
            Some(stamp) if stamp.id == self.record.id => {
                let mut newer = Self::new(TableRecord::decode(&stored).map_err(Internal::new)?)?;
                newer.share(self);
                Ok(Arc::new(newer))
            }
            _ => Err(not_found()),
        }
    }

    /// What an answer calls the table that a request named so: its ARN where that was an ARN.
    pub(crate) fn told_as(&self, asked: &str) -> &str {
        if asked.starts_with("arn:") { &self.arn } else { &self.record.name }
    }

    /// True where a change of an item has to know the item as it was.
    pub fn follows_changes(&self) -> bool {
        // Units depend on what was there.
        self.is_limited
            || !self.record.indexes.is_empty()
            || self.record.history.is_some()
            || self.record.stream.as_ref().is_some_and(|stream| stream.is_enabled)
    }

    /// Takes over what was counted in another form of the same table.
    pub(crate) fn take_counts(&self, counted: &Self) {
        self.counts.set(counted.counts.items(), counted.counts.bytes());
        for (id, counts) in &self.index_counts {
            if let Some(counted) = counted.index_counts.get(id) {
                counts.set(counted.items(), counted.bytes());
            }
        }
    }

    /// Goes on with the counts and the sequence of an earlier form of the same table.
    fn share(&mut self, earlier: &Self) {
        self.counts = Arc::clone(&earlier.counts);
        self.sequence = Arc::clone(&earlier.sequence);
        for (id, throughput) in &mut self.throughput {
            if let Some(present) = earlier.throughput.get(id) {
                *throughput = Arc::clone(present);
            }
        }
        for (id, counts) in &mut self.index_counts {
            if let Some(present) = earlier.index_counts.get(id) {
                *counts = Arc::clone(present);
            }
        }
    }
}

/// What items operations say of a table that is not there.
pub fn not_found() -> Error {
    Error::ResourceNotFound("Requested resource not found".to_owned())
}

/// What table operations say of a table that is not there.
pub fn table_not_found(name: &str) -> Error {
    Error::ResourceNotFound(format!("Requested resource not found: Table: {name} not found"))
}

/// Which table a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The owner.
    pub account: AccountId,
    /// Where the table is.
    pub region: Region,
    /// The table's name.
    pub name: String,
}

const NAME_PATTERN: &str = "[a-zA-Z0-9_.-]+";

impl Target {
    /// From a request's `TableName`, which is a name or an ARN.
    ///
    /// # Errors
    /// It is neither, or names another region.
    pub fn parse(text: &str, account: AccountId, region: &Region) -> Result<Self, Invalid> {
        if text.starts_with("arn:") {
            return Self::of_arn(text, region);
        }
        if !(3..=255).contains(&text.len()) {
            return Err(Invalid::new(
                "TableName must be at least 3 characters long and at most 255 characters long",
            ));
        }
        if !text.bytes().all(is_name_byte) {
            return Err(Invalid::new(format!(
                "1 validation error detected: Value '{text}' at 'tableName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: {NAME_PATTERN}"
            )));
        }
        Ok(Self { account, region: region.clone(), name: text.to_owned() })
    }

    /// From a table's ARN.
    ///
    /// # Errors
    /// It is none, or names another region.
    pub fn of_arn(text: &str, region: &Region) -> Result<Self, Invalid> {
        let invalid =
            || Invalid::new(format!("Invalid TableArn: Invalid ResourceArn provided as input {text}"));
        let arn: Arn = text.parse().map_err(|_| invalid())?;
        let name = arn.resource.strip_prefix("table/").unwrap_or_default();
        let is_name = (3..=255).contains(&name.len()) && name.bytes().all(is_name_byte);
        let is_ours = arn.partition == base::PARTITION && arn.service == "dynamodb";
        if !is_name || !is_ours || arn.region != region.as_str() {
            return Err(invalid());
        }
        let account = arn.account.parse().map_err(|_| invalid())?;
        Ok(Self { account, region: region.clone(), name: name.to_owned() })
    }

    /// The table's ARN, whether it exists or not.
    pub fn arn(&self) -> String {
        table_arn(self.account, &self.region, &self.name)
    }

    /// Where the table is stored.
    pub fn key(&self) -> store::Key {
        table_key(self.account, &self.region, &self.name)
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

type Names = BTreeMap<String, Arc<Table>>;

/// All tables, by owner and region.
#[derive(Debug, Default)]
pub struct Tables(ArcSwap<HashMap<(AccountId, Region), Arc<Names>>>);

impl Tables {
    /// Reads every table from the store.
    ///
    /// # Errors
    /// The store fails, or a record is damaged.
    pub fn load(store: &Store) -> Result<Self, Internal> {
        let tables = Self::default();
        let stored = store.scan(TABLES, &Range::all()).map_err(Internal::new)?;
        for (_, bytes) in stored {
            let record = TableRecord::decode(&bytes).map_err(Internal::new)?;
            tables.put(&Arc::new(Table::new(record)?));
        }
        Ok(tables)
    }

    /// The table that is meant, if it is there.
    pub fn find(&self, target: &Target) -> Option<Arc<Table>> {
        let names = self.names(target.account, &target.region)?;
        names.get(&target.name).cloned()
    }

    /// The same table as it is shown now.
    fn same(&self, record: &TableRecord) -> Option<Arc<Table>> {
        let names = self.names(record.account, &record.region)?;
        names.get(&record.name).filter(|table| table.record.id == record.id).cloned()
    }

    /// The tables of an account, in order of their names.
    pub fn names(&self, account: AccountId, region: &Region) -> Option<Arc<Names>> {
        self.0.load().get(&(account, region.clone())).cloned()
    }

    /// Every table.
    pub fn all(&self) -> Vec<Arc<Table>> {
        self.0.load().values().flat_map(|names| names.values().cloned()).collect()
    }

    /// Adds or replaces a table. Called after commits only, in their order.
    pub fn put(&self, table: &Arc<Table>) {
        let owner = (table.record.account, table.record.region.clone());
        self.change(&owner, |names| {
            names.insert(table.record.name.clone(), Arc::clone(table));
        });
    }

    /// Takes a table out. Called after commits only, in their order.
    pub fn remove(&self, record: &TableRecord) {
        let owner = (record.account, record.region.clone());
        self.change(&owner, |names| {
            names.remove(&record.name);
        });
    }

    fn change(&self, owner: &(AccountId, Region), change: impl Fn(&mut Names)) {
        self.0.rcu(|all| {
            let mut all = HashMap::clone(all);
            let mut names = all.get(owner).map(|names| Names::clone(names)).unwrap_or_default();
            change(&mut names);
            all.insert(owner.clone(), Arc::new(names));
            all
        });
    }
}

/// Writes a table and, once that is durable, shows it to all calls.
///
/// # Errors
/// The store fails.
pub fn save(
    transaction: &mut Transaction<'_>,
    state: &Arc<crate::State>,
    record: TableRecord,
) -> Result<Arc<Table>, Error> {
    let bytes = record.encode().map_err(Internal::new)?;
    transaction.put(TABLES, record.key(), bytes)?;
    let mut table = Table::new(record)?;
    if let Some(present) = state.tables.same(&table.record) {
        table.share(&present);
    }
    let table = Arc::new(table);
    let (state, shown) = (Arc::clone(state), Arc::clone(&table));
    transaction.after_commit(move || state.tables.put(&shown));
    Ok(table)
}

/// The same for a table that is to be changed.
///
/// # Errors
/// It is not there, or it is being restored; the store fails, or the record is damaged.
pub fn stored_idle(transaction: &Transaction<'_>, target: &Target) -> Result<TableRecord, Error> {
    let record = stored(transaction, target)?.ok_or_else(|| table_not_found(&target.name))?;
    if record.is_restoring() {
        return Err(Error::ResourceInUse(format!(
            "Attempt to change a resource which is still in use: Table is being created: {}",
            target.name
        )));
    }
    Ok(record)
}

/// The record of a table as the transaction sees it, which may be newer than what calls see.
///
/// # Errors
/// The store fails, or the record is damaged.
pub fn stored(transaction: &Transaction<'_>, target: &Target) -> Result<Option<TableRecord>, Error> {
    let bytes = transaction.get(TABLES, target.key())?;
    let record = bytes.map(|bytes| TableRecord::decode(&bytes)).transpose();
    record.map_err(|damaged| Error::Internal(Internal::new(damaged)))
}
