//! Queries: one account's records, newest first, by attribute and time, page by page.
//!
//! A query sees everything that ended before it. It decides nothing about who may ask.

use std::collections::{BTreeMap, VecDeque};

use base::{AccountId, Timestamp};
use store::{KeyReader, Range, Scan, Snapshot, StoreError};

use crate::audit::retention::cutoff;
use crate::audit::trail::AuditTrail;
use crate::audit::{BLOCKS, account_prefix, block, json};

/// A query looks at so many records at most, then answers a page that may be short and goes on behind it.
const EXAMINED_RECORDS_MAX: usize = 20_000;

/// What a record must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// `eventID`.
    EventId(String),
    /// `eventName`.
    EventName(String),
    /// `readOnly`.
    ReadOnly(bool),
    /// The user's or session's name.
    Username(String),
    /// The type of a resource that was touched.
    ResourceType(String),
    /// The name or ARN of a resource that was touched.
    ResourceName(String),
    /// `eventSource`.
    EventSource(String),
    /// The access key that signed.
    AccessKeyId(String),
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct Query {
    /// In whose trail.
    pub account: AccountId,
    /// Only records with this attribute.
    pub attribute: Option<Attribute>,
    /// Only records from this moment on.
    pub start: Option<Timestamp>,
    /// Only records up to this moment.
    pub end: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
    /// Only records older than the one at this place: where the page before ended.
    pub after: Option<Position>,
}

/// A place in an account's trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    time: Timestamp,
    event_id: u128,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:032x}", self.time.millis(), self.event_id)
    }
}

impl Position {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (time, event_id) = text.split_once('.')?;
        let digits = event_id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if event_id.len() != 32 || !digits {
            return None;
        }
        let event_id = u128::from_str_radix(event_id, 16).ok()?;
        Some(Self { time: Timestamp::from_millis(time.parse().ok()?), event_id })
    }
}

/// One record, with what queries match taken out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub(crate) event_id: u128,
    /// When the call arrived.
    pub event_time: Timestamp,
    /// For example `GetItem`.
    pub event_name: String,
    /// For example `dynamodb.amazonaws.com`.
    pub event_source: String,
    /// The user's or session's name; empty for strangers.
    pub username: String,
    /// The access key that signed; empty where none did.
    pub access_key_id: String,
    /// True where the call could not change anything.
    pub read_only: bool,
    /// Names (ARNs) and types of the resources that were touched.
    pub resources: Vec<(String, String)>,
    /// The whole record as CloudTrail writes it.
    pub json: String,
}

impl Event {
    /// The record's `eventID`.
    #[must_use]
    pub fn event_id(&self) -> String {
        json::uuid(self.event_id)
    }

    const fn position(&self) -> Position {
        Position { time: self.event_time, event_id: self.event_id }
    }

    fn has(&self, attribute: &Attribute) -> bool {
        match attribute {
            Attribute::EventId(id) => self.event_id() == *id,
            Attribute::EventName(name) => self.event_name == *name,
            Attribute::ReadOnly(read_only) => self.read_only == *read_only,
            Attribute::Username(name) => self.username == *name,
            Attribute::ResourceType(kind) => self.resources.iter().any(|(_, of)| of == kind),
            Attribute::ResourceName(name) => {
                self.resources.iter().any(|(arn, kind)| is_named(arn, kind, name))
            }
            Attribute::EventSource(source) => self.event_source == *source,
            Attribute::AccessKeyId(id) => self.access_key_id == *id,
        }
    }
}

/// Whether this is the ARN or the name of a resource. The name follows the type, as in `table/NAME/index/…` and
/// `log-group:NAME:log-stream:…`, and may have slashes itself; IAM's comes last, after a path.
fn is_named(arn: &str, kind: &str, wanted: &str) -> bool {
    let ends = |text: &str| text.rsplit([':', '/']).next() == Some(wanted);
    if arn == wanted || ends(arn) {
        return true;
    }
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let named = resource.trim_start_matches('/').split_once([':', '/']).map(|(_, named)| named);
    let follows = |named: &str| {
        let rest = named.strip_prefix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    };
    !wanted.is_empty() && !kind.starts_with("AWS::IAM::") && named.is_some_and(follows)
}

/// Some records, and where the next ones are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub events: Vec<Event>,
    /// Present where there may be more.
    pub next: Option<Position>,
}

impl AuditTrail {
    /// Answers a query over everything that ended before it.
    pub async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.flush().await.map_err(|_| StoreError::Failed)?;
        let now = self.store().clock().now();
        let (snapshot, query) = (self.store().snapshot()?, query.clone());
        // A page may read many thousands of records: no thread that serves calls waits for it.
        let read = tokio::task::spawn_blocking(move || Listing::new(&snapshot, &query, now).page(&query));
        read.await.map_err(|_| StoreError::Failed)?
    }
}

/// Walks an account's blocks from the newest to the oldest and yields their records in order.
///
/// Blocks may overlap in time. A record is yielded once no unread block can hold a newer one: blocks are
/// read by the time of their newest record, and everything in them is at most that new.
struct Listing {
    blocks: Scan,
    unread: Option<Block>,
    ready: BTreeMap<Position, Event>,
    yielded: Option<Position>,
}

struct Block {
    newest: Timestamp,
    stored: bytes::Bytes,
}

impl Listing {
    fn new(snapshot: &Snapshot, query: &Query, now: Timestamp) -> Self {
        let oldest = query.start.unwrap_or(cutoff(now)).max(cutoff(now));
        let newest = match (query.end, query.after) {
            (Some(end), Some(after)) => end.min(after.time),
            (Some(one), None) => one,
            (None, Some(after)) => after.time,
            (None, None) => Timestamp::from_millis(i64::MAX),
        };
        // A block that holds a record of this moment ends at most a span later.
        let newest = newest.plus_millis(block::SPAN_MILLIS_MAX);
        let key = |time: Timestamp| account_prefix(query.account).i64(time.millis());
        let mut range = Range::prefix(account_prefix(query.account)).reversed();
        range.start = key(oldest).into_vec();
        if newest.millis() < i64::MAX {
            range = range.before(key(newest.plus_millis(1)));
        }
        let blocks = snapshot.iter(BLOCKS, &range);
        Self { blocks, unread: None, ready: BTreeMap::new(), yielded: None }
    }

    fn page(mut self, query: &Query) -> Result<Page, StoreError> {
        let mut page = Page::default();
        let mut examined = 0;
        let mut last = query.after;
        while let Some(event) = self.next()? {
            let position = event.position();
            if query.after.is_some_and(|after| position >= after)
                || query.end.is_some_and(|end| event.event_time > end)
            {
                continue;
            }
            if query.start.is_some_and(|start| event.event_time < start) {
                break;
            }
            if page.events.len() >= query.limit || examined >= EXAMINED_RECORDS_MAX {
                page.next = last;
                break;
            }
            examined += 1;
            last = Some(position);
            if query.attribute.as_ref().is_none_or(|attribute| event.has(attribute)) {
                page.events.push(event);
            }
        }
        Ok(page)
    }

    fn next(&mut self) -> Result<Option<Event>, StoreError> {
        loop {
            let unread = self.peek()?;
            if let Some((position, _)) = self.ready.last_key_value()
                && unread.is_none_or(|newest| newest < position.time)
            {
                let Some((position, event)) = self.ready.pop_last() else { return Ok(None) };
                // A call that changed something after its end has its record twice.
                if self.yielded.replace(position) == Some(position) {
                    continue;
                }
                return Ok(Some(event));
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// The time of the newest record of the next unread block.
    fn peek(&mut self) -> Result<Option<Timestamp>, StoreError> {
        if self.unread.is_none()
            && let Some((key, stored)) = self.blocks.next().transpose()?
        {
            let newest = newest_of(&key).ok_or_else(damaged)?;
            self.unread = Some(Block { newest, stored });
        }
        Ok(self.unread.as_ref().map(|block| block.newest))
    }

    fn read(&mut self) -> Result<bool, StoreError> {
        let Some(block) = self.unread.take() else { return Ok(false) };
        let events: VecDeque<Event> = block::decode(&block.stored).map_err(|_| damaged())?.into();
        self.ready.extend(events.into_iter().map(|event| (event.position(), event)));
        Ok(true)
    }
}

/// The time in a block's key.
pub(crate) fn newest_of(key: &[u8]) -> Option<Timestamp> {
    let mut reader = KeyReader::new(key.get(12..)?);
    reader.i64().ok().map(Timestamp::from_millis)
}

fn damaged() -> StoreError {
    StoreError::Damaged { table: BLOCKS.name() }
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn resources_are_found_by_their_names() {
        let (group, table, role, stack, api) = (
            "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f:log-stream:",
            "arn:aws:dynamodb:us-east-1:000000000000:table/t/index/i",
            "arn:aws:iam::000000000000:role/team/r",
            "arn:aws:cloudformation:us-east-1:000000000000:stack/s/0a1b",
            "arn:aws:apigateway:us-east-1::/restapis/abc/stages/prod",
        );
        for (arn, kind, wanted, expected) in [
            (group, "AWS::Logs::LogGroup", "/aws/lambda/f", true),
            (group, "AWS::Logs::LogGroup", group, true),
            (group, "AWS::Logs::LogGroup", "/aws/lambda/", false),
            (group, "AWS::Logs::LogGroup", "/aws/lam", false),
            (table, "AWS::DynamoDB::Table", "t", true),
            (table, "AWS::DynamoDB::Table", "table", false),
            (stack, "AWS::CloudFormation::Stack", "s", true),
            (api, "AWS::ApiGateway::RestApi", "abc", true),
            (role, "AWS::IAM::Role", "r", true),
            (role, "AWS::IAM::Role", "team", false),
            (role, "AWS::IAM::Role", "team/r", false),
        ] {
            assert_eq!(is_named(arn, kind, wanted), expected, "{arn} {wanted}");
        }
    }
}
