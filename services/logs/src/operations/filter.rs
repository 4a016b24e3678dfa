//! FilterLogEvents: a search over the streams of one group, in the order of time.
//!
//! One call looks at a bounded number of events and bytes; a page may then be short or empty and its token goes on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use service::Permit;
use store::{Range, Snapshot};

use crate::Logs;
use crate::api::{FilterLogEvents, FilterLogEventsRequest, FilterLogEventsResponse, FilteredLogEvent};
use crate::chunk::{Event, Place};
use crate::error::Error;
use crate::model::kept_from;
use crate::operations::groups::name_of;
use crate::operations::named;
use crate::page::{Room, SearchPlace};
use crate::pattern::Pattern;
use crate::reader::{Reader, Window};
use crate::records::{self, STREAMS, StreamRecord};

const EXAMINED_EVENTS_MAX: usize = 100_000;
const EXAMINED_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// The most streams that one search reads at once.
const STREAMS_MAX: usize = 10_000;

pub(crate) async fn filter(
    _: Arc<Logs>,
    permit: Permit<FilterLogEvents>,
) -> Result<FilterLogEventsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let group = named(&call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    check(&input)?;
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default())?;
    let resume = input.next_token.as_deref().map(SearchPlace::parse).transpose()?;
    let view = call.view()?;
    let group = records::group(&view, &group)?;
    let start = input.start_time.unwrap_or(0).max(kept_from(call.now(), group.retention_days));
    // Unlike GetLogEvents, the end belongs to the search.
    let end = input.end_time.map_or(Place::END, |end| Place::start_of(end.saturating_add(1)));
    let mut window = Window { from: Place::start_of(start), to: end };
    if let Some(resume) = &resume {
        window.from = window.from.max(Place::start_of(resume.place.time()));
    }
    let streams = streams(view.snapshot(), &group.id, &input, window)?;
    let mut search = Search::new(view.snapshot(), streams, window, resume.as_ref())?;
    let page = search.page(&pattern, input.limit)?;
    Ok(FilterLogEventsResponse {
        events: Some(page.events),
        searched_log_streams: Some(Vec::new()),
        next_token: page.next.map(|next| next.token()),
    })
}

fn check(input: &FilterLogEventsRequest) -> Result<(), Error> {
    if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
        return Err(Error::invalid("logStreamNamePrefix and logStreamNames cannot both be specified."));
    }
    if let (Some(start), Some(end)) = (input.start_time, input.end_time)
        && end < start
    {
        return Err(Error::invalid("endTime must not be before startTime."));
    }
    Ok(())
}

/// The streams to search, by name; those that hold nothing of the window are left out.
fn streams(
    snapshot: &Snapshot,
    group_id: &str,
    input: &FilterLogEventsRequest,
    window: Window,
) -> Result<Vec<(String, StreamRecord)>, Error> {
    let mut found: Vec<(String, StreamRecord)> = Vec::new();
    if let Some(names) = &input.log_stream_names {
        for name in names {
            let stored = snapshot.get(STREAMS, records::stream_key(group_id, name))?;
            found.push((name.clone(), records::decode(&stored.ok_or_else(Error::no_stream)?)?));
        }
        found.sort_by(|left, right| left.0.cmp(&right.0));
        found.dedup_by(|left, right| left.0 == right.0);
    } else {
        let prefix = records::stream_prefix(group_id);
        let wanted = input.log_stream_name_prefix.as_deref().unwrap_or_default();
        for entry in snapshot.iter(STREAMS, &Range::prefix(prefix.clone().str_prefix(wanted))) {
            let (key, stored) = entry?;
            found.push((name_of(&prefix, &key)?, records::decode(&stored)?));
        }
    }
    found.retain(|(_, stream)| {
        let holds = |first: i64, last: i64| last >= window.from.time() && first <= window.to.time();
        stream.first.zip(stream.last).is_some_and(|(first, last)| holds(first, last))
    });
    if found.len() > STREAMS_MAX {
        return Err(Error::invalid(format!(
            "The search covers {} streams, more than {STREAMS_MAX}: narrow it by time or by stream.",
            found.len()
        )));
    }
    Ok(found)
}

/// Merges the streams' events by time; of one moment, in the order of the streams' names.
struct Search {
    readers: Vec<(String, String, Reader)>,
    heads: BinaryHeap<Reverse<Head>>,
}

/// The next event of a stream. Ordered by time, then stream, then place; the rest follows from these.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    time: i64,
    stream: usize,
    place: Place,
    ingested: i64,
    text: String,
}

struct Page {
    events: Vec<FilteredLogEvent>,
    next: Option<SearchPlace>,
}

impl Search {
    fn new(
        snapshot: &Snapshot,
        streams: Vec<(String, StreamRecord)>,
        window: Window,
        resume: Option<&SearchPlace>,
    ) -> Result<Self, Error> {
        let mut search = Self { readers: Vec::with_capacity(streams.len()), heads: BinaryHeap::new() };
        for (name, stream) in streams {
            // Streams that come before the resumed one have had their events of its moment.
            let from = match resume {
                Some(resume) if name < resume.stream => {
                    Place::start_of(resume.place.time().saturating_add(1))
                }
                Some(resume) if name == resume.stream => resume.place,
                _ => window.from,
            };
            let window = Window { from: from.max(window.from), to: window.to };
            let reader = Reader::forward(snapshot, &stream.id, window);
            search.readers.push((name, stream.id, reader));
        }
        for stream in 0..search.readers.len() {
            search.refill(stream)?;
        }
        Ok(search)
    }

    fn refill(&mut self, stream: usize) -> Result<(), Error> {
        if let Some((_, _, reader)) = self.readers.get_mut(stream)
            && let Some(Event { place, time, ingested, text }) = reader.next()?
        {
            self.heads.push(Reverse(Head { time, stream, place, ingested, text }));
        }
        Ok(())
    }

    fn page(&mut self, pattern: &Pattern, limit: Option<i64>) -> Result<Page, Error> {
        let mut room = Room::new(limit);
        let mut page = Page { events: Vec::new(), next: None };
        let (mut examined, mut bytes) = (0, 0_usize);
        while let Some(Reverse(head)) = self.heads.pop() {
            let Some((name, id, _)) = self.readers.get(head.stream) else { break };
            examined += 1;
            // A pattern that costs more at each byte looks at fewer of them.
            bytes = head.text.len().saturating_mul(pattern.weight()).saturating_add(bytes);
            let spent = examined > EXAMINED_EVENTS_MAX || bytes > EXAMINED_BYTES_MAX && examined > 1;
            let matches = !spent && pattern.matches(&head.text);
            if spent || matches && !room.take(head.text.len()) {
                page.next = Some(SearchPlace { place: head.place, stream: name.clone() });
                break;
            }
            let stream = head.stream;
            if matches {
                page.events.push(show(name, id, head));
            }
            self.refill(stream)?;
        }
        Ok(page)
    }
}

fn show(name: &str, stream_id: &str, head: Head) -> FilteredLogEvent {
    // 39 digits for the place in the stream and 17 that tell streams apart: 56 digits, as AWS's ids have.
    let digest = crypto::sha256(stream_id.as_bytes());
    let digest = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    FilteredLogEvent {
        log_stream_name: Some(name.to_owned()),
        timestamp: Some(head.time),
        message: Some(head.text),
        ingestion_time: Some(head.ingested),
        event_id: Some(format!("{}{:017}", head.place.digits(), digest % 100_000_000_000_000_000)),
    }
}
