//! `AWS::Serverless::MicrovmImage`: an image of a small machine, and the role that it is built with.
//!
//! Builds nothing and reads no code; of the code's address it takes the bucket, for the role to read.

use serde_json::{Map, Value, json};

use super::capacity::tags;
use super::context::{Context, Source};
use super::error::Problems;
use super::policy;
use super::typed::{self, Field, MAP, Shape, may, must};
use super::value::{Kind, attribute, check, is_truthy, member, truthy};

pub(super) const KIND: &str = "AWS::Serverless::MicrovmImage";

const PROPERTIES: [(&str, Kind); 15] = [
    ("Name", Kind::TextOrMap),
    ("CodeUri", Kind::TextOrMap),
    ("BaseImageArn", Kind::TextOrMap),
    ("BuildRoleArn", Kind::TextOrMap),
    ("BaseImageVersion", Kind::TextOrMap),
    ("Description", Kind::TextOrMap),
    ("Tags", Kind::PlainMap),
    ("Logging", Kind::PlainMap),
    ("EgressNetworkConnectors", Kind::PlainList),
    ("CpuConfigurations", Kind::PlainList),
    ("Resources", Kind::PlainList),
    ("AdditionalOsCapabilities", Kind::PlainList),
    ("Hooks", Kind::PlainMap),
    ("EnvironmentVariables", Kind::PlainMap),
    ("PropagateTags", Kind::PlainFlag),
];

const REQUIRED: [&str; 4] = ["Name", "CodeUri", "BaseImageArn", "BaseImageVersion"];

const TEXT: Shape = Shape::Either(&[MAP, Shape::Text]);
const COUNT: Shape = Shape::Either(&[MAP, Shape::Integer]);
const STATE: Shape = Shape::Either(&[MAP, Shape::Choice(&["ENABLED", "DISABLED"])]);

static FIELDS: [Field; 15] = [
    must("Name", TEXT),
    must("CodeUri", TEXT),
    must("BaseImageArn", TEXT),
    must("BaseImageVersion", TEXT),
    may("BuildRoleArn", TEXT),
    may("Description", TEXT),
    may("Tags", MAP),
    may(
        "Logging",
        Shape::Model(&[
            may("Disabled", Shape::Flag),
            may("CloudWatch", Shape::Model(&[may("LogGroup", TEXT), may("LogStream", TEXT)])),
        ]),
    ),
    may("EgressNetworkConnectors", Shape::List(&TEXT)),
    may(
        "CpuConfigurations",
        Shape::List(&Shape::Model(&[must(
            "Architecture",
            Shape::Either(&[MAP, Shape::Choice(&["ARM_64"])]),
        )])),
    ),
    may("Resources", Shape::List(&Shape::Model(&[must("MinimumMemoryInMiB", COUNT)]))),
    may("AdditionalOsCapabilities", Shape::List(&Shape::Either(&[MAP, Shape::Choice(&["ALL"])]))),
    may(
        "Hooks",
        Shape::Model(&[
            may("Port", COUNT),
            may(
                "MicrovmHooks",
                Shape::Model(&[
                    may("Run", STATE),
                    may("RunTimeoutInSeconds", COUNT),
                    may("Resume", STATE),
                    may("ResumeTimeoutInSeconds", COUNT),
                    may("Suspend", STATE),
                    may("SuspendTimeoutInSeconds", COUNT),
                    may("Terminate", STATE),
                    may("TerminateTimeoutInSeconds", COUNT),
                ]),
            ),
            may(
                "MicrovmImageHooks",
                Shape::Model(&[
                    may("Ready", STATE),
                    may("ReadyTimeoutInSeconds", COUNT),
                    may("Validate", STATE),
                    may("ValidateTimeoutInSeconds", COUNT),
                ]),
            ),
        ]),
    ),
    may("EnvironmentVariables", MAP),
    may("PropagateTags", Shape::Flag),
];

/// Properties that the image has to have, empty where the template says nothing.
const OR_NO_MAP: [&str; 2] = ["Logging", "Hooks"];
const OR_NO_LIST: [&str; 4] =
    ["EgressNetworkConnectors", "CpuConfigurations", "Resources", "AdditionalOsCapabilities"];

/// The image and its role.
pub(super) fn expand(source: &Source<'_>, context: &Context) -> Result<Vec<(String, Value)>, Problems> {
    let properties = &source.properties;
    check(source.id, KIND, properties, &PROPERTIES, &REQUIRED)?;
    typed::all_errors(source.id, properties, &FIELDS)?;
    let own = truthy(properties, "Tags").and_then(Value::as_object).cloned().unwrap_or_default();
    let propagated = properties.get("PropagateTags").is_some_and(is_truthy).then_some(&own);
    let code = member(properties, "CodeUri").cloned().unwrap_or_default();
    let resolved = context.with_parameters(&code);
    // What a function's text says of parameters is filled in for good; a reference as a whole stays.
    let code = if resolved.is_object() { resolved.clone() } else { code };
    let mut parts = Vec::new();
    let role_id = format!("{}BuildRole", source.id);
    let role = match truthy(properties, "BuildRoleArn") {
        Some(role) => role.clone(),
        None => {
            let bucket = bucket(source.id, &code, &resolved)?;
            let role = build_role(&bucket, tags(&Map::new(), propagated));
            parts.push((role_id.clone(), source.part("AWS::IAM::Role", role)));
            attribute(&role_id, "Arn")
        }
    };
    let mut image = Map::from_iter([
        ("CodeArtifact".to_owned(), json!({ "Uri": code })),
        ("BuildRoleArn".to_owned(), role),
        ("Tags".to_owned(), tags(&own, propagated)),
        ("EnvironmentVariables".to_owned(), environment(properties)),
    ]);
    for name in ["Name", "BaseImageArn", "BaseImageVersion"] {
        image.extend(member(properties, name).map(|value| (name.to_owned(), value.clone())));
    }
    let lists = OR_NO_LIST.iter().map(|name| (*name, json!([])));
    let empty = OR_NO_MAP.iter().map(|name| (*name, json!({}))).chain(lists);
    for (name, empty) in empty.chain([("Description", json!(""))]) {
        let value = truthy(properties, name).cloned().unwrap_or(empty);
        image.insert(name.to_owned(), value);
    }
    parts.push((source.id.to_owned(), source.whole("AWS::Lambda::MicrovmImage", image)));
    Ok(parts)
}

fn environment(properties: &Map<String, Value>) -> Value {
    let given = truthy(properties, "EnvironmentVariables").and_then(Value::as_object).into_iter().flatten();
    given.map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn build_role(bucket: &Value, tags: Value) -> Map<String, Value> {
    let statements = json!([
        { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": bucket },
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        },
    ]);
    let policy = json!({
        "PolicyName": "MicrovmImageBuildPolicy",
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    });
    Map::from_iter([
        ("AssumeRolePolicyDocument".to_owned(), policy::trust("lambda.amazonaws.com")),
        ("Policies".to_owned(), json!([policy])),
        ("Tags".to_owned(), tags),
    ])
}

/// The objects of the bucket that the code lies in; where that is known at deployment only, CloudFormation cuts it out.
fn bucket(id: &str, code: &Value, resolved: &Value) -> Result<Value, Problems> {
    let Some(address) = resolved.as_str().and_then(|text| text.strip_prefix("s3://")) else {
        let bucket = json!({ "Fn::Select": [2, { "Fn::Split": ["/", code] }] });
        return Ok(json!({ "Fn::Sub": ["arn:${AWS::Partition}:s3:::${Bucket}/*", { "Bucket": bucket }] }));
    };
    match address.split('/').next().filter(|bucket| !bucket.is_empty()) {
        Some(bucket) => Ok(json!({ "Fn::Sub": format!("arn:${{AWS::Partition}}:s3:::{bucket}/*") })),
        None => {
            let message = "CodeUri must be a valid S3 URI with a bucket name (e.g. s3://bucket/key.zip).";
            Err(Problems::resource(id, message))
        }
    }
}
