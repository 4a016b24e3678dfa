//! A DynamoDB stream, read through its own API as the function's role.

use std::sync::Arc;

use protocol::{Fault, Redact, Structure, Value};
use serde_json::json;
use service::Source;

use super::Reader;

const API: &str = "dynamodbstreams";
/// The most shards of one stream that are looked at.
const SHARDS_MAX: usize = 10_000;

/// One record of a stream.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) sequence: String,
    /// As the function sees it.
    pub(super) event: serde_json::Value,
    pub(super) created_secs: i64,
    /// The event's length as JSON.
    pub(super) bytes: usize,
    /// The same for all records of one item, now and after every restart.
    pub(super) key: u64,
}

/// A mapping's stream.
pub(super) struct Stream<'r> {
    pub(super) reader: &'r Reader,
}

impl Stream<'_> {
    async fn call(&self, operation: &str, input: Structure) -> Result<Structure, Fault> {
        let Reader { lambda, pipeline, target, .. } = self.reader;
        let unreachable = || Fault::sender("AccessDeniedException", "the function or its role is gone");
        let loaded = lambda.catalog.get(&target.id).ok_or_else(unreachable)?;
        let version = loaded.function.qualified(target.qualifier.as_deref()).ok_or_else(unreachable)?;
        let role = lambda.roles.session(&version.role, &target.id).await.ok_or_else(unreachable)?;
        let source = Source::platform("lambda.amazonaws.com");
        let answer = pipeline.invoke(Arc::new(role), source, API, operation, Value::Structure(input)).await?;
        match answer {
            Value::Structure(members) => Ok(members),
            _ => Err(Fault::internal()),
        }
    }

    /// The stream's shards, each with its parent.
    pub(super) async fn shards(&self) -> Result<Vec<(String, Option<String>)>, Fault> {
        let mut shards = Vec::new();
        let mut after: Option<String> = None;
        while shards.len() < SHARDS_MAX {
            let mut input =
                Structure::new().with("StreamArn", self.reader.mapping.record.source_arn.as_str());
            if let Some(after) = after.take() {
                input = input.with("ExclusiveStartShardId", after);
            }
            let answer = self.call("DescribeStream", input).await?;
            let Some(Value::Structure(description)) = answer.get("StreamDescription") else { break };
            if let Some(Value::List(found)) = description.get("Shards") {
                shards.extend(found.iter().filter_map(|shard| {
                    let Value::Structure(shard) = shard else { return None };
                    Some((shard.str("ShardId")?.to_owned(), shard.str("ParentShardId").map(str::to_owned)))
                }));
            }
            after = description.str("LastEvaluatedShardId").map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        Ok(shards)
    }

    /// Where to go on in a shard: behind this record, or at its beginning.
    pub(super) async fn iterator(&self, shard: &str, behind: Option<&str>) -> Result<String, Fault> {
        let input = Structure::new()
            .with("StreamArn", self.reader.mapping.record.source_arn.as_str())
            .with("ShardId", shard);
        let input = match behind {
            Some(sequence) => {
                input.with("ShardIteratorType", "AFTER_SEQUENCE_NUMBER").with("SequenceNumber", sequence)
            }
            None => input.with("ShardIteratorType", "TRIM_HORIZON"),
        };
        let answer = self.call("GetShardIterator", input).await?;
        answer.str("ShardIterator").map(str::to_owned).ok_or_else(Fault::internal)
    }

    /// The next records, and where to go on; nowhere, where the shard has ended.
    pub(super) async fn records(&self, iterator: &str) -> Result<(Vec<Item>, Option<String>), Fault> {
        let answer = self.call("GetRecords", Structure::new().with("ShardIterator", iterator)).await?;
        let next = answer.str("NextShardIterator").map(str::to_owned);
        let times = times(&answer);
        let shape = protocol::model(API).and_then(|model| model.operation("GetRecords")?.output());
        let shape = shape.ok_or_else(Fault::internal)?;
        let mut json = protocol::value_to_json(shape, &Value::Structure(answer), Redact::No);
        let records = match json.get_mut("Records").map(serde_json::Value::take) {
            Some(serde_json::Value::Array(records)) => records,
            _ => Vec::new(),
        };
        let items = records.into_iter().zip(times).filter_map(|(record, secs)| self.item(record, secs));
        Ok((items.collect(), next))
    }

    fn item(&self, mut event: serde_json::Value, created_secs: i64) -> Option<Item> {
        event.as_object_mut()?.insert("eventSourceARN".into(), json!(self.reader.mapping.record.source_arn));
        let change = event.get_mut("dynamodb")?.as_object_mut()?;
        change.insert("ApproximateCreationDateTime".into(), json!(created_secs));
        let sequence = change.get("SequenceNumber")?.as_str()?.to_owned();
        let key = change.get("Keys").and_then(serde_json::Value::as_object).map_or(0, key_of);
        let bytes = event.to_string().len();
        Some(Item { sequence, event, created_secs, bytes, key })
    }
}

/// A number for an item's keys. FNV-1a, whose values are the same for ever: how far a lane was read is stored by them.
fn key_of(keys: &serde_json::Map<String, serde_json::Value>) -> u64 {
    let mut named: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value};")).collect();
    named.sort();
    let bytes = named.iter().flat_map(|part| part.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// When each record was made.
fn times(answer: &Structure) -> Vec<i64> {
    let Some(Value::List(records)) = answer.get("Records") else { return Vec::new() };
    let time = |record: &Value| {
        let Value::Structure(record) = record else { return 0 };
        let Some(Value::Structure(change)) = record.get("dynamodb") else { return 0 };
        match change.get("ApproximateCreationDateTime") {
            Some(Value::Timestamp(at)) => at.secs(),
            _ => 0,
        }
    };
    records.iter().map(time).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Stored positions depend on it: a change here would pass over records.
    #[test]
    fn an_items_number_is_as_it_always_was() {
        let number = |keys: serde_json::Value| key_of(keys.as_object().unwrap());
        assert_eq!(number(json!({})), 0xcbf2_9ce4_8422_2325);
        let one = number(json!({"id": {"S": "a"}, "range": {"N": "1"}}));
        assert_eq!(one, number(json!({"range": {"N": "1"}, "id": {"S": "a"}})));
        assert_eq!(one, 0x2b0c_d542_8521_f65a);
        assert_ne!(one, number(json!({"id": {"S": "b"}, "range": {"N": "1"}})));
    }
}
