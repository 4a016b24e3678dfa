//! The framing of event streams: `application/vnd.amazon.eventstream`, written and read.
//!
//! A message is a prelude, headers, a payload and two checksums. Only headers with text for a value are written; the
//! others are read past. What a message means is not known here.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::Fault;

/// The media type of a body of such messages.
pub const EVENT_STREAM_TYPE: &str = "application/vnd.amazon.eventstream";

/// The largest message: AWS's bound on a payload, and as much as headers may have.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024 + HEADERS_BYTES_MAX;
const HEADERS_BYTES_MAX: usize = 128 * 1024;
/// Two lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;
/// The type of a header's value that is text.
const TEXT: u8 = 7;

/// One message of an event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMessage {
    /// The event's name in the model.
    pub event_type: String,
    /// The media type of its payload.
    pub content_type: String,
    /// Its payload.
    pub payload: Bytes,
}

/// The bytes are no event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no event stream")]
pub struct BadEventStream;

impl From<BadEventStream> for Fault {
    fn from(_: BadEventStream) -> Self {
        Self::internal()
    }
}

impl EventMessage {
    /// The message as it stands on the wire.
    ///
    /// # Errors
    /// Where it is larger than a message may be.
    pub fn encode(&self) -> Result<Bytes, BadEventStream> {
        let mut headers = BytesMut::with_capacity(128);
        for (name, value) in [
            (":message-type", "event"),
            (":event-type", &self.event_type),
            (":content-type", &self.content_type),
        ] {
            headers.put_u8(u8::try_from(name.len()).map_err(|_| BadEventStream)?);
            headers.put_slice(name.as_bytes());
            headers.put_u8(TEXT);
            headers.put_u16(u16::try_from(value.len()).map_err(|_| BadEventStream)?);
            headers.put_slice(value.as_bytes());
        }
        let total = PRELUDE_BYTES + headers.len() + self.payload.len() + CHECKSUM_BYTES;
        if total > MESSAGE_BYTES_MAX {
            return Err(BadEventStream);
        }
        let mut message = BytesMut::with_capacity(total);
        message.put_u32(u32::try_from(total).map_err(|_| BadEventStream)?);
        message.put_u32(u32::try_from(headers.len()).map_err(|_| BadEventStream)?);
        message.put_u32(crc32fast::hash(&message));
        message.put_slice(&headers);
        message.put_slice(&self.payload);
        message.put_u32(crc32fast::hash(&message));
        Ok(message.freeze())
    }

    /// Takes one message off what has arrived; `None` until it is whole.
    ///
    /// # Errors
    /// Where the bytes are no message, or a checksum is wrong.
    pub fn take(arrived: &mut BytesMut) -> Result<Option<Self>, BadEventStream> {
        let Some(mut prelude) = arrived.get(..PRELUDE_BYTES) else { return Ok(None) };
        let sum = crc32fast::hash(prelude.get(..PRELUDE_BYTES - CHECKSUM_BYTES).unwrap_or_default());
        let total = usize::try_from(prelude.get_u32()).map_err(|_| BadEventStream)?;
        let headers = usize::try_from(prelude.get_u32()).map_err(|_| BadEventStream)?;
        let fits = (PRELUDE_BYTES + CHECKSUM_BYTES..=MESSAGE_BYTES_MAX).contains(&total);
        let payload_at = PRELUDE_BYTES.checked_add(headers).ok_or(BadEventStream)?;
        if prelude.get_u32() != sum || !fits || payload_at > total - CHECKSUM_BYTES {
            return Err(BadEventStream);
        }
        if arrived.len() < total {
            return Ok(None);
        }
        let message = arrived.split_to(total).freeze();
        let (body, mut sum) = message.split_at_checked(total - CHECKSUM_BYTES).ok_or(BadEventStream)?;
        if sum.get_u32() != crc32fast::hash(body) {
            return Err(BadEventStream);
        }
        let read = read_headers(body.get(PRELUDE_BYTES..payload_at).ok_or(BadEventStream)?)?;
        Ok(Some(Self { payload: message.slice(payload_at..total - CHECKSUM_BYTES), ..read }))
    }
}

fn read_headers(mut bytes: &[u8]) -> Result<EventMessage, BadEventStream> {
    let mut message =
        EventMessage { event_type: String::new(), content_type: String::new(), payload: Bytes::new() };
    while !bytes.is_empty() {
        let name_length = bytes.try_get_u8().map_err(|_| BadEventStream)?;
        let name = text(&mut bytes, name_length.into())?;
        let length = match bytes.try_get_u8().map_err(|_| BadEventStream)? {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            6 | TEXT => bytes.try_get_u16().map_err(|_| BadEventStream)?.into(),
            9 => 16,
            _ => return Err(BadEventStream),
        };
        let value = bytes.split_off(..length).ok_or(BadEventStream)?;
        let slot = match name.as_str() {
            ":event-type" => &mut message.event_type,
            ":content-type" => &mut message.content_type,
            _ => continue,
        };
        *slot = std::str::from_utf8(value).map_err(|_| BadEventStream)?.to_owned();
    }
    Ok(message)
}

fn text(bytes: &mut &[u8], length: usize) -> Result<String, BadEventStream> {
    let text = bytes.split_off(..length).ok_or(BadEventStream)?;
    std::str::from_utf8(text).map(str::to_owned).map_err(|_| BadEventStream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: &'static [u8]) -> EventMessage {
        EventMessage {
            event_type: "PayloadChunk".to_owned(),
            content_type: "application/octet-stream".to_owned(),
            payload: Bytes::from_static(payload),
        }
    }

    #[test]
    fn messages_come_back_as_they_were_however_they_were_cut() {
        let sent = [message(b"one"), message(b""), message(b"three")];
        let bytes: Vec<u8> = sent.iter().flat_map(|message| message.encode().unwrap().to_vec()).collect();
        for piece in 1..bytes.len() {
            let mut arrived = BytesMut::new();
            let mut seen = Vec::new();
            for part in bytes.chunks(piece) {
                arrived.extend_from_slice(part);
                while let Some(message) = EventMessage::take(&mut arrived).unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen, sent);
        }
    }

    // As botocore's own test has it: an empty message, and one with a payload.
    #[test]
    fn the_bytes_are_those_that_others_read_and_write() {
        let empty = b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff";
        let read = EventMessage::take(&mut BytesMut::from(empty.as_slice())).unwrap().unwrap();
        assert_eq!((read.event_type.as_str(), read.payload.len()), ("", 0));
        let int8 = b"\x00\x00\x00\x17\x00\x00\x00\x07\x29\x86\x01\x58\x04byte\x02\xff\xc2\xf8\x69\xdc";
        assert!(EventMessage::take(&mut BytesMut::from(int8.as_slice())).unwrap().is_some());
    }

    #[test]
    fn no_damage_goes_unseen() {
        let good = message(b"payload").encode().unwrap();
        for at in 0..good.len() {
            let mut bad = BytesMut::from(good.as_ref());
            bad[at] ^= 0x40;
            assert!(!matches!(EventMessage::take(&mut bad), Ok(Some(_))), "{at}");
        }
    }
}
