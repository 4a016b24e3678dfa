//! What a document says of the whole API: its request validators, and the gateway's own answers.

use std::collections::BTreeMap;

use gateway::records::ResponseType;
use serde_json::Value;

use super::malformed;
use super::method::texts;
use crate::Error;
use crate::own_answer::served;
use crate::records::{GatewayResponseRecord, ValidatorRecord};

/// Reads `x-amazon-apigateway-request-validators`.
pub(crate) fn validators(value: &Value) -> Result<Vec<ValidatorRecord>, Error> {
    const AT: &str = "x-amazon-apigateway-request-validators";
    let one = |(name, value): (&String, &Value)| {
        let mut record = ValidatorRecord { name: Some(name.clone()), ..ValidatorRecord::default() };
        for (member, flag) in value.as_object().ok_or_else(|| malformed(AT))? {
            let flag = flag.as_bool().or_else(|| flag.as_str()?.parse().ok());
            let flag = flag.ok_or_else(|| malformed(AT))?;
            match member.as_str() {
                "validateRequestBody" => record.body = flag,
                "validateRequestParameters" => record.parameters = flag,
                other => return Err(malformed(&format!("{AT}/{other}"))),
            }
        }
        Ok(record)
    };
    value.as_object().ok_or_else(|| malformed(AT))?.iter().map(one).collect()
}

/// Reads `x-amazon-apigateway-gateway-responses`.
pub(crate) fn responses(value: &Value) -> Result<BTreeMap<ResponseType, GatewayResponseRecord>, Error> {
    const AT: &str = "x-amazon-apigateway-gateway-responses";
    let one = |(name, value): (&String, &Value)| {
        let kind = ResponseType::of(name)
            .ok_or_else(|| Error::bad(format!("Invalid response type specified: {name}")))?;
        let mut record = GatewayResponseRecord::default();
        for (member, value) in value.as_object().ok_or_else(|| malformed(AT))? {
            let texts = || texts(value).ok_or_else(|| malformed(&format!("{AT}/{name}/{member}")));
            match (member.as_str(), value) {
                ("statusCode", Value::String(text)) => record.status = Some(text.clone()),
                ("statusCode", Value::Number(number)) => record.status = Some(number.to_string()),
                ("responseParameters", _) => record.parameters = texts()?,
                ("responseTemplates", _) => record.templates = texts()?,
                _ => return Err(malformed(&format!("{AT}/{name}/{member}"))),
            }
        }
        served(kind, &record)?;
        Ok((kind, record))
    };
    value.as_object().ok_or_else(|| malformed(AT))?.iter().map(one).collect()
}
