//! Through the whole pipeline, in memory: JSON in, JSON out.
#![allow(
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    reason = "tables of cases read best in one piece"
)]

mod access;
mod against_reference;
mod backups;
mod batches;
mod ceilings;
mod compliance;
mod decisions;
mod indexes;
mod indexes_composed;
mod items;
mod jobs;
mod model;
mod pages;
mod partiql;
mod reference;
mod streams;
mod tables;
mod throughput;

use std::sync::Arc;

use identity::Principal;
use protocol::Fault;
use serde_json::{Value, json};
use service::testkit::TestKit;

/// A platform with this service, and its root user.
struct Fixture {
    kit: TestKit,
    root: Arc<Principal>,
}

impl Fixture {
    async fn new() -> Self {
        let kit = TestKit::start(|foundation| {
            crate::services(&foundation.store, crate::OwnAddress::default()).unwrap().into()
        })
        .await;
        let root = kit.administrator();
        Self { kit, root }
    }

    /// A platform with a table `T` of these keys, for example `p:S s:N`.
    async fn with_table(keys: &str) -> Self {
        let fixture = Self::new().await;
        fixture.ok("CreateTable", &create("Tab", keys)).await;
        fixture
    }

    async fn call(&self, operation: &str, input: &Value) -> Result<Value, Fault> {
        self.kit.json(&self.root, "dynamodb", operation, input).await
    }

    /// A call of the streams' API.
    async fn streams(&self, operation: &str, input: &Value) -> Result<Value, Fault> {
        self.kit.json(&self.root, "dynamodbstreams", operation, input).await
    }

    async fn ok(&self, operation: &str, input: &Value) -> Value {
        self.call(operation, input).await.unwrap_or_else(|fault| panic!("{operation} {input}: {fault:?}"))
    }

    /// The code and the message of a refusal.
    async fn refused(&self, operation: &str, input: &Value) -> (String, String) {
        let fault = self.call(operation, input).await.expect_err(operation);
        (fault.code.into_owned(), fault.message)
    }

    async fn invalid(&self, operation: &str, input: &Value) -> String {
        let (code, message) = self.refused(operation, input).await;
        assert_eq!(code, "ValidationException", "{message}");
        message
    }

    async fn put(&self, item: Value) {
        self.ok("PutItem", &json!({"TableName": "Tab", "Item": item})).await;
    }

    async fn get(&self, key: Value) -> Value {
        self.ok("GetItem", &json!({"TableName": "Tab", "Key": key})).await["Item"].clone()
    }
}

/// The input of CreateTable.
fn create(name: &str, keys: &str) -> Value {
    let keys: Vec<_> = keys.split(' ').map(|key| key.split_once(':').unwrap()).collect();
    let definitions: Vec<_> =
        keys.iter().map(|(name, scalar)| json!({"AttributeName": name, "AttributeType": scalar})).collect();
    let schema: Vec<_> = keys
        .iter()
        .zip(["HASH", "RANGE"])
        .map(|((name, _), role)| json!({"AttributeName": name, "KeyType": role}))
        .collect();
    json!({"TableName": name, "AttributeDefinitions": definitions, "KeySchema": schema, "BillingMode": "PAY_PER_REQUEST"})
}

fn s(text: &str) -> Value {
    json!({"S": text})
}

fn n(number: impl std::fmt::Display) -> Value {
    json!({"N": number.to_string()})
}
