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
    records: Option<SealedIter>,
}

impl Iterator for Durable {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let next = self.engine.next_of(self.table, self.records.as_mut()?);
        if !matches!(next, Some(Ok(_))) {
            self.records = None;
        }
        next
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
        let records = match range.engine_bounds(table) {
            Some(bounds) if range.limit > 0 => Some(engine.range(view, bounds, range.reverse)),
            _ => None,
        };
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
