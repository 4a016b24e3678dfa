//! `AWS::DynamoDB::GlobalTable` with its one replica here: the same table as `AWS::DynamoDB::Table` makes.
//!
//! A replica in another region, and capacity that scales by itself, are refused.

use serde_json::{Map, Value, json};

use super::dynamodb_global_throughput as throughput;
use super::dynamodb_table::Table;
use super::{Answer, Failure, Property, Provider, Reading, Work, list, optional, required, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct GlobalTable;

const PROPERTIES: [Property; 13] = [
    optional("AttributeDefinitions"),
    optional("BillingMode"),
    optional("GlobalSecondaryIndexes"),
    optional("KeySchema").fixed(),
    optional("LocalSecondaryIndexes").fixed(),
    optional("ReadOnDemandThroughputSettings"),
    required("Replicas"),
    optional("SSESpecification"),
    optional("StreamSpecification"),
    optional("TableName").fixed(),
    optional("TimeToLiveSpecification"),
    optional("WarmThroughput"),
    optional("WriteOnDemandThroughputSettings"),
];

/// What a replica has of its own that a table has as well.
const OF_REPLICA: [&str; 5] =
    ["DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "ResourcePolicy", "TableClass", "Tags"];

impl Provider for GlobalTable {
    fn kind(&self) -> &'static str {
        "AWS::DynamoDB::GlobalTable"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("TableName", 255))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move { Table.find(work).await })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules =
            Rules { unread: &[], whole: &["/Replicas/*/ResourcePolicy/PolicyDocument"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let same = as_table(work, &work.properties)?;
            let Some(mut now) = Table.read(&Work { properties: same, ..work.clone() }, of).await? else {
                return Ok(None);
            };
            let mut replica =
                Map::from_iter([("Region".to_owned(), Value::from(work.caller.region().as_str()))]);
            for name in OF_REPLICA {
                replica.extend(now.shift_remove(name).map(|value| (name.to_owned(), value)));
            }
            throughput::split(&mut now, &mut replica, &work.properties);
            now.insert("Replicas".to_owned(), json!([replica]));
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let same = as_table(work, &work.properties)?;
            let own =
                |made: Physical| Physical { properties: Value::Object(work.properties.clone()), ..made };
            let made = Table.create(&Work { properties: same, ..work.clone() }).await;
            let mut made = made.map(own).map_err(|mut failure| {
                failure.partial = failure.partial.map(|partial| Box::new(own(*partial)));
                failure
            })?;
            let input = json!({ "TableName": made.id });
            let shown = work.call("dynamodb", "DescribeTable", input).await;
            let shown = shown.map_err(|fault| Failure::from(fault).after(&made))?;
            let id = shown.pointer("/Table/TableId").cloned().unwrap_or_default();
            made.attributes.insert("TableId".to_owned(), id);
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let same = as_table(work, &work.properties).map_err(Failure::untouched)?;
            let before = old.properties.as_object().cloned().unwrap_or_default();
            // A change that was refused may stand there as what was tried: the way back starts from it.
            let before = Physical { properties: Value::Object(with_replica(&before)), ..old.clone() };
            let made = Table.update(&Work { properties: same, ..work.clone() }, &before).await?;
            Ok(Physical { properties: Value::Object(work.properties.clone()), ..made })
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move { Table.delete(work, old).await })
    }
}

/// The properties of the table that a global table with one replica is.
fn as_table(work: &Work, properties: &Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let region = work.caller.region().as_str();
    let [replica] = list(properties.get("Replicas")) else {
        return Err(Failure::new(format!("A global table has one replica here, in {region}.")));
    };
    if text(replica.get("Region")) != region {
        return Err(Failure::new(format!("A global table has no replica but in {region} here.")));
    }
    let mut own = replica.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let is_known =
        |name: &str| name == "Region" || OF_REPLICA.contains(&name) || throughput::OF_REPLICA.contains(&name);
    let unknown = own.find(|name| !is_known(name)).map(str::to_owned);
    match unknown.or_else(|| throughput::unsupported(replica)) {
        Some(name) => Err(Failure::new(format!("{name} of a replica is not supported here."))),
        None => Ok(with_replica(properties)),
    }
}

/// A global table's properties with those of its first replica.
fn with_replica(properties: &Map<String, Value>) -> Map<String, Value> {
    let mut table = properties.clone();
    table.shift_remove("Replicas");
    let replica = list(properties.get("Replicas")).first();
    throughput::join(&mut table, replica);
    let own = replica.and_then(Value::as_object).into_iter().flatten();
    let own = own.filter(|(name, _)| OF_REPLICA.contains(&name.as_str()));
    table.extend(own.map(|(name, value)| (name.clone(), value.clone())));
    table
}
