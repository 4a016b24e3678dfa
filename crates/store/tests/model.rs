//! Random operations against a map that cannot be wrong, with reopening in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use base::Clock;
use proptest::prelude::*;
use store::{Batch, Range, Store, StoreError, StoreOptions, Table};

const TABLES: [Table; 3] = [Table::new(0x7eff, "a"), Table::new(0x7f00, "b"), Table::new(0xffff, "last")];

type Model = BTreeMap<(usize, Vec<u8>), Vec<u8>>;

#[derive(Clone, Debug)]
enum Write {
    Put(usize, Vec<u8>, Vec<u8>),
    Delete(usize, Vec<u8>),
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Write>),
    Abort(Vec<Write>),
    Later(Vec<Write>),
    Scan(usize, Vec<u8>, Option<Vec<u8>>, bool, usize),
    Reopen,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 0x61, 0xff]), 0..4)
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (0..3_usize, key(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(t, k, v)| Write::Put(t, k, v)),
        1 => (0..3_usize, key()).prop_map(|(t, k)| Write::Delete(t, k)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let writes = || prop::collection::vec(write(), 0..6);
    prop_oneof![
        6 => writes().prop_map(Step::Commit),
        1 => writes().prop_map(Step::Abort),
        2 => writes().prop_map(Step::Later),
        6 => (0..3_usize, key(), prop::option::of(key()), any::<bool>(), 0..10_usize)
            .prop_map(|(t, start, end, reverse, limit)| Step::Scan(t, start, end, reverse, limit)),
        3 => (0..3_usize, key(), any::<bool>(), 0..3_usize).prop_map(|(t, only, reverse, limit)| {
            let range = Range::only(only);
            Step::Scan(t, range.start, range.end, reverse, limit)
        }),
        1 => Just(Step::Reopen),
    ]
}

fn open(path: &Path, sealer: &crypto::Sealer) -> Store {
    let options = StoreOptions { path: path.to_owned(), sealer: sealer.clone(), clock: Clock::system() };
    Store::open(options).unwrap()
}

fn apply(model: &mut Model, writes: &[Write]) {
    for write in writes {
        match write.clone() {
            Write::Put(table, key, value) => drop(model.insert((table, key), value)),
            Write::Delete(table, key) => drop(model.remove(&(table, key))),
        }
    }
}

fn expected(model: &Model, table: usize, range: &Range) -> Vec<(Vec<u8>, Vec<u8>)> {
    let inside =
        |key: &[u8]| key >= range.start.as_slice() && range.end.as_deref().is_none_or(|end| key < end);
    let mut found: Vec<_> = model
        .iter()
        .filter(|((t, key), _)| *t == table && inside(key))
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect();
    if range.reverse {
        found.reverse();
    }
    found.truncate(range.limit);
    found
}

fn run(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let sealer = crypto::RootKey::ephemeral().derive("store");
    let mut store = open(folder.path(), &sealer);
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::Commit(writes) => {
                store.transact_blocking(|t| write_all(t, &writes)).unwrap();
                apply(&mut model, &writes);
            }
            Step::Abort(writes) => {
                let outcome: Result<(), StoreError> = store.transact_blocking(|t| {
                    write_all(t, &writes)?;
                    Err(StoreError::TransactionTooLarge)
                });
                assert!(outcome.is_err());
            }
            Step::Later(writes) => {
                let mut batch = Batch::new();
                for write in &writes {
                    match write {
                        Write::Put(table, key, value) => batch.put(TABLES[*table], key, value.clone()),
                        Write::Delete(table, key) => batch.delete(TABLES[*table], key),
                    }
                }
                store.write_later(batch).unwrap();
                apply(&mut model, &writes);
            }
            Step::Scan(table, start, end, reverse, limit) => {
                let range = Range { start, end, reverse, limit };
                let expected = expected(&model, table, &range);
                let plain = |found: Vec<(Vec<u8>, bytes::Bytes)>| -> Vec<(Vec<u8>, Vec<u8>)> {
                    found.into_iter().map(|(key, value)| (key, value.to_vec())).collect()
                };
                let inside = store.transact_blocking(|t| t.scan(TABLES[table], &range)).unwrap();
                assert_eq!(plain(inside), expected);
                let outside = store.scan(TABLES[table], &range).unwrap();
                assert_eq!(plain(outside), expected, "the scan inside waited until all was durable");
            }
            Step::Reopen => {
                drop(store);
                store = open(folder.path(), &sealer);
            }
        }
    }
}

fn write_all(t: &mut store::Transaction<'_>, writes: &[Write]) -> Result<(), StoreError> {
    for write in writes {
        match write {
            Write::Put(table, key, value) => t.put(TABLES[*table], key, value.clone())?,
            Write::Delete(table, key) => t.delete(TABLES[*table], key)?,
        }
        let (table, key) = match write {
            Write::Put(table, key, _) | Write::Delete(table, key) => (*table, key),
        };
        let expected = match write {
            Write::Put(_, _, value) => Some(value.clone()),
            Write::Delete(..) => None,
        };
        assert_eq!(t.get(TABLES[table], key)?.map(|value| value.to_vec()), expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_agrees_with_a_map(steps in prop::collection::vec(step(), 1..40)) {
        run(steps);
    }
}
