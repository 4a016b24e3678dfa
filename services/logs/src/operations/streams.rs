//! Streams: create, delete, describe.

use std::sync::Arc;

use service::{Permit, View};
use store::{Range, Read as _};

use crate::Logs;
use crate::api::{
    CreateLogStream, DeleteLogStream, DescribeLogStreams, DescribeLogStreamsRequest,
    DescribeLogStreamsResponse, LogStream,
};
use crate::error::Error;
use crate::model::GroupName;
use crate::operations::groups::name_of;
use crate::operations::{named, own};
use crate::records::{self, DOOMED, STREAMS, StreamRecord};

const PAGE_STREAMS_MAX: i64 = 50;
/// How many streams are put in the order of their last events; a group with more is listed by name.
const SORTED_STREAMS_MAX: usize = 100_000;

pub(crate) async fn create(_: Arc<Logs>, permit: Permit<CreateLogStream>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let group = own(&call, &input.log_group_name);
    let record = StreamRecord {
        v: 1,
        id: crypto::random::base32(20),
        created: call.now().millis(),
        first: None,
        last: None,
        ingested: None,
        next_batch: 1,
    };
    let stored = records::encode(&record)?;
    call.transact(|transaction| {
        let group = records::group(transaction, &group)?;
        if records::find_stream(transaction, &group.id, &input.log_stream_name)?.is_some() {
            return Err(Error::ResourceAlreadyExists("The specified log stream already exists".to_owned()));
        }
        call.made(&input.log_stream_name);
        Ok(transaction.put(STREAMS, records::stream_key(&group.id, &input.log_stream_name), stored)?)
    })
    .await
}

pub(crate) async fn delete(_: Arc<Logs>, permit: Permit<DeleteLogStream>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let group = own(&call, &input.log_group_name);
    call.transact(|transaction| {
        let group = records::group(transaction, &group)?;
        let stream = records::stream(transaction, &group.id, &input.log_stream_name)?;
        transaction.delete(STREAMS, records::stream_key(&group.id, &input.log_stream_name))?;
        Ok(transaction.put(DOOMED, crate::jobs::doomed_stream(&group.id, &stream.id), Vec::new())?)
    })
    .await
}

pub(crate) async fn describe(
    _: Arc<Logs>,
    permit: Permit<DescribeLogStreams>,
) -> Result<DescribeLogStreamsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let group = named(&call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    let by_time = input.order_by.as_deref() == Some("LastEventTime");
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(Error::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let view = call.view()?;
    let record = records::group(&view, &group)?;
    let (found, next_token) =
        if by_time { by_last_event(&view, &record.id, &input)? } else { by_name(&view, &record.id, &input)? };
    let shown = found.into_iter().map(|(name, stream)| show(&group, name, &stream)).collect();
    Ok(DescribeLogStreamsResponse { log_streams: Some(shown), next_token })
}

type Found = (Vec<(String, StreamRecord)>, Option<String>);

fn limit(input: &DescribeLogStreamsRequest) -> usize {
    usize::try_from(input.limit.unwrap_or(PAGE_STREAMS_MAX)).unwrap_or(1).max(1)
}

/// A page in the order of names; the token is the last name.
fn by_name(view: &View, group_id: &str, input: &DescribeLogStreamsRequest) -> Result<Found, Error> {
    let limit = limit(input);
    let prefix = records::stream_prefix(group_id);
    let wanted = input.log_stream_name_prefix.as_deref().unwrap_or_default();
    let mut range = Range::prefix(&prefix);
    if !wanted.is_empty() {
        range = Range::prefix(prefix.clone().str_prefix(wanted));
    }
    let token = input.next_token.as_deref().map(|token| prefix.clone().str(token));
    range = match (token, input.descending == Some(true)) {
        (None, false) => range,
        (None, true) => range.reversed(),
        (Some(token), false) => range.after(token),
        (Some(token), true) => range.before(token).reversed(),
    };
    let entries = view.list(STREAMS, &range.limit(limit + 1))?;
    let more = entries.len() > limit;
    let mut found = Vec::with_capacity(limit.min(entries.len()));
    for (key, stored) in entries.iter().take(limit) {
        found.push((name_of(&prefix, key)?, records::decode(stored)?));
    }
    let next = found.last().filter(|_| more).map(|(name, _)| name.clone());
    Ok((found, next))
}

/// A page in the order of last events; the token is the last event's time and the last name.
fn by_last_event(view: &View, group_id: &str, input: &DescribeLogStreamsRequest) -> Result<Found, Error> {
    let limit = limit(input);
    let prefix = records::stream_prefix(group_id);
    let mut all: Vec<(i64, String, StreamRecord)> = Vec::new();
    for entry in view.snapshot().iter(STREAMS, &Range::prefix(&prefix).limit(SORTED_STREAMS_MAX)) {
        let (key, stored) = entry?;
        let stream: StreamRecord = records::decode(&stored)?;
        all.push((stream.last.unwrap_or(0), name_of(&prefix, &key)?, stream));
    }
    let descending = input.descending == Some(true);
    all.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
    if descending {
        all.reverse();
    }
    if let Some(token) = &input.next_token {
        let invalid = || Error::invalid("The specified nextToken is invalid.");
        let (time, name) = token.split_once('/').ok_or_else(invalid)?;
        let time: i64 = time.parse().map_err(|_| invalid())?;
        all.retain(|(last, of, _)| {
            let order = (*last, of.as_str()).cmp(&(time, name));
            if descending { order.is_lt() } else { order.is_gt() }
        });
    }
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|(last, name, _)| format!("{last}/{name}"));
    Ok((all.into_iter().map(|(_, name, stream)| (name, stream)).collect(), next))
}

fn show(group: &GroupName, name: String, stream: &StreamRecord) -> LogStream {
    LogStream {
        arn: Some(group.stream_arn(&name)),
        log_stream_name: Some(name),
        creation_time: Some(stream.created),
        first_event_timestamp: stream.first,
        last_event_timestamp: stream.last,
        last_ingestion_time: stream.ingested,
        upload_sequence_token: Some(super::events::sequence_token(stream)),
        // AWS has answered zero since 2019.
        stored_bytes: Some(0),
    }
}
