//! The stored form of a change of an item.
//!
//! ```text
//! version 1  event  expiry  millis (8)  size (4)  then keys, new and old image: length (4), item; no bytes where absent
//! ```

use base::Timestamp;

use super::Occasion;
use crate::attribute::Attributes;
use crate::item::{self, DamagedItem};
use crate::key::KeySchema;
use crate::records::View;

const VERSION: u8 = 1;

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was made.
    Insert,
    /// It was changed.
    Modify,
    /// It went.
    Remove,
}

impl Event {
    const ALL: [Self; 3] = [Self::Insert, Self::Modify, Self::Remove];

    /// The event's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Modify => "MODIFY",
            Self::Remove => "REMOVE",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Insert => 0,
            Self::Modify => 1,
            Self::Remove => 2,
        }
    }
}

/// A change of an item, with as much of it as the stream shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub event: Event,
    /// True where the item had expired.
    pub is_expiry: bool,
    /// When.
    pub time: Timestamp,
    /// How many bytes keys and images count for.
    pub size: u32,
    /// The item's key.
    pub keys: Attributes,
    /// The item after the change.
    pub new: Option<Attributes>,
    /// The item before the change.
    pub old: Option<Attributes>,
}

impl Change {
    /// What a stream shows of a change; nothing where nothing changed.
    pub fn of(
        schema: &KeySchema,
        view: View,
        before: Option<&Attributes>,
        after: Option<&Attributes>,
        occasion: Occasion,
    ) -> Option<Self> {
        let (event, item) = match (before, after) {
            (None, Some(item)) => (Event::Insert, item),
            (Some(old), Some(item)) if old != item => (Event::Modify, item),
            (Some(old), None) => (Event::Remove, old),
            _ => return None,
        };
        let keys = schema.project(item);
        let new = after.filter(|_| view.shows_new()).cloned();
        let old = before.filter(|_| view.shows_old()).cloned();
        let images = [&new, &old].into_iter().flatten();
        let size = keys.size_bytes().saturating_add(images.map(Attributes::size_bytes).sum());
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Some(Self { event, is_expiry: occasion.is_expiry, time: occasion.now, size, keys, new, old })
    }

    /// The stored bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, self.event.code(), u8::from(self.is_expiry)];
        out.extend_from_slice(&self.time.millis().to_be_bytes());
        out.extend_from_slice(&self.size.to_be_bytes());
        for part in [Some(&self.keys), self.new.as_ref(), self.old.as_ref()] {
            let bytes = part.map(item::encode).unwrap_or_default();
            out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(&bytes);
        }
        out
    }

    /// The change in these bytes.
    ///
    /// # Errors
    /// The bytes are not a stored change.
    pub fn decode(bytes: &[u8]) -> Result<Self, DamagedItem> {
        let ([version, event, expiry], rest) = bytes.split_first_chunk::<3>().ok_or(DamagedItem)?;
        let event = Event::ALL.into_iter().find(|known| known.code() == *event).ok_or(DamagedItem)?;
        if *version != VERSION || *expiry > 1 {
            return Err(DamagedItem);
        }
        let (millis, rest) = rest.split_first_chunk::<8>().ok_or(DamagedItem)?;
        let (size, rest) = rest.split_first_chunk::<4>().ok_or(DamagedItem)?;
        let (keys, rest) = part(rest)?;
        let (new, rest) = part(rest)?;
        let (old, rest) = part(rest)?;
        if !rest.is_empty() {
            return Err(DamagedItem);
        }
        Ok(Self {
            event,
            is_expiry: *expiry == 1,
            time: Timestamp::from_millis(i64::from_be_bytes(*millis)),
            size: u32::from_be_bytes(*size),
            keys: keys.ok_or(DamagedItem)?,
            new,
            old,
        })
    }
}

fn part(bytes: &[u8]) -> Result<(Option<Attributes>, &[u8]), DamagedItem> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(DamagedItem)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| DamagedItem)?;
    let (bytes, rest) = rest.split_at_checked(length).ok_or(DamagedItem)?;
    let item = if bytes.is_empty() { None } else { Some(item::decode(bytes)?) };
    Ok((item, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::AttributeValue;
    use crate::key::{KeyAttribute, ScalarType};

    fn item(value: &str) -> Attributes {
        let entry = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
        [entry("p", "key"), entry("v", value)].into_iter().collect()
    }

    #[test]
    fn changes_show_what_the_view_says_and_are_read_back() {
        let schema = KeySchema::new(KeyAttribute { name: "p".to_owned(), scalar: ScalarType::S }, None);
        let occasion = Occasion::of_call(Timestamp::from_millis(1_234));
        let (one, two) = (item("one"), item("two"));
        for (view, new, old) in [
            (View::KeysOnly, false, false),
            (View::NewImage, true, false),
            (View::OldImage, false, true),
            (View::NewAndOldImages, true, true),
        ] {
            let change = Change::of(&schema, view, Some(&one), Some(&two), occasion).unwrap();
            assert_eq!((change.event, change.new.is_some(), change.old.is_some()), (Event::Modify, new, old));
            let bytes = change.encode();
            assert_eq!(Change::decode(&bytes), Ok(change));
            for cut in 0..bytes.len() {
                assert!(Change::decode(&bytes[..cut]).is_err());
            }
        }
        assert_eq!(Change::of(&schema, View::NewImage, Some(&one), Some(&one), occasion), None);
        assert_eq!(Change::of(&schema, View::NewImage, None, None, occasion), None);
        let made = Change::of(&schema, View::OldImage, None, Some(&one), occasion).unwrap();
        assert_eq!((made.event, made.old), (Event::Insert, None));
    }
}
