//! Many items, a page at a time: Query and Scan.
//!
//! A page ends at the caller's limit of items read, or once those items count for 1 MB, whichever comes first.

use std::sync::Arc;

use protocol::{Entries, Value};
use service::Permit;
use store::{Range, Store};

use crate::State;
use crate::api;
use crate::attribute::Attributes;
use crate::capacity::consumed;
use crate::error::Error;
use crate::expression::{Condition, Projection};
use crate::invalid::Invalid;
use crate::item;
use crate::key::{KeySchema, PartitionRange, Segment};
use crate::records::ITEMS;
use crate::request::{Expressions, HoldsExpressions};
use crate::throughput::Direction;

use super::page_source::{Source, Start};

/// A page ends with the item that crosses this.
pub(super) const PAGE_BYTES: usize = 1_024 * 1_024;
/// The most segments of a scan.
const SEGMENTS_MAX: i64 = 1_000_000;

/// What a page is made of.
pub(super) struct Reader<'a> {
    pub(super) store: &'a Store,
    pub(super) source: Source<'a>,
    pub(super) needs_items: bool,
    pub(super) range: Range,
    pub(super) limit: Option<i64>,
    /// The page ends with the item that crosses so many bytes.
    pub(super) room: usize,
    pub(super) filter: Option<&'a Condition>,
    pub(super) projection: Option<&'a Projection>,
    pub(super) counts_only: bool,
}

/// The items of one page.
#[derive(Default)]
pub(super) struct Page {
    pub(super) items: Vec<Entries<Value>>,
    pub(super) count: i64,
    pub(super) scanned: i64,
    pub(super) bytes: usize,
    pub(super) fetched_units: f64,
    pub(super) last: Option<Attributes>,
}

impl Reader<'_> {
    /// Reads it.
    pub(super) fn page(self) -> Result<Page, Error> {
        let mut page = Page::default();
        let snapshot = self.store.snapshot()?;
        for record in snapshot.iter(ITEMS, &self.range) {
            let (_, bytes) = record?;
            let mut item = item::decode(&bytes)?;
            page.scanned += 1;
            page.bytes = page.bytes.saturating_add(item.size_bytes());
            let is_full = page.bytes >= self.room || self.limit.is_some_and(|limit| page.scanned >= limit);
            if is_full {
                page.last = Some(self.source.last_key(&item));
            }
            if self.needs_items {
                item = self.source.item(&snapshot, &item)?;
                page.fetched_units += self.source.item_units(&item);
            }
            if self.filter.is_none_or(|filter| filter.matches(&item)) {
                page.count += 1;
                if !self.counts_only {
                    page.items.push(match self.projection {
                        Some(projection) => projection.apply(&item).into(),
                        None => item.into(),
                    });
                }
            }
            if is_full {
                break;
            }
        }
        Ok(page)
    }
}

/// The parameter that says what is answered, if one does.
fn projecting(expressions: &Expressions, expression: Option<&String>) -> Option<&'static str> {
    let name = if expression.is_some() { "ProjectionExpression" } else { "AttributesToGet" };
    expressions.projection.is_some().then_some(name)
}

/// Refuses combinations of `Select` and a projection; true where only the count is answered.
fn check_select(select: Option<&str>, projection: Option<&str>, has_index: bool) -> Result<bool, Invalid> {
    let detected = |what: String| Err(Invalid::new(format!("1 validation error detected: {what}")));
    match (select, projection) {
        (Some("SPECIFIC_ATTRIBUTES"), None) => detected(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
                .to_owned(),
        ),
        (Some(select @ ("ALL_ATTRIBUTES" | "ALL_PROJECTED_ATTRIBUTES" | "COUNT")), Some(projection)) => {
            let what = if select == "COUNT" { "only the Count" } else { select };
            detected(format!("Cannot specify the {projection} when choosing to get {what}"))
        }
        // DynamoDB speaks of querying to those who scan, too.
        (Some("ALL_PROJECTED_ATTRIBUTES"), _) if !has_index => detected(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName".to_owned(),
        ),
        (select, _) => Ok(select == Some("COUNT")),
    }
}

pub(crate) async fn query(state: Arc<State>, permit: Permit<api::Query>) -> Result<api::QueryOutput, Error> {
    let Permit { input, call, .. } = permit;
    let expressions = input.expressions()?;
    let Some(condition) = &expressions.key_condition else {
        return Err(Error::Validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
                .to_owned(),
        ));
    };
    let projection = projecting(&expressions, input.projection_expression.as_ref());
    let counts_only = check_select(input.select.as_deref(), projection, input.index_name.is_some())?;
    let table = state.table(&call, &input.table_name)?;
    let source = Source::of(&table, input.index_name.as_deref(), input.consistent_read.unwrap_or(false))?;
    let schema = source.schema();
    let partition = schema.bind(condition)?;
    check_filter(schema, &expressions)?;
    let needs_items = source.needs_items(input.select.as_deref(), &expressions)?;
    let mut range = source.range(&partition);
    let is_reverse = input.scan_index_forward == Some(false);
    if let Some(start) = input.exclusive_start_key {
        let start = source.start(start)?;
        check_start(&partition, &start, source.id())?;
        range = if is_reverse { range.before(start.place) } else { range.after(start.place) };
    }
    table.check_read(source.index, call.now())?;
    let page = Reader {
        store: call.store(),
        source,
        needs_items,
        range: if is_reverse { range.reversed() } else { range },
        limit: input.limit,
        room: PAGE_BYTES,
        filter: expressions.filter.as_ref(),
        projection: expressions.projection.as_ref(),
        counts_only,
    }
    .page()?;
    let usage = source.usage(page.bytes, page.fetched_units);
    table.spend(Direction::Read, &usage, call.now());
    Ok(api::QueryOutput {
        items: (!counts_only).then_some(page.items),
        count: Some(page.count),
        scanned_count: Some(page.scanned),
        last_evaluated_key: page.last.map(Entries::from),
        consumed_capacity: consumed(
            input.return_consumed_capacity.as_deref(),
            table.told_as(&input.table_name),
            &usage,
        ),
    })
}

/// Key attributes are for the key condition; a filter on them would only hide that they are read.
fn check_filter(schema: &KeySchema, expressions: &Expressions) -> Result<(), Invalid> {
    let mut key = None;
    if let Some(filter) = &expressions.filter {
        filter.visit_paths(&mut |path| {
            if key.is_none() && schema.contains(path.head()) {
                key = Some(path.head().to_owned());
            }
        });
    }
    match key {
        Some(key) => Err(Invalid::new(format!(
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
        ))),
        None => expressions.check_key_paths(schema),
    }
}

fn check_start(partition: &PartitionRange, start: &Start, id: u64) -> Result<(), Invalid> {
    if !start.own.shares_partition(partition) {
        return Err(Invalid::new(if partition.is_narrowed() {
            "The query can return at most one row and cannot be restarted"
        } else {
            "The provided starting key is outside query boundaries based on provided conditions"
        }));
    }
    if !partition.contains(id, &start.place) {
        return Err(Invalid::new("The provided starting key does not match the range key predicate"));
    }
    Ok(())
}

pub(crate) async fn scan(state: Arc<State>, permit: Permit<api::Scan>) -> Result<api::ScanOutput, Error> {
    let Permit { input, call, .. } = permit;
    let expressions = input.expressions()?;
    let projection = projecting(&expressions, input.projection_expression.as_ref());
    let counts_only = check_select(input.select.as_deref(), projection, input.index_name.is_some())?;
    let segment = segment(input.segment, input.total_segments)?;
    let table = state.table(&call, &input.table_name)?;
    let source = Source::of(&table, input.index_name.as_deref(), input.consistent_read.unwrap_or(false))?;
    expressions.check_key_paths(source.schema())?;
    let needs_items = source.needs_items(input.select.as_deref(), &expressions)?;
    let mut range = segment.range(source.id());
    if let Some(start) = input.exclusive_start_key {
        let start = source.start(start)?;
        if !start.own.is_in_segment(segment) {
            return Err(Error::Validation(format!(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey \
                 with correct Segment. TotalSegments: {} Segment: {}",
                segment.total, segment.index
            )));
        }
        range = range.after(start.place);
    }
    table.check_read(source.index, call.now())?;
    let page = Reader {
        store: call.store(),
        source,
        needs_items,
        range,
        limit: input.limit,
        room: PAGE_BYTES,
        filter: expressions.filter.as_ref(),
        projection: expressions.projection.as_ref(),
        counts_only,
    }
    .page()?;
    let usage = source.usage(page.bytes, page.fetched_units);
    table.spend(Direction::Read, &usage, call.now());
    Ok(api::ScanOutput {
        items: (!counts_only).then_some(page.items),
        count: Some(page.count),
        scanned_count: Some(page.scanned),
        last_evaluated_key: page.last.map(Entries::from),
        consumed_capacity: consumed(
            input.return_consumed_capacity.as_deref(),
            table.told_as(&input.table_name),
            &usage,
        ),
    })
}

fn segment(index: Option<i64>, total: Option<i64>) -> Result<Segment, Invalid> {
    match (index, total) {
        (None, None) => Ok(Segment::ALL),
        (Some(_), None) => Err(Invalid::new(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter \
             is present",
        )),
        (None, Some(_)) => Err(Invalid::new(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments \
             is present",
        )),
        (Some(index), Some(total)) if index >= total => Err(Invalid::new(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {index} \
             is not less than TotalSegments: {total}"
        ))),
        (Some(index), Some(total)) => match (u32::try_from(index), u32::try_from(total)) {
            (Ok(index), Ok(total)) if i64::from(total) <= SEGMENTS_MAX => Ok(Segment { index, total }),
            _ => Err(Invalid::parameter(format!("TotalSegments must be between 1 and {SEGMENTS_MAX}"))),
        },
    }
}
