//! Pages of events: how much fits into one, and the tokens that lead to the next.
//!
//! A token names a place and nothing else. It opens nothing: the stream comes from the request, and leave is asked each time.

use crate::chunk::Place;
use crate::error::Error;
use crate::model::{BATCH_BYTES_MAX, EVENT_OVERHEAD_BYTES};

/// The most events of a page, and how many there are where the caller does not say.
const PAGE_EVENTS_MAX: usize = 10_000;

/// What still fits into a page.
pub(crate) struct Room {
    events: usize,
    bytes: usize,
    is_empty: bool,
}

impl Room {
    /// An empty page; the model has checked the limit.
    pub(crate) fn new(limit: Option<i64>) -> Self {
        let asked = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_EVENTS_MAX);
        Self { events: asked.min(PAGE_EVENTS_MAX), bytes: BATCH_BYTES_MAX, is_empty: true }
    }

    /// Takes room for an event of this length; false where there is none. The first one always fits.
    pub(crate) fn take(&mut self, length: usize) -> bool {
        let needed = length + EVENT_OVERHEAD_BYTES;
        if self.events == 0 || needed > self.bytes && !self.is_empty {
            return false;
        }
        self.events -= 1;
        self.bytes = self.bytes.saturating_sub(needed);
        self.is_empty = false;
        true
    }
}

/// Where a stream is read on: from a place forwards, or before a place backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Forward(Place),
    Backward(Place),
}

impl Turn {
    /// `f/…` or `b/…`, as AWS writes them: 56 digits.
    pub(crate) fn token(self) -> String {
        match self {
            Self::Forward(place) => format!("f/{:0>56}/s", place.digits()),
            Self::Backward(place) => format!("b/{:0>56}/s", place.digits()),
        }
    }

    /// Reads a token.
    pub(crate) fn parse(token: &str) -> Result<Self, Error> {
        let invalid = || Error::invalid("The specified nextToken is invalid.");
        let place = |rest: &str| {
            let digits = rest.strip_suffix("/s").filter(|digits| digits.len() == 56)?;
            Place::parse(digits.strip_prefix("00000000000000000")?)
        };
        match token.split_at_checked(2) {
            Some(("f/", rest)) => place(rest).map(Self::Forward).ok_or_else(invalid),
            Some(("b/", rest)) => place(rest).map(Self::Backward).ok_or_else(invalid),
            _ => Err(invalid()),
        }
    }
}

/// Where a search over many streams goes on: at this event of this stream, inclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchPlace {
    pub(crate) place: Place,
    pub(crate) stream: String,
}

impl SearchPlace {
    pub(crate) fn token(&self) -> String {
        let name: String = self.stream.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{}{name}", self.place.digits())
    }

    pub(crate) fn parse(token: &str) -> Result<Self, Error> {
        let read = || {
            let (digits, name) = token.split_at_checked(39)?;
            let pairs = name.as_bytes().chunks(2).map(|pair| {
                let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
                let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
                is_hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
            });
            let stream = String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()?;
            Some(Self { place: Place::parse(digits)?, stream })
        };
        read().ok_or_else(|| Error::invalid("The specified nextToken is invalid."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back() {
        for turn in [Turn::Forward(Place::new(1_767_225_600_000, 3, 4)), Turn::Backward(Place::default())] {
            let token = turn.token();
            assert_eq!(token.len(), 60);
            assert_eq!(Turn::parse(&token).unwrap(), turn);
        }
        let search = SearchPlace { place: Place::new(5, 6, 7), stream: "2026/01/01/[$LATEST]é".to_owned() };
        assert_eq!(SearchPlace::parse(&search.token()).unwrap(), search);
        for bad in
            ["", "f/", "f/1/s", "x/1", &format!("f/{}/s", "9".repeat(56)), &format!("f/{}/s", "é".repeat(28))]
        {
            assert!(Turn::parse(bad).is_err(), "{bad}");
            assert!(SearchPlace::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_has_room_for_one_event_at_least() {
        let mut room = Room::new(None);
        assert!(room.take(5_000_000));
        assert!(!room.take(1));
        let mut room = Room::new(Some(2));
        assert!(room.take(1) && room.take(1) && !room.take(1));
    }
}
