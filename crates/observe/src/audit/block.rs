//! Blocks: up to 256 records of one account, compressed, with what queries match standing before each record's JSON.
//!
//! Layout after decompression, a record: time (8), event id (16), flags (1), then event name, source, user name, access
//! key, resource count, each resource's name and type, JSON; lengths are four bytes. What does not fit is refused.

use base::Timestamp;

use crate::audit::dictionary::WORDS;
use crate::audit::json::{self, Seconds};
use crate::audit::query::Event;
use crate::audit::record::{Outcome, Record};

/// The most records of a block.
pub(crate) const RECORDS_MAX: usize = 256;
/// A block is closed once its records take this much.
pub(crate) const BYTES_MAX: usize = 1_024 * 1_024;
/// The most time between the oldest and the newest record of a block: where a page starts reading depends on it.
pub(crate) const SPAN_MILLIS_MAX: i64 = 1_000;

/// The first version knew no dictionary.
const FIRST_VERSION: u8 = 1;
const VERSION: u8 = 2;
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
    stored.extend_from_slice(&lz4_flex::block::compress_prepend_size_with_dict(block, WORDS));
    stored
}

/// All records of a stored block.
pub(crate) fn decode(stored: &[u8]) -> Result<Vec<Event>, MalformedBlock> {
    let [version, compressed @ ..] = stored else { return Err(MalformedBlock) };
    let length =
        compressed.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)).ok_or(MalformedBlock)?;
    if length as usize > DECODED_BYTES_MAX {
        return Err(MalformedBlock);
    }
    let block = match *version {
        FIRST_VERSION => lz4_flex::decompress_size_prepended(compressed),
        VERSION => lz4_flex::block::decompress_size_prepended_with_dict(compressed, WORDS),
        _ => return Err(MalformedBlock),
    };
    let block = block.map_err(|_| MalformedBlock)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::record::{AccessedResource, Category};

    fn record() -> Record {
        let account: base::AccountId = "123456789012".parse().unwrap();
        let arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders";
        Record {
            account,
            event_time: Timestamp::from_millis(1_795_348_800_123),
            event_source: "dynamodb.amazonaws.com".into(),
            event_name: "PutItem".into(),
            region: "eu-central-1".parse().unwrap(),
            source_ip: "10.20.30.40".to_owned(),
            user_agent: "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.12.1".to_owned(),
            user_identity: br#"{"type":"IAMUser","principalId":"AIDAQWERTYUIOPASDFGHJ","arn":"arn:aws:iam::123456789012:user/alice","accountId":"123456789012","accessKeyId":"AKIAZXCVBNMASDFGHJKL","userName":"alice"}"#.as_slice().into(),
            username: "alice".to_owned(),
            access_key_id: "AKIAZXCVBNMASDFGHJKL".to_owned(),
            request_parameters: Some(br#"{"tableName":"orders","item":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#.to_vec()),
            request_id: "4eeb3dbd-78d7-4c51-a0da-29e53d525c38".into(),
            read_only: false,
            resources: vec![AccessedResource { arn: arn.to_owned(), account, kind: "AWS::DynamoDB::Table".into() }],
            category: Category::Data,
            shared_event_id: None,
            vpc_endpoint_id: None,
            additional_event_data: None,
        }
    }

    #[test]
    fn a_record_alone_takes_little() {
        let mut block = Vec::new();
        append(&mut block, &mut Seconds::default(), &record(), 7, &Outcome::default());
        let (alone, without) = (compress(&block).len(), lz4_flex::compress_prepend_size(&block).len());
        assert!(
            alone < 400 && alone * 3 < without * 2,
            "{alone} of {}, {without} without words",
            block.len()
        );
    }

    #[test]
    fn a_block_of_either_version_is_read() {
        let mut block = Vec::new();
        append(&mut block, &mut Seconds::default(), &record(), 7, &Outcome::default());
        let first = [&[FIRST_VERSION][..], &lz4_flex::compress_prepend_size(&block)].concat();
        for stored in [first, compress(&block)] {
            let events = decode(&stored).unwrap();
            assert_eq!(events.len(), 1);
            assert_eq!((events[0].event_id, events[0].username.as_str()), (7, "alice"));
            assert!(block.ends_with(events[0].json.as_bytes()));
        }
        assert!(decode(&[&[3][..], &compress(&block)[1..]].concat()).is_err());
    }

    #[test]
    fn the_words_are_those_of_stored_blocks() {
        let digest: String = crypto::sha256(WORDS).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            digest, "a7e3ef1ce2d67d0259bacdfd129e2b02802396f53061708f3f876122db234408",
            "stored blocks need them unchanged"
        );
    }
}
