//! Enabling and disabling the stream of a table.

use std::sync::Arc;

use base::Timestamp;
use store::Transaction;

use super::tables::next_id;
use crate::State;
use crate::api;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::records::{StreamOfTable, StreamRecord, TableRecord, View};
use crate::streams::{self, Sequence};

/// When a stream is asked for, which is told in words of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// With its table.
    Creation,
    /// Later.
    Update,
}

/// The view that a request enables a stream with; none where it disables one.
///
/// # Errors
/// View and switch do not go together.
pub(crate) fn wanted(
    specification: &api::StreamSpecification,
    moment: Moment,
) -> Result<Option<View>, Invalid> {
    let view = specification.stream_view_type.as_deref();
    match (specification.stream_enabled, view) {
        (true, Some(view)) => {
            View::parse(view).map(Some).ok_or_else(|| Invalid::parameter("StreamViewType is not known"))
        }
        // DynamoDB calls the view type of a request by another name here.
        (true, None) => Err(Invalid::parameter(match moment {
            Moment::Creation => "Table is being created with a stream enabled, UpdateViewType is required",
            Moment::Update => "If stream is being enabled then UpdateViewType is required",
        })),
        (false, Some(_)) => Err(Invalid::parameter(match moment {
            Moment::Creation => {
                "Table is being created with a stream disabled, UpdateViewType should not be specified"
            }
            Moment::Update => "If stream is being disabled, then UpdateViewType must not be specified",
        })),
        (false, None) => Ok(None),
    }
}

/// Gives a table a new stream.
pub(crate) fn enable(
    transaction: &mut Transaction<'_>,
    state: &Arc<State>,
    record: &mut TableRecord,
    view: View,
    sequence: &Sequence,
    now: Timestamp,
) -> Result<(), Error> {
    if record.stream.as_ref().is_some_and(|stream| stream.is_enabled) {
        return Err(Error::Validation(format!(
            "Table already has an enabled stream: TableName: {}",
            record.name
        )));
    }
    let label = now.iso8601_millis().trim_end_matches('Z').to_owned();
    let stream = StreamOfTable { id: next_id(transaction)?, label, view, is_enabled: true };
    let made = StreamRecord::new(record, &stream, now, sequence.next(now));
    record.stream = Some(stream);
    record.layout = record.layout.saturating_add(1);
    streams::save(transaction, &state.streams, made)
}

/// Does what `StreamSpecification` asks of a table that exists.
pub(crate) fn update_stream(
    transaction: &mut Transaction<'_>,
    state: &Arc<State>,
    record: &mut TableRecord,
    specification: &api::StreamSpecification,
    sequence: &Sequence,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(view) = wanted(specification, Moment::Update)? {
        return enable(transaction, state, record, view, sequence, now);
    }
    let Some(stream) = record.stream.as_mut().filter(|stream| stream.is_enabled) else {
        return Err(Error::Validation(format!("Table has no stream to disable: TableName: {}", record.name)));
    };
    stream.is_enabled = false;
    record.layout = record.layout.saturating_add(1);
    streams::end(transaction, &state.streams, stream.id, sequence, now)
}
