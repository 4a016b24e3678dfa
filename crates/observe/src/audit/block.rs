//! Blocks: up to 256 records of one account, compressed, with what queries match standing before each record's JSON.
//!
//! Layout after decompression, a record: time (8), event id (16), flags (1), then event name, source, user name, access
//! key, resource count, each resource's name and type, JSON; lengths are four bytes. What does not fit is refused.

use base::Timestamp;

use crate::audit::json::{self, Seconds};
use crate::audit::query::Event;
use crate::audit::record::{Outcome, Record};

/// The most records of a block.
pub(crate) const RECORDS_MAX: usize = 256;
/// A block is closed once its records take this much.
pub(crate) const BYTES_MAX: usize = 1_024 * 1_024;
/// The most time between the oldest and the newest record of a block: where a page starts reading depends on it.
pub(crate) const SPAN_MILLIS_MAX: i64 = 1_000;

const VERSION: u8 = 1;
const FLAG_READ_ONLY: u8 = 1;
/// One record of the largest kind may stand behind a block that was almost full.
const DECODED_BYTES_MAX: usize = 4 * BYTES_MAX;

/// The bytes are not a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a block of audit records does not decode")]
pub(crate) struct MalformedBlock;

/// Appends a record to a block that is not compressed yet.
pub(crate) fn append(
    block: &mut Vec<u8>,
    seconds: &mut Seconds,
    record: &Record,
    event_id: u128,
    outcome: &Outcome,
) {
    block.extend_from_slice(&record.event_time.millis().to_be_bytes());
    block.extend_from_slice(&event_id.to_be_bytes());
    block.push(if record.read_only { FLAG_READ_ONLY } else { 0 });
    for text in [&*record.event_name, &*record.event_source, &record.username, &record.access_key_id] {
        put(block, text.as_bytes());
    }
    put_length(block, record.resources.len());
    for resource in &record.resources {
        put(block, resource.arn.as_bytes());
        put(block, resource.kind.as_bytes());
    }
    let length_at = block.len();
    put_length(block, 0);
    json::write(block, seconds, record, event_id, outcome);
    let length = u32::try_from(block.len() - length_at - 4).unwrap_or(u32::MAX);
    if let Some(field) = block.get_mut(length_at..length_at + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// A block with this one record.
pub(crate) fn single(record: &Record, event_id: u128, outcome: &Outcome) -> Vec<u8> {
    let mut block = Vec::with_capacity(1_024 + record.bytes());
    append(&mut block, &mut Seconds::default(), record, event_id, outcome);
    compress(&block)
}

/// The stored form.
pub(crate) fn compress(block: &[u8]) -> Vec<u8> {
    let mut stored = vec![VERSION];
    stored.extend_from_slice(&lz4_flex::compress_prepend_size(block));
    stored
}

/// All records of a stored block.
pub(crate) fn decode(stored: &[u8]) -> Result<Vec<Event>, MalformedBlock> {
    let [VERSION, compressed @ ..] = stored else { return Err(MalformedBlock) };
    let length =
        compressed.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)).ok_or(MalformedBlock)?;
    if length as usize > DECODED_BYTES_MAX {
        return Err(MalformedBlock);
    }
    let block = lz4_flex::decompress_size_prepended(compressed).map_err(|_| MalformedBlock)?;
    let mut rest = block.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        events.push(take_event(&mut rest)?);
    }
    Ok(events)
}

fn take_event(rest: &mut &[u8]) -> Result<Event, MalformedBlock> {
    let event_time = Timestamp::from_millis(i64::from_be_bytes(take_fixed(rest)?));
    let event_id = u128::from_be_bytes(take_fixed(rest)?);
    let [flags] = take_fixed(rest)?;
    let event_name = take_text(rest)?;
    let event_source = take_text(rest)?;
    let username = take_text(rest)?;
    let access_key_id = take_text(rest)?;
    let count = take_length(rest)?;
    let mut resources = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        resources.push((take_text(rest)?, take_text(rest)?));
    }
    let json = take_text(rest)?;
    Ok(Event {
        event_id,
        event_time,
        event_name,
        event_source,
        username,
        access_key_id,
        read_only: flags & FLAG_READ_ONLY != 0,
        resources,
        json,
    })
}

fn put(block: &mut Vec<u8>, bytes: &[u8]) {
    put_length(block, bytes.len());
    block.extend_from_slice(bytes);
}

fn put_length(block: &mut Vec<u8>, length: usize) {
    block.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn take_fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], MalformedBlock> {
    let (field, after) = rest.split_first_chunk::<N>().ok_or(MalformedBlock)?;
    *rest = after;
    Ok(*field)
}

fn take_length(rest: &mut &[u8]) -> Result<usize, MalformedBlock> {
    take_fixed(rest).map(|bytes| u32::from_be_bytes(bytes) as usize)
}

fn take_text(rest: &mut &[u8]) -> Result<String, MalformedBlock> {
    let length = take_length(rest)?;
    let (text, after) = rest.split_at_checked(length).ok_or(MalformedBlock)?;
    *rest = after;
    String::from_utf8(text.to_vec()).map_err(|_| MalformedBlock)
}
