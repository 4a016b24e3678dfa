//! What is told of records that are given up: where they stand in their stream and, in a bucket, what they were.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>
//!
//! A record that cannot be delivered is logged; reading goes on either way, as on Lambda.

use base::Timestamp;
use compute::EventAnswer;
use serde_json::{Value, json};

use super::Reader;
use super::stream::Item;
use crate::destinations::{put, response_context};
use crate::model::mapping::failure_bucket;

/// Why records were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

impl Condition {
    const fn name(self) -> &'static str {
        match self {
            Self::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Self::RecordAgeExceeded => "RecordAgeExceeded",
        }
    }
}

/// The last try of a batch.
#[derive(Default)]
pub(super) struct LastTry {
    pub(super) request_id: Option<String>,
    pub(super) answer: Option<EventAnswer>,
    pub(super) tries: u32,
}

impl Reader {
    /// Tells of records that are given up, where somebody is to be told.
    pub(super) async fn give_up(&self, shard: &str, items: &[Item], why: Condition, last: &LastTry) {
        let record = &self.mapping.record;
        tracing::warn!(
            mapping = record.uuid,
            function = record.function_arn,
            records = items.len(),
            condition = why.name(),
            "records of a stream are passed over"
        );
        let Some(destination) = &record.on_failure else { return };
        let now = self.pipeline.clock().now();
        let Some(told) = self.record_of(shard, items, why, last, now) else { return };
        let folder = format!("aws/lambda/{}/{shard}", record.uuid);
        let bucket = failure_bucket(destination, &self.target.id).ok();
        let loaded = self.lambda.catalog.get(&self.target.id);
        let version =
            loaded.as_ref().and_then(|loaded| loaded.function.qualified(self.target.qualifier.as_deref()));
        let principal = match version {
            Some(version) => self.lambda.roles.session(&version.role, &self.target.id).await,
            None => None,
        };
        let (Some(bucket), Some(principal)) = (bucket, principal) else {
            tracing::warn!(
                mapping = record.uuid,
                "the function or its role is gone, and cannot tell of failures"
            );
            return;
        };
        if let Err(fault) =
            put(&self.pipeline, principal, &bucket, &folder, told.to_string().into_bytes()).await
        {
            tracing::warn!(
                mapping = record.uuid,
                destination,
                code = %fault.code,
                message = fault.message,
                "a failure was not taken by its destination"
            );
        }
    }

    fn record_of(
        &self,
        shard: &str,
        items: &[Item],
        why: Condition,
        last: &LastTry,
        now: Timestamp,
    ) -> Option<Value> {
        let (first, end) = (items.first()?, items.last()?);
        let time = |item: &Item| Timestamp::from_secs(item.created_secs).iso8601_secs();
        let mut told = json!({
            "requestContext": {
                "requestId": last.request_id.clone().unwrap_or_else(crypto::random::uuid),
                "functionArn": self.mapping.record.function_arn,
                "condition": why.name(),
                "approximateInvokeCount": last.tries,
            },
            "version": "1.0",
            "timestamp": now.iso8601_millis(),
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": first.sequence,
                "endSequenceNumber": end.sequence,
                "approximateArrivalOfFirstRecord": time(first),
                "approximateArrivalOfLastRecord": time(end),
                "batchSize": items.len(),
                "streamArn": self.mapping.record.source_arn,
            },
            "payload": json!({ "Records": items.iter().map(|item| &item.event).collect::<Vec<_>>() }).to_string(),
        });
        if let (Some(answer), Some(members)) = (&last.answer, told.as_object_mut()) {
            members.insert("responseContext".to_owned(), response_context(answer));
        }
        Some(told)
    }
}
