//! Gathers the items of backups and of tables that are restored.
//!
//! All items are copied as they are found, then what changed since the wanted moment is undone, newest change first: what
//! is left is the state at that moment, whatever was written meanwhile. After a restart the work begins again from
//! nothing. No more than a chunk of items is ever in memory.

use std::collections::HashSet;
use std::sync::Arc;

use base::AccountId;
use bytes::Bytes;
use service::{Internal, Jobs};
use store::{Key, KeyReader, Range, Store, StoreError, Transaction};
use tokio::task::JoinSet;

use super::backfill::add_entries;
use super::{CHUNK, CHUNK_BYTES, count_range, count_table, sweep_chunk};
use crate::State;
use crate::attribute::Attributes;
use crate::error::Error;
use crate::history::{self, ID_BYTES, Undo};
use crate::item;
use crate::key::table_range;
use crate::operations::change::entry;
use crate::records::{
    BACKUPS, BackupPlace, BackupRecord, COLLECTIONS, COPIES, CopyPurpose, CopyRecord, DOOMED, HISTORY, ITEMS,
    IndexKind, LiveSource, TABLES, TableRecord,
};
use crate::tables::{Counts, Table, Target, save, stored};

/// Accounts for which something is copied at one time; each has one copy in progress.
const ACCOUNTS_MAX: usize = 4;

/// Fills backups and restored tables: at the start, and whenever there is another one. An account's large copies hold up its own
/// alone, as long as no more than [`ACCOUNTS_MAX`] accounts have any.
pub(crate) async fn copy(state: Arc<State>, mut jobs: Jobs) -> Result<(), Internal> {
    let store = jobs.pipeline().store().clone();
    let mut running = JoinSet::new();
    let mut seen = Seen::default();
    loop {
        for account in accounts(&store).map_err(Internal::new)? {
            if seen.busy.len() < ACCOUNTS_MAX && seen.begin(account) {
                let (state, store) = (Arc::clone(&state), store.clone());
                running.spawn(async move { (account, copy_of(&state, &store, account).await) });
            }
        }
        tokio::select! {
            () = state.copies.notified() => seen.fruitless.clear(),
            Some(done) = running.join_next(), if !running.is_empty() => {
                let (account, copied) = done.map_err(Internal::new)?;
                seen.end(account, copied.map_err(Internal::new)?);
            }
            () = jobs.stopped() => return Ok(()),
        }
    }
}

/// Whose copies are looked at.
#[derive(Default)]
struct Seen {
    busy: HashSet<AccountId>,
    /// Of whose copies none could be made: they are looked at again when there is something new.
    fruitless: HashSet<AccountId>,
}

impl Seen {
    fn begin(&mut self, account: AccountId) -> bool {
        !self.fruitless.contains(&account) && self.busy.insert(account)
    }

    fn end(&mut self, account: AccountId, copied: usize) {
        self.busy.remove(&account);
        if copied == 0 {
            self.fruitless.insert(account);
        }
    }
}

/// Accounts that wait for copies, whose is the oldest first.
fn accounts(store: &Store) -> Result<Vec<AccountId>, Error> {
    let mut accounts = Vec::new();
    for (_, bytes) in store.scan(COPIES, &Range::all())? {
        let account = CopyRecord::decode(&bytes).map_err(Internal::new)?.account();
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    Ok(accounts)
}

/// Fills every backup and every table that waits for it.
#[cfg(test)]
pub(crate) async fn copy_all(state: &Arc<State>, store: &Store) -> Result<(), Error> {
    for account in accounts(store)? {
        copy_of(state, store, account).await?;
    }
    Ok(())
}

/// Fills what one account waits for; how many there were.
async fn copy_of(state: &Arc<State>, store: &Store, account: AccountId) -> Result<usize, Error> {
    let mut copied = 0;
    for (key, bytes) in store.scan(COPIES, &Range::all())? {
        let to = KeyReader::new(&key).u64().map_err(Internal::new)?;
        let copy = CopyRecord::decode(&bytes).map_err(Internal::new)?;
        if copy.account() == account {
            copied += usize::from(fill(state, store, to, &copy).await?);
        }
    }
    Ok(copied)
}

/// Fills a backup or a table; false where that is not there.
async fn fill(state: &Arc<State>, store: &Store, to: u64, copy: &CopyRecord) -> Result<bool, Error> {
    match &copy.purpose {
        CopyPurpose::Backup(place) => {
            gather(store, to, copy).await?;
            complete_backup(state, store, to, copy, place).await?;
        }
        CopyPurpose::Table { account, region, name } => {
            let target = Target { account: *account, region: region.clone(), name: name.clone() };
            let Some(bytes) = store.get(TABLES, target.key())? else { return Ok(false) };
            let record = TableRecord::decode(&bytes).map_err(Internal::new)?;
            let table = Arc::new(Table::new(record)?);
            for index in &table.record.indexes {
                wipe(store, index.id).await?;
            }
            gather(store, to, copy).await?;
            complete_table(state, store, &table, copy, &target).await?;
        }
    }
    Ok(true)
}

/// Deletes what an interrupted run left.
async fn wipe(store: &Store, id: u64) -> Result<(), Error> {
    while sweep_chunk(store, id).await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Copies the items, and undoes what was changed since.
async fn gather(store: &Store, to: u64, copy: &CopyRecord) -> Result<(), Error> {
    wipe(store, to).await?;
    let mut range = table_range(copy.source);
    loop {
        let page = page(store, ITEMS, &range)?;
        let Some((last, _)) = page.last() else { break };
        range = range.after(last);
        write(store, |transaction| {
            page.iter().try_for_each(|(key, item)| transaction.put(ITEMS, moved(to, key), item.clone()))
        })
        .await?;
    }
    match &copy.live {
        Some(live) => undo(store, live, to).await,
        None => Ok(()),
    }
}

async fn undo(store: &Store, live: &LiveSource, to: u64) -> Result<(), Error> {
    let mut range = history::behind(live.history, live.last).reversed();
    loop {
        let page = page(store, HISTORY, &range)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        range = range.before(last);
        let changes: Vec<Undo<'_>> =
            page.iter().map(|(_, bytes)| Undo::decode(bytes)).collect::<Result<_, _>>()?;
        write(store, |transaction| {
            changes.iter().try_for_each(|change| {
                let place = Key::new().u64(to).raw(change.place);
                match change.before {
                    Some(item) => transaction.put(ITEMS, place, item.to_vec()),
                    None => transaction.delete(ITEMS, place),
                }
            })
        })
        .await?;
    }
}

/// Where an item is stored under another id.
fn moved(to: u64, place: &[u8]) -> Key {
    Key::new().u64(to).raw(place.get(ID_BYTES..).unwrap_or_default())
}

type Page = Vec<(Vec<u8>, Bytes)>;

/// Some records of a range: as many as one transaction takes.
fn page(store: &Store, table: store::Table, range: &Range) -> Result<Page, Error> {
    let mut page = Page::new();
    let mut size: usize = 0;
    for record in store.snapshot()?.iter(table, &range.clone().limit(CHUNK)) {
        let (key, value) = record?;
        size = size.saturating_add(value.len());
        page.push((key, value));
        if size > CHUNK_BYTES {
            break;
        }
    }
    Ok(page)
}

async fn write(
    store: &Store,
    body: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Send,
) -> Result<(), Error> {
    store.transact(body).await?;
    tokio::task::yield_now().await;
    Ok(())
}

async fn complete_backup(
    state: &Arc<State>,
    store: &Store,
    to: u64,
    copy: &CopyRecord,
    place: &BackupPlace,
) -> Result<(), Error> {
    let counts = Counts::default();
    count_range(store, to, &counts).await?;
    store
        .transact(|transaction| {
            if let Some(bytes) = transaction.get(BACKUPS, place.key())? {
                let mut backup = BackupRecord::decode(&bytes).map_err(Internal::new)?;
                backup.is_complete = true;
                backup.count = counts.items();
                backup.bytes = counts.bytes();
                transaction.put(BACKUPS, place.key(), backup.encode().map_err(Internal::new)?)?;
            }
            let owner = Target { account: place.account, region: place.region.clone(), name: String::new() };
            end(transaction, state, to, copy, &owner)
        })
        .await
}

async fn complete_table(
    state: &Arc<State>,
    store: &Store,
    table: &Arc<Table>,
    copy: &CopyRecord,
    target: &Target,
) -> Result<(), Error> {
    for index in &table.record.indexes {
        add_entries(store, table, index.id).await?;
    }
    if table.record.indexes.iter().any(|index| index.kind == IndexKind::Local) {
        collect(store, table).await?;
    }
    count_table(store, table).await?;
    store
        .transact(|transaction| {
            let id = table.record.id;
            if let Some(mut record) = stored(transaction, target)?.filter(|record| record.id == id) {
                if let Some(restored) = &mut record.restored {
                    restored.in_progress = false;
                }
                // Counted before it is shown: whoever finds the table active finds its numbers.
                save(transaction, state, record)?.take_counts(table);
            }
            end(transaction, state, id, copy, target)
        })
        .await
}

/// Counts the bytes of every partition of a table with local indexes.
async fn collect(store: &Store, table: &Arc<Table>) -> Result<(), Error> {
    let mut range = table_range(table.record.id);
    loop {
        let page = page(store, ITEMS, &range)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        range = range.after(last);
        let items: Vec<Attributes> =
            page.iter().map(|(_, bytes)| item::decode(bytes)).collect::<Result<_, _>>()?;
        store
            .transact(|transaction| items.iter().try_for_each(|item| collect_item(transaction, table, item)))
            .await?;
        tokio::task::yield_now().await;
    }
}

fn collect_item(transaction: &mut Transaction<'_>, table: &Table, item: &Attributes) -> Result<(), Error> {
    let key = table.record.schema.key_of_item(item)?;
    let local = table.record.indexes.iter().filter(|index| index.kind == IndexKind::Local);
    let entries = local.filter_map(|index| entry(table, index, &key, item).ok().flatten());
    let bytes = entries.fold(item.size_bytes(), |sum, (_, entry)| sum.saturating_add(entry.size_bytes()));
    let place = key.collection(table.record.id);
    let known = transaction.get(COLLECTIONS, &place)?;
    let known = known.and_then(|bytes| Some(u64::from_be_bytes(*bytes.first_chunk::<8>()?))).unwrap_or(0);
    let sum = known.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    transaction.put(COLLECTIONS, &place, sum.to_be_bytes().to_vec())?;
    Ok(())
}

/// Nothing is left to be copied: the source's changes are not needed for this any more.
fn end(
    transaction: &mut Transaction<'_>,
    state: &Arc<State>,
    to: u64,
    copy: &CopyRecord,
    owner: &Target,
) -> Result<(), Error> {
    transaction.delete(COPIES, Key::new().u64(to))?;
    let Some(live) = &copy.live else { return Ok(()) };
    let source = Target { name: live.table.clone(), ..owner.clone() };
    let Some(mut record) = stored(transaction, &source)? else { return Ok(()) };
    let Some(history) = record.history.as_mut().filter(|history| history.id == live.history) else {
        return Ok(());
    };
    history.copies = history.copies.saturating_sub(1);
    settle_history(transaction, state, &mut record)?;
    save(transaction, state, record).map(drop)
}

/// Ends a history that nobody wants any more.
pub(crate) fn settle_history(
    transaction: &mut Transaction<'_>,
    state: &Arc<State>,
    record: &mut TableRecord,
) -> Result<(), Error> {
    let is_wanted =
        |history: &crate::records::HistoryOfTable| history.copies > 0 || history.recovery.is_some();
    if let Some(history) = record.history.take_if(|history| !is_wanted(history)) {
        transaction.put(DOOMED, Key::new().u64(history.id), Vec::new())?;
        record.layout = record.layout.saturating_add(1);
        let ringing = Arc::clone(state);
        transaction.after_commit(move || ringing.sweep.notify_one());
    }
    Ok(())
}
