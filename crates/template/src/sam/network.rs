//! `AWS::Serverless::NetworkConnector`: a way into a network, and the role that Lambda makes its interfaces with.
//!
//! What a network is and who may use it is not looked at here.

use serde_json::{Map, Value, json};

use super::capacity::tags;
use super::context::Source;
use super::error::Problems;
use super::policy;
use super::typed::{self, Field, MAP, Shape, may, must};
use super::value::{Kind, attribute, check, is_truthy, member, printed_list, truthy};

pub(super) const KIND: &str = "AWS::Serverless::NetworkConnector";

const PROPERTIES: [(&str, Kind); 6] = [
    ("Name", Kind::TextOrMap),
    ("VpcConfig", Kind::PlainMap),
    ("ComputeTypes", Kind::PlainList),
    ("OperatorRole", Kind::TextOrMap),
    ("Tags", Kind::PlainMap),
    ("PropagateTags", Kind::PlainFlag),
];

/// What may use a connector; the first unless the template says otherwise.
const COMPUTE: [&str; 2] = ["MicroVm", "WebFunction"];

const TEXT: Shape = Shape::Either(&[MAP, Shape::Text]);
const TEXTS: Shape = Shape::List(&TEXT);

static FIELDS: [Field; 6] = [
    may("Name", TEXT),
    must(
        "VpcConfig",
        Shape::Model(&[
            must("SubnetIds", TEXTS),
            must("SecurityGroupIds", TEXTS),
            must("NetworkProtocol", Shape::Either(&[MAP, Shape::Choice(&["IPv4", "DualStack"])])),
        ]),
    ),
    may("ComputeTypes", Shape::List(&Shape::Either(&[MAP, Shape::Choice(&COMPUTE)]))),
    may("OperatorRole", TEXT),
    may("Tags", MAP),
    may("PropagateTags", Shape::Flag),
];

/// The connector and its role.
pub(super) fn expand(source: &Source<'_>) -> Result<Vec<(String, Value)>, Problems> {
    let properties = &source.properties;
    check(source.id, KIND, properties, &PROPERTIES, &["VpcConfig"])?;
    check_compute(source)?;
    typed::all_errors(source.id, properties, &FIELDS)?;
    let own = truthy(properties, "Tags").and_then(Value::as_object).cloned().unwrap_or_default();
    let propagated = properties.get("PropagateTags").is_some_and(is_truthy).then_some(&own);
    let mut network = member(properties, "VpcConfig").and_then(Value::as_object).cloned().unwrap_or_default();
    let types = truthy(properties, "ComputeTypes").cloned();
    network.insert("AssociatedComputeResourceTypes".to_owned(), types.unwrap_or_else(|| json!([COMPUTE[0]])));
    let mut connector = Map::new();
    connector.extend(truthy(properties, "Name").map(|name| ("Name".to_owned(), name.clone())));
    connector.insert("Configuration".to_owned(), json!({ "VpcEgressConfiguration": network }));
    let role_id = format!("{}OperatorRole", source.id);
    let role = truthy(properties, "OperatorRole").cloned();
    let named = role.clone().unwrap_or_else(|| attribute(&role_id, "Arn"));
    connector.insert("OperatorRole".to_owned(), named);
    connector.insert("Tags".to_owned(), tags(&own, propagated));
    let mut parts = vec![(source.id.to_owned(), source.whole("AWS::Lambda::NetworkConnector", connector))];
    if role.is_none() {
        let managed = super::role::managed_arn("AWSLambdaNetworkConnectorOperatorPolicy");
        let role = Map::from_iter([
            ("AssumeRolePolicyDocument".to_owned(), policy::trust("lambda.amazonaws.com")),
            ("ManagedPolicyArns".to_owned(), json!([managed])),
            ("Tags".to_owned(), tags(&Map::new(), propagated)),
        ]);
        parts.push((role_id, source.part("AWS::IAM::Role", role)));
    }
    Ok(parts)
}

fn check_compute(source: &Source<'_>) -> Result<(), Problems> {
    let Some(types) = member(&source.properties, "ComputeTypes").and_then(Value::as_array) else {
        return Ok(());
    };
    let [kind] = types.as_slice() else {
        let message = format!("'ComputeTypes' must contain exactly one value, got {}.", types.len());
        return Err(Problems::resource(source.id, message));
    };
    match kind.as_str().filter(|kind| !COMPUTE.contains(kind)) {
        None => Ok(()),
        Some(kind) => {
            let known = printed_list(&COMPUTE);
            let message = format!("'ComputeTypes' values must be one of {known}, got '{kind}'.");
            Err(Problems::resource(source.id, message))
        }
    }
}
