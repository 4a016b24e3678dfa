//! Bits flip and files lose their ends: the store refuses to open, or reads err; it never answers wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use base::Clock;
use crypto::{RootKey, Sealer};
use store::{Key, OpenError, Range, Store, StoreError, StoreOptions, Table};

const SMALL: Table = Table::new(0x7f01, "small");
const LARGE: Table = Table::new(0x7f02, "large");

fn open(path: &Path, sealer: &Sealer) -> Result<Store, OpenError> {
    Store::open(StoreOptions { path: path.to_owned(), sealer: sealer.clone(), clock: Clock::system() })
}

fn small(number: u32) -> Vec<u8> {
    format!("value of record {number}").into_bytes()
}

fn large(number: u32) -> Vec<u8> {
    number.to_be_bytes().repeat(16 * 1_024)
}

/// A store with `larges` records of 64 KiB between small ones. More than 256 of them end up in tables, not only in journals.
fn fill(path: &Path, sealer: &Sealer, smalls: u32, larges: u32) {
    let store = open(path, sealer).unwrap();
    for step in 0..10 {
        store
            .transact_blocking(|t| {
                for number in (0..smalls).filter(|number| number % 10 == step) {
                    t.put(SMALL, Key::new().u32(number), small(number))?;
                }
                for number in (0..larges).filter(|number| number % 10 == step) {
                    t.put(LARGE, Key::new().u32(number), large(number))?;
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
}

/// Opens and reads everything. True where something was noticed; a wrong answer panics.
fn notices(path: &Path, sealer: &Sealer, smalls: u32, larges: u32) -> bool {
    let Ok(store) = open(path, sealer) else { return true };
    let mut noticed = false;
    for (table, count, value) in
        [(SMALL, smalls, small as fn(u32) -> Vec<u8>), (LARGE, larges, large as fn(u32) -> Vec<u8>)]
    {
        for number in 0..count {
            match store.get(table, Key::new().u32(number)) {
                Err(_) => noticed = true,
                Ok(Some(found)) => assert_eq!(found, value(number), "a wrong answer"),
                Ok(None) => panic!("an acknowledged record is gone"),
            }
        }
        match store.scan(table, &Range::all()) {
            Err(_) => noticed = true,
            Ok(found) => assert_eq!(found.len(), count as usize, "a scan left records out"),
        }
    }
    noticed
}

/// All files with how many bytes of them were written: journals are larger than what is in them.
fn files(path: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
            if used > 0 {
                found.push((path, used));
            }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        fs::write(&target, &bytes[..used]).unwrap();
        File::options().write(true).open(&target).unwrap().set_len(bytes.len() as u64).unwrap();
    }
}

fn random(below: u64) -> u64 {
    u64::from_be_bytes(crypto::random::bytes()) % below.max(1)
}

fn flip_a_bit(path: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    byte[0] ^= 1 << random(8);
    file.write_all_at(&byte, at).unwrap();
}

fn damage_again_and_again(rounds: u32, smalls: u32, larges: u32) {
    let sealer = RootKey::ephemeral().derive("store");
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    fill(&good, &sealer, smalls, larges);
    // One orderly reopening, so that background flushes of the first life are done.
    assert!(!notices(&good, &sealer, smalls, larges));
    let files = files(&good);
    let mut noticed = 0;
    for round in 0..rounds {
        let bad = folder.path().join(format!("bad-{round}"));
        copy(&good, &bad);
        // Every file gets its turn, however small it is.
        let (file, used) = &files[round as usize % files.len()];
        let victim = bad.join(file.strip_prefix(&good).unwrap());
        let at = random(*used);
        flip_a_bit(&victim, at);
        let shown = victim.strip_prefix(&bad).unwrap().display().to_string();
        let outcome = std::panic::catch_unwind(|| notices(&bad, &sealer, smalls, larges));
        match outcome {
            Ok(found) => noticed += u32::from(found),
            Err(_) => panic!("round {round}: a flipped bit in {shown} at {at} of {used} was not handled"),
        }
        fs::remove_dir_all(&bad).unwrap();
    }
    assert!(noticed * 4 >= rounds, "only {noticed} of {rounds} flipped bits were noticed");
}

#[test]
fn a_flipped_bit_in_a_journal_is_never_a_wrong_answer() {
    damage_again_and_again(120, 200, 0);
}

#[test]
fn a_flipped_bit_in_a_table_is_never_a_wrong_answer() {
    damage_again_and_again(40, 500, 300);
}

#[test]
fn a_journal_cut_short_is_refused_again_and_again() {
    let sealer = RootKey::ephemeral().derive("store");
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &sealer, 100, 0);
    let journal = files(folder.path())
        .into_iter()
        .find(|(path, _)| path.extension().is_some_and(|extension| extension == "jnl"))
        .unwrap();
    File::options().write(true).open(&journal.0).unwrap().set_len(journal.1 / 2).unwrap();
    for _ in 0..2 {
        let refused = open(folder.path(), &sealer).unwrap_err();
        assert!(matches!(refused, OpenError::Cut { .. }), "{refused}");
    }
}

/// What a power failure leaves of a group that is being written: all of its pages but one.
fn tear_the_last_group(folder: &Path) {
    let (journal, used) = files(folder)
        .into_iter()
        .find(|(path, _)| path.extension().is_some_and(|extension| extension == "jnl"))
        .unwrap();
    let file = File::options().write(true).open(journal).unwrap();
    file.write_all_at(&[0; 4_096], used - 50_000).unwrap();
}

#[test]
fn a_torn_group_that_nobody_was_told_of_is_cut_off() {
    let sealer = RootKey::ephemeral().derive("store");
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &sealer, 100, 0);
    let marker = fs::read(folder.path().join("MARKER")).unwrap();
    let store = open(folder.path(), &sealer).unwrap();
    store.transact_blocking(|t| t.put(LARGE, "torn", vec![7; 100_000])).unwrap();
    drop(store);
    // The group was written, but the power failed before its sync was done and the marker knew of it.
    tear_the_last_group(folder.path());
    assert!(open(folder.path(), &sealer).is_err(), "an acknowledged group is never cut off");
    assert!(open(folder.path(), &sealer).is_err(), "nor at the second try");
    fs::write(folder.path().join("MARKER"), marker).unwrap();
    assert!(!notices(folder.path(), &sealer, 100, 0), "everything else is there");
    let store = open(folder.path(), &sealer).unwrap();
    assert!(store.get(LARGE, "torn").unwrap().is_none());
    store.transact_blocking(|t| t.put(LARGE, "next", "goes on")).unwrap();
    drop(store);
    assert!(open(folder.path(), &sealer).unwrap().get(LARGE, "next").unwrap().is_some());
}

#[test]
fn a_missing_marker_or_journal_is_refused() {
    let sealer = RootKey::ephemeral().derive("store");
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &sealer, 10, 0);
    let marker = folder.path().join("MARKER");
    let bytes = fs::read(&marker).unwrap();
    fs::remove_file(&marker).unwrap();
    assert!(matches!(open(folder.path(), &sealer), Err(OpenError::Marker { .. })));
    fs::write(&marker, b"something else").unwrap();
    assert!(matches!(open(folder.path(), &sealer), Err(OpenError::Format { .. })));
    fs::write(&marker, bytes).unwrap();
    assert!(!notices(folder.path(), &sealer, 10, 0), "put back, it opens");
    for (path, _) in files(folder.path()) {
        if path.extension().is_some_and(|extension| extension == "jnl") {
            fs::remove_file(path).unwrap();
        }
    }
    assert!(open(folder.path(), &sealer).is_err());
}

#[test]
fn the_wrong_key_and_a_second_opening_are_refused() {
    let sealer = RootKey::ephemeral().derive("store");
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &sealer, 10, 0);
    let other = RootKey::ephemeral().derive("store");
    assert!(matches!(open(folder.path(), &other), Err(OpenError::Key { .. })));
    let first = open(folder.path(), &sealer).unwrap();
    assert!(matches!(open(folder.path(), &sealer), Err(OpenError::Locked { .. })));
    drop(first);
    assert!(!notices(folder.path(), &sealer, 10, 0));
}

#[test]
fn an_interrupted_making_is_made_again() {
    let sealer = RootKey::ephemeral().derive("store");
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), &sealer).unwrap());
    // As if the process had died before the marker, its last step.
    fs::remove_file(folder.path().join("MARKER")).unwrap();
    fill(folder.path(), &sealer, 10, 0);
    assert!(!notices(folder.path(), &sealer, 10, 0));
}

#[test]
fn nothing_readable_reaches_the_disk() {
    let sealer = RootKey::ephemeral().derive("store");
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &sealer, 50, 0);
    for (path, _) in files(folder.path()) {
        let bytes = fs::read(&path).unwrap();
        let leaked = bytes.windows(15).any(|window| window == b"value of record");
        assert!(!leaked, "{}", path.display());
    }
}
