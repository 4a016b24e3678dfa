//! How a table is described.

use base::Timestamp;

use crate::api;
use crate::key::{KeyAttribute, KeySchema, Role};
use crate::managed_key;
use crate::model::lowered_today;
use crate::records::{
    Billing, Ceiling, IndexKind, IndexRecord, IndexState, Projected, TableRecord, UnitChanges, Warm,
    stream_arn,
};
use crate::tables::Table;

/// What a table is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It is being made; this is the answer to its creation.
    Creating,
    /// It can be used.
    Active,
    /// It is being changed; this is the answer to the change.
    Updating,
    /// It is gone; this is the answer to its deletion.
    Deleting,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

/// The description of a table.
pub(crate) fn describe(table: &Table, status: Status, now: Timestamp) -> api::TableDescription {
    let record = &table.record;
    let (read, write) = match record.billing {
        Billing::PayPerRequest => (0, 0),
        Billing::Provisioned { read, write } => (read, write),
    };
    api::TableDescription {
        attribute_definitions: Some(definitions(record)),
        table_name: Some(record.name.clone()),
        key_schema: Some(elements(&record.schema)),
        table_status: Some(status.name().to_owned()),
        creation_date_time: Some(record.created),
        provisioned_throughput: Some(units(read, write, &record.settled.units, now)),
        table_size_bytes: Some(table.counts.bytes()),
        item_count: Some(table.counts.items()),
        table_arn: Some(table.arn.clone()),
        stream_specification: record.stream.as_ref().filter(|stream| stream.is_enabled).map(|stream| {
            api::StreamSpecification {
                stream_enabled: true,
                stream_view_type: Some(stream.view.name().to_owned()),
            }
        }),
        latest_stream_label: record.stream.as_ref().map(|stream| stream.label.clone()),
        latest_stream_arn: record.stream.as_ref().map(|stream| stream_arn(&table.arn, &stream.label)),
        local_secondary_indexes: local_indexes(table),
        global_secondary_indexes: global_indexes(table, None, status, now),
        table_id: Some(record.uuid.clone()),
        billing_mode_summary: billing_summary(record),
        restore_summary: record.restored.as_ref().map(|restored| api::RestoreSummary {
            source_backup_arn: restored.backup.clone(),
            source_table_arn: Some(restored.table.clone()),
            restore_date_time: restored.at,
            restore_in_progress: restored.in_progress,
        }),
        sse_description: encryption(record),
        on_demand_throughput: ceiling(record.ceiling),
        warm_throughput: warm(record, status),
        table_class_summary: record.class.clone().map(|class| api::TableClassSummary {
            table_class: Some(class),
            ..api::TableClassSummary::default()
        }),
        deletion_protection_enabled: Some(record.is_protected),
        ..api::TableDescription::default()
    }
}

/// How a table is encrypted, where that is not with the service's own key.
pub(crate) fn encryption(record: &TableRecord) -> Option<api::SSEDescription> {
    record.is_encryption_requested.then(|| api::SSEDescription {
        status: Some("ENABLED".to_owned()),
        sse_type: Some("KMS".to_owned()),
        kms_master_key_arn: Some(managed_key::arn(record.account, &record.region)),
        ..api::SSEDescription::default()
    })
}

pub(crate) fn ceiling(ceiling: Ceiling) -> Option<api::OnDemandThroughput> {
    ceiling.is_set().then_some(api::OnDemandThroughput {
        max_read_request_units: ceiling.read,
        max_write_request_units: ceiling.write,
    })
}

/// What a table is ready for; the answer to its creation tells only what was asked for.
fn warm(record: &TableRecord, status: Status) -> Option<api::TableWarmThroughputDescription> {
    let state = warm_state(record.warm, status)?;
    let warm = record.warm_throughput();
    Some(api::TableWarmThroughputDescription {
        read_units_per_second: Some(warm.read),
        write_units_per_second: Some(warm.write),
        status: Some(state.to_owned()),
    })
}

fn warm_of_index(
    index: &IndexRecord,
    status: Status,
) -> Option<api::GlobalSecondaryIndexWarmThroughputDescription> {
    let state = warm_state(index.warm, status)?;
    let warm = index.warm_throughput();
    Some(api::GlobalSecondaryIndexWarmThroughputDescription {
        read_units_per_second: Some(warm.read),
        write_units_per_second: Some(warm.write),
        status: Some(state.to_owned()),
    })
}

fn warm_state(asked_for: Warm, status: Status) -> Option<&'static str> {
    match status {
        Status::Creating => (asked_for != Warm::default()).then_some("UPDATING"),
        Status::Active | Status::Updating | Status::Deleting => Some("ACTIVE"),
    }
}

/// The description of a table that just lost an index.
pub(crate) fn describe_without(
    table: &Table,
    status: Status,
    removed: Option<&IndexRecord>,
    now: Timestamp,
) -> api::TableDescription {
    api::TableDescription {
        global_secondary_indexes: global_indexes(table, removed, status, now),
        ..describe(table, status, now)
    }
}

/// A table that never was paid for by request tells nothing of it.
fn billing_summary(record: &TableRecord) -> Option<api::BillingModeSummary> {
    let is_on_demand = record.billing == Billing::PayPerRequest;
    let since = record.settled.on_demand.or_else(|| is_on_demand.then_some(record.created))?;
    let mode = if is_on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" };
    Some(api::BillingModeSummary {
        billing_mode: Some(mode.to_owned()),
        last_update_to_pay_per_request_date_time: Some(since),
    })
}

pub(crate) fn definitions(record: &TableRecord) -> Vec<api::AttributeDefinition> {
    let definition = |key: &KeyAttribute| api::AttributeDefinition {
        attribute_name: key.name.clone(),
        attribute_type: key.scalar.name().to_owned(),
    };
    record.defined().into_iter().map(definition).collect()
}

pub(crate) fn elements(schema: &KeySchema) -> Vec<api::KeySchemaElement> {
    let element = |(role, key): (Role, &KeyAttribute)| api::KeySchemaElement {
        attribute_name: key.name.clone(),
        key_type: role.name().to_owned(),
    };
    schema.roles().map(element).collect()
}

pub(crate) fn projection(projected: &Projected) -> api::Projection {
    let (kind, names) = match projected {
        Projected::All => ("ALL", None),
        Projected::KeysOnly => ("KEYS_ONLY", None),
        Projected::Include(names) => ("INCLUDE", Some(names.clone())),
    };
    api::Projection { projection_type: Some(kind.to_owned()), non_key_attributes: names }
}

fn local_indexes(table: &Table) -> Option<Vec<api::LocalSecondaryIndexDescription>> {
    let local = table.record.indexes.iter().filter(|index| index.kind == IndexKind::Local);
    let described: Vec<_> = local
        .map(|index| {
            let counts = table.index_counts.get(&index.id);
            api::LocalSecondaryIndexDescription {
                index_name: Some(index.name.clone()),
                key_schema: Some(elements(&index.schema)),
                projection: Some(projection(&index.projected)),
                index_size_bytes: Some(counts.map_or(0, |counts| counts.bytes())),
                item_count: Some(counts.map_or(0, |counts| counts.items())),
                index_arn: Some(index.arn(&table.arn)),
            }
        })
        .collect();
    (!described.is_empty()).then_some(described)
}

fn global_indexes(
    table: &Table,
    removed: Option<&IndexRecord>,
    status: Status,
    now: Timestamp,
) -> Option<Vec<api::GlobalSecondaryIndexDescription>> {
    let global = table.record.indexes.iter().filter(|index| index.kind == IndexKind::Global);
    let present = global.map(|index| {
        let described = match index.state {
            IndexState::Active => global_index(table, index, "ACTIVE", now),
            IndexState::Filling => api::GlobalSecondaryIndexDescription {
                backfilling: Some(true),
                ..global_index(table, index, "CREATING", now)
            },
        };
        api::GlobalSecondaryIndexDescription { warm_throughput: warm_of_index(index, status), ..described }
    });
    let described: Vec<_> =
        present.chain(removed.map(|index| global_index(table, index, "DELETING", now))).collect();
    (!described.is_empty()).then_some(described)
}

fn global_index(
    table: &Table,
    index: &IndexRecord,
    status: &str,
    now: Timestamp,
) -> api::GlobalSecondaryIndexDescription {
    let counts = table.index_counts.get(&index.id);
    let (read, write) = index.units.unwrap_or((0, 0));
    api::GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(elements(&index.schema)),
        projection: Some(projection(&index.projected)),
        index_status: Some(status.to_owned()),
        provisioned_throughput: Some(units(read, write, &index.changes, now)),
        index_size_bytes: Some(counts.map_or(0, |counts| counts.bytes())),
        item_count: Some(counts.map_or(0, |counts| counts.items())),
        index_arn: Some(index.arn(&table.arn)),
        on_demand_throughput: ceiling(index.ceiling),
        ..api::GlobalSecondaryIndexDescription::default()
    }
}

fn units(
    read: i64,
    write: i64,
    changes: &UnitChanges,
    now: Timestamp,
) -> api::ProvisionedThroughputDescription {
    api::ProvisionedThroughputDescription {
        last_increase_date_time: changes.raised,
        last_decrease_date_time: changes.lowered.last().copied(),
        number_of_decreases_today: Some(lowered_today(changes, now)),
        read_capacity_units: Some(read),
        write_capacity_units: Some(write),
    }
}
