//! DynamoDB: tables, and items in them.
//!
//! Nouns: a *table* has a key schema and items; an *item* is a set of named values with a key; a *partition* holds the
//! items of one partition key in order of their sort keys. A table is active as soon as its creation is answered, though
//! the answer says `CREATING` as DynamoDB's does, and gone as soon as its deletion is.
//!
//! Invariants: an item is stored under its table's id, which is never given out twice, so a table never shows items of
//! an earlier one of its name; every write asks inside its transaction whether the table still is; every read is of
//! durable state, so all reads are consistent, and `ConsistentRead` only counts differently; what is authorized and
//! what is done are read from a request by the same code ([`request`]).
//!
//! Deliberate differences from AWS: all values are sealed at rest whether or not that was asked for, and the managed key
//! `aws/dynamodb` is the only one that can be asked for; changes of throughput and of what a table is made ready for are
//! done when they are answered, though the answer says of the latter `UPDATING` as DynamoDB's does; reads of global
//! indexes see every acknowledged write; a stream has one open shard at a time; the past can be restored up to now,
//! not only up to five minutes ago; a stack may switch a table's expiry more often than once an hour, so that it can go
//! back; global tables, imports and exports are refused, never ignored; conditions may nest 40
//! levels deep.

mod access;
mod address;
pub mod api;
pub mod attribute;
mod capacity;
pub mod dynamodbstreams;
pub mod error;
pub mod expression;
#[doc(hidden)]
pub mod fuzz;
mod history;
pub mod invalid;
pub mod item;
mod jobs;
pub mod key;
mod managed_key;
mod model;
pub mod number;
mod operations;
pub mod partiql;
pub mod records;
mod request;
mod stored_policies;
pub mod streams;
pub mod tables;
mod throughput;

use std::sync::Arc;

use service::{Internal, Service, ServiceBuilder};
use store::Store;
use tokio::sync::Notify;

pub use address::OwnAddress;
pub use stored_policies::POLICIES;

use operations::{
    backups, batch, items, limits, pages, recovery, resource_policy, restore, tables as table_operations,
    tags, time_to_live,
};

/// What all calls share.
#[derive(Debug)]
pub struct State {
    pub(crate) tables: tables::Tables,
    pub(crate) streams: Arc<streams::Streams>,
    /// Rung when a table or an index was deleted.
    pub(crate) sweep: Notify,
    /// Rung when an index was added.
    pub(crate) backfill: Notify,
    /// Rung when a backup or a restored table waits for its items.
    pub(crate) copies: Notify,
    /// Where the platform is reached.
    pub(crate) address: OwnAddress,
}

impl State {
    /// The tables and streams that the store holds.
    ///
    /// # Errors
    /// The store fails, or a record is damaged.
    fn load(store: &Store, address: OwnAddress) -> Result<Self, Internal> {
        let tables = tables::Tables::load(store)?;
        let streams = Arc::new(streams::Streams::load(store, &tables)?);
        history::raise_sequences(store, &tables)?;
        Ok(Self {
            tables,
            streams,
            sweep: Notify::new(),
            backfill: Notify::new(),
            copies: Notify::new(),
            address,
        })
    }
}

/// What is deliberately not offered, and why.
const DECLINED: &[(&str, &[&str])] = &[
    (
        "imports and exports between tables and S3 are not offered yet; backups and restores are",
        &[
            "DescribeExport",
            "DescribeImport",
            "ExportTableToPointInTime",
            "ImportTable",
            "ListExports",
            "ListImports",
        ],
    ),
    (
        "there is one region, so there are no replicas",
        &[
            "CreateGlobalTable",
            "DescribeGlobalTable",
            "DescribeGlobalTableSettings",
            "DescribeTableReplicaAutoScaling",
            "ListGlobalTables",
            "UpdateGlobalTable",
            "UpdateGlobalTableSettings",
            "UpdateTableReplicaAutoScaling",
        ],
    ),
    (
        "contributor insights are not offered",
        &["DescribeContributorInsights", "ListContributorInsights", "UpdateContributorInsights"],
    ),
    (
        "streaming to Kinesis is not offered yet",
        &[
            "DescribeKinesisStreamingDestination",
            "DisableKinesisStreamingDestination",
            "EnableKinesisStreamingDestination",
            "UpdateKinesisStreamingDestination",
        ],
    ),
];

/// The service and the one of its streams, with the tables that the store holds.
///
/// # Errors
/// The store fails, or a stored table is damaged.
pub fn services(store: &Store, address: OwnAddress) -> Result<[Service; 2], Internal> {
    let state = Arc::new(State::load(store, address)?);
    let builder = ServiceBuilder::new("dynamodb", Arc::clone(&state));
    let builder = with_item_operations(with_backup_operations(with_table_operations(builder)));
    let builder = DECLINED.iter().fold(builder, |builder, (reason, names)| builder.declined(reason, names));
    let service = builder
        .job("dynamodb-sweep", jobs::sweep)
        .job("dynamodb-backfill", jobs::backfill)
        .job("dynamodb-copy", jobs::copy)
        .job("dynamodb-expire", jobs::expire)
        .job("dynamodb-count", jobs::count)
        .job("dynamodb-streams", jobs::tend)
        .build();
    Ok([service, dynamodbstreams::service(state)])
}

fn with_table_operations(builder: ServiceBuilder<State>) -> ServiceBuilder<State> {
    builder
        .operation::<api::CreateTable, _, _, _, _>(access::create_table, table_operations::create_table)
        .operation::<api::DeleteTable, _, _, _, _>(access::delete_table, table_operations::delete_table)
        .operation::<api::DescribeTable, _, _, _, _>(access::describe_table, table_operations::describe_table)
        .operation::<api::ListTables, _, _, _, _>(access::list_tables, table_operations::list_tables)
        .operation::<api::UpdateTable, _, _, _, _>(access::update_table, table_operations::update_table)
        .operation::<api::DescribeLimits, _, _, _, _>(access::describe_limits, limits::describe_limits)
        .operation::<api::DescribeEndpoints, _, _, _, _>(
            access::describe_endpoints,
            limits::describe_endpoints,
        )
        .operation::<api::TagResource, _, _, _, _>(access::tag_resource, tags::tag_resource)
        .operation::<api::UntagResource, _, _, _, _>(access::untag_resource, tags::untag_resource)
        .operation::<api::ListTagsOfResource, _, _, _, _>(
            access::list_tags_of_resource,
            tags::list_tags_of_resource,
        )
        .operation::<api::DescribeTimeToLive, _, _, _, _>(
            access::describe_time_to_live,
            time_to_live::describe_time_to_live,
        )
        .operation::<api::UpdateTimeToLive, _, _, _, _>(
            access::update_time_to_live,
            time_to_live::update_time_to_live,
        )
        .operation::<api::GetResourcePolicy, _, _, _, _>(
            access::get_resource_policy,
            resource_policy::get_resource_policy,
        )
        .operation::<api::PutResourcePolicy, _, _, _, _>(
            access::put_resource_policy,
            resource_policy::put_resource_policy,
        )
        .operation::<api::DeleteResourcePolicy, _, _, _, _>(
            access::delete_resource_policy,
            resource_policy::delete_resource_policy,
        )
}

fn with_backup_operations(builder: ServiceBuilder<State>) -> ServiceBuilder<State> {
    builder
        .operation::<api::CreateBackup, _, _, _, _>(access::create_backup, backups::create_backup)
        .operation::<api::DescribeBackup, _, _, _, _>(
            access::backups::describe_backup,
            backups::describe_backup,
        )
        .operation::<api::ListBackups, _, _, _, _>(access::backups::list_backups, backups::list_backups)
        .operation::<api::DeleteBackup, _, _, _, _>(access::backups::delete_backup, backups::delete_backup)
        .operation::<api::RestoreTableFromBackup, _, _, _, _>(
            access::backups::restore_table_from_backup,
            restore::restore_table_from_backup,
        )
        .operation::<api::RestoreTableToPointInTime, _, _, _, _>(
            access::backups::restore_table_to_point_in_time,
            restore::restore_table_to_point_in_time,
        )
        .operation::<api::DescribeContinuousBackups, _, _, _, _>(
            access::describe_continuous_backups,
            recovery::describe_continuous_backups,
        )
        .operation::<api::UpdateContinuousBackups, _, _, _, _>(
            access::update_continuous_backups,
            recovery::update_continuous_backups,
        )
}

fn with_item_operations(builder: ServiceBuilder<State>) -> ServiceBuilder<State> {
    builder
        .operation::<api::ExecuteStatement, _, _, _, _>(
            access::partiql::execute_statement,
            operations::partiql::execute_statement,
        )
        .operation::<api::BatchExecuteStatement, _, _, _, _>(
            access::partiql::batch_execute_statement,
            operations::partiql::batch_execute_statement,
        )
        .operation::<api::ExecuteTransaction, _, _, _, _>(
            access::partiql::execute_transaction,
            operations::partiql::execute_transaction,
        )
        .operation::<api::GetItem, _, _, _, _>(access::get_item, items::get_item)
        .operation::<api::PutItem, _, _, _, _>(access::put_item, items::put_item)
        .operation::<api::UpdateItem, _, _, _, _>(access::update_item, items::update_item)
        .operation::<api::DeleteItem, _, _, _, _>(access::delete_item, items::delete_item)
        .operation::<api::Query, _, _, _, _>(access::query, pages::query)
        .operation::<api::Scan, _, _, _, _>(access::scan, pages::scan)
        .operation::<api::BatchGetItem, _, _, _, _>(access::batch_get_item, batch::batch_get_item)
        .operation::<api::BatchWriteItem, _, _, _, _>(access::batch_write_item, batch::batch_write_item)
        .operation::<api::TransactGetItems, _, _, _, _>(
            access::transact_get_items,
            operations::transactions::transact_get_items,
        )
        .operation::<api::TransactWriteItems, _, _, _, _>(
            access::transact_write_items,
            operations::transactions::transact_write_items,
        )
}

#[cfg(test)]
mod tests;
