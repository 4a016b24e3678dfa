//! Reading a shard: where to begin, and what comes next.
//!
//! Readers see durable changes only, in the order of their commits.

use std::sync::Arc;

use base::Timestamp;
use protocol::Entries;
use service::{Call, Internal, Permit};
use store::{KeyReader, Store};

use super::api;
use super::error::Error;
use super::iterator::Iterator;
use crate::State;
use crate::managed_key;
use crate::records::{CHANGES, Shard, StreamRecord};
use crate::streams::{Change, between, horizon, parse, shown};
use crate::tables::Target;

/// The most records of one answer.
const RECORDS_MAX: usize = 1_000;
/// An answer ends with the record that crosses this.
const ANSWER_BYTES: usize = 1_024 * 1_024;

fn shard<'a>(stream: &'a StreamRecord, id: &str, now: Timestamp) -> Result<&'a Shard, Error> {
    let least = horizon(now);
    let found = stream.shards.iter().find(|shard| shard.id == id);
    found.filter(|shard| shard.end.is_none_or(|end| end >= least)).ok_or_else(|| {
        let arn = stream.arn();
        Error::ResourceNotFound(format!(
            "Requested resource not found: Shard does not exist: Shard ID: {id}, Stream ARN: {arn}"
        ))
    })
}

pub(super) async fn get_shard_iterator(
    state: Arc<State>,
    permit: Permit<api::GetShardIterator>,
) -> Result<api::GetShardIteratorOutput, Error> {
    let Permit { input, call, .. } = permit;
    let stream = state.stream(&input.stream_arn, call.now())?;
    let shard = shard(&stream, &input.shard_id, call.now())?;
    let kind = input.shard_iterator_type.as_str();
    let next = match (kind, input.sequence_number.as_deref()) {
        ("TRIM_HORIZON", None) => shard.start,
        ("LATEST", None) => latest(call.store(), &stream, shard)?,
        ("AT_SEQUENCE_NUMBER", Some(number)) => at(shard, number, call.now())?,
        ("AFTER_SEQUENCE_NUMBER", Some(number)) => at(shard, number, call.now())?.saturating_add(1),
        (_, Some(_)) => {
            return Err(Error::Validation(format!(
                "SequenceNumber must not be given with ShardIteratorType {kind}"
            )));
        }
        (_, None) => {
            return Err(Error::Validation(format!("ShardIteratorType {kind} needs a SequenceNumber")));
        }
    };
    let iterator = Iterator { stream: input.stream_arn, shard: input.shard_id, next, made: call.now() };
    Ok(api::GetShardIteratorOutput { shard_iterator: Some(iterator.text()) })
}

fn at(shard: &Shard, number: &str, now: Timestamp) -> Result<u64, Error> {
    let out_of_shard =
        || Error::Validation(format!("Invalid SequenceNumber: {number} is not in the range of {}", shard.id));
    let number = parse(number).ok_or_else(out_of_shard)?;
    if number < shard.start || shard.end.is_some_and(|end| end < number) {
        return Err(out_of_shard());
    }
    if number < horizon(now) && number != shard.start {
        return Err(Error::TrimmedDataAccess(
            "The operation tried to read past the oldest stream record in a shard".to_owned(),
        ));
    }
    Ok(number)
}

/// The number behind the last durable change.
fn latest(store: &Store, stream: &StreamRecord, shard: &Shard) -> Result<u64, Error> {
    if let Some(end) = shard.end {
        return Ok(end.saturating_add(1));
    }
    let range = between(stream.id, shard.start, shard.end).reversed().limit(1);
    let last = store.scan(CHANGES, &range)?;
    let last = last.first().map(|(key, _)| number(key)).transpose()?;
    Ok(last.map_or(shard.start, |last| last.saturating_add(1)))
}

/// The sequence number in a stored key.
fn number(key: &[u8]) -> Result<u64, Error> {
    let mut reader = KeyReader::new(key);
    let number = reader.u64().and_then(|_| reader.u64());
    number.map_err(|malformed| Error::Internal(Internal::new(malformed)))
}

/// Refuses records of a table under the managed key to other accounts.
// SECURITY: once the table is gone nothing tells under which key it was, and the answer is no.
fn check_key(state: &State, call: &Call, stream: &StreamRecord) -> Result<(), Error> {
    let target =
        Target { account: stream.account, region: stream.region.clone(), name: stream.table.clone() };
    let table = state.tables.find(&target).filter(|table| table.record.id == stream.table_id);
    if table.is_some_and(|table| !table.record.is_encryption_requested) {
        return Ok(());
    }
    Ok(managed_key::check_caller(call, stream.account, &stream.region)?)
}

pub(super) async fn get_records(
    state: Arc<State>,
    permit: Permit<api::GetRecords>,
) -> Result<api::GetRecordsOutput, Error> {
    let Permit { input, call, .. } = permit;
    let invalid = || Error::Validation("Invalid ShardIterator".to_owned());
    let mut iterator = Iterator::parse(&input.shard_iterator).ok_or_else(invalid)?;
    let limit = input.limit.map_or(Ok(RECORDS_MAX), usize::try_from).map_err(|_| invalid())?;
    if limit > RECORDS_MAX {
        return Err(Error::Validation(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must \
             have value less than or equal to {RECORDS_MAX}"
        )));
    }
    if iterator.is_expired(call.now()) {
        return Err(Error::ExpiredIterator(
            "The iterator has expired: it is older than 15 minutes".to_owned(),
        ));
    }
    let stream = state.stream(&iterator.stream, call.now())?;
    check_key(&state, &call, &stream)?;
    let shard = shard(&stream, &iterator.shard, call.now())?;
    let first = iterator.next.max(shard.start).max(horizon(call.now()));
    let mut records = Vec::new();
    let mut bytes: usize = 0;
    iterator.next = first;
    let range = between(stream.id, first, shard.end).limit(limit);
    for stored in call.store().snapshot()?.iter(CHANGES, &range) {
        let (key, value) = stored?;
        let number = number(&key)?;
        bytes = bytes.saturating_add(value.len());
        records.push(answered(&stream, number, Change::decode(&value)?));
        iterator.next = number.saturating_add(1);
        if bytes >= ANSWER_BYTES {
            break;
        }
    }
    let is_read = records.len() < limit && bytes < ANSWER_BYTES;
    let has_ended = shard.end.is_some_and(|end| is_read || iterator.next > end);
    iterator.made = call.now();
    Ok(api::GetRecordsOutput {
        records: Some(records),
        next_shard_iterator: (!has_ended).then(|| iterator.text()),
    })
}

fn answered(stream: &StreamRecord, number: u64, change: Change) -> api::Record {
    // The same change has the same id each time it is read.
    let digest = crypto::sha256(format!("{} {number}", stream.id).as_bytes());
    let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    api::Record {
        event_id: Some(id),
        event_name: Some(change.event.name().to_owned()),
        event_version: Some("1.1".to_owned()),
        event_source: Some("aws:dynamodb".to_owned()),
        aws_region: Some(stream.region.to_string()),
        user_identity: change.is_expiry.then(|| api::Identity {
            principal_id: Some("dynamodb.amazonaws.com".to_owned()),
            r#type: Some("Service".to_owned()),
        }),
        dynamodb: Some(api::StreamRecord {
            approximate_creation_date_time: Some(Timestamp::from_secs(change.time.secs())),
            keys: Some(Entries::from(change.keys)),
            new_image: change.new.map(Entries::from),
            old_image: change.old.map(Entries::from),
            sequence_number: Some(shown(number)),
            size_bytes: Some(i64::from(change.size)),
            stream_view_type: Some(stream.view.name().to_owned()),
        }),
    }
}
