//! The streams as readers see them: an in-memory snapshot, changed only after commits.
//!
//! It holds no changes of items.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use service::Internal;
use store::{Range, Store};

use crate::records::{CHANGES, STREAMS, StreamRecord};
use crate::tables::Tables;

/// All streams, by their ARNs.
#[derive(Debug, Default)]
pub struct Streams(ArcSwap<BTreeMap<String, Arc<StreamRecord>>>);

impl Streams {
    /// Reads every stream from the store, and lets its table's sequence go on behind its last change.
    ///
    /// # Errors
    /// The store fails, or a record is damaged.
    pub fn load(store: &Store, tables: &Tables) -> Result<Self, Internal> {
        let streams = Self::default();
        let sequences: BTreeMap<u64, _> =
            tables.all().into_iter().map(|table| (table.record.id, Arc::clone(&table.sequence))).collect();
        for (_, bytes) in store.scan(STREAMS, &Range::all()).map_err(Internal::new)? {
            let record = StreamRecord::decode(&bytes).map_err(Internal::new)?;
            if let Some(sequence) = sequences.get(&record.table_id) {
                let starts = record.shards.iter().map(|shard| shard.end.unwrap_or(shard.start));
                starts.for_each(|known| sequence.raise(known));
                if let Some(last) = last_change(store, record.id)? {
                    sequence.raise(last);
                }
            }
            streams.put(record);
        }
        Ok(streams)
    }

    /// The stream of this ARN.
    pub fn find(&self, arn: &str) -> Option<Arc<StreamRecord>> {
        self.0.load().get(arn).cloned()
    }

    /// All streams, in order of their ARNs.
    pub fn all(&self) -> Arc<BTreeMap<String, Arc<StreamRecord>>> {
        self.0.load_full()
    }

    /// Adds or replaces a stream. Called after commits only, in their order.
    pub fn put(&self, record: StreamRecord) {
        let (arn, record) = (record.arn(), Arc::new(record));
        self.0.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.insert(arn.clone(), Arc::clone(&record));
            all
        });
    }

    /// Takes a stream out. Called after commits only, in their order.
    pub fn remove(&self, arn: &str) {
        self.0.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.remove(arn);
            all
        });
    }
}

fn last_change(store: &Store, stream: u64) -> Result<Option<u64>, Internal> {
    let range = super::between(stream, 0, None).reversed().limit(1);
    let last = store.scan(CHANGES, &range).map_err(Internal::new)?;
    let number = |(key, _): &(Vec<u8>, bytes::Bytes)| {
        let mut reader = store::KeyReader::new(key);
        reader.u64()?;
        reader.u64()
    };
    last.first().map(number).transpose().map_err(Internal::new)
}
