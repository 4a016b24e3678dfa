//! Adds the entries of items that were there before their index.
//!
//! Writes keep the index up meanwhile, and each chunk reads its items inside its own transaction, so that an entry never
//! is older than its item. After a restart the work begins again; entries that are there are written once more.

use std::sync::Arc;

use service::{Internal, Jobs};
use store::{Range, Store, Transaction};

use super::{CHUNK, CHUNK_BYTES};
use crate::State;
use crate::error::Error;
use crate::item;
use crate::key::table_range;
use crate::operations::change::entry;
use crate::records::{ITEMS, IndexRecord, IndexState};
use crate::tables::{Table, Target, save, stored};

/// Fills new indexes: at the start, and whenever one was added.
pub(crate) async fn backfill(state: Arc<State>, mut jobs: Jobs) -> Result<(), Internal> {
    loop {
        let store = jobs.pipeline().store().clone();
        fill_indexes(&state, &store).await.map_err(Internal::new)?;
        tokio::select! {
            () = state.backfill.notified() => {}
            () = jobs.stopped() => return Ok(()),
        }
    }
}

/// Fills every index that waits for it.
pub(crate) async fn fill_indexes(state: &Arc<State>, store: &Store) -> Result<(), Error> {
    for table in state.tables.all() {
        for index in table.record.indexes.iter().filter(|index| index.state == IndexState::Filling) {
            match fill(state, store, &table, index).await {
                // The table was deleted in the meantime.
                Ok(()) | Err(Error::ResourceNotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

async fn fill(
    state: &Arc<State>,
    store: &Store,
    table: &Arc<Table>,
    index: &IndexRecord,
) -> Result<(), Error> {
    add_entries(store, table, index.id).await?;
    activate(state, store, table, index.id).await
}

/// Adds the entries of all items of a table in one of its indexes.
pub(super) async fn add_entries(store: &Store, table: &Arc<Table>, id: u64) -> Result<(), Error> {
    let mut range = table_range(table.record.id);
    loop {
        let chunk = range.clone();
        match store.transact(move |transaction| fill_chunk(transaction, table, id, &chunk)).await? {
            Some(last) => range = range.after(last),
            None => return Ok(()),
        }
        tokio::task::yield_now().await;
    }
}

/// Adds the entries of some items; the last of their keys, where there may be more behind it.
fn fill_chunk(
    transaction: &mut Transaction<'_>,
    table: &Arc<Table>,
    id: u64,
    range: &Range,
) -> Result<Option<Vec<u8>>, Error> {
    let table = table.current(transaction)?;
    let Some(index) = table.record.indexes.iter().find(|index| index.id == id) else { return Ok(None) };
    let page = transaction.iter(ITEMS, &range.clone().limit(CHUNK));
    let mut size: usize = 0;
    let mut last = None;
    for stored in page {
        let (place_of_item, bytes) = stored?;
        size = size.saturating_add(bytes.len());
        let item = item::decode(&bytes)?;
        let key = table.record.schema.key_of_item(&item)?;
        // An item whose values cannot be keys of the index stays out of it.
        if let Ok(Some((place, entry))) = entry(&table, index, &key, &item) {
            transaction.put(ITEMS, &place, item::encode(&entry))?;
        }
        last = Some(place_of_item);
        if size > CHUNK_BYTES {
            break;
        }
    }
    Ok(last)
}

async fn activate(state: &Arc<State>, store: &Store, table: &Table, id: u64) -> Result<(), Error> {
    let target = Target {
        account: table.record.account,
        region: table.record.region.clone(),
        name: table.record.name.clone(),
    };
    store
        .transact(|transaction| {
            let Some(mut record) = stored(transaction, &target)?.filter(|it| it.id == table.record.id) else {
                return Ok(());
            };
            let Some(index) = record.indexes.iter_mut().find(|index| index.id == id) else { return Ok(()) };
            index.state = IndexState::Active;
            save(transaction, state, record).map(|table| table.counts.touch())
        })
        .await
}
