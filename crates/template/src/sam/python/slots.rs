//! The hash table of a Python 2.7 dictionary: in which order it has its keys.
//!
//! Holds no values. The order depends on the history of the table, removals included.

use std::sync::Arc;

/// The hash table of a Python 2.7 dictionary: only where each key stands.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Slots {
    table: Vec<Slot>,
    used: usize,
    filled: usize,
}

/// One place in the table.
#[derive(Clone, Debug, PartialEq)]
enum Slot {
    Empty,
    /// A key stood here: searches go on behind it.
    Removed,
    Key(u64, Arc<str>),
}

/// The size of an empty table.
const SLOTS_MIN: usize = 8;

impl Default for Slots {
    fn default() -> Self {
        Self::of_size(SLOTS_MIN)
    }
}

impl<'a> FromIterator<&'a String> for Slots {
    fn from_iter<I: IntoIterator<Item = &'a String>>(keys: I) -> Self {
        let mut slots = Self::default();
        keys.into_iter().for_each(|key| slots.add(key));
        slots
    }
}

impl Slots {
    fn of_size(size: usize) -> Self {
        Self { table: vec![Slot::Empty; size], used: 0, filled: 0 }
    }

    fn held(&self) -> impl Iterator<Item = (u64, &Arc<str>)> {
        self.table.iter().filter_map(|slot| match slot {
            Slot::Key(hash, key) => Some((*hash, key)),
            _ => None,
        })
    }

    /// The keys in the table's order.
    pub(in super::super) fn keys(&self) -> Vec<String> {
        self.held().map(|(_, key)| key.as_ref().to_owned()).collect()
    }

    /// The same keys in a table of their own, filled in this one's order.
    pub(super) fn copied(&self) -> Self {
        let mut copy = Self::default();
        for (hash, key) in self.held() {
            copy.put(hash, Arc::clone(key));
        }
        copy
    }

    /// Where `key` stands or would be put.
    fn find(&self, hash: u64, key: &str) -> usize {
        let mask = self.table.len() as u64 - 1;
        let place = |walker: u64| usize::try_from(walker & mask).unwrap_or_default();
        let mut at = place(hash);
        let mut walker = hash & mask;
        let mut perturb = hash;
        let mut free = None;
        loop {
            match self.table.get(at) {
                None | Some(Slot::Empty) => return free.unwrap_or(at),
                Some(Slot::Key(_, held)) if held.as_ref() == key => return at,
                Some(Slot::Removed) if free.is_none() => free = Some(at),
                Some(_) => {}
            }
            walker = walker.wrapping_mul(5).wrapping_add(perturb).wrapping_add(1);
            at = place(walker);
            perturb >>= 5;
        }
    }

    pub(in super::super) fn add(&mut self, key: &str) {
        self.put(hash(key), key.into());
    }

    fn put(&mut self, hash: u64, key: Arc<str>) {
        let at = self.find(hash, &key);
        let Some(slot) = self.table.get_mut(at) else { return };
        match std::mem::replace(slot, Slot::Key(hash, key)) {
            Slot::Key(..) => return,
            Slot::Empty => self.filled += 1,
            Slot::Removed => {}
        }
        self.used += 1;
        if self.filled * 3 >= self.table.len() * 2 {
            self.resize(self.used * if self.used > 50_000 { 2 } else { 4 });
        }
    }

    pub(in super::super) fn remove(&mut self, key: &str) {
        let at = self.find(hash(key), key);
        if let Some(slot @ Slot::Key(..)) = self.table.get_mut(at) {
            *slot = Slot::Removed;
            self.used -= 1;
        }
    }

    /// Makes room for `keys` as `dict.update` does, and adds them.
    pub(in super::super) fn merge(&mut self, keys: &[String]) {
        if keys.is_empty() {
            return;
        }
        if (self.filled + keys.len()) * 3 >= self.table.len() * 2 {
            self.resize((self.used + keys.len()) * 2);
        }
        for key in keys {
            self.add(key);
        }
    }

    fn resize(&mut self, request: usize) {
        let mut size = SLOTS_MIN;
        while size <= request {
            size <<= 1;
        }
        let old = std::mem::replace(self, Self::of_size(size));
        for (hash, key) in old.held() {
            self.put(hash, Arc::clone(key));
        }
    }
}

/// Python 2.7's hash of a string on a 64-bit machine, without randomisation.
fn hash(text: &str) -> u64 {
    let mut characters = text.chars().map(u64::from).peekable();
    let Some(first) = characters.peek() else { return 0 };
    let mut hash = first << 7;
    let mut length = 0_u64;
    for code in characters {
        hash = hash.wrapping_mul(1_000_003) ^ code;
        length += 1;
    }
    hash ^ length
}
