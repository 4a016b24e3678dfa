//! How backups are described.

use super::describe::{ceiling, elements, encryption, projection};
use crate::api;
use crate::records::{BackupRecord, Billing, IndexKind, TableRecord};

const fn status(backup: &BackupRecord) -> &'static str {
    if backup.is_complete { "AVAILABLE" } else { "CREATING" }
}

pub(super) fn summary(backup: &BackupRecord) -> api::BackupSummary {
    api::BackupSummary {
        table_name: Some(backup.table.name.clone()),
        table_id: Some(backup.table.uuid.clone()),
        table_arn: Some(backup.table.arn()),
        backup_arn: Some(backup.place().arn()),
        backup_name: Some(backup.name.clone()),
        backup_creation_date_time: Some(backup.created),
        backup_expiry_date_time: backup.expires,
        backup_status: Some(status(backup).to_owned()),
        backup_type: Some(backup.kind.name().to_owned()),
        backup_size_bytes: Some(backup.bytes),
    }
}

pub(super) fn details(backup: &BackupRecord) -> api::BackupDetails {
    api::BackupDetails {
        backup_arn: backup.place().arn(),
        backup_name: backup.name.clone(),
        backup_size_bytes: Some(backup.bytes),
        backup_status: status(backup).to_owned(),
        backup_type: backup.kind.name().to_owned(),
        backup_creation_date_time: backup.created,
        backup_expiry_date_time: backup.expires,
    }
}

pub(super) fn description(backup: &BackupRecord) -> api::BackupDescription {
    let table = &backup.table;
    let (mode, read, write) = match table.billing {
        Billing::PayPerRequest => ("PAY_PER_REQUEST", 0, 0),
        Billing::Provisioned { read, write } => ("PROVISIONED", read, write),
    };
    api::BackupDescription {
        backup_details: Some(details(backup)),
        source_table_details: Some(api::SourceTableDetails {
            table_name: table.name.clone(),
            table_id: table.uuid.clone(),
            table_arn: Some(table.arn()),
            table_size_bytes: Some(backup.bytes),
            key_schema: elements(&table.schema),
            table_creation_date_time: table.created,
            provisioned_throughput: api::ProvisionedThroughput {
                read_capacity_units: read,
                write_capacity_units: write,
            },
            item_count: Some(backup.count),
            billing_mode: Some(mode.to_owned()),
            on_demand_throughput: ceiling(table.ceiling),
        }),
        source_table_feature_details: Some(features(table)),
    }
}

fn features(table: &TableRecord) -> api::SourceTableFeatureDetails {
    let of_kind = |kind| table.indexes.iter().filter(move |index| index.kind == kind);
    let local: Vec<_> = of_kind(IndexKind::Local)
        .map(|index| api::LocalSecondaryIndexInfo {
            index_name: Some(index.name.clone()),
            key_schema: Some(elements(&index.schema)),
            projection: Some(projection(&index.projected)),
        })
        .collect();
    let global: Vec<_> = of_kind(IndexKind::Global)
        .map(|index| api::GlobalSecondaryIndexInfo {
            index_name: Some(index.name.clone()),
            key_schema: Some(elements(&index.schema)),
            projection: Some(projection(&index.projected)),
            provisioned_throughput: index.units.map(|(read, write)| api::ProvisionedThroughput {
                read_capacity_units: read,
                write_capacity_units: write,
            }),
            on_demand_throughput: ceiling(index.ceiling),
        })
        .collect();
    let stream = table.stream.as_ref().filter(|stream| stream.is_enabled);
    api::SourceTableFeatureDetails {
        local_secondary_indexes: (!local.is_empty()).then_some(local),
        global_secondary_indexes: (!global.is_empty()).then_some(global),
        stream_description: stream.map(|stream| api::StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(stream.view.name().to_owned()),
        }),
        time_to_live_description: Some(api::TimeToLiveDescription {
            time_to_live_status: Some(
                if table.time_to_live.is_some() { "ENABLED" } else { "DISABLED" }.to_owned(),
            ),
            attribute_name: table.time_to_live.clone(),
        }),
        sse_description: encryption(table),
    }
}
