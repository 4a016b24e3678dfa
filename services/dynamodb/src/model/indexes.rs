//! The rules of secondary indexes: which descriptions make one. No store, no wire.

use std::collections::BTreeSet;

use super::keys::{global_key_schema, key_schema};
use super::throughput::{new_ceiling, new_warm};
use super::{CAPACITY_UNITS_MAX, Part};
use crate::api;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::key::KeySchema;
use crate::records::{Billing, Ceiling, IndexKind, IndexRecord, IndexState, Projected, TableRecord, Warm};

/// The most local indexes of a table.
const LOCAL_MAX: usize = 5;
/// The most global indexes of a table.
const GLOBAL_MAX: usize = 20;
/// The most non-key attributes that all indexes of a table may name.
const INCLUDED_MAX: usize = 100;

/// The indexes that a new table is made with, without ids.
///
/// # Errors
/// One of them breaks a rule, or there are too many.
pub(crate) fn indexes(
    input: &api::CreateTableInput,
    table: &KeySchema,
    billing: Billing,
) -> Result<Vec<IndexRecord>, Invalid> {
    let definitions = input.attribute_definitions.as_deref().unwrap_or_default();
    let mut indexes = Vec::new();
    if let Some(local) = &input.local_secondary_indexes {
        check_list("LocalSecondaryIndexes", local.len(), LOCAL_MAX)?;
        for index in local {
            let schema = key_schema(&index.key_schema, definitions)?;
            let made = described(&index.index_name, schema, &index.projection)?;
            check_local(&made, table)?;
            push(&mut indexes, IndexRecord { kind: IndexKind::Local, ..made })?;
        }
    }
    if let Some(global) = &input.global_secondary_indexes {
        check_list("GlobalSecondaryIndexes", global.len(), GLOBAL_MAX)?;
        for index in global {
            let schema = global_key_schema(&index.key_schema, definitions)?;
            let mut made = described(&index.index_name, schema, &index.projection)?;
            made.units = units(&index.index_name, index.provisioned_throughput.as_ref(), billing)?;
            let part = Part::Index(&index.index_name);
            made.ceiling = new_ceiling(index.on_demand_throughput.as_ref(), part, billing)?;
            made.warm = new_warm(index.warm_throughput.as_ref(), part, made.units)?;
            push(&mut indexes, made)?;
        }
    }
    check_included(&indexes)?;
    Ok(indexes)
}

/// A global index that is added to a table.
///
/// # Errors
/// It breaks a rule.
pub(crate) fn index_created(
    record: &TableRecord,
    action: &api::CreateGlobalSecondaryIndexAction,
    definitions: &[api::AttributeDefinition],
) -> Result<IndexRecord, Invalid> {
    if record.index(&action.index_name).is_some() {
        return Err(Invalid::new("Attempting to create an index which already exists"));
    }
    if definitions.is_empty() {
        return Err(Invalid::parameter(format!(
            "AttributeDefinitions is not specified for index: {}",
            action.index_name
        )));
    }
    let schema = global_key_schema(&action.key_schema, definitions)?;
    let mut made = described(&action.index_name, schema, &action.projection)?;
    made.units = units(&action.index_name, action.provisioned_throughput.as_ref(), record.billing)?;
    let part = Part::Index(&action.index_name);
    made.ceiling = new_ceiling(action.on_demand_throughput.as_ref(), part, record.billing)?;
    made.warm = new_warm(action.warm_throughput.as_ref(), part, made.units)?;
    made.state = IndexState::Filling;
    let known = record.defined();
    for attribute in made.schema.attributes() {
        if known.iter().any(|known| known.name == attribute.name && known.scalar != attribute.scalar) {
            return Err(Invalid::parameter(format!(
                "Attribute {} is defined with another type already",
                attribute.name
            )));
        }
    }
    check_included(record.indexes.iter().chain([&made]))?;
    Ok(made)
}

/// Refuses one global index too many for a table that there is.
///
/// # Errors
/// It has as many as it may have.
pub(crate) fn check_index_count(record: &TableRecord) -> Result<(), Error> {
    let global = record.indexes.iter().filter(|index| index.kind == IndexKind::Global).count();
    if global < GLOBAL_MAX {
        return Ok(());
    }
    Err(Error::LimitExceeded(format!(
        "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of {GLOBAL_MAX}"
    )))
}

fn check_list(parameter: &str, count: usize, max: usize) -> Result<(), Invalid> {
    match count {
        0 => Err(Invalid::parameter(format!("List of {parameter} is empty"))),
        count if count <= max => Ok(()),
        _ if max == LOCAL_MAX => {
            Err(Invalid::parameter(format!("Number of {parameter} exceeds per-table limit of {max}")))
        }
        _ => Err(Invalid::parameter(format!(
            "GlobalSecondaryIndex count exceeds the per-table limit of {max}"
        ))),
    }
}

fn push(indexes: &mut Vec<IndexRecord>, index: IndexRecord) -> Result<(), Invalid> {
    if indexes.iter().any(|known| known.name == index.name) {
        return Err(Invalid::parameter(format!("Duplicate index name: {}", index.name)));
    }
    indexes.push(index);
    Ok(())
}

fn described(name: &str, schema: KeySchema, projection: &api::Projection) -> Result<IndexRecord, Invalid> {
    Ok(IndexRecord {
        id: 0,
        name: name.to_owned(),
        kind: IndexKind::Global,
        schema,
        projected: projected(projection)?,
        state: IndexState::Active,
        units: None,
        changes: crate::records::UnitChanges::default(),
        ceiling: Ceiling::default(),
        warm: Warm::default(),
    })
}

fn projected(projection: &api::Projection) -> Result<Projected, Invalid> {
    let names = projection.non_key_attributes.as_ref();
    match (projection.projection_type.as_deref(), names) {
        (None, _) => Err(Invalid::parameter("Unknown ProjectionType: null")),
        (Some("ALL"), None) => Ok(Projected::All),
        (Some("KEYS_ONLY"), None) => Ok(Projected::KeysOnly),
        (Some("INCLUDE"), Some(names)) => {
            let mut seen = BTreeSet::new();
            match names.iter().find(|name| !seen.insert(name.as_str())) {
                Some(twice) => {
                    Err(Invalid::parameter(format!("Duplicate element in NonKeyAttributes: {twice}")))
                }
                None => Ok(Projected::Include(names.clone())),
            }
        }
        (Some("INCLUDE"), None) => {
            Err(Invalid::parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (Some(other), _) => {
            Err(Invalid::parameter(format!("ProjectionType is {other}, but NonKeyAttributes is specified")))
        }
    }
}

fn check_local(index: &IndexRecord, table: &KeySchema) -> Result<(), Invalid> {
    if table.sort.is_none() {
        return Err(Invalid::parameter(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ));
    }
    if index.schema.sort.is_none() {
        return Err(Invalid::parameter(format!(
            "Index KeySchema does not have a range key for index: {}",
            index.name
        )));
    }
    let (own, tables) = (&index.schema.partition.name, &table.partition.name);
    if own != tables {
        return Err(Invalid::parameter(format!(
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: {}. \
             index hash key: {own}, table hash key: {tables}",
            index.name
        )));
    }
    Ok(())
}

fn units(
    name: &str,
    throughput: Option<&api::ProvisionedThroughput>,
    billing: Billing,
) -> Result<Option<(i64, i64)>, Invalid> {
    match (billing, throughput) {
        (Billing::PayPerRequest, None) => Ok(None),
        (Billing::PayPerRequest, Some(_)) => Err(Invalid::parameter(format!(
            "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
        ))),
        (Billing::Provisioned { .. }, None) => {
            Err(Invalid::parameter(format!("ProvisionedThroughput is not specified for index: {name}")))
        }
        (Billing::Provisioned { .. }, Some(units)) => {
            let given = [
                ("ReadCapacityUnits", units.read_capacity_units),
                ("WriteCapacityUnits", units.write_capacity_units),
            ];
            match given.into_iter().find(|(_, units)| *units > CAPACITY_UNITS_MAX) {
                Some((what, units)) => Err(Invalid::new(format!(
                    "Given value {units} for {what} is out of bounds for index {name}"
                ))),
                None => Ok(Some((units.read_capacity_units, units.write_capacity_units))),
            }
        }
    }
}

fn check_included<'a>(indexes: impl IntoIterator<Item = &'a IndexRecord>) -> Result<(), Invalid> {
    let included = |index: &IndexRecord| match &index.projected {
        Projected::Include(names) => names.len(),
        Projected::All | Projected::KeysOnly => 0,
    };
    if indexes.into_iter().map(included).sum::<usize>() > INCLUDED_MAX {
        return Err(Invalid::parameter(format!(
            "The total number of NonKeyAttributes in all secondary indexes exceeds the limit of {INCLUDED_MAX}"
        )));
    }
    Ok(())
}

/// Brings the units of global indexes in line with how the table is paid for.
///
/// # Errors
/// The table is provisioned, and an index has no units.
pub(crate) fn settle_units(record: &mut TableRecord) -> Result<(), Invalid> {
    let billing = record.billing;
    for index in record.indexes.iter_mut().filter(|index| index.kind == IndexKind::Global) {
        match billing {
            Billing::PayPerRequest => index.units = None,
            Billing::Provisioned { .. } if index.units.is_some() => index.ceiling = Ceiling::default(),
            Billing::Provisioned { .. } => {
                return Err(Invalid::parameter(format!(
                    "ProvisionedThroughput must be specified for index: {}",
                    index.name
                )));
            }
        }
    }
    Ok(())
}

/// A definition that no key of table or indexes uses.
fn unused_definition<'a>(
    definitions: &'a [api::AttributeDefinition],
    used: &BTreeSet<&str>,
) -> Option<&'a api::AttributeDefinition> {
    definitions.iter().find(|definition| !used.contains(definition.attribute_name.as_str()))
}

/// Refuses definitions that no key uses, and a second one of the same attribute.
///
/// # Errors
/// There is one.
pub(crate) fn check_definitions(
    definitions: &[api::AttributeDefinition],
    table: &KeySchema,
    indexes: &[IndexRecord],
) -> Result<(), Invalid> {
    let mut defined = BTreeSet::new();
    if let Some(twice) = definitions.iter().find(|it| !defined.insert(it.attribute_name.as_str())) {
        return Err(Invalid::new(format!("Attribute Name is duplicated: {}", twice.attribute_name)));
    }
    let schemas = std::iter::once(table).chain(indexes.iter().map(|index| &index.schema));
    let used: BTreeSet<&str> =
        schemas.flat_map(KeySchema::attributes).map(|attribute| attribute.name.as_str()).collect();
    if unused_definition(definitions, &used).is_none() {
        return Ok(());
    }
    if indexes.is_empty() {
        return Err(Invalid::parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions",
        ));
    }
    let defined: Vec<&str> =
        definitions.iter().map(|definition| definition.attribute_name.as_str()).collect();
    let used: Vec<&str> = used.into_iter().collect();
    Err(Invalid::parameter(format!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        defined.join(", "),
        used.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyAttribute, ScalarType};

    fn schema(partition: &str, sort: Option<&str>) -> KeySchema {
        let key = |name: &str| KeyAttribute { name: name.to_owned(), scalar: ScalarType::S };
        KeySchema::new(key(partition), sort.map(key))
    }

    fn local(name: &str, keys: &[&str]) -> api::LocalSecondaryIndex {
        let elements = keys.iter().zip(["HASH", "RANGE"]).map(|(name, role)| api::KeySchemaElement {
            attribute_name: (*name).to_owned(),
            key_type: role.to_owned(),
        });
        api::LocalSecondaryIndex {
            index_name: name.to_owned(),
            key_schema: elements.collect(),
            projection: api::Projection {
                projection_type: Some("ALL".to_owned()),
                ..api::Projection::default()
            },
        }
    }

    fn input(local: Vec<api::LocalSecondaryIndex>) -> api::CreateTableInput {
        let definition = |name: &str| api::AttributeDefinition {
            attribute_name: name.to_owned(),
            attribute_type: "S".to_owned(),
        };
        api::CreateTableInput {
            local_secondary_indexes: Some(local),
            attribute_definitions: Some(["p", "s", "x"].into_iter().map(definition).collect()),
            ..api::CreateTableInput::default()
        }
    }

    #[test]
    fn local_indexes_that_do_not_fit_are_refused_in_dynamodbs_words() {
        let table = schema("p", Some("s"));
        for (given, message) in [
            (vec![], "List of LocalSecondaryIndexes is empty"),
            (vec![local("i", &["p"])], "Index KeySchema does not have a range key for index: i"),
            (
                vec![local("i", &["x", "s"])],
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: i. index hash key: x, table hash key: p",
            ),
            (vec![local("i", &["p", "x"]), local("i", &["p", "x"])], "Duplicate index name: i"),
            (
                (0..6).map(|_| local("i", &["p", "x"])).collect(),
                "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
            ),
        ] {
            let refused = indexes(&input(given), &table, Billing::PayPerRequest).unwrap_err();
            assert_eq!(refused.message(), format!("One or more parameter values were invalid: {message}"));
        }
        let refused =
            indexes(&input(vec![local("i", &["p", "x"])]), &schema("p", None), Billing::PayPerRequest);
        assert!(refused.unwrap_err().message().contains("Table KeySchema does not have a range key"));
    }

    #[test]
    fn definitions_are_all_used() {
        let definitions = input(vec![]).attribute_definitions.unwrap();
        let refused = check_definitions(&definitions, &schema("p", Some("s")), &[]).unwrap_err();
        assert!(refused.message().contains("Number of attributes in KeySchema"));
        let twice = [definitions.as_slice(), &definitions].concat();
        let refused = check_definitions(&twice, &schema("p", Some("s")), &[]).unwrap_err();
        assert_eq!(refused.message(), "Attribute Name is duplicated: p");
        let index =
            indexes(&input(vec![local("i", &["p", "x"])]), &schema("p", Some("s")), Billing::PayPerRequest)
                .unwrap();
        assert_eq!(check_definitions(&definitions, &schema("p", Some("s")), &index), Ok(()));
    }

    #[test]
    fn projections_and_their_attributes_go_together() {
        let given = |kind: Option<&str>, names: Option<&[&str]>| {
            projected(&api::Projection {
                projection_type: kind.map(str::to_owned),
                non_key_attributes: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            })
        };
        assert_eq!(given(Some("ALL"), None), Ok(Projected::All));
        assert_eq!(given(Some("INCLUDE"), Some(&["a"])), Ok(Projected::Include(vec!["a".to_owned()])));
        for (kind, names) in [
            (None, None),
            (Some("ALL"), Some(&["a"][..])),
            (Some("KEYS_ONLY"), Some(&["a"][..])),
            (Some("INCLUDE"), None),
        ] {
            assert!(given(kind, names).is_err(), "{kind:?} {names:?}");
        }
    }
}
