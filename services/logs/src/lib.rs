//! CloudWatch Logs: groups of streams of events.
//!
//! Nouns: a *group* has a retention and tags; a *stream* belongs to one group and has one writer at a time; an *event* is a
//! time in milliseconds and a text. Events are kept in chunks, a chunk for each batch and minute. Invariants: an event is
//! never changed; one that is older than its group's retention is never served, whether it is deleted yet or not; a group that is
//! made again shows nothing of the one before. Deliberate differences from AWS: `storedBytes` is current and counts text plus 26
//! bytes an event; sequence tokens are answered and never checked, as AWS does by now.

mod access;
pub mod api;
mod chunk;
mod declined;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod jobs;
mod model;
mod operations;
mod page;
mod pattern;
mod reader;
mod records;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use service::{Service, ServiceBuilder};
use store::Store;

use operations::{events, filter, groups, retention, streams, tags};

/// What the service's handlers share.
pub(crate) struct Logs {
    pub(crate) store: Store,
}

/// The service's operation table.
#[must_use]
pub fn service(store: Store) -> Service {
    let builder = ServiceBuilder::new("logs", Arc::new(Logs { store }))
        .operation::<api::CreateLogGroup, _, _, _, _>(access::create_log_group, groups::create)
        .operation::<api::DeleteLogGroup, _, _, _, _>(access::delete_log_group, groups::delete)
        .operation::<api::DescribeLogGroups, _, _, _, _>(access::describe_log_groups, groups::describe)
        .operation::<api::ListLogGroups, _, _, _, _>(access::list_log_groups, groups::list)
        .operation::<api::PutLogGroupDeletionProtection, _, _, _, _>(access::protect, groups::protect)
        .operation::<api::CreateLogStream, _, _, _, _>(access::create_log_stream, streams::create)
        .operation::<api::DeleteLogStream, _, _, _, _>(access::delete_log_stream, streams::delete)
        .operation::<api::DescribeLogStreams, _, _, _, _>(access::describe_log_streams, streams::describe)
        .operation::<api::PutLogEvents, _, _, _, _>(access::put_log_events, events::put)
        .operation::<api::GetLogEvents, _, _, _, _>(access::get_log_events, events::get)
        .operation::<api::FilterLogEvents, _, _, _, _>(access::filter_log_events, filter::filter)
        .operation::<api::PutRetentionPolicy, _, _, _, _>(access::put_retention, retention::put)
        .operation::<api::DeleteRetentionPolicy, _, _, _, _>(access::delete_retention, retention::delete)
        .operation::<api::TagResource, _, _, _, _>(access::tag_resource, tags::tag_resource)
        .operation::<api::UntagResource, _, _, _, _>(access::untag_resource, tags::untag_resource)
        .operation::<api::ListTagsForResource, _, _, _, _>(access::list_tags, tags::list_for_resource)
        .operation::<api::TagLogGroup, _, _, _, _>(access::tag_log_group, tags::tag_log_group)
        .operation::<api::UntagLogGroup, _, _, _, _>(access::untag_log_group, tags::untag_log_group)
        .operation::<api::ListTagsLogGroup, _, _, _, _>(
            access::list_tags_log_group,
            tags::list_for_log_group,
        );
    declined::decline(builder).job("logs-retention", jobs::run).build()
}
