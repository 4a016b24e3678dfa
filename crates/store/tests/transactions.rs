//! What transactions promise, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use store::{Batch, Key, Range, Store, StoreError, Table, VALUE_BYTES_MAX};

const ITEMS: Table = Table::new(0x7f01, "items");
const OTHERS: Table = Table::new(0x7f02, "others");

fn number(bytes: Option<bytes::Bytes>) -> u64 {
    bytes.map_or(0, |bytes| u64::from_be_bytes(bytes.as_ref().try_into().unwrap()))
}

#[tokio::test]
async fn what_was_written_is_read_and_tables_do_not_mix() {
    let store = Store::ephemeral().unwrap();
    let outcome: Result<u8, StoreError> = store
        .transact(|t| {
            t.put(ITEMS, "a", "one")?;
            assert_eq!(t.get(ITEMS, "a")?.unwrap(), "one", "a body sees its own writes");
            assert!(t.get(OTHERS, "a")?.is_none());
            Ok(7)
        })
        .await;
    assert_eq!(outcome.unwrap(), 7);
    assert_eq!(store.get(ITEMS, "a").unwrap().unwrap(), "one");
    assert!(store.get(OTHERS, "a").unwrap().is_none());
    assert_eq!(store.scan(OTHERS, &Range::all()).unwrap(), []);
}

#[tokio::test]
async fn an_error_leaves_nothing() {
    let store = Store::ephemeral().unwrap();
    let outcome: Result<(), StoreError> = store
        .transact(|t| {
            t.put(ITEMS, "a", "one")?;
            t.after_commit(|| panic!("a failed transaction has no callbacks"));
            Err(StoreError::TransactionTooLarge)
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::TransactionTooLarge)));
    store.flush().await.unwrap();
    assert!(store.get(ITEMS, "a").unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_increments_are_all_counted() {
    let store = Store::ephemeral().unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    let count: u64 = store
                        .transact(|t| {
                            let next = number(t.get(ITEMS, "n")?) + 1;
                            t.put(ITEMS, "n", next.to_be_bytes().to_vec())?;
                            Ok::<_, StoreError>(next)
                        })
                        .await
                        .unwrap();
                    let durable = number(store.get(ITEMS, "n").unwrap());
                    assert!(durable >= count, "an answer came before its write was visible");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(number(store.get(ITEMS, "n").unwrap()), 16 * 50);
}

#[tokio::test]
async fn a_body_scans_over_what_is_not_durable_yet() {
    let store = Store::ephemeral().unwrap();
    store
        .transact(|t| {
            for key in ["a1", "a3", "a5", "b1"] {
                t.put(ITEMS, key, "old")?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let mut batch = Batch::new();
    batch.put(ITEMS, "a2", "later");
    batch.delete(ITEMS, "a5");
    store.write_later(batch).unwrap();
    let scan = |range: Range| {
        let store = store.clone();
        async move {
            store
                .transact(|t| {
                    t.put(ITEMS, "a3", "new")?;
                    t.put(ITEMS, "a4", "new")?;
                    t.delete(ITEMS, "a1")?;
                    let found = t.scan(ITEMS, &range)?;
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    let found: Vec<_> =
                        found.iter().map(|(key, value)| format!("{}={}", text(key), text(value))).collect();
                    // Err, so that the next scan starts from the same state.
                    Err::<(), _>(Found(found.join(" ")))
                })
                .await
                .unwrap_err()
                .0
        }
    };
    assert_eq!(scan(Range::prefix("a")).await, "a2=later a3=new a4=new");
    assert_eq!(scan(Range::prefix("a").reversed()).await, "a4=new a3=new a2=later");
    assert_eq!(scan(Range::prefix("a").reversed().limit(1)).await, "a4=new");
    assert_eq!(scan(Range::all().after("a3").limit(2)).await, "a4=new b1=old");
    assert_eq!(scan(Range::all().before("a4").reversed().limit(2)).await, "a3=new a2=later");
    assert_eq!(scan(Range::all().limit(0)).await, "");
    // What only a transaction holds, what waits to be durable, what is durable, and what is no more.
    for (key, found) in
        [("a4", "a4=new"), ("a2", "a2=later"), ("b1", "b1=old"), ("a1", ""), ("a5", ""), ("b", "")]
    {
        assert_eq!(scan(Range::only(key)).await, found);
        assert_eq!(scan(Range::only(key).reversed()).await, found);
        assert_eq!(scan(Range::only(key).after(key)).await, "");
        assert_eq!(scan(Range::only(key).before(key)).await, "");
        assert_eq!(scan(Range::only(key).limit(0)).await, "");
    }
}

struct Found(String);

impl From<StoreError> for Found {
    fn from(error: StoreError) -> Self {
        panic!("{error}")
    }
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[tokio::test]
async fn callbacks_run_in_commit_order_before_the_answer() {
    let store = Store::ephemeral().unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    for turn in 0..20 {
        let (inside, seen_inside) = (store.clone(), Arc::clone(&seen));
        store
            .transact(move |t| {
                t.put(ITEMS, "turn", vec![turn])?;
                t.after_commit(move || {
                    assert_eq!(seen_inside.fetch_add(1, Ordering::SeqCst), usize::from(turn));
                    assert_eq!(inside.get(ITEMS, "turn").unwrap().unwrap()[0], turn, "visible to callbacks");
                });
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), usize::from(turn) + 1);
    }
}

#[tokio::test]
async fn a_callback_that_panics_closes_the_store() {
    let store = Store::ephemeral().unwrap();
    let outcome: Result<(), StoreError> = store
        .transact(|t| {
            t.after_commit(|| panic!("on purpose"));
            Ok(())
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Failed)));
    assert!(matches!(store.get(ITEMS, "a"), Err(StoreError::Failed)));
    assert!(matches!(store.flush().await, Err(StoreError::Failed)));
    assert!(matches!(store.write_later_when_room(one("a")).await, Err(StoreError::Failed)));
    assert!(store.snapshot().is_err());
}

fn one(key: &str) -> Batch {
    let mut batch = Batch::new();
    batch.put(ITEMS, key, "value");
    batch
}

#[tokio::test]
async fn a_body_that_panics_leaves_the_store_usable() {
    let store = Store::ephemeral().unwrap();
    let twin = store.clone();
    let task = tokio::spawn(async move {
        twin.transact::<(), StoreError, _>(|t| {
            t.put(ITEMS, "a", "half")?;
            panic!("on purpose")
        })
        .await
    });
    assert!(task.await.unwrap_err().is_panic());
    store.transact(|t| t.put(ITEMS, "b", "whole")).await.unwrap();
    assert!(store.get(ITEMS, "a").unwrap().is_none());
}

#[tokio::test]
async fn later_writes_go_out_alone_and_in_order() {
    let store = Store::ephemeral().unwrap();
    store.write_later(one("a")).unwrap();
    assert!(store.get(ITEMS, "a").unwrap().is_none(), "readers see what is durable only");
    store.transact(|t| t.delete(ITEMS, "a")).await.unwrap();
    assert!(store.get(ITEMS, "a").unwrap().is_none(), "the earlier write does not overtake the delete");
    store.write_later(one("b")).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert!(store.get(ITEMS, "b").unwrap().is_some());
}

#[tokio::test]
async fn a_full_queue_says_so_and_gives_the_batch_back() {
    let store = Store::ephemeral().unwrap();
    // The executor's lock is held, so the writer cannot drain the queue while it is filled.
    let refused: usize = store
        .transact(|_| {
            let filler = store.clone();
            Ok::<_, StoreError>(std::thread::spawn(move || fill(&filler)))
        })
        .await
        .unwrap()
        .join()
        .unwrap();
    assert!(refused > 0, "64 MiB at once never filled 8 MiB");
    store.flush().await.unwrap();
    let stored = store.scan(ITEMS, &Range::all()).unwrap().len();
    assert_eq!(stored + refused, 64);
    store.write_later_when_room(one("room again")).await.unwrap();
}

fn fill(store: &Store) -> usize {
    let mut refused = 0;
    for n in 0..64_u32 {
        let mut batch = Batch::new();
        batch.put(ITEMS, Key::new().u32(n), vec![0; 1 << 20]);
        refused += usize::from(store.write_later(batch).is_err());
    }
    refused
}

#[tokio::test]
async fn limits_are_errors() {
    let store = Store::ephemeral().unwrap();
    let outcome = store.transact(|t| t.put(ITEMS, vec![0; 20_000], "v")).await;
    assert!(matches!(outcome, Err(StoreError::KeyTooLong { .. })));
    let outcome = store.transact(|t| t.put(ITEMS, "k", vec![0; VALUE_BYTES_MAX + 1])).await;
    assert!(matches!(outcome, Err(StoreError::ValueTooLarge { .. })));
    let outcome = store
        .transact(|t| (0..3_u32).try_for_each(|n| t.put(ITEMS, Key::new().u32(n), vec![0; VALUE_BYTES_MAX])))
        .await;
    assert!(matches!(outcome, Err(StoreError::TransactionTooLarge)));
    assert_eq!(store.scan(ITEMS, &Range::all()).unwrap(), []);
}

#[test]
fn threads_without_futures_transact_too() {
    let store = Store::ephemeral().unwrap();
    std::thread::scope(|scope| {
        for n in 0..8_u32 {
            let store = &store;
            scope.spawn(move || store.transact_blocking(|t| t.put(ITEMS, Key::new().u32(n), "v")).unwrap());
        }
    });
    assert_eq!(store.scan(ITEMS, &Range::all()).unwrap().len(), 8);
}

#[tokio::test]
async fn a_snapshot_stands_still() {
    let store = Store::ephemeral().unwrap();
    store.transact(|t| t.put(ITEMS, "a", "old")).await.unwrap();
    let before = store.snapshot().unwrap();
    store
        .transact(|t| {
            t.put(ITEMS, "a", "new")?;
            t.put(ITEMS, "b", "new")
        })
        .await
        .unwrap();
    assert_eq!(before.get(ITEMS, "a").unwrap().unwrap(), "old");
    assert_eq!(before.scan(ITEMS, &Range::all()).unwrap().len(), 1);
    assert_eq!(before.scan(ITEMS, &Range::only("a")).unwrap(), [(b"a".to_vec(), "old".into())]);
    assert_eq!(before.scan(ITEMS, &Range::only("b")).unwrap(), []);
    assert_eq!(store.snapshot().unwrap().scan(ITEMS, &Range::all()).unwrap().len(), 2);
}

/// The engine's keys end at 65,535 bytes; whoever asks for a longer one, or lists from one on, gets what there is and no panic.
#[tokio::test]
async fn a_key_longer_than_any_is_not_there() {
    let store = Store::ephemeral().unwrap();
    let long = vec![b'b'; 70_000];
    let written: Result<(), StoreError> = store
        .transact(|t| {
            assert!(t.get(ITEMS, &long)?.is_none());
            t.put(ITEMS, "a", "one")?;
            t.put(ITEMS, &long[..store::KEY_BYTES_MAX], "two")?;
            t.put(ITEMS, "c", "three")
        })
        .await;
    written.unwrap();
    assert!(store.get(ITEMS, &long).unwrap().is_none());
    let snapshot = store.snapshot().unwrap();
    assert!(snapshot.get(ITEMS, &long).unwrap().is_none());
    let found = |range: Range| -> Vec<bytes::Bytes> {
        snapshot.scan(ITEMS, &range).unwrap().into_iter().map(|(_, value)| value).collect()
    };
    assert_eq!(found(Range::only(&long)), Vec::<bytes::Bytes>::new());
    assert_eq!(found(Range::only(&long[..store::KEY_BYTES_MAX])), ["two"]);
    assert_eq!(found(Range::prefix(&long)), Vec::<bytes::Bytes>::new());
    assert_eq!(found(Range::all().after(&long)), ["three"]);
    assert_eq!(found(Range::all().before(&long)), ["one", "two"]);
    assert_eq!(found(Range::all().before(&long).reversed()), ["two", "one"]);
}
