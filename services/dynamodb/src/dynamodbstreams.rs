//! DynamoDB Streams: the API through which the changes of tables are read.
//!
//! It lives beside DynamoDB because it reads the same records; it writes none. Who may read a stream is asked of the
//! stream's ARN, which an iterator carries: an iterator is no right of its own.

pub mod api;
mod describe;
mod error;
pub mod iterator;
mod read;

use std::sync::Arc;

use service::{Access, AccessRequest, Service, ServiceBuilder};

use crate::State;
use crate::access::streams::{StreamAccessError, held_stream_access, stream_access};
use crate::records::StreamRecord;
use crate::streams::horizon;
use error::Error;
use iterator::Iterator;

/// The API, over the state that it shares with DynamoDB.
pub(crate) fn service(state: Arc<State>) -> Service {
    ServiceBuilder::new("dynamodbstreams", state)
        .operation::<api::ListStreams, _, _, _, _>(list_streams, describe::list_streams)
        .operation::<api::DescribeStream, _, _, _, _>(describe_stream, describe::describe_stream)
        .operation::<api::GetShardIterator, _, _, _, _>(get_shard_iterator, read::get_shard_iterator)
        .operation::<api::GetRecords, _, _, _, _>(get_records, read::get_records)
        .build()
}

type Answer = Result<Access, Error>;

fn list_streams(_: &State, _: &AccessRequest<'_, api::ListStreamsInput>) -> Answer {
    Ok(Access::to("dynamodb:ListStreams", "*"))
}

fn describe_stream(state: &State, request: &AccessRequest<'_, api::DescribeStreamInput>) -> Answer {
    Ok(stream_access(state, request, "dynamodb:DescribeStream", &request.input.stream_arn)?)
}

fn get_shard_iterator(state: &State, request: &AccessRequest<'_, api::GetShardIteratorInput>) -> Answer {
    Ok(held_stream_access(state, request, "dynamodb:GetShardIterator", &request.input.stream_arn)?)
}

fn get_records(state: &State, request: &AccessRequest<'_, api::GetRecordsInput>) -> Answer {
    let iterator = Iterator::parse(&request.input.shard_iterator)
        .ok_or_else(|| Error::Validation("Invalid ShardIterator".to_owned()))?;
    Ok(held_stream_access(state, request, "dynamodb:GetRecords", &iterator.stream)?)
}

impl From<StreamAccessError> for Error {
    fn from(error: StreamAccessError) -> Self {
        match error {
            StreamAccessError::Arn(message) => Self::Validation(message),
            StreamAccessError::Failed(error) => Self::Internal(error),
        }
    }
}

impl State {
    /// The stream of this ARN, until a day after its end.
    fn stream(&self, arn: &str, now: base::Timestamp) -> Result<Arc<StreamRecord>, Error> {
        let found = self.streams.find(arn).filter(|stream| !is_over(stream, now));
        found.ok_or_else(|| {
            Error::ResourceNotFound(format!("Requested resource not found: Stream: {arn} not found"))
        })
    }
}

/// True where nothing of an ended stream can be read any more.
pub(crate) fn is_over(stream: &StreamRecord, now: base::Timestamp) -> bool {
    let last = stream.shards.last().and_then(|shard| shard.end);
    stream.ended.is_some() && last.is_some_and(|last| last < horizon(now))
}
