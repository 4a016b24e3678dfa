//! `SNS`: a subscription of the function, or of a queue that the function reads.

use serde_json::{Map, Value, json};

use super::super::context::Context;
use super::super::error::Problems;
use super::super::policy;
use super::super::value::{Kind, attribute, is_truthy, reference, referred, truthy};
use super::{Event, Grant, Target, pull};

pub(super) const PROPERTIES: [(&str, Kind); 6] = [
    ("Topic", Kind::Text),
    ("Region", Kind::Text),
    ("FilterPolicy", Kind::Any),
    ("FilterPolicyScope", Kind::Any),
    ("SqsSubscription", Kind::FlagOrMap),
    ("RedrivePolicy", Kind::Map),
];

/// How many messages a function takes from the queue at a time, where the template does not say.
const BATCH_SIZE: u32 = 10;

pub(super) fn expand(
    target: &Target<'_>,
    event: &Event<'_>,
    context: &Context,
    role: &mut Value,
) -> Result<Vec<(String, Value)>, Problems> {
    let topic = event.get("Topic").cloned().unwrap_or_default();
    match event.truthy("SqsSubscription") {
        None => {
            let grant = Grant { principal: "sns.amazonaws.com", source_arn: Some(topic), ..Grant::default() };
            let permission = target.permission(format!("{}Permission", event.logical_id), grant);
            Ok(vec![permission, subscription(target, event, "lambda", target.arn())])
        }
        Some(Value::Object(queue)) => given_queue(target, event, queue, role),
        Some(_) => Ok(new_queue(target, event, context, role)),
    }
}

fn subscription(target: &Target<'_>, event: &Event<'_>, protocol: &str, endpoint: Value) -> (String, Value) {
    let mut properties = Map::from_iter([
        ("Protocol".to_owned(), json!(protocol)),
        ("Endpoint".to_owned(), endpoint),
        ("TopicArn".to_owned(), event.get("Topic").cloned().unwrap_or_default()),
    ]);
    for name in ["Region", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy"] {
        if let Some(value) = event.get(name) {
            properties.insert(name.to_owned(), value.clone());
        }
    }
    (event.logical_id.clone(), target.source.part("AWS::SNS::Subscription", properties))
}

fn queue_policy(
    target: &Target<'_>,
    event: &Event<'_>,
    id: String,
    arn: &Value,
    url: &Value,
) -> (String, Value) {
    let topic = event.get("Topic").cloned().unwrap_or_default();
    let properties = Map::from_iter([
        ("PolicyDocument".to_owned(), policy::queue(&json!("*"), &topic, arn)),
        ("Queues".to_owned(), json!([url])),
    ]);
    (id, target.source.part("AWS::SQS::QueuePolicy", properties))
}

fn new_queue(
    target: &Target<'_>,
    event: &Event<'_>,
    context: &Context,
    role: &mut Value,
) -> Vec<(String, Value)> {
    let id = format!("{}Queue", event.logical_id);
    let (arn, url) = (attribute(&id, "Arn"), reference(&id));
    let mut queue = Map::new();
    let topic = event.get("Topic").and_then(referred).and_then(|id| context.resources.get(id));
    let fifo = topic.and_then(|topic| topic.get("Properties")).and_then(|p| p.get("FifoTopic"));
    if let Some(fifo) = fifo.map(|fifo| context.with_parameters(fifo)).filter(is_truthy) {
        queue.insert("FifoQueue".to_owned(), fifo);
    }
    vec![
        pull::of_queue(target, &event.logical_id, &arn, &json!(BATCH_SIZE), role),
        (id, target.source.part("AWS::SQS::Queue", queue)),
        queue_policy(target, event, format!("{}QueuePolicy", event.logical_id), &arn, &url),
        subscription(target, event, "sqs", arn),
    ]
}

fn given_queue(
    target: &Target<'_>,
    event: &Event<'_>,
    queue: &Map<String, Value>,
    role: &mut Value,
) -> Result<Vec<(String, Value)>, Problems> {
    let (Some(arn), Some(url)) = (truthy(queue, "QueueArn"), truthy(queue, "QueueUrl")) else {
        return Err(event.refuse("No QueueARN or QueueURL provided."));
    };
    let policy_id = truthy(queue, "QueuePolicyLogicalId").and_then(Value::as_str).map(str::to_owned);
    let policy_id = policy_id.unwrap_or_else(|| format!("{}QueuePolicy", event.logical_id));
    let size = truthy(queue, "BatchSize").cloned().unwrap_or_else(|| json!(BATCH_SIZE));
    Ok(vec![
        pull::of_queue(target, &event.logical_id, arn, &size, role),
        queue_policy(target, event, policy_id, arn, url),
        subscription(target, event, "sqs", arn.clone()),
    ])
}
