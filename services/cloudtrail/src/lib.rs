//! CloudTrail: queries over the audit trail.
//!
//! Nouns: an *event* is the record of one call; it is written by the platform, never by this service, and nobody can change
//! or delete it before its 90 days are over. Deliberate differences from AWS: events can be looked up at once, not minutes
//! later, and data events (items, invocations) are found as well as management events. Trails, event data stores and Insights
//! are not offered: there is one trail, it is always on, and it cannot be turned off.

mod access;
pub mod api;
mod error;
mod jobs;
mod lookup;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use service::{Service, ServiceBuilder};

const NO_TRAILS: &str = "the one trail of this platform is always on; it is not made, changed or stopped";
const NO_LAKE: &str =
    "CloudTrail Lake (event data stores, queries, channels, dashboards) is not part of this platform";
const NO_INSIGHTS: &str = "CloudTrail Insights is not part of this platform";

/// The service's operation table.
#[must_use]
pub fn service() -> Service {
    ServiceBuilder::new("cloudtrail", Arc::new(()))
        .operation::<api::LookupEvents, _, _, _, _>(access::lookup_events, lookup::lookup_events)
        .declined(
            NO_TRAILS,
            &[
                "CreateTrail",
                "DeleteTrail",
                "UpdateTrail",
                "StartLogging",
                "StopLogging",
                "PutEventSelectors",
            ],
        )
        .declined(
            NO_LAKE,
            &[
                "CreateEventDataStore",
                "DeleteEventDataStore",
                "UpdateEventDataStore",
                "RestoreEventDataStore",
                "StartQuery",
                "CancelQuery",
                "CreateChannel",
                "DeleteChannel",
                "UpdateChannel",
                "CreateDashboard",
                "DeleteDashboard",
                "UpdateDashboard",
            ],
        )
        .declined(NO_INSIGHTS, &["PutInsightSelectors", "GetInsightSelectors"])
        .job("audit-retention", |_, jobs| jobs::prune(jobs))
        .build()
}
