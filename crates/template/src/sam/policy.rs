//! The policy documents that the transform writes for what it generates.
//!
//! Gives data only; who gets a policy is decided where the resource is generated.

use serde_json::{Value, json};

/// A role that a service may assume.
pub(super) fn trust(service: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Action": ["sts:AssumeRole"],
            "Effect": "Allow",
            "Principal": { "Service": [service] },
        }],
    })
}

fn allow(action: &str, resource: &Value) -> Value {
    json!({ "Action": action, "Effect": "Allow", "Resource": resource })
}

fn inline(name: &str, statements: &Value) -> Value {
    json!({ "PolicyName": name, "PolicyDocument": { "Statement": statements } })
}

/// What may be sent to, with the name that its policy gets.
pub(super) fn send_to(kind: &str, id: &str, target: &Value) -> Option<Value> {
    let one =
        |suffix: &str, action: &str| Some(inline(&format!("{id}{suffix}"), &json!([allow(action, target)])));
    match kind {
        "SQS" => one("SQSPolicy", "sqs:SendMessage"),
        "SNS" => one("SNSPolicy", "sns:publish"),
        "EventBridge" => one("EventBridgePolicy", "events:PutEvents"),
        "Lambda" => one("LambdaPolicy", "lambda:InvokeFunction"),
        "S3" | "S3Bucket" => {
            let objects = json!({ "Fn::Join": ["/", [target, "*"]] });
            let statements = json!([allow("s3:PutObject", &objects), allow("s3:ListBucket", target)]);
            Some(inline(&format!("{id}S3Policy"), &statements))
        }
        _ => None,
    }
}

/// Starting a state machine.
pub(super) fn start_execution(id: &str, state_machine: &Value) -> Value {
    inline(&format!("{id}StartExecutionPolicy"), &json!([allow("states:StartExecution", state_machine)]))
}

/// Writing to a function's dead-letter queue or topic.
pub(super) fn dead_letters(action: &str, target: &Value) -> Value {
    json!({
        "PolicyName": "DeadLetterQueuePolicy",
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": action, "Resource": target, "Effect": "Allow" }],
        },
    })
}

/// A queue's policy that lets `principal` send on behalf of `source`.
pub(super) fn queue(principal: &Value, source: &Value, queue: &Value) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Action": "sqs:SendMessage",
            "Effect": "Allow",
            "Principal": principal,
            "Resource": queue,
            "Condition": { "ArnEquals": { "aws:SourceArn": source } },
        }],
    })
}
