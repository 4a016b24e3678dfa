//! Through the whole pipeline, in memory, over stand-ins for the services that stacks call.

mod accepted;
mod change_sets;
mod cleanup;
mod compliance;
mod custom;
mod decisions;
mod deletion;
mod drift;
mod faults;
mod followed;
mod found_again;
mod half_changed;
mod half_way;
mod lifecycle;
mod nested_ends;
mod nested_sets;
mod others;
mod protection;
mod purge;
mod records;
mod refusals;
mod refused_members;
mod restart;
mod rollback;
mod secrets;
mod the_very_same;
mod urls;
mod world;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gateway::Callbacks;
use identity::Principal;
use protocol::Fault;
use serde_json::{Value, json};
use service::testkit::{Foundation, TestKit};

use crate::CloudFormation;
use world::World;

/// A platform with stand-ins.
struct Stage {
    kit: TestKit,
    world: Arc<World>,
    who: Arc<Principal>,
    callbacks: Callbacks,
    state: Arc<CloudFormation>,
}

fn callbacks_over(foundation: &Foundation) -> Callbacks {
    Callbacks::new(foundation.store.clone(), foundation.clock.clone())
}

impl Stage {
    async fn new() -> Self {
        let world = Arc::new(World::default());
        let callbacks = OnceLock::new();
        let state = OnceLock::new();
        let kit = TestKit::start(|foundation| {
            let mut services = world::services(&world);
            let callbacks = callbacks.get_or_init(|| callbacks_over(foundation));
            let new = || Arc::new(CloudFormation::new(foundation.store.clone(), callbacks.clone()));
            services.push(crate::service(Arc::clone(state.get_or_init(new))));
            services
        })
        .await;
        let who = kit.administrator();
        let (callbacks, state) = (callbacks.into_inner().unwrap(), state.into_inner().unwrap());
        Self { kit, world, who, callbacks, state }
    }

    async fn call(&self, operation: &str, input: Value) -> Result<Value, Fault> {
        self.kit.json(&self.who, "cloudformation", operation, &input).await
    }

    async fn create(&self, name: &str, template: &str) -> Result<Value, Fault> {
        let capabilities = json!(["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]);
        self.call(
            "CreateStack",
            json!({ "StackName": name, "TemplateBody": template, "Capabilities": capabilities }),
        )
        .await
    }

    async fn update(&self, name: &str, template: &str) -> Result<Value, Fault> {
        let capabilities = json!(["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]);
        self.call(
            "UpdateStack",
            json!({ "StackName": name, "TemplateBody": template, "Capabilities": capabilities }),
        )
        .await
    }

    async fn describe(&self, name: &str) -> Value {
        let answer = self.call("DescribeStacks", json!({ "StackName": name })).await.unwrap();
        answer["Stacks"][0].clone()
    }

    /// Waits until nothing is going on, and answers the status.
    async fn settled(&self, name: &str) -> String {
        for _ in 0..2_000 {
            let status = self.describe(name).await["StackStatus"].as_str().unwrap().to_owned();
            if !status.ends_with("_IN_PROGRESS") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("the stack {name} does not settle: {}", self.describe(name).await);
    }

    /// Waits until the engine has let go of every stack: an operation ends in the store a moment before its task does, and
    /// a task that is still there would carry out what a test writes for another engine.
    async fn rested(&self) {
        for _ in 0..2_000 {
            if self.state.running().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("the engine does not rest");
    }

    /// `LogicalId STATUS`, oldest first.
    async fn events(&self, name: &str) -> Vec<String> {
        let answer = self.call("DescribeStackEvents", json!({ "StackName": name })).await.unwrap();
        let events = answer["StackEvents"].as_array().unwrap().iter().rev();
        let told = |event: &Value| {
            format!(
                "{} {}",
                event["LogicalResourceId"].as_str().unwrap(),
                event["ResourceStatus"].as_str().unwrap()
            )
        };
        events.map(told).collect()
    }

    /// The reason in the event of a resource's status.
    async fn reason(&self, name: &str, logical_id: &str, status: &str) -> String {
        let answer = self.call("DescribeStackEvents", json!({ "StackName": name })).await.unwrap();
        let events = answer["StackEvents"].as_array().unwrap();
        let found =
            events.iter().find(|e| e["LogicalResourceId"] == logical_id && e["ResourceStatus"] == status);
        found.unwrap()["ResourceStatusReason"].as_str().unwrap_or_default().to_owned()
    }
}

/// A table and a group of logs that is named after it.
const SMALL: &str = "
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub '/x/${Table}', RetentionInDays: '7'}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
Outputs:
  Arn: {Value: !GetAtt Table.Arn, Export: {Name: arn}}
";
