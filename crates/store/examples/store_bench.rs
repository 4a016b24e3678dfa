//! Prints durable operations a second at 16 writers, and what a read and an opening cost.
//!
//! `cargo run --release -p store --example store_bench -- [FOLDER]`
#![allow(clippy::expect_used, reason = "a bench")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base::Clock;
use store::{Key, Store, StoreError, StoreOptions, Table};

const ITEMS: Table = Table::new(0x7f01, "items");
const WRITERS: u32 = 16;
const SECONDS: u64 = 5;

fn main() {
    let folder = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join(format!("fastness-store-bench-{}", crypto::random::hex(4))),
        PathBuf::from,
    );
    let sealer = crypto::RootKey::ephemeral().derive("store");
    let open = || {
        let options = StoreOptions { path: folder.clone(), sealer: sealer.clone(), clock: Clock::system() };
        Store::open(options).expect("the store opens")
    };
    let started = Instant::now();
    let store = open();
    println!("opened an empty folder in {:?}", started.elapsed());
    write(&store);
    read(&store);
    drop(store);
    let started = Instant::now();
    drop(open());
    println!("opened again in {:?}", started.elapsed());
    std::fs::remove_dir_all(&folder).expect("the folder goes away");
}

fn write(store: &Store) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (started, cpu) = (Instant::now(), cpu_micros());
    let deadline = started + Duration::from_secs(SECONDS);
    let total: u64 = runtime.block_on(async {
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write_until(store.clone(), writer, deadline))).collect();
        let mut total = 0;
        for writer in writers {
            total += writer.await.expect("a writer").expect("the store writes");
        }
        total
    });
    let rate = total as f64 / started.elapsed().as_secs_f64();
    let cpu = (cpu_micros() - cpu) as f64 / total as f64;
    println!("{WRITERS} writers: {rate:.0} durable operations a second, {cpu:.1} us of CPU each");
}

async fn write_until(store: Store, writer: u32, deadline: Instant) -> Result<u64, StoreError> {
    let mut done = 0;
    while Instant::now() < deadline {
        let key = Key::new().u32(writer).u64(done % 10_000);
        store.transact(|transaction| transaction.put(ITEMS, key, vec![7; 200])).await?;
        done += 1;
    }
    Ok(done)
}

fn read(store: &Store) {
    const READS: u64 = 500_000;
    let started = Instant::now();
    for number in 0..READS {
        let key = Key::new().u32((number % u64::from(WRITERS)) as u32).u64(number * 7919 % 10_000);
        std::hint::black_box(store.get(ITEMS, key).expect("the store reads"));
    }
    println!("a read takes {:.2} us", started.elapsed().as_secs_f64() * 1e6 / READS as f64);
}

/// User and system time of this process so far.
fn cpu_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) * 10_000
}
