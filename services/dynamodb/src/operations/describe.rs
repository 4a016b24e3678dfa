//! How a table is described.

use crate::api;
use crate::records::{Billing, TableRecord};
use crate::tables::Table;

/// What a table is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It can be used.
    Active,
    /// It is gone; this is the answer to its deletion.
    Deleting,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Deleting => "DELETING",
        }
    }
}

/// The description of a table.
pub(crate) fn describe(table: &Table, status: Status) -> api::TableDescription {
    let record = &table.record;
    let key_types = ["HASH", "RANGE"];
    let (read, write) = match record.billing {
        Billing::PayPerRequest => (0, 0),
        Billing::Provisioned { read, write } => (read, write),
    };
    api::TableDescription {
        attribute_definitions: Some(definitions(record)),
        table_name: Some(record.name.clone()),
        key_schema: Some(
            record
                .key_attributes()
                .zip(key_types)
                .map(|(key, key_type)| api::KeySchemaElement {
                    attribute_name: key.name.clone(),
                    key_type: key_type.to_owned(),
                })
                .collect(),
        ),
        table_status: Some(status.name().to_owned()),
        creation_date_time: Some(record.created),
        provisioned_throughput: Some(api::ProvisionedThroughputDescription {
            number_of_decreases_today: Some(0),
            read_capacity_units: Some(read),
            write_capacity_units: Some(write),
            ..api::ProvisionedThroughputDescription::default()
        }),
        table_size_bytes: Some(table.counts.bytes()),
        item_count: Some(table.counts.items()),
        table_arn: Some(table.arn.clone()),
        table_id: Some(record.uuid.clone()),
        billing_mode_summary: (record.billing == Billing::PayPerRequest).then(|| api::BillingModeSummary {
            billing_mode: Some("PAY_PER_REQUEST".to_owned()),
            last_update_to_pay_per_request_date_time: Some(record.created),
        }),
        sse_description: record.is_encryption_requested.then(|| api::SSEDescription {
            status: Some("ENABLED".to_owned()),
            sse_type: Some("KMS".to_owned()),
            ..api::SSEDescription::default()
        }),
        table_class_summary: record.class.clone().map(|class| api::TableClassSummary {
            table_class: Some(class),
            ..api::TableClassSummary::default()
        }),
        deletion_protection_enabled: Some(record.is_protected),
        ..api::TableDescription::default()
    }
}

fn definitions(record: &TableRecord) -> Vec<api::AttributeDefinition> {
    let definition = |key: &crate::key::KeyAttribute| api::AttributeDefinition {
        attribute_name: key.name.clone(),
        attribute_type: key.scalar.name().to_owned(),
    };
    record.key_attributes().map(definition).collect()
}
