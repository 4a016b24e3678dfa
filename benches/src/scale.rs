//! What a call costs as a table grows, and what tables cost that nobody uses.
//!
//! Keys are drawn evenly over all items, so that caches help no more than they do a table of that size. Each row of a larger
//! table is followed by what it costs next to the same row of the smallest: 1.00 is flat.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::platform::Platform;
use crate::{Error, SPAN, cpu, load, row};

/// Different requests of one kind, sent in turn.
const REQUESTS: usize = 4_000;
/// Different items that are written for as long as the engine needs to show what it costs to put them in order.
const LASTING_REQUESTS: usize = 100_000;
const LASTING: Duration = Duration::from_secs(30);
/// The engine's own threads, and the store's that merges its files.
const ENGINE_THREADS: [&str; 2] = ["fjall", "store-compactor"];
/// Connections that fill the table, and that measure it.
const CONNECTIONS: usize = 16;
/// Tables that are made and never used.
const TABLES: usize = 1_000;
const ITEMS_A_BATCH: usize = 25;
const ITEMS_A_PARTITION: usize = 10;
/// The longest that the engine is waited for.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);
/// It is at rest once it did nothing for so long.
const IDLE_SECONDS: u32 = 3;

/// Prints a row for each size up to `items`, ten times as many each time.
pub(crate) fn run(platform: &Platform, items: usize) -> Result<(), Error> {
    tables(platform)?;
    platform.make_sorted_table("scale")?;
    crate::head();
    let mut filled = 0;
    let mut size = 10_000.min(items);
    let mut smallest: Vec<load::Figures> = Vec::new();
    loop {
        let begin = Instant::now();
        fill(platform, filled, size)?;
        println!("{size} items; filling took {:.1} s", begin.elapsed().as_secs_f64());
        settle(platform)?;
        filled = size;
        lasting(platform, size)?;
        let figures = measure(platform, size, &smallest)?;
        if smallest.is_empty() {
            smallest = figures;
        }
        if size >= items {
            return Ok(());
        }
        size = (size * 10).min(items);
    }
}

/// What a thousand tables cost before they hold anything.
fn tables(platform: &Platform) -> Result<(), Error> {
    let before = platform.memory_mib()?;
    for number in 0..TABLES {
        platform.make_plain_table(&format!("idle-{number}"))?;
    }
    let after = platform.memory_mib()?;
    println!(
        "{TABLES} tables without items: {:.2} MiB in all, {:.1} KiB each",
        after - before,
        (after - before) * 1024.0 / TABLES as f64
    );
    Ok(())
}

/// The partition that holds an item, and where in it: several share one.
fn key(number: usize) -> (String, String) {
    let (id, n) = (number / ITEMS_A_PARTITION, number % ITEMS_A_PARTITION);
    (format!("item-{id:012}"), n.to_string())
}

fn item(number: usize) -> serde_json::Value {
    let (id, n) = key(number);
    json!({"id": {"S": id}, "n": {"N": n}, "text": {"S": "x".repeat(100)}})
}

fn fill(platform: &Platform, from: usize, to: usize) -> Result<(), Error> {
    let next = AtomicUsize::new(from);
    std::thread::scope(|scope| {
        let worker = || -> Result<(), Error> {
            let mut connection = load::Connection::open(platform.address)?;
            loop {
                let start = next.fetch_add(ITEMS_A_BATCH, Ordering::Relaxed);
                if start >= to {
                    return Ok(());
                }
                let puts: Vec<_> = (start..to.min(start + ITEMS_A_BATCH))
                    .map(|number| json!({"PutRequest": {"Item": item(number)}}))
                    .collect();
                connection
                    .send(&platform.dynamodb("BatchWriteItem", &json!({"RequestItems": {"scale": puts}}))?)?;
            }
        };
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a filling thread panicked")?)
    })
}

/// Waits until the engine has put in order what was written: that is a cost of the writes, and not of the reads behind them.
fn settle(platform: &Platform) -> Result<(), Error> {
    let (begin, first) = (Instant::now(), cpu::time(platform.pid)?.as_secs_f64());
    let (mut spent, mut idle) = (first, 0);
    while begin.elapsed() < SETTLED_WITHIN && idle < IDLE_SECONDS {
        std::thread::sleep(Duration::from_secs(1));
        let now = cpu::time(platform.pid)?.as_secs_f64();
        idle = if now - spent < 0.05 { idle + 1 } else { 0 };
        spent = now;
    }
    let (took, work) = (begin.elapsed().as_secs_f64(), cpu::time(platform.pid)?.as_secs_f64() - first);
    println!("the engine was at rest after {took:.0} s and {work:.1} s of processor time");
    Ok(())
}

/// Prints what items cost that are written long enough for the engine to put them in order: memory holds the first ones.
fn lasting(platform: &Platform, size: usize) -> Result<(), Error> {
    let puts: Result<Vec<_>, Error> =
        (0..LASTING_REQUESTS).map(|at| platform.dynamodb("PutItem", &put(spread(at, size)))).collect();
    let told = || -> Result<_, Error> {
        let engine: Result<Vec<_>, Error> =
            ENGINE_THREADS.iter().map(|name| cpu::time_of_threads(platform.pid, name)).collect();
        Ok((engine?.iter().sum::<Duration>().as_secs_f64(), cpu::written_bytes(platform.pid)? as f64))
    };
    let before = told()?;
    let figures = load::run_all(platform.address, platform.pid, &puts?, CONNECTIONS, LASTING)?;
    row(&format!("dynamodb PutItem, of {size}, lasting"), CONNECTIONS, &figures);
    settle(platform)?;
    let (after, sent) = (told()?, figures.sent as f64);
    println!(
        "  of which the engine's threads took {:.1} us a call, and {:.0} bytes were written",
        (after.0 - before.0) * 1e6 / sent,
        (after.1 - before.1) / sent
    );
    Ok(())
}

/// An even spread without a source of randomness: steps of a prime that no size here is a multiple of.
fn spread(at: usize, size: usize) -> usize {
    (at * 7_919 * 104_729) % size
}

fn put(number: usize) -> serde_json::Value {
    json!({"TableName": "scale", "Item": item(number)})
}

fn get(number: usize) -> serde_json::Value {
    let (id, n) = key(number);
    json!({"TableName": "scale", "Key": {"id": {"S": id}, "n": {"N": n}}})
}

fn query_of_one(number: usize) -> serde_json::Value {
    let (id, n) = key(number);
    json!({"TableName": "scale", "KeyConditionExpression": "id = :id AND n = :n",
        "ExpressionAttributeValues": {":id": {"S": id}, ":n": {"N": n}}})
}

fn query_of_ten(number: usize) -> serde_json::Value {
    let (id, _) = key(number);
    json!({"TableName": "scale", "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": id}}})
}

/// Prints what calls cost at this size, next to what they cost at the smallest, if that is known.
fn measure(
    platform: &Platform,
    size: usize,
    smallest: &[load::Figures],
) -> Result<Vec<load::Figures>, Error> {
    let of = |operation: &str, input: fn(usize) -> serde_json::Value| -> Result<Vec<_>, Error> {
        (0..REQUESTS).map(|at| platform.dynamodb(operation, &input(spread(at, size)))).collect()
    };
    let all = [
        ("GetItem", of("GetItem", get)?),
        ("PutItem", of("PutItem", put)?),
        ("Query of one", of("Query", query_of_one)?),
        ("Query of ten", of("Query", query_of_ten)?),
    ];
    let mut measured = Vec::new();
    for (name, requests) in all {
        for connections in [1, CONNECTIONS] {
            let figures = load::run_all(platform.address, platform.pid, &requests, connections, SPAN / 2)?;
            row(&format!("dynamodb {name}, of {size}"), connections, &figures);
            if let Some(first) = smallest.get(measured.len()) {
                println!(
                    "  next to the smallest: calls a second x {:.2}, p50 x {:.2}, server CPU a call x {:.2}",
                    figures.per_second / first.per_second,
                    figures.p50_us / first.p50_us,
                    figures.server_cpu_us / first.server_cpu_us
                );
            }
            measured.push(figures);
        }
    }
    Ok(measured)
}
