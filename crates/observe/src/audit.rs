//! The audit trail: a CloudTrail-shaped record of every call.
//!
//! A call that changes something carries its record in the change's own transaction, so that there is no change
//! without a record. Reads and refusals are recorded in blocks a moment later. Where the trail cannot keep a record, it
//! says so and the call must not succeed. It redacts nothing: what it is given is what it keeps.

pub(crate) mod block;
mod changes;
mod dictionary;
mod json;
mod query;
mod queue;
mod record;
mod retention;
mod ticket;
mod trail;

pub use changes::{Changes, Noticed};
pub use query::{Attribute, Event, Page, Position, Query};
pub use record::{AccessedResource, Category, Outcome, Record};
pub use retention::RETENTION_DAYS;
pub use ticket::AuditTicket;
pub use trail::AuditTrail;

use store::{Key, Table};

/// Blocks of records: account, time of the newest record, id of the newest record.
const BLOCKS: Table = Table::new(0x0201, "audit");

/// The record of a call cannot be kept, so the call must not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail cannot keep records")]
pub struct AuditUnavailable;

/// SECURITY: the account comes first and is of fixed length, so no range of one account reaches into another's.
fn block_key(account: base::AccountId, newest: base::Timestamp, event_id: u128) -> Key {
    account_prefix(account).i64(newest.millis()).raw(&event_id.to_be_bytes())
}

fn account_prefix(account: base::AccountId) -> Key {
    Key::new().raw(account.as_str().as_bytes())
}
