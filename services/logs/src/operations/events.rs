//! Events of one stream: put and get.

use std::ops::ControlFlow;
use std::sync::Arc;

use service::Permit;
use store::Snapshot;

use crate::Logs;
use crate::api::{
    GetLogEvents, GetLogEventsRequest, GetLogEventsResponse, OutputLogEvent, PutLogEvents,
    PutLogEventsResponse, RejectedLogEventsInfo,
};
use crate::chunk::{self, Event, Place};
use crate::error::Error;
use crate::model::{EVENT_OVERHEAD_BYTES, Judged, judge, kept_from};
use crate::operations::{named, own};
use crate::page::{Room, Turn};
use crate::reader::{Reader, Window};
use crate::records::{self, CHUNKS, STREAMS, StreamRecord};

/// What a stream's next batch would carry: answered for old clients, never checked.
pub(crate) fn sequence_token(stream: &StreamRecord) -> String {
    format!("{:056}", stream.next_batch)
}

pub(crate) async fn put(_: Arc<Logs>, permit: Permit<PutLogEvents>) -> Result<PutLogEventsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let name = own(&call, &input.log_group_name);
    let now = call.now();
    // Judged and compressed before the transaction, which then is short; what it rests on is checked again there.
    let group = records::group(&call.view()?, &name)?;
    let events = input.log_events.into_exposed();
    let measured: Vec<(i64, usize)> =
        events.iter().map(|event| (event.timestamp, event.message.len())).collect();
    let judged = judge(&measured, now, group.retention_days)?;
    let taken: Vec<(i64, &str)> = events
        .get(judged.taken.clone())
        .unwrap_or_default()
        .iter()
        .map(|event| (event.timestamp, event.message.as_str()))
        .collect();
    let bytes: usize = taken.iter().map(|(_, text)| text.len() + EVENT_OVERHEAD_BYTES).sum();
    let (first, last) = (taken.first().map(|event| event.0), taken.last().map(|event| event.0));
    let chunks = chunk::encode(&taken, now.millis());
    let token = call
        .transact(|transaction| {
            if records::group(transaction, &name)?.id != group.id {
                return Err(Error::no_group());
            }
            let mut stream = records::stream(transaction, &group.id, &input.log_stream_name)?;
            if chunks.is_empty() {
                return Ok(sequence_token(&stream));
            }
            for (first, stored) in chunks {
                transaction.put(CHUNKS, chunk::key(&stream.id, first, stream.next_batch), stored)?;
            }
            stream.first = [stream.first, first].into_iter().flatten().min();
            stream.last = [stream.last, last].into_iter().flatten().max();
            stream.ingested = Some(now.millis());
            stream.next_batch += 1;
            let key = records::stream_key(&group.id, &input.log_stream_name);
            transaction.put(STREAMS, key, records::encode(&stream)?)?;
            records::resize(transaction, &group.id, i64::try_from(bytes).unwrap_or(i64::MAX))?;
            Ok(sequence_token(&stream))
        })
        .await?;
    Ok(PutLogEventsResponse {
        next_sequence_token: Some(token),
        rejected_log_events_info: rejected(&judged),
        rejected_entity_info: None,
    })
}

fn rejected(judged: &Judged) -> Option<RejectedLogEventsInfo> {
    let index = |at: Option<usize>| at.and_then(|at| i64::try_from(at).ok());
    let info = RejectedLogEventsInfo {
        too_new_log_event_start_index: index(judged.too_new_from),
        too_old_log_event_end_index: index(judged.too_old_to),
        expired_log_event_end_index: index(judged.expired_to),
    };
    (info != RejectedLogEventsInfo::default()).then_some(info)
}

pub(crate) async fn get(_: Arc<Logs>, permit: Permit<GetLogEvents>) -> Result<GetLogEventsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let group = named(&call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    let turn = input.next_token.as_deref().map(Turn::parse).transpose()?;
    let view = call.view()?;
    let group = records::group(&view, &group)?;
    let stream = records::stream(&view, &group.id, &input.log_stream_name)?;
    let start = input.start_time.unwrap_or(0).max(kept_from(call.now(), group.retention_days));
    let window =
        Window { from: Place::start_of(start), to: input.end_time.map_or(Place::END, Place::start_of) };
    let page = read_page(view.snapshot(), &stream.id, window, turn, &input)?;
    Ok(show(page, window, turn))
}

/// Reads a page: forwards from a place or from the head, else backwards from a place or from the tail. Oldest event first.
fn read_page(
    snapshot: &Snapshot,
    stream_id: &str,
    mut window: Window,
    turn: Option<Turn>,
    input: &GetLogEventsRequest,
) -> Result<Vec<Event>, Error> {
    let from_head = input.start_from_head == Some(true);
    let forward = match turn {
        Some(Turn::Forward(place)) => {
            window.from = window.from.max(place);
            true
        }
        Some(Turn::Backward(place)) => {
            window.to = window.to.min(place);
            false
        }
        None => from_head,
    };
    let mut reader = if forward {
        Reader::forward(snapshot, stream_id, window)
    } else {
        Reader::backward(snapshot, stream_id, window)
    };
    let mut room = Room::new(input.limit);
    let mut page = Vec::new();
    while let ControlFlow::Continue(event) = next_that_fits(&mut reader, &mut room)? {
        page.push(event);
    }
    if !forward {
        page.reverse();
    }
    Ok(page)
}

fn next_that_fits(reader: &mut Reader, room: &mut Room) -> Result<ControlFlow<(), Event>, Error> {
    Ok(match reader.next()? {
        Some(event) if room.take(event.text.len()) => ControlFlow::Continue(event),
        _ => ControlFlow::Break(()),
    })
}

/// Tokens go on behind the last and before the first event. Where there is none, the end that was reached keeps its token.
fn show(page: Vec<Event>, window: Window, turn: Option<Turn>) -> GetLogEventsResponse {
    let (forward, backward) = match (page.first(), page.last(), turn) {
        (Some(first), Some(last), _) => (last.place.next(), first.place),
        (_, _, Some(Turn::Forward(place) | Turn::Backward(place))) => (place, place),
        _ => (window.from, window.from),
    };
    let event = |event: Event| OutputLogEvent {
        timestamp: Some(event.time),
        message: Some(event.text),
        ingestion_time: Some(event.ingested),
    };
    GetLogEventsResponse {
        events: Some(page.into_iter().map(event).collect()),
        next_forward_token: Some(Turn::Forward(forward).token()),
        next_backward_token: Some(Turn::Backward(backward).token()),
    }
}
