//! Chunks: the events of one batch within one minute, compressed.
//!
//! A chunk's events lie less than [`SPAN_MILLIS`] apart, so a reader knows how far back a chunk may begin that still holds an event
//! of a given moment. Layout: version (1), time of ingestion (8), index of the first event in its batch (4), then
//! compressed: for each event its time (8), length (4) and text.

use store::{Key, KeyReader, Range};

/// The events of a chunk lie less than this apart.
pub(crate) const SPAN_MILLIS: i64 = 60_000;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 13;
/// A batch has at most a mebibyte of text; twelve bytes more for each of its 10,000 events fit into this.
const DECODED_BYTES_MAX: usize = 2 * 1_024 * 1_024;

/// The place of an event in its stream: time, then batch, then index. Orders events as they are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u128);

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) place: Place,
    pub(crate) time: i64,
    pub(crate) ingested: i64,
    pub(crate) text: String,
}

/// The bytes are not a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of log events does not decode")]
pub(crate) struct MalformedChunk;

impl Place {
    /// Behind every event.
    pub(crate) const END: Self = Self(u128::MAX);

    /// The place of an event.
    pub(crate) fn new(time: i64, batch: u64, index: u32) -> Self {
        let time = u128::from(time.clamp(0, (1 << 48) - 1).cast_unsigned());
        Self(time << 80 | u128::from(batch & 0xffff_ffff_ffff) << 32 | u128::from(index))
    }

    /// Before every event of this moment.
    pub(crate) fn start_of(time: i64) -> Self {
        Self::new(time, 0, 0)
    }

    /// The moment of the place.
    pub(crate) const fn time(self) -> i64 {
        ((self.0 >> 80) as u64).cast_signed()
    }

    /// The next place, whether there is an event or not.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As digits of a fixed number.
    pub(crate) fn digits(self) -> String {
        format!("{:039}", self.0)
    }

    /// Reads what [`Place::digits`] wrote.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        (digits.len() == 39 && all_digits).then(|| digits.parse().ok().map(Self)).flatten()
    }
}

/// A chunk's key.
pub(crate) fn key(stream_id: &str, first_time: i64, batch: u64) -> Key {
    Key::new().str(stream_id).i64(first_time).u64(batch)
}

/// The keys of all of a stream's chunks.
pub(crate) fn all_of(stream_id: &str) -> Range {
    Range::prefix(Key::new().str(stream_id))
}

/// The keys of a stream's chunks that begin before this moment.
pub(crate) fn begun_before(stream_id: &str, time: i64) -> Range {
    all_of(stream_id).before(Key::new().str(stream_id).i64(time))
}

/// Time of the first event, and number of the batch, from a chunk's key.
pub(crate) fn read_key(key: &[u8]) -> Option<(i64, u64)> {
    let mut reader = KeyReader::new(key);
    reader.bytes().ok()?;
    Some((reader.i64().ok()?, reader.u64().ok()?))
}

/// Cuts a sorted batch into chunks: the time of each one's first event, and its stored form.
pub(crate) fn encode(events: &[(i64, &str)], ingested: i64) -> Vec<(i64, Vec<u8>)> {
    let mut chunks = Vec::new();
    let mut index = 0_u32;
    let mut rest = events;
    while let Some((first, _)) = rest.first() {
        let length = rest.partition_point(|(time, _)| time - first < SPAN_MILLIS);
        let (now, later) = rest.split_at_checked(length.max(1)).unwrap_or((rest, &[]));
        chunks.push((*first, encode_one(now, ingested, index)));
        index = index.saturating_add(u32::try_from(now.len()).unwrap_or(u32::MAX));
        rest = later;
    }
    chunks
}

fn encode_one(events: &[(i64, &str)], ingested: i64, index: u32) -> Vec<u8> {
    let mut plain = Vec::new();
    for (time, text) in events {
        plain.extend_from_slice(&time.to_be_bytes());
        plain.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        plain.extend_from_slice(text.as_bytes());
    }
    let mut stored = Vec::with_capacity(HEADER_BYTES + plain.len() / 2);
    stored.push(VERSION);
    stored.extend_from_slice(&ingested.to_be_bytes());
    stored.extend_from_slice(&index.to_be_bytes());
    stored.extend_from_slice(&lz4_flex::compress_prepend_size(&plain));
    stored
}

/// A chunk's events; `batch` is the number in its key.
pub(crate) fn decode(stored: &[u8], batch: u64) -> Result<Vec<Event>, MalformedChunk> {
    let (header, compressed) = stored.split_first_chunk::<HEADER_BYTES>().ok_or(MalformedChunk)?;
    let [VERSION, numbers @ ..] = header else { return Err(MalformedChunk) };
    let (ingested, index) = numbers.split_first_chunk::<8>().ok_or(MalformedChunk)?;
    let ingested = i64::from_be_bytes(*ingested);
    let mut index = u32::from_be_bytes(*index.first_chunk::<4>().ok_or(MalformedChunk)?);
    let length =
        compressed.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)).ok_or(MalformedChunk)?;
    if length as usize > DECODED_BYTES_MAX {
        return Err(MalformedChunk);
    }
    let plain = lz4_flex::decompress_size_prepended(compressed).map_err(|_| MalformedChunk)?;
    let mut rest = plain.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let (time, after) = rest.split_first_chunk::<8>().ok_or(MalformedChunk)?;
        let (length, after) = after.split_first_chunk::<4>().ok_or(MalformedChunk)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (text, after) = after.split_at_checked(length).ok_or(MalformedChunk)?;
        let time = i64::from_be_bytes(*time);
        let text = String::from_utf8(text.to_vec()).map_err(|_| MalformedChunk)?;
        events.push(Event { place: Place::new(time, batch, index), time, ingested, text });
        index = index.checked_add(1).ok_or(MalformedChunk)?;
        rest = after;
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_form_stays_readable() {
        let header =
            [&[1][..], &2_000_i64.to_be_bytes(), &0_u32.to_be_bytes(), &27_u32.to_le_bytes()].concat();
        let plain = [
            &1_000_i64.to_be_bytes()[..],
            &1_u32.to_be_bytes(),
            b"a",
            &1_001_i64.to_be_bytes(),
            &2_u32.to_be_bytes(),
            "é".as_bytes(),
        ]
        .concat();
        // As one run of literals, and as today's compressor writes it.
        let literal = [&header[..], &[0xf0, 12], &plain].concat();
        let matched = [17, 0, 1, 0, 113, 3, 232, 0, 0, 0, 1, 97, 12, 0, 144, 0, 3, 233, 0, 0, 0, 2, 195, 169];
        for golden in [literal, [&header[..], &matched].concat()] {
            let events = decode(&golden, 7).unwrap();
            assert_eq!((events[0].text.as_str(), events[1].text.as_str()), ("a", "é"));
            assert_eq!((events[0].ingested, events[1].place), (2_000, Place::new(1_001, 7, 1)));
        }
    }

    proptest! {
        #[test]
        fn a_batch_reads_back(mut events in prop::collection::vec((0_i64..400_000, ".{0,20}"), 1..60)) {
            events.sort_by_key(|(time, _)| *time);
            let batch: Vec<(i64, &str)> = events.iter().map(|(time, text)| (*time, text.as_str())).collect();
            let mut read = Vec::new();
            for (first, stored) in encode(&batch, 5) {
                let decoded = decode(&stored, 3).unwrap();
                prop_assert_eq!(decoded[0].time, first);
                prop_assert!(decoded.iter().all(|event| event.time - first < SPAN_MILLIS));
                read.extend(decoded);
            }
            prop_assert!(read.is_sorted_by_key(|event| event.place));
            let read: Vec<(i64, String)> = read.into_iter().map(|event| (event.time, event.text)).collect();
            prop_assert_eq!(read, events);
        }

        #[test]
        fn hostile_bytes_are_refused(stored: Vec<u8>) {
            let _ = decode(&stored, 0);
            let _ = decode(&[&[VERSION][..], &stored].concat(), 0);
        }

        #[test]
        fn a_place_reads_back(time in 0_i64..1 << 48, batch in 0_u64..1 << 48, index: u32) {
            let place = Place::new(time, batch, index);
            prop_assert_eq!(place.time(), time);
            prop_assert_eq!(Place::parse(&place.digits()), Some(place));
        }
    }
}
