//! A scan: the engine's records of a range, with writes that are not in the engine yet laid over them.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

use bytes::Bytes;

use crate::engine::{Engine, SealedIter, View};
use crate::error::StoreError;
use crate::range::Range;
use crate::table::{TABLE_BYTES, Table};

type Changes = Box<dyn Iterator<Item = (Vec<u8>, Option<Bytes>)> + Send>;
type Record = Result<(Vec<u8>, Bytes), StoreError>;

/// Yields records in order, keys without their table. After an error it ends.
pub struct Scan {
    table: Table,
    durable: Peekable<Durable>,
    changes: Peekable<Changes>,
    reverse: bool,
    remaining: usize,
}

/// The engine's side of a scan, opened one by one.
struct Durable {
    engine: Arc<Engine>,
    table: Table,
    records: Option<Records>,
}

/// Where the engine's records come from.
enum Records {
    /// A range of it.
    Range(SealedIter),
    /// What was got of the only key that can be in the range.
    One(Result<(Vec<u8>, Bytes), StoreError>),
}

impl Iterator for Durable {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        match self.records.take()? {
            Records::One(record) => Some(record),
            Records::Range(mut records) => {
                let next = self.engine.next_of(self.table, &mut records);
                self.records = matches!(next, Some(Ok(_))).then_some(Records::Range(records));
                next
            }
        }
    }
}

impl Records {
    fn of(engine: &Engine, view: &View, table: Table, range: &Range) -> Option<Self> {
        let bounds = range.engine_bounds(table).filter(|_| range.limit > 0)?;
        let Some(key) = range.only_key() else {
            return Some(Self::Range(engine.range(view, bounds, range.reverse)));
        };
        let got = engine.get_at(view, table, key).transpose()?;
        Some(Self::One(got.map(|value| (table.engine_key(key), value))))
    }
}

impl Scan {
    pub(crate) fn over(
        engine: Arc<Engine>,
        view: &View,
        table: Table,
        range: &Range,
        changes: BTreeMap<Vec<u8>, Option<Bytes>>,
    ) -> Self {
        let records = Records::of(&engine, view, table, range);
        let changes: Changes =
            if range.reverse { Box::new(changes.into_iter().rev()) } else { Box::new(changes.into_iter()) };
        Self {
            table,
            durable: Durable { engine, table, records }.peekable(),
            changes: changes.peekable(),
            reverse: range.reverse,
            remaining: range.limit,
        }
    }

    /// The next record of either side; a change hides the durable record that it replaces.
    fn merged(&mut self) -> Option<Record> {
        loop {
            let order = match (self.durable.peek(), self.changes.peek()) {
                (_, None) | (Some(Err(_)), _) => return self.durable.next(),
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(Ok((durable, _))), Some((changed, _))) if self.reverse => changed.cmp(durable),
                (Some(Ok((durable, _))), Some((changed, _))) => durable.cmp(changed),
            };
            if order.is_lt() {
                return self.durable.next();
            }
            if order.is_eq() {
                self.durable.next();
            }
            if let Some((key, Some(value))) = self.changes.next() {
                return Some(Ok((key, value)));
            }
        }
    }
}

impl Iterator for Scan {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.remaining = self.remaining.checked_sub(1)?;
        let next = self.merged();
        match next {
            Some(Ok((mut key, value))) if key.len() >= TABLE_BYTES => {
                key.drain(..TABLE_BYTES);
                Some(Ok((key, value)))
            }
            Some(Ok(_)) => Some(Err(StoreError::Damaged { table: self.table.name() })),
            ended => {
                self.remaining = 0;
                ended
            }
        }
    }
}
