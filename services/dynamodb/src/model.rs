//! The rules of tables: which descriptions make one, and what may be changed later. No store, no time, no wire.

mod indexes;
mod policies;
mod settling;

use std::collections::BTreeMap;

use crate::api;
use crate::invalid::Invalid;
use crate::key::{KeyAttribute, KeySchema, ScalarType};
use crate::records::Billing;

pub(crate) use indexes::{check_definitions, index_created, indexes, settle_units};
pub(crate) use policies::PolicyOf;
pub(crate) use settling::{change_units, lowered_today, settle};

/// The most tables of one account.
pub(crate) const TABLES_MAX: usize = 2_500;
/// The most tags of one table.
pub(crate) const TAGS_MAX: usize = 50;
/// The most capacity units that can be provisioned.
const CAPACITY_UNITS_MAX: i64 = 1_000_000_000_000;

/// What this service does not offer yet, in words that name the parameter. Nothing is dropped in silence.
pub(crate) fn unsupported(parameter: &str) -> Invalid {
    Invalid::parameter(format!("{parameter} is not supported yet"))
}

/// Refuses the parameters of CreateTable that are not offered yet.
///
/// # Errors
/// One of them is given.
pub(crate) fn check_offered(input: &api::CreateTableInput) -> Result<(), Invalid> {
    let is_encrypted_with_own_key =
        input.sse_specification.as_ref().is_some_and(|sse| sse.kms_master_key_id.is_some());
    let parameters = [
        (is_encrypted_with_own_key, "SSESpecification.KMSMasterKeyId"),
        (input.warm_throughput.is_some(), "WarmThroughput"),
        (input.on_demand_throughput.is_some(), "OnDemandThroughput"),
        (input.global_table_source_arn.is_some(), "GlobalTableSourceArn"),
        (input.global_table_settings_replication_mode.is_some(), "GlobalTableSettingsReplicationMode"),
    ];
    match parameters.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, name)) => Err(unsupported(name)),
        None => Ok(()),
    }
}

/// How a new table is paid for.
///
/// # Errors
/// Mode and units do not go together, or the units are out of bounds.
pub(crate) fn billing(
    mode: Option<&str>,
    throughput: Option<&api::ProvisionedThroughput>,
) -> Result<Billing, Invalid> {
    match (mode, throughput) {
        (Some("PAY_PER_REQUEST"), Some(_)) => Err(Invalid::parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (Some("PAY_PER_REQUEST"), None) => Ok(Billing::PayPerRequest),
        (_, None) => Err(Invalid::parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (_, Some(units)) => {
            let named = [
                ("ReadCapacityUnits", units.read_capacity_units),
                ("WriteCapacityUnits", units.write_capacity_units),
            ];
            if let Some((name, units)) = named.into_iter().find(|(_, units)| *units > CAPACITY_UNITS_MAX) {
                return Err(Invalid::new(format!("Given value {units} for {name} is out of bounds")));
            }
            Ok(Billing::Provisioned { read: units.read_capacity_units, write: units.write_capacity_units })
        }
    }
}

/// How a table is paid for after a change; without a mode in the request it keeps its own.
///
/// # Errors
/// Mode and units do not go together, or the units are out of bounds.
pub(crate) fn rebilled(
    present: Billing,
    mode: Option<&str>,
    throughput: Option<&api::ProvisionedThroughput>,
) -> Result<Billing, Invalid> {
    match (present, mode, throughput) {
        (_, Some("PROVISIONED"), None) => {
            Err(Invalid::parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED"))
        }
        (Billing::Provisioned { read, write }, _, Some(units))
            if (read, write) == (units.read_capacity_units, units.write_capacity_units)
                && mode != Some("PAY_PER_REQUEST") =>
        {
            Err(Invalid::new(format!(
                "The provisioned throughput for the table will not change. The requested value equals the current value. \
                 Current ReadCapacityUnits provisioned for the table: {read}. Requested ReadCapacityUnits: {read}. \
                 Current WriteCapacityUnits provisioned for the table: {write}. Requested WriteCapacityUnits: {write}. \
                 Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
            )))
        }
        (Billing::PayPerRequest, None, throughput) => billing(Some("PAY_PER_REQUEST"), throughput),
        (_, mode, throughput) => billing(mode, throughput),
    }
}

/// The key schema of a new table or index.
///
/// # Errors
/// Schema and definitions do not go together.
pub(crate) fn key_schema(
    elements: &[api::KeySchemaElement],
    definitions: &[api::AttributeDefinition],
) -> Result<KeySchema, Invalid> {
    let keys: Vec<&str> = elements.iter().map(|element| element.attribute_name.as_str()).collect();
    let defined: Vec<&str> =
        definitions.iter().map(|definition| definition.attribute_name.as_str()).collect();
    if keys.len() > 2 {
        return Err(Invalid::new(format!(
            "1 validation error detected: Value '[{}]' at 'keySchema' failed to satisfy constraint: \
             Member must have length less than or equal to 2",
            keys.join(", ")
        )));
    }
    if keys.len() > defined.len() {
        return Err(Invalid::new("Invalid KeySchema: Some index key attribute have no definition"));
    }
    if keys.iter().any(|key| !defined.contains(key)) {
        return Err(Invalid::parameter(format!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], \
             AttributeDefinitions: [{}]",
            keys.join(", "),
            defined.join(", ")
        )));
    }
    if let [one, two] = keys.as_slice()
        && one == two
    {
        return Err(Invalid::new(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    let types: Vec<&str> = elements.iter().map(|element| element.key_type.as_str()).collect();
    if types.first() != Some(&"HASH") {
        return Err(Invalid::new("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"));
    }
    if types.get(1).is_some_and(|second| *second != "RANGE") {
        return Err(Invalid::new("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"));
    }
    let mut attributes = keys.into_iter().filter_map(|name| {
        let definition = definitions.iter().find(|definition| definition.attribute_name == name)?;
        Some(KeyAttribute { name: name.to_owned(), scalar: ScalarType::parse(&definition.attribute_type)? })
    });
    let partition = attributes.next();
    partition
        .map(|partition| KeySchema { partition, sort: attributes.next() })
        .ok_or_else(|| Invalid::parameter("AttributeType is not one of S, N, B"))
}

/// A table's tags after more were added.
///
/// # Errors
/// There are too many, a key is used twice, or a key or value is not allowed.
pub(crate) fn tagged(
    present: &[(String, String)],
    more: &[api::Tag],
) -> Result<Vec<(String, String)>, Invalid> {
    let mut tags: BTreeMap<String, String> = present.iter().cloned().collect();
    let mut seen = std::collections::BTreeSet::new();
    for tag in more {
        if !seen.insert(tag.key.as_str()) {
            return Err(Invalid::parameter(format!("Duplicate tag key: {}", tag.key)));
        }
        if service::is_mark(&tag.key) {
            return Err(Invalid::parameter(format!("Tag keys must not start with aws:. Key: {}", tag.key)));
        }
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.keys().filter(|key| !service::is_mark(key)).count() > TAGS_MAX {
        return Err(Invalid::parameter(format!("Number of tags exceeds the limit of {TAGS_MAX}")));
    }
    Ok(tags.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(name: &str, key_type: &str) -> api::KeySchemaElement {
        api::KeySchemaElement { attribute_name: name.to_owned(), key_type: key_type.to_owned() }
    }

    fn definition(name: &str, attribute_type: &str) -> api::AttributeDefinition {
        api::AttributeDefinition {
            attribute_name: name.to_owned(),
            attribute_type: attribute_type.to_owned(),
        }
    }

    #[test]
    fn key_schemas_that_do_not_fit_are_refused_in_dynamodbs_words() {
        let (p, s) = (|| element("p", "HASH"), || element("s", "RANGE"));
        for (elements, definitions, message) in [
            (
                vec![p(), s()],
                vec![definition("p", "S")],
                "Invalid KeySchema: Some index key attribute have no definition",
            ),
            (
                vec![p()],
                vec![definition("q", "S")],
                "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [p], AttributeDefinitions: [q]",
            ),
            (
                vec![p(), p()],
                vec![definition("p", "S"), definition("q", "S")],
                "Both the Hash Key and the Range Key element in the KeySchema have the same name",
            ),
            (
                vec![s()],
                vec![definition("s", "S")],
                "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
            ),
            (
                vec![p(), element("s", "HASH")],
                vec![definition("p", "S"), definition("s", "S")],
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
            ),
        ] {
            assert_eq!(key_schema(&elements, &definitions).unwrap_err().message(), message);
        }
        let schema = key_schema(&[p(), s()], &[definition("s", "N"), definition("p", "B")]).unwrap();
        assert_eq!((schema.partition.scalar, schema.sort.unwrap().scalar), (ScalarType::B, ScalarType::N));
    }

    #[test]
    fn mode_and_units_go_together() {
        let units = api::ProvisionedThroughput { read_capacity_units: 5, write_capacity_units: 6 };
        assert_eq!(billing(Some("PAY_PER_REQUEST"), None), Ok(Billing::PayPerRequest));
        assert_eq!(billing(None, Some(&units)), Ok(Billing::Provisioned { read: 5, write: 6 }));
        assert!(billing(None, None).is_err());
        assert!(billing(Some("PAY_PER_REQUEST"), Some(&units)).is_err());
        assert!(rebilled(Billing::PayPerRequest, None, Some(&units)).is_err());
        assert!(rebilled(Billing::PayPerRequest, Some("PROVISIONED"), None).is_err());
        let changed = rebilled(Billing::Provisioned { read: 1, write: 1 }, None, Some(&units));
        assert_eq!(changed, Ok(Billing::Provisioned { read: 5, write: 6 }));
        let many = api::ProvisionedThroughput { read_capacity_units: CAPACITY_UNITS_MAX + 1, ..units };
        assert_eq!(
            billing(None, Some(&many)).unwrap_err().message(),
            "Given value 1000000000001 for ReadCapacityUnits is out of bounds"
        );
    }
}
