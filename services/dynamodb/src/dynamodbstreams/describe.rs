//! Listing and describing streams.

use std::ops::Bound;
use std::sync::Arc;

use service::Permit;

use super::api;
use super::error::Error;
use super::is_over;
use crate::State;
use crate::records::{Shard, StreamRecord};
use crate::streams::{horizon, shown};

/// How many streams or shards one page has at most.
const PAGE_MAX: usize = 100;

fn page_size(limit: Option<i64>) -> Result<usize, Error> {
    let size = limit.map_or(Some(PAGE_MAX), |limit| usize::try_from(limit).ok());
    size.filter(|size| *size <= PAGE_MAX).ok_or_else(|| {
        Error::Validation(format!(
            "1 validation error detected: Value '{}' at 'limit' failed to satisfy constraint: Member must have \
             value less than or equal to {PAGE_MAX}",
            limit.unwrap_or_default()
        ))
    })
}

pub(super) async fn list_streams(
    state: Arc<State>,
    permit: Permit<api::ListStreams>,
) -> Result<api::ListStreamsOutput, Error> {
    let Permit { input, call, .. } = permit;
    let size = page_size(input.limit)?;
    let start = match input.exclusive_start_stream_arn {
        Some(arn) => Bound::Excluded(arn),
        None => Bound::Unbounded,
    };
    let all = state.streams.all();
    let is_wanted = |stream: &StreamRecord| {
        stream.account == call.account()
            && stream.region == *call.region()
            && input.table_name.as_ref().is_none_or(|table| stream.table == *table)
            && !is_over(stream, call.now())
    };
    let mut behind = all.range((start, Bound::Unbounded)).filter(|(_, stream)| is_wanted(stream));
    let page: Vec<_> = behind.by_ref().take(size).collect();
    let last = page.last().map(|(arn, _)| (*arn).clone());
    Ok(api::ListStreamsOutput {
        last_evaluated_stream_arn: last.filter(|_| behind.next().is_some()),
        streams: Some(
            page.into_iter()
                .map(|(arn, stream)| api::Stream {
                    stream_arn: Some(arn.clone()),
                    table_name: Some(stream.table.clone()),
                    stream_label: Some(stream.label.clone()),
                })
                .collect(),
        ),
    })
}

pub(super) async fn describe_stream(
    state: Arc<State>,
    permit: Permit<api::DescribeStream>,
) -> Result<api::DescribeStreamOutput, Error> {
    let Permit { input, call, .. } = permit;
    let size = page_size(input.limit)?;
    let found = state.stream(&input.stream_arn, call.now());
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    let stream = found?;
    let least = horizon(call.now());
    let mut shards: Vec<&Shard> =
        stream.shards.iter().filter(|shard| shard.end.is_none_or(|end| end >= least)).collect();
    if let Some(filter) = &input.shard_filter {
        // CHILD_SHARDS is the only type there is.
        let parent = filter.shard_id.as_deref().ok_or_else(|| {
            Error::Validation("ShardFilter of type CHILD_SHARDS needs a ShardId".to_owned())
        })?;
        shards.retain(|shard| shard.parent.as_deref() == Some(parent));
    }
    if let Some(start) = &input.exclusive_start_shard_id {
        // Ids rise with time.
        shards.retain(|shard| shard.id > *start);
    }
    let has_more = shards.len() > size;
    shards.truncate(size);
    Ok(api::DescribeStreamOutput {
        stream_description: Some(api::StreamDescription {
            stream_arn: Some(input.stream_arn),
            stream_label: Some(stream.label.clone()),
            stream_status: Some(if stream.ended.is_some() { "DISABLED" } else { "ENABLED" }.to_owned()),
            stream_view_type: Some(stream.view.name().to_owned()),
            creation_request_date_time: Some(stream.created),
            table_name: Some(stream.table.clone()),
            key_schema: Some(key_schema(&stream)),
            last_evaluated_shard_id: shards.last().filter(|_| has_more).map(|shard| shard.id.clone()),
            shards: Some(shards.into_iter().map(described).collect()),
        }),
    })
}

fn key_schema(stream: &StreamRecord) -> Vec<api::KeySchemaElement> {
    let element = |(key, kind): (&crate::key::KeyAttribute, &str)| api::KeySchemaElement {
        attribute_name: key.name.clone(),
        key_type: kind.to_owned(),
    };
    stream.schema.attributes().zip(["HASH", "RANGE"]).map(element).collect()
}

fn described(shard: &Shard) -> api::Shard {
    api::Shard {
        shard_id: Some(shard.id.clone()),
        sequence_number_range: Some(api::SequenceNumberRange {
            starting_sequence_number: Some(shown(shard.start)),
            ending_sequence_number: shard.end.map(shown),
        }),
        parent_shard_id: shard.parent.clone(),
    }
}
