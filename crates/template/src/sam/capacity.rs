//! `AWS::Serverless::CapacityProvider`: machines for functions, and the role that Lambda runs them with.

use serde_json::{Map, Value, json};

use super::context::Source;
use super::error::Problems;
use super::policy;
use super::typed::{self, Field, MAP, Shape, may, must};
use super::value::{Kind, attribute, check, is_truthy, member, tag_list, truthy};

pub(super) const KIND: &str = "AWS::Serverless::CapacityProvider";

const PROPERTIES: [(&str, Kind); 10] = [
    ("CapacityProviderName", Kind::TextOrMap),
    ("VpcConfig", Kind::PlainMap),
    ("OperatorRole", Kind::TextOrMap),
    ("Tags", Kind::PlainMap),
    ("PropagateTags", Kind::PlainFlag),
    ("InstanceRequirements", Kind::PlainMap),
    ("ScalingConfig", Kind::PlainMap),
    ("KmsKeyArn", Kind::TextOrMap),
    ("LoggingConfig", Kind::PlainMap),
    ("ManagedResourceTags", Kind::PlainMap),
];

/// A list of texts, each of which or all of which a function may stand for.
const TEXTS: Shape = Shape::Either(&[MAP, Shape::List(&Shape::Either(&[MAP, Shape::Text]))]);

static FIELDS: [Field; 10] = [
    may("CapacityProviderName", Shape::Any),
    must("VpcConfig", Shape::Model(&[may("SecurityGroupIds", TEXTS), must("SubnetIds", TEXTS)])),
    may("OperatorRole", Shape::Any),
    may("Tags", MAP),
    may("PropagateTags", Shape::Flag),
    may(
        "InstanceRequirements",
        Shape::Model(&[may("Architectures", TEXTS), may("AllowedTypes", TEXTS), may("ExcludedTypes", TEXTS)]),
    ),
    may(
        "ScalingConfig",
        Shape::Model(&[
            may("MaxVCpuCount", Shape::Either(&[MAP, Shape::Integer])),
            may("AverageCPUUtilization", Shape::Either(&[MAP, Shape::Number])),
        ]),
    ),
    may("KmsKeyArn", Shape::Any),
    may("LoggingConfig", Shape::Any),
    may("ManagedResourceTags", Shape::Model(&[may("Tags", MAP)])),
];

/// The provider and its role.
pub(super) fn expand(source: &Source<'_>) -> Result<Vec<(String, Value)>, Problems> {
    check(source.id, KIND, &source.properties, &PROPERTIES, &["VpcConfig"])?;
    let given: Map<String, Value> = source
        .properties
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let given = typed::all_errors(source.id, &given, &FIELDS)?;
    let requirements = given.get("InstanceRequirements").and_then(Value::as_object);
    let both = ["AllowedTypes", "ExcludedTypes"];
    if requirements.is_some_and(|requirements| both.iter().all(|name| requirements.contains_key(*name))) {
        let message = "Cannot specify 'InstanceRequirements.AllowedTypes' and 'InstanceRequirements.ExcludedTypes' together.";
        return Err(Problems::resource(source.id, message));
    }
    let own = given.get("Tags").and_then(Value::as_object).cloned().unwrap_or_default();
    let propagated = source.properties.get("PropagateTags").is_some_and(is_truthy).then_some(&own);
    let role_id = format!("{}OperatorRole", source.id);
    let role = truthy(&given, "OperatorRole").cloned();
    let mut provider = Map::from_iter([
        ("Tags".to_owned(), tags(&own, propagated)),
        (
            "PermissionsConfig".to_owned(),
            json!({ "CapacityProviderOperatorRoleArn": role.clone().unwrap_or_else(|| attribute(&role_id, "Arn")) }),
        ),
    ]);
    for name in ["CapacityProviderName", "KmsKeyArn", "VpcConfig"] {
        provider.extend(truthy(&given, name).map(|value| (name.to_owned(), value.clone())));
    }
    if let Some(requirements) = requirements.filter(|requirements| !requirements.is_empty()) {
        provider.insert("InstanceRequirements".to_owned(), instances(requirements));
    }
    if let Some(scaling) = truthy(&given, "ScalingConfig").and_then(Value::as_object) {
        provider.insert("CapacityProviderScalingConfig".to_owned(), scaling_config(scaling));
    }
    if let Some(logging) = truthy(&given, "LoggingConfig") {
        provider.insert("TelemetryConfig".to_owned(), json!({ "LoggingConfig": logging }));
    }
    if let Some(managed) = truthy(&given, "ManagedResourceTags").and_then(|managed| managed.get("Tags")) {
        let explicit = json!({ "Mode": "Explicit", "ExplicitTags": tag_list(Some(managed)) });
        provider.insert("PropagateTags".to_owned(), explicit);
    }
    let mut parts = vec![(source.id.to_owned(), source.whole("AWS::Lambda::CapacityProvider", provider))];
    if role.is_none() {
        let managed = super::role::managed_arn("AWSLambdaManagedEC2ResourceOperator");
        let role = Map::from_iter([
            ("AssumeRolePolicyDocument".to_owned(), policy::trust("lambda.amazonaws.com")),
            ("ManagedPolicyArns".to_owned(), json!([managed])),
            ("Tags".to_owned(), tags(&Map::new(), propagated)),
        ]);
        parts.push((role_id, source.part("AWS::IAM::Role", role)));
    }
    Ok(parts)
}

/// The transform's tag beside the template's own; what is propagated has the last word.
pub(super) fn tags(own: &Map<String, Value>, propagated: Option<&Map<String, Value>>) -> Value {
    let mut tags = own.clone();
    tags.insert("lambda:createdBy".to_owned(), "SAM".into());
    tags.extend(propagated.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    tag_list(Some(&Value::Object(tags))).into()
}

fn instances(given: &Map<String, Value>) -> Value {
    let names = [
        ("Architectures", "Architectures"),
        ("AllowedTypes", "AllowedInstanceTypes"),
        ("ExcludedTypes", "ExcludedInstanceTypes"),
    ];
    let named = names.iter().filter_map(|(name, new)| Some(((*new).to_owned(), given.get(*name)?.clone())));
    Value::Object(named.collect())
}

fn scaling_config(given: &Map<String, Value>) -> Value {
    let target = member(given, "AverageCPUUtilization");
    let mode = if target.is_some() { "Manual" } else { "Auto" };
    let mut scaling = Map::from_iter([("ScalingMode".to_owned(), mode.into())]);
    scaling.extend(member(given, "MaxVCpuCount").map(|count| ("MaxVCpuCount".to_owned(), count.clone())));
    if let Some(target) = target {
        let metric = "LambdaCapacityProviderAverageCPUUtilization";
        let policies = json!([{ "PredefinedMetricType": metric, "TargetValue": target }]);
        scaling.insert("ScalingPolicies".to_owned(), policies);
    }
    Value::Object(scaling)
}
