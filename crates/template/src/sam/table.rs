//! `AWS::Serverless::SimpleTable`: a table with one key.

use serde_json::{Map, Value, json};

use super::context::Source;
use super::error::Problems;
use super::value::{Kind, check, tag_list, truthy};

pub(super) const KIND: &str = "AWS::Serverless::SimpleTable";

const PROPERTIES: [(&str, Kind); 6] = [
    ("PointInTimeRecoverySpecification", Kind::Any),
    ("PrimaryKey", Kind::MapOfText),
    ("ProvisionedThroughput", Kind::MapOfIntegers),
    ("TableName", Kind::TextOrMap),
    ("Tags", Kind::Map),
    ("SSESpecification", Kind::Map),
];

/// The table.
pub(super) fn expand(source: &Source<'_>) -> Result<Vec<(String, Value)>, Problems> {
    check(source.id, KIND, &source.properties, &PROPERTIES, &[])?;
    let (name, kind) = primary_key(source)?;
    let mut table = Map::new();
    table
        .insert("AttributeDefinitions".to_owned(), json!([{ "AttributeName": name, "AttributeType": kind }]));
    table.insert("KeySchema".to_owned(), json!([{ "AttributeName": name, "KeyType": "HASH" }]));
    if truthy(&source.properties, "ProvisionedThroughput").is_none() {
        table.insert("BillingMode".to_owned(), json!("PAY_PER_REQUEST"));
    }
    for same in ["PointInTimeRecoverySpecification", "ProvisionedThroughput", "SSESpecification", "TableName"]
    {
        if let Some(value) = truthy(&source.properties, same) {
            table.insert(same.to_owned(), value.clone());
        }
    }
    if let Some(tags) = truthy(&source.properties, "Tags") {
        table.insert("Tags".to_owned(), tag_list(Some(tags)).into());
    }
    Ok(vec![(source.id.to_owned(), source.whole("AWS::DynamoDB::Table", table))])
}

fn primary_key(source: &Source<'_>) -> Result<(Value, Value), Problems> {
    let Some(key) = truthy(&source.properties, "PrimaryKey") else { return Ok((json!("id"), json!("S"))) };
    let part = |name: &str| {
        key.get(name).filter(|value| !value.is_null()).ok_or_else(|| {
            Problems::resource(source.id, format_args!("Property 'PrimaryKey.{name}' is required."))
        })
    };
    let (name, kind) = (part("Name")?, part("Type")?);
    let letter = match kind.as_str() {
        Some("String") => "S",
        Some("Number") => "N",
        Some("Binary") => "B",
        _ => {
            let shown = kind.as_str().map_or_else(|| kind.to_string(), str::to_owned);
            return Err(Problems::resource(source.id, format_args!("Invalid 'Type' \"{shown}\".")));
        }
    };
    Ok((name.clone(), json!(letter)))
}
