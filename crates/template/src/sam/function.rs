//! `AWS::Serverless::Function`: the function, its role, its version and alias, and what its events need.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::event;
use super::references::Generated;
use super::role;
use super::value::{Kind, check, is_no_value, member, reference, single, tag_list, truthy};
use super::version;

pub(super) const KIND: &str = "AWS::Serverless::Function";

const PROPERTIES: [(&str, Kind); 49] = [
    ("FunctionName", Kind::TextOrMap),
    ("Handler", Kind::Any),
    ("Runtime", Kind::Any),
    ("CodeUri", Kind::Any),
    ("ImageUri", Kind::Unsupported),
    ("PackageType", Kind::Any),
    ("InlineCode", Kind::Any),
    ("DeadLetterQueue", Kind::Unsupported),
    ("Description", Kind::Any),
    ("MemorySize", Kind::Any),
    ("Timeout", Kind::Any),
    ("VpcConfig", Kind::Any),
    ("Role", Kind::Text),
    ("AssumeRolePolicyDocument", Kind::Map),
    ("Policies", Kind::Policies),
    ("RolePath", Kind::Any),
    ("PermissionsBoundary", Kind::Text),
    ("Environment", Kind::MapOfMaps),
    ("Events", Kind::MapOfMaps),
    ("Tags", Kind::Map),
    ("PropagateTags", Kind::Flag),
    ("Tracing", Kind::TextOrMap),
    ("KmsKeyArn", Kind::Any),
    ("DeploymentPreference", Kind::Unsupported),
    ("ReservedConcurrentExecutions", Kind::Any),
    ("Layers", Kind::TextOrMapList),
    ("EventInvokeConfig", Kind::Unsupported),
    ("EphemeralStorage", Kind::Any),
    ("AutoPublishAlias", Kind::Text),
    ("AutoPublishCodeSha256", Kind::Text),
    ("AutoPublishAliasAllProperties", Kind::PlainFlag),
    ("VersionDescription", Kind::Any),
    ("ProvisionedConcurrencyConfig", Kind::Unsupported),
    ("FileSystemConfigs", Kind::Any),
    ("ImageConfig", Kind::Unsupported),
    ("CodeSigningConfigArn", Kind::Any),
    ("Architectures", Kind::Any),
    ("SnapStart", Kind::Map),
    ("FunctionUrlConfig", Kind::Unsupported),
    ("RuntimeManagementConfig", Kind::Any),
    ("LoggingConfig", Kind::Any),
    ("RecursiveLoop", Kind::Any),
    ("SourceKMSKeyArn", Kind::Any),
    ("CapacityProviderConfig", Kind::Unsupported),
    ("FunctionScalingConfig", Kind::Unsupported),
    ("VersionDeletionPolicy", Kind::Text),
    ("PublishToLatestPublished", Kind::Unsupported),
    ("TenancyConfig", Kind::Unsupported),
    ("DurableConfig", Kind::Unsupported),
];

/// Properties that the function takes over as they are.
const SAME: [&str; 18] = [
    "Handler",
    "Runtime",
    "Description",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Environment",
    "KmsKeyArn",
    "ReservedConcurrentExecutions",
    "Layers",
    "FileSystemConfigs",
    "PackageType",
    "Architectures",
    "SnapStart",
    "EphemeralStorage",
    "CodeSigningConfigArn",
    "RuntimeManagementConfig",
    "LoggingConfig",
];

const RESERVED_TAGS: [&str; 3] =
    ["lambda:createdBy", "serverlessrepo:applicationId", "serverlessrepo:semanticVersion"];

/// All that a function becomes.
pub(super) fn expand(
    source: &Source<'_>,
    context: &mut Context,
    generated: &mut Generated,
) -> Result<Vec<(String, Value)>, Problems> {
    check(source.id, KIND, &source.properties, &PROPERTIES)?;
    check_tags(source)?;
    let mut function = base_function(source, context)?;
    let mut more = Vec::new();
    let mut alias = None;
    if truthy(&source.properties, "AutoPublishAlias").is_some() {
        let published = version::expand(source, context, &mut function)?;
        generated.add(source.id, "Version", &published.version.0);
        generated.add(source.id, "Alias", &published.alias.0);
        alias = Some(published.alias.0.clone());
        more.extend([published.version, published.alias]);
    } else if member(&source.properties, "VersionDeletionPolicy").is_some() {
        return Err(Problems::resource(source.id, "'VersionDeletionPolicy' requires 'AutoPublishAlias'."));
    }
    more.extend(set_role(source, context, &mut function)?);
    let target = event::Target { source, alias: alias.as_deref() };
    more.extend(event::expand(&target, context)?);
    if source.properties.get("PropagateTags") == Some(&Value::Bool(true)) {
        propagate_tags(source, &mut function, &mut more);
    }
    let mut resources = vec![(source.id.to_owned(), source.whole("AWS::Lambda::Function", function))];
    resources.extend(more);
    Ok(resources)
}

fn check_tags(source: &Source<'_>) -> Result<(), Problems> {
    let tags = source.properties.get("Tags").and_then(Value::as_object);
    match RESERVED_TAGS.iter().find(|name| tags.is_some_and(|tags| tags.contains_key(**name))) {
        None => Ok(()),
        Some(name) => Err(Problems::resource(
            source.id,
            format_args!(
                "{name} is a reserved Tag key name and cannot be set on your resource. Please change the tag key in \
                 the input."
            ),
        )),
    }
}

fn base_function(source: &Source<'_>, context: &Context) -> Result<Map<String, Value>, Problems> {
    let properties = &source.properties;
    let mut function = Map::new();
    if let Some(name) = truthy(properties, "FunctionName") {
        function.insert("FunctionName".to_owned(), name.clone());
    }
    for name in SAME.into_iter().chain(["Role", "RecursiveLoop"]) {
        if let Some(value) = member(properties, name) {
            function.insert(name.to_owned(), value.clone());
        }
    }
    function.insert("Code".to_owned(), code(source)?);
    function.insert("Tags".to_owned(), role::tags(source).into());
    if let Some(tracing) = truthy(properties, "Tracing")
        && context.with_parameters(tracing) != "Disabled"
    {
        function.insert("TracingConfig".to_owned(), json!({ "Mode": tracing }));
    }
    match member(properties, "PackageType").map(|kind| kind == "Zip") {
        None | Some(true) => {}
        Some(false) => {
            return Err(Problems::resource(source.id, "PackageType must be `Zip` on this platform."));
        }
    }
    if truthy(properties, "Runtime").is_none() || truthy(properties, "Handler").is_none() {
        return Err(Problems::resource(
            source.id,
            "Runtime and Handler needs to be present when PackageType is of type `Zip`",
        ));
    }
    Ok(function)
}

fn code(source: &Source<'_>) -> Result<Value, Problems> {
    let properties = &source.properties;
    let mut code = match (member(properties, "InlineCode"), member(properties, "CodeUri")) {
        (Some(inline), _) => Map::from_iter([("ZipFile".to_owned(), inline.clone())]),
        (None, Some(uri)) => s3_location(source.id, uri)?,
        (None, None) => {
            return Err(Problems::resource(source.id, "Only one of 'InlineCode' or 'CodeUri' can be set."));
        }
    };
    if let Some(key) = truthy(properties, "SourceKMSKeyArn") {
        code.insert("SourceKMSKeyArn".to_owned(), key.clone());
    }
    Ok(Value::Object(code))
}

/// `s3://bucket/key?versionId=v`, or the same as a map.
fn s3_location(id: &str, uri: &Value) -> Result<Map<String, Value>, Problems> {
    let (bucket, key, version) = match uri {
        Value::Object(map) => match (truthy(map, "Bucket"), truthy(map, "Key")) {
            (Some(bucket), Some(key)) => (bucket.clone(), key.clone(), map.get("Version").cloned()),
            _ => {
                let message = "'CodeUri' requires Bucket and Key properties to be specified.";
                return Err(Problems::resource(id, message));
            }
        },
        Value::String(text) => {
            let parts = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
            let Some((bucket, rest)) = parts.filter(|(bucket, rest)| !bucket.is_empty() && !rest.is_empty())
            else {
                return Err(Problems::resource(
                    id,
                    "'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query \
                     parameter.",
                ));
            };
            let (key, query) = rest.split_once('?').unwrap_or((rest, ""));
            let version = query.split('&').find_map(|pair| pair.strip_prefix("versionId="));
            (json!(bucket), json!(key.trim_start_matches('/')), version.map(Value::from))
        }
        _ => return Err(Problems::resource(id, "'CodeUri' must be of type dict or string.")),
    };
    let mut code = Map::from_iter([("S3Bucket".to_owned(), bucket), ("S3Key".to_owned(), key)]);
    if let Some(version) = version {
        code.insert("S3ObjectVersion".to_owned(), version);
    }
    Ok(code)
}

/// Gives the function its role, and says which role resource that takes.
fn set_role(
    source: &Source<'_>,
    context: &mut Context,
    function: &mut Map<String, Value>,
) -> Result<Option<(String, Value)>, Problems> {
    // Built even where the function brings its own role, so that wrong policies are told.
    let (role_id, mut role) = role::expand(source, context)?;
    let arn = json!({ "Fn::GetAtt": [role_id, "Arn"] });
    let given = function.get("Role").map(|role| context.with_parameters(role));
    let Some(given) = given else {
        function.insert("Role".to_owned(), arn);
        return Ok(Some((role_id, role)));
    };
    let Some(("Fn::If", branches)) = single(&given) else { return Ok(None) };
    let Some([Value::String(condition), yes, no]) = branches.as_array().map(Vec::as_slice) else {
        return Err(Problems::resource(source.id, "Malformed 'Role' property: Fn::If requires 3 arguments."));
    };
    let (chosen, exists_under) = match (is_no_value(yes), is_no_value(no)) {
        (true, true) => (arn, None),
        (true, false) => (json!({ "Fn::If": [condition, arn, no] }), Some(condition.clone())),
        (false, true) => {
            let negated = format!("NOT{condition}");
            context.conditions.insert(negated.clone(), json!({ "Fn::Not": [{ "Condition": condition }] }));
            (json!({ "Fn::If": [condition, yes, arn] }), Some(negated))
        }
        (false, false) => return Ok(None),
    };
    function.insert("Role".to_owned(), chosen);
    if let (Some(condition), Some(role)) = (exists_under, role.as_object_mut()) {
        role.insert("Condition".to_owned(), condition.into());
    }
    Ok(Some((role_id, role)))
}

fn propagate_tags(source: &Source<'_>, function: &mut Map<String, Value>, more: &mut [(String, Value)]) {
    let Some(tags) = truthy(&source.properties, "Tags") else { return };
    let tags = Value::from(tag_list(Some(tags)));
    function.insert("Tags".to_owned(), tags.clone());
    for (_, resource) in more {
        let is_role = resource.get("Type").is_some_and(|kind| kind == "AWS::IAM::Role");
        if let (true, Some(properties)) =
            (is_role, resource.get_mut("Properties").and_then(Value::as_object_mut))
        {
            properties.insert("Tags".to_owned(), tags.clone());
        }
    }
}

/// What an event or alias calls the function by.
pub(super) fn name_of(id: &str) -> Value {
    reference(id)
}
