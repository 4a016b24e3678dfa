//! A writing process is killed at random moments, again and again: nothing acknowledged may be lost, nothing may be half there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base::Clock;
use store::{Batch, Key, Range, Store, StoreOptions, Table};

const ITEMS: Table = Table::new(0x7f01, "items");
const LAST: Table = Table::new(0x7f02, "last");
const NOTES: Table = Table::new(0x7f03, "notes");
const WRITERS: u32 = 8;
const ROUNDS: u32 = 12;

fn open(folder: &Path) -> Store {
    let root = crypto::RootKey::load_or_create(&folder.join("root.key")).unwrap();
    let options =
        StoreOptions { path: folder.join("store"), sealer: root.derive("store"), clock: Clock::system() };
    Store::open(options).unwrap()
}

/// What an item must hold; long enough that memtables are flushed and journals closed within the test.
fn value(writer: u32, number: u64) -> Vec<u8> {
    let seed = crypto::sha256(&Key::new().u32(writer).u64(number).into_vec());
    seed.iter().copied().cycle().take(4_000 + (number as usize % 7) * 3_000).collect()
}

/// Writer and number of the newest item, from the record that is written in the same transaction.
fn last(store: &Store, writer: u32) -> u64 {
    let stored = store.get(LAST, Key::new().u32(writer)).unwrap();
    stored.map_or(0, |bytes| u64::from_be_bytes(bytes.as_ref().try_into().unwrap()))
}

/// The engine's journals, oldest first.
fn journals(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.join("store/engine")) else { return Vec::new() };
    let mut found: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let number = path.file_name()?.to_str()?.strip_suffix(".jnl")?.parse().ok()?;
            Some((number, path))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// Not a test: the process that is killed. Without a folder on its standard input it does nothing.
#[test]
#[ignore = "run by the test below, as a process of its own"]
fn writer_process() {
    let mut folder = String::new();
    std::io::stdin().read_line(&mut folder).unwrap();
    if folder.trim().is_empty() {
        return;
    }
    let store = open(&PathBuf::from(folder.trim()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(store.clone(), writer))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write(store: Store, writer: u32) {
    let mut number = last(&store, writer);
    loop {
        number += 1;
        store
            .transact(|t| {
                t.put(ITEMS, Key::new().u32(writer).u64(number), value(writer, number))?;
                t.put(LAST, Key::new().u32(writer), number.to_be_bytes().to_vec())
            })
            .await
            .unwrap();
        let mut batch = Batch::new();
        batch.put(NOTES, Key::new().u32(writer).u64(number), "note");
        store.write_later(batch).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "ack {writer} {number}").unwrap();
        out.flush().unwrap();
    }
}

/// Starts the process, kills it after a while, and says what it had acknowledged.
fn run_and_kill(folder: &Path, until: impl FnOnce()) -> BTreeMap<u32, u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_process", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", folder.display()).unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("ack ") {
        assert!(out.read_line(&mut seen).unwrap() > 0, "the writer ended by itself: {seen}");
    }
    let reader = std::thread::spawn(move || {
        // The last line may be cut; a line without its end was not acknowledged to anybody.
        let mut rest = Vec::new();
        out.read_to_end(&mut rest).unwrap();
        String::from_utf8(rest).unwrap()
    });
    until();
    child.kill().unwrap();
    child.wait().unwrap();
    seen.push_str(&reader.join().unwrap());
    let mut acknowledged = BTreeMap::new();
    for line in seen.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let Some((_, ack)) = line.split_once("ack ") else { continue };
        let (writer, number) = ack.split_once(' ').unwrap();
        acknowledged.insert(writer.parse().unwrap(), number.parse().unwrap());
    }
    acknowledged
}

fn check(folder: &Path, acknowledged: &BTreeMap<u32, u64>) -> u64 {
    let store = open(folder);
    let mut total = 0;
    for writer in 0..WRITERS {
        let last = last(&store, writer);
        let acknowledged = acknowledged.get(&writer).copied().unwrap_or(0);
        assert!(last >= acknowledged, "writer {writer}: {acknowledged} was acknowledged, {last} is there");
        let prefix = Key::new().u32(writer);
        let items = store.snapshot().unwrap();
        let mut expected = 0;
        for item in items.iter(ITEMS, &Range::prefix(&prefix)) {
            let (key, stored) = item.unwrap();
            expected += 1;
            assert_eq!(key, prefix.clone().u64(expected).into_vec(), "an item is missing");
            assert_eq!(stored, value(writer, expected));
        }
        assert_eq!(expected, last, "writer {writer}: an item and its count disagree");
        total += last;
    }
    total
}

#[test]
fn kill_9_under_load_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut total = 0;
    for round in 0..ROUNDS {
        let wait = u64::from(u16::from_be_bytes(crypto::random::bytes())) % 300;
        let acknowledged = run_and_kill(folder.path(), || std::thread::sleep(Duration::from_millis(wait)));
        let now = check(folder.path(), &acknowledged);
        assert!(now > total, "round {round} wrote nothing");
        total = now;
    }
    // After all that, an orderly life goes on.
    let store = open(folder.path());
    store.transact_blocking(|t| t.put(NOTES, "end", "of it")).unwrap();
    drop(store);
    assert!(open(folder.path()).get(NOTES, "end").unwrap().is_some());
}

/// The engine takes a closed journal that does not parse to its end for a shorter one. We do not.
#[test]
fn a_closed_journal_that_rots_is_refused_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let deadline = Instant::now() + Duration::from_secs(20);
        let acknowledged = run_and_kill(folder.path(), || {
            while journals(folder.path()).len() < 2 && Instant::now() < deadline {
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let journals = journals(folder.path());
        if journals.len() < 2 {
            // The closed journal was already flushed and gone: an ordinary crash.
            check(folder.path(), &acknowledged);
            continue;
        }
        break_after_the_middle(&journals[0]);
        let root = crypto::RootKey::load_or_create(&folder.path().join("root.key")).unwrap();
        for _ in 0..2 {
            let options = StoreOptions {
                path: folder.path().join("store"),
                sealer: root.derive("store"),
                clock: Clock::system(),
            };
            let refused = Store::open(options).unwrap_err();
            assert!(matches!(refused, store::OpenError::Journal { .. }), "{refused}");
        }
        return;
    }
    panic!("no closed journal was caught in 20 rounds");
}

/// Makes the tag of a batch unreadable: what the engine mistakes for the journal's end.
fn break_after_the_middle(journal: &Path) {
    let bytes = std::fs::read(journal).unwrap();
    let middle = bytes.len() / 2;
    let trailer = bytes[middle..].windows(4).position(|four| four == b"FJL\x03").unwrap();
    let file = std::fs::File::options().write(true).open(journal).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0x7f], (middle + trailer + 4) as u64).unwrap();
}
