//! `AWS::Serverless::Function`: the function, its role, its version and alias, and what its events need.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::event;
use super::location::s3_location;
use super::references::Generated;
use super::role;
use super::value::{Kind, attribute, check, if_parts, is_no_value, is_truthy, member, reference, truthy};
use super::version;
use super::{deployment, invoke, rules, url};

pub(super) const KIND: &str = "AWS::Serverless::Function";

const PROPERTIES: [(&str, Kind); 49] = [
    ("FunctionName", Kind::TextOrMap),
    ("Handler", Kind::Any),
    ("Runtime", Kind::Any),
    ("CodeUri", Kind::Any),
    ("ImageUri", Kind::Any),
    ("PackageType", Kind::Any),
    ("InlineCode", Kind::Any),
    ("DeadLetterQueue", Kind::Map),
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
    ("DeploymentPreference", Kind::Map),
    ("ReservedConcurrentExecutions", Kind::Any),
    ("Layers", Kind::TextOrMapList),
    ("EventInvokeConfig", Kind::Map),
    ("EphemeralStorage", Kind::Any),
    ("AutoPublishAlias", Kind::SomeText),
    ("AutoPublishCodeSha256", Kind::SomeText),
    ("AutoPublishAliasAllProperties", Kind::PlainFlag),
    ("VersionDescription", Kind::Any),
    ("ProvisionedConcurrencyConfig", Kind::Any),
    ("FileSystemConfigs", Kind::Any),
    ("ImageConfig", Kind::Any),
    ("CodeSigningConfigArn", Kind::Any),
    ("Architectures", Kind::Any),
    ("SnapStart", Kind::Map),
    ("FunctionUrlConfig", Kind::Map),
    ("RuntimeManagementConfig", Kind::Any),
    ("LoggingConfig", Kind::Any),
    ("RecursiveLoop", Kind::Any),
    ("SourceKMSKeyArn", Kind::Any),
    ("CapacityProviderConfig", Kind::Map),
    ("FunctionScalingConfig", Kind::Map),
    ("VersionDeletionPolicy", Kind::DeleteOrRetain),
    ("PublishToLatestPublished", Kind::Any),
    ("TenancyConfig", Kind::Any),
    ("DurableConfig", Kind::Map),
];

/// Properties that the function takes over as they are.
const SAME: [&str; 22] = [
    "Handler",
    "Runtime",
    "Description",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Role",
    "Environment",
    "KmsKeyArn",
    "ReservedConcurrentExecutions",
    "Layers",
    "FileSystemConfigs",
    "ImageConfig",
    "PackageType",
    "Architectures",
    "SnapStart",
    "EphemeralStorage",
    "CodeSigningConfigArn",
    "RuntimeManagementConfig",
    "LoggingConfig",
    "TenancyConfig",
    "RecursiveLoop",
];

const RESERVED_TAGS: [&str; 3] =
    ["lambda:createdBy", "serverlessrepo:applicationId", "serverlessrepo:semanticVersion"];

/// All that a function becomes.
pub(super) fn expand(
    source: &Source<'_>,
    context: &mut Context,
    generated: &mut Generated,
) -> Result<Vec<(String, Value)>, Problems> {
    role::check_templates(source)?;
    check(source.id, KIND, &source.properties, &PROPERTIES, &[])?;
    event::link(source, context)?;
    rules::check(source)?;
    let mut function = base_function(source, context)?;
    let mut more = Vec::new();
    let mut alias: Option<(String, String)> = None;
    if truthy(&source.properties, "AutoPublishAlias").is_some() {
        let published = version::expand(source, context, &mut function)?;
        generated.add(source.id, "Version", &published.version.0);
        generated.add(source.id, "Alias", &published.alias.0);
        alias = Some((published.alias.0.clone(), published.name));
        more.extend([published.version, published.alias]);
    }
    let alias_id = alias.as_ref().map(|(id, _)| id.as_str());
    let target = event::Target { source, alias: alias_id };
    more.extend(url::expand(&target)?);
    if let Some(policy) = deployment::add(source, alias_id, context)?
        && let Some((_, alias)) = more.iter_mut().find(|(id, _)| Some(id.as_str()) == alias_id)
        && let Some(alias) = alias.as_object_mut()
    {
        alias.insert("UpdatePolicy".to_owned(), policy);
    }
    let mut policies = Vec::new();
    if let Some(config) = truthy(&source.properties, "DeadLetterQueue") {
        let action = if config.get("Type").is_some_and(|kind| kind == "SQS") {
            "sqs:SendMessage"
        } else {
            "sns:Publish"
        };
        let target = config.get("TargetArn").cloned().unwrap_or_default();
        policies.push(super::policy::dead_letters(action, &target));
    }
    if truthy(&source.properties, "EventInvokeConfig").is_some() {
        let invoke = invoke::expand(source, alias.as_ref(), context)?;
        for (id, resource) in &invoke.resources {
            match resource.get("Type").and_then(Value::as_str) {
                Some("AWS::SNS::Topic") => generated.add(source.id, "DestinationTopic", id),
                Some("AWS::SQS::Queue") => generated.add(source.id, "DestinationQueue", id),
                _ => {}
            }
        }
        more.extend(invoke.resources);
        policies.extend(invoke.policies);
    }
    let (role_id, mut role) = role::expand(source, context, policies)?;
    let keep = set_role(source, context, &mut function, &role_id, &mut role)?;
    let events = event::expand(&target, context, &mut role)?;
    for (id, resource) in &events {
        match resource.get("Type").and_then(Value::as_str) {
            Some("AWS::SNS::Topic") => generated.add(source.id, "DestinationTopic", id),
            Some("AWS::SQS::Queue") => generated.add(source.id, "DestinationQueue", id),
            _ => {}
        }
    }
    more.extend(keep.then_some((role_id, role)));
    more.extend(events);
    let mut resources = vec![(source.id.to_owned(), source.whole("AWS::Lambda::Function", function))];
    resources.extend(more);
    if source.properties.get("PropagateTags").is_some_and(is_truthy) {
        super::value::propagate_tags(truthy(&source.properties, "Tags"), &mut resources);
    }
    Ok(resources)
}

/// SAM's own tags may not be set.
pub(super) fn check_tags(source: &Source<'_>) -> Result<(), Problems> {
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
    check_tags(source)?;
    function.insert("Tags".to_owned(), role::tags(source).into());
    if let Some(tracing) = truthy(properties, "Tracing")
        && context.with_parameters(tracing) != "Disabled"
    {
        function.insert("TracingConfig".to_owned(), json!({ "Mode": tracing }));
    }
    if let Some(target) = truthy(properties, "DeadLetterQueue").and_then(|queue| queue.get("TargetArn")) {
        function.insert("DeadLetterConfig".to_owned(), json!({ "TargetArn": target }));
    }
    for name in ["DurableConfig", "PublishToLatestPublished"] {
        if let Some(value) = member(properties, name) {
            function.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(config) = truthy(properties, "CapacityProviderConfig") {
        function.insert("CapacityProviderConfig".to_owned(), rules::capacity_provider(source.id, config)?);
    }
    if let Some(config) = truthy(properties, "FunctionScalingConfig") {
        function.insert("FunctionScalingConfig".to_owned(), config.clone());
    }
    rules::check_package(source.id, &function)?;
    Ok(function)
}

fn code(source: &Source<'_>) -> Result<Value, Problems> {
    let properties = &source.properties;
    let refuse = |message: String| Err(Problems::resource(source.id, message));
    let package = truthy(properties, "PackageType").map_or(json!("Zip"), Value::clone);
    if package == "Image" {
        let Some(uri) = member(properties, "ImageUri") else {
            return refuse("'ImageUri' must be set.".to_owned());
        };
        if !is_truthy(uri) {
            return refuse("'ImageUri' requires that a image hosted at a registry be specified.".to_owned());
        }
        return Ok(json!({ "ImageUri": uri }));
    }
    if package != "Zip" {
        return refuse(format!("invalid 'PackageType' : {}", super::value::shown(&package)));
    }
    let mut code = match (member(properties, "InlineCode"), member(properties, "CodeUri")) {
        (Some(inline), _) => Map::from_iter([("ZipFile".to_owned(), inline.clone())]),
        (None, Some(uri)) => s3_location(source.id, "CodeUri", uri)?,
        (None, None) => return refuse("Only one of 'InlineCode' or 'CodeUri' can be set.".to_owned()),
    };
    if let Some(key) = truthy(properties, "SourceKMSKeyArn") {
        code.insert("SourceKMSKeyArn".to_owned(), key.clone());
    }
    Ok(Value::Object(code))
}

/// Gives the function its role, and says whether the generated one is part of the template.
fn set_role(
    source: &Source<'_>,
    context: &mut Context,
    function: &mut Map<String, Value>,
    role_id: &str,
    role: &mut Value,
) -> Result<bool, Problems> {
    let arn = attribute(role_id, "Arn");
    let Some(given) = function.get("Role").map(|role| context.with_parameters(role)) else {
        function.insert("Role".to_owned(), arn);
        return Ok(true);
    };
    let malformed = |why| Problems::resource(source.id, format_args!("Malformed 'Role' property: {why}."));
    let Some(parts) = function.get("Role").and_then(if_parts) else { return Ok(false) };
    parts.map_err(malformed)?;
    let Some(Ok([condition, yes, no])) = if_parts(&given) else { return Ok(false) };
    let name = condition.as_str().unwrap_or_default();
    let (chosen, exists_under) = match (is_no_value(yes), is_no_value(no)) {
        (true, true) => (arn, None),
        (true, false) => (json!({ "Fn::If": [condition, arn, no] }), Some(name.to_owned())),
        (false, true) => {
            let negated = format!("NOT{name}");
            context.conditions.insert(negated.clone(), json!({ "Fn::Not": [{ "Condition": condition }] }));
            (json!({ "Fn::If": [condition, yes, arn] }), Some(negated))
        }
        (false, false) => return Ok(false),
    };
    function.insert("Role".to_owned(), chosen);
    if let (Some(condition), Some(role)) = (exists_under, role.as_object_mut()) {
        role.insert("Condition".to_owned(), condition.into());
    }
    Ok(true)
}

/// What an event or alias calls the function by.
pub(super) fn name_of(id: &str) -> Value {
    reference(id)
}
