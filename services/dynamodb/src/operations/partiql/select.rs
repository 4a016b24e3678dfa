//! SELECT: the ranges of a search read one after the other, a page at a time.
//!
//! A page's token names the range and the key it ended with; it is worth nothing with another statement.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{Entries, Value};
use service::Call;
use store::Range;

use crate::api;
use crate::attribute::Attributes;
use crate::capacity::consumed;
use crate::error::Error;
use crate::expression::{Condition, Projection};
use crate::invalid::Invalid;
use crate::item;
use crate::key::{KeyAttribute, KeySchema, table_range};
use crate::operations::page_source::Source;
use crate::operations::pages::{PAGE_BYTES, Reader};
use crate::partiql::search::{Order, Search, search};
use crate::partiql::{Statement, Verb};
use crate::records::IndexKind;
use crate::request::Expressions;
use crate::tables::Table;
use crate::throughput::Direction;

/// How many bytes of a statement's digest a token carries.
const DIGEST_BYTES: usize = 8;

/// Which page of a statement is asked for.
pub(super) struct Pages<'a> {
    input: &'a api::ExecuteStatementInput,
    digest: [u8; DIGEST_BYTES],
    /// The range to go on in, and the key behind which.
    start: Option<(usize, Attributes)>,
}

impl<'a> Pages<'a> {
    /// The page that a request asks for.
    pub(super) fn of(input: &'a api::ExecuteStatementInput) -> Result<Self, Invalid> {
        let text = format!("{} {:?}", input.statement, input.parameters);
        let digest = crypto::sha256(text.as_bytes());
        let digest = *digest.first_chunk::<DIGEST_BYTES>().unwrap_or(&[0; DIGEST_BYTES]);
        let start = match &input.next_token {
            Some(token) => Some(read(token, &digest).ok_or_else(|| Invalid::new("Invalid NextToken"))?),
            None => None,
        };
        Ok(Self { input, digest, start })
    }

    fn token(&self, range: usize, key: &Attributes) -> String {
        let mut bytes = self.digest.to_vec();
        bytes.extend_from_slice(&u32::try_from(range).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&item::encode(key));
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn read(token: &str, digest: &[u8; DIGEST_BYTES]) -> Option<(usize, Attributes)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let rest = bytes.strip_prefix(digest)?;
    let (range, key) = rest.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_be_bytes(*range)).ok()?, item::decode(key).ok()?))
}

/// The order that a statement asks for.
fn order(
    schema: &KeySchema,
    named: &[(String, bool)],
    condition: Option<&Condition>,
    search: &Search,
) -> Result<Option<Order>, Invalid> {
    if named.is_empty() {
        return Ok(None);
    }
    if condition.is_none() {
        return Err(Invalid::new("Must have WHERE clause in the statement when using ORDER BY clause."));
    }
    if search.ranges.is_none() {
        return Err(Invalid::new(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ));
    }
    if let Some((name, _)) = named.iter().find(|(name, _)| !schema.contains(name)) {
        return Err(Invalid::new(format!(
            "Attribute {name} in ORDER BY clause must be part of the primary key"
        )));
    }
    let direction = |key: &KeyAttribute| named.iter().find(|(name, _)| *name == key.name).map(|(_, it)| *it);
    let partitions = direction(&schema.partition);
    if partitions.is_none() && search.partitions.len() > 1 {
        return Err(Invalid::new(
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
        ));
    }
    // DynamoDB puts the largest sort key first where an order does not speak of it.
    let sorts = schema.sort.as_ref().map(|sort| direction(sort).unwrap_or(true));
    Ok(Some(Order {
        partitions_reversed: partitions.unwrap_or(false),
        sorts_reversed: sorts.unwrap_or(false),
    }))
}

/// What a statement reads from, refused in PartiQL's own words.
fn source<'a>(table: &'a Table, statement: &Statement, is_consistent: bool) -> Result<Source<'a>, Invalid> {
    let index = statement.index.as_deref();
    if let Some(name) = index {
        let index = table.record.index(name);
        let index = index.ok_or_else(|| Invalid::new("The table does not have the specified index"))?;
        if is_consistent && index.kind == IndexKind::Global {
            return Err(Invalid::new(
                "Strongly consistent read is not supported on Global Secondary Indexes",
            ));
        }
        if index.schema.is_composed() {
            return Err(Invalid::new(
                "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute \
                 RANGE keys.",
            ));
        }
    }
    Source::of(table, index, is_consistent)
}

/// Refuses a condition on what an index does not hold.
fn check_filter(source: &Source<'_>, filter: Option<&Condition>) -> Result<(), Invalid> {
    let (Some(index), Some(filter)) = (source.index, filter) else { return Ok(()) };
    let mut names: Vec<String> = Vec::new();
    filter.visit_paths(&mut |path| {
        let name = path.head();
        if !index.holds(&source.table.record.schema, name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    });
    if names.is_empty() {
        return Ok(());
    }
    Err(Invalid::parameter(format!(
        "Secondary index {} does not project one or more filter attributes: [{}]",
        index.name,
        names.join(", ")
    )))
}

/// Reads a page.
pub(super) fn select(
    call: &Call,
    table: &Arc<Table>,
    statement: &Statement,
    pages: &Pages<'_>,
) -> Result<api::ExecuteStatementOutput, Error> {
    let Verb::Select { paths, condition, order: named, .. } = &statement.verb else {
        return Err(Error::Validation("The statement does not read".to_owned()));
    };
    let input = pages.input;
    let source = source(table, statement, input.consistent_read.unwrap_or(false))?;
    let mut search = search(source.schema(), condition.as_ref());
    check_filter(&source, search.filter.as_ref())?;
    let order = order(source.schema(), named, condition.as_ref(), &search)?;
    if let Some(order) = order {
        search.sort(source.schema(), order);
    }
    let is_reverse = order.is_some_and(|order| order.sorts_reversed);
    let expressions = Expressions {
        projection: (!paths.is_empty()).then(|| Projection::selecting(paths)),
        filter: search.filter,
        ..Expressions::default()
    };
    let needs_items = source.needs_items(None, &expressions)?;
    let ranges: Vec<Range> = match &search.ranges {
        None => vec![table_range(source.id())],
        Some(conditions) => {
            let bound = conditions.iter().map(|condition| source.schema().bind(condition));
            let bound: Result<Vec<_>, Invalid> = bound.map(|it| it.map(|it| source.range(&it))).collect();
            bound?
        }
    };
    table.check_read(source.index, call.now())?;
    let first = pages.start.as_ref().map_or(0, |(range, _)| *range);
    let mut answer = Answer::default();
    let mut last = None;
    for (at, range) in ranges.iter().enumerate().skip(first) {
        let mut range = range.clone();
        if let Some((_, key)) = pages.start.as_ref().filter(|(started, _)| *started == at) {
            let start = source.start_at(key)?;
            range = if is_reverse { range.before(start.place) } else { range.after(start.place) };
        }
        let page = Reader {
            store: call.store(),
            source,
            needs_items,
            range: if is_reverse { range.reversed() } else { range },
            limit: input.limit.map(|limit| limit.saturating_sub(answer.scanned)),
            room: PAGE_BYTES.saturating_sub(answer.bytes),
            filter: expressions.filter.as_ref(),
            projection: expressions.projection.as_ref(),
            counts_only: false,
        }
        .page()?;
        answer.scanned = answer.scanned.saturating_add(page.scanned);
        answer.bytes = answer.bytes.saturating_add(page.bytes);
        answer.fetched_units += page.fetched_units;
        answer.items.extend(page.items);
        if let Some(key) = page.last {
            last = Some((at, key));
            break;
        }
    }
    let usage = source.usage(answer.bytes, answer.fetched_units);
    table.spend(Direction::Read, &usage, call.now());
    Ok(api::ExecuteStatementOutput {
        items: Some(answer.items),
        next_token: last.as_ref().map(|(at, key)| pages.token(*at, key)),
        last_evaluated_key: last.map(|(_, key)| Entries::from(key)),
        consumed_capacity: consumed(input.return_consumed_capacity.as_deref(), &table.record.name, &usage),
    })
}

#[derive(Default)]
struct Answer {
    items: Vec<Entries<Value>>,
    scanned: i64,
    bytes: usize,
    fetched_units: f64,
}
