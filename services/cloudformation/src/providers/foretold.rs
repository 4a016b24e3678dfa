//! What the properties of a resource tell once they are resolved, before anything is made.
//!
//! Refuses a name that is no text, and an event source whose service is not here.

use serde_json::Value;

use super::name::check_name;
use super::plain_types::EVENT_SOURCE_MAPPING;

/// Refuses what cannot be made. What a resource answers may stand there by a placeholder still.
pub(crate) fn check_resolved(logical_id: &str, kind: &str, properties: &Value) -> Result<(), String> {
    check_name(logical_id, kind, properties)?;
    if kind == EVENT_SOURCE_MAPPING.kind
        && let Some(service) = properties.get("EventSourceArn").and_then(Value::as_str).and_then(service)
        && service != "dynamodb"
    {
        return Err(format!(
            "Properties validation failed for resource {logical_id} with message: #/EventSourceArn: there is no event source of \
             {service} here: streams of tables are the only sources"
        ));
    }
    Ok(())
}

/// The service in an ARN, where it is known already.
fn service(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    let is_arn = parts.next() == Some("arn");
    parts.nth(1).filter(|service| is_arn && !service.is_empty() && !service.contains(['{', '}']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(source: &Value) -> Result<(), String> {
        check_resolved("M", "AWS::Lambda::EventSourceMapping", &json!({ "EventSourceArn": source }))
    }

    #[test]
    fn sources_that_are_not_here_are_named() {
        for service in ["sqs", "kinesis", "kafka"] {
            let refused = told(&json!(format!("arn:aws:{service}:us-east-1:000000000000:q"))).unwrap_err();
            assert!(
                refused.contains(&format!("#/EventSourceArn: there is no event source of {service} here"))
            );
        }
    }

    #[test]
    fn what_is_not_known_yet_is_left_to_its_service() {
        for source in [
            json!("arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/1"),
            json!("{{GetAtt T.StreamArn}}"),
            json!("arn:aws:{{Ref S}}:us-east-1:000000000000:q"),
            json!("{{resolve:ssm:source}}"),
            json!("q"),
            json!(null),
        ] {
            assert_eq!(told(&source), Ok(()), "{source}");
        }
        let others = json!({ "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q" });
        assert_eq!(check_resolved("P", "AWS::Lambda::Permission", &others), Ok(()));
    }
}
