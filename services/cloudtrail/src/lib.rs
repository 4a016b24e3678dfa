//! CloudTrail: queries over the audit trail.
//!
//! Nouns: an *event* is the record of one call; it is written by the platform, never by this service, and nobody can change
//! or delete it before its 90 days are over. Deliberate differences from AWS: events can be looked up at once, not minutes
//! later, and data events (items, invocations) are found as well as management events. Trails, event data stores and Insights
//! are not offered: there is one trail, it is always on, and it cannot be turned off.

mod access;
pub mod api;
mod declined;
mod error;
mod jobs;
mod lookup;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use service::{Service, ServiceBuilder};

/// The service's operation table.
#[must_use]
pub fn service() -> Service {
    let builder = ServiceBuilder::new("cloudtrail", Arc::new(()))
        .operation::<api::LookupEvents, _, _, _, _>(access::lookup_events, lookup::lookup_events);
    declined::decline(builder).job("audit-retention", |_, jobs| jobs::prune(jobs)).build()
}
