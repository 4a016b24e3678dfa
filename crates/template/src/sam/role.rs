//! A function's execution role, from its `Policies`: managed policies, statements and SAM policy templates.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::value::{is_intrinsic, is_no_value, member, single, tag_list, truthy};

/// Facts carried over from the published transform; written by `xtask/python/sam_policy_templates.py`.
#[derive(Deserialize)]
struct Facts {
    templates: BTreeMap<String, PolicyTemplate>,
    managed: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct PolicyTemplate {
    parameters: Vec<String>,
    document: Value,
}

static FACTS: LazyLock<Facts> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../models/sam-policy-templates.json"))
        // SECURITY: without the facts every policy template is unknown, and so refused.
        .unwrap_or_else(|_| Facts { templates: BTreeMap::new(), managed: BTreeMap::new() })
});

pub(super) fn managed_arn(path: &str) -> String {
    format!("arn:{}:iam::aws:policy/{path}", base::PARTITION)
}

/// The ARN of an AWS managed policy, or the text as it is.
fn arn_of(name: &str) -> String {
    match FACTS.managed.get(name) {
        Some(Some(path)) => managed_arn(path),
        Some(None) => managed_arn(name),
        None => name.to_owned(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Managed,
    Statement,
    Template,
    Unknown,
}

fn form(policy: &Value) -> Result<Form, Problems> {
    if policy.is_string() {
        return Ok(Form::Managed);
    }
    if let Some(("Fn::If", branches)) = single(policy) {
        let Some([_, yes, no]) = branches.as_array().map(Vec::as_slice) else {
            return Err(Problems::structure("Fn::If requires 3 arguments"));
        };
        return match (form(yes)?, form(no)?) {
            (yes, no) if yes == no => Ok(yes),
            (_, other) if is_no_value(yes) => Ok(other),
            (other, _) if is_no_value(no) => Ok(other),
            _ => Err(Problems::structure(
                "Different policy types within the same Fn::If statement is unsupported. Separate different policy \
                 types into different Fn::If statements",
            )),
        };
    }
    if is_intrinsic(policy) {
        return Ok(Form::Managed);
    }
    if policy.as_object().is_some_and(|map| map.contains_key("Statement")) {
        return Ok(Form::Statement);
    }
    let is_template = single(policy).is_some_and(|(name, _)| FACTS.templates.contains_key(name));
    Ok(if is_template { Form::Template } else { Form::Unknown })
}

/// Applies `convert` to both branches of an `Fn::If`, or to the value itself.
fn each_branch(
    value: &Value,
    convert: &dyn Fn(&Value) -> Result<Value, Problems>,
) -> Result<Value, Problems> {
    let Some(("Fn::If", Value::Array(branches))) = single(value) else { return convert(value) };
    let branch = |value: &Value| if is_no_value(value) { Ok(value.clone()) } else { convert(value) };
    match branches.as_slice() {
        [condition, yes, no] => Ok(json!({ "Fn::If": [condition, branch(yes)?, branch(no)?] })),
        _ => Err(Problems::structure("Fn::If requires 3 arguments")),
    }
}

/// Fills a policy template in. The values may hold references of their own, which are left alone.
fn from_template(id: &str, policy: &Value) -> Result<Value, Problems> {
    let Some((name, values)) = single(policy) else {
        return Err(Problems::resource(id, "Policy template is not valid"));
    };
    let Some(template) = FACTS.templates.get(name) else {
        return Err(Problems::resource(id, format_args!("Policy template '{name}' is not known.")));
    };
    let Some(values) = values.as_object() else {
        let message = format_args!("Must specify valid parameter values for policy template '{name}'");
        return Err(Problems::resource(id, message));
    };
    let missing: Vec<String> = template
        .parameters
        .iter()
        .filter(|parameter| !values.contains_key(*parameter))
        .map(|parameter| format!("'{parameter}'"))
        .collect();
    if !missing.is_empty() {
        return Err(Problems::resource(
            id,
            format_args!(
                "Following required parameters of template '{name}' don't have values: [{}]",
                missing.join(", ")
            ),
        ));
    }
    // AWS ignores a parameter that the template has not; a misspelt restriction must not vanish here.
    if let Some(extra) = values.keys().find(|key| !template.parameters.contains(key)) {
        let message = format_args!("Policy template '{name}' has no parameter '{extra}'.");
        return Err(Problems::resource(id, message));
    }
    Ok(fill(&template.document, values))
}

/// What the policy template of this name grants, filled in with these values; `None` where there is no such template.
/// A parameter without a value stays a reference.
pub fn policy_template(name: &str, values: &Map<String, Value>) -> Option<Value> {
    FACTS.templates.get(name).map(|template| fill(&template.document, values))
}

fn fill(node: &Value, values: &Map<String, Value>) -> Value {
    if let Some(("Ref", Value::String(name))) = single(node)
        && let Some(value) = values.get(name)
    {
        return value.clone();
    }
    match node {
        Value::Array(items) => items.iter().map(|item| fill(item, values)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), fill(value, values))).collect())
        }
        leaf => leaf.clone(),
    }
}

/// What `Policies` amounts to.
struct Policies {
    managed: Vec<Value>,
    inline: Vec<Value>,
}

fn entries(policies: Option<&Value>) -> Vec<Value> {
    match policies.filter(|given| super::value::is_truthy(given)) {
        None => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// Looks at a resource's policy templates, which the published transform does before anything else of it.
pub(super) fn check_templates(source: &Source<'_>) -> Result<(), Problems> {
    for policy in entries(source.properties.get("Policies")) {
        if form(&policy)? == Form::Template {
            each_branch(&policy, &|policy| from_template(source.id, policy))?;
        }
    }
    Ok(())
}

fn policies(
    source: &Source<'_>,
    role_id: &str,
    given: Option<&Value>,
    managed: Vec<Value>,
) -> Result<Policies, Problems> {
    let id = source.id;
    let mut result = Policies { managed, inline: Vec::new() };
    let mut problems = Problems::default();
    for (index, policy) in entries(given).iter().enumerate() {
        let name = format!("{role_id}Policy{index}");
        let inline = |document: Value| json!({ "PolicyName": name, "PolicyDocument": document });
        let Some(form) = problems.collect(form(policy)) else { continue };
        let converted = match form {
            Form::Statement => each_branch(policy, &|document| Ok(inline(document.clone()))),
            Form::Template => each_branch(policy, &|policy| Ok(inline(from_template(id, policy)?))),
            Form::Managed => each_branch(policy, &|name| {
                Ok(name.as_str().map_or_else(|| name.clone(), |name| arn_of(name).into()))
            }),
            Form::Unknown => Err(Problems::resource(
                id,
                format_args!("Policy at index {index} in the 'Policies' property is not valid"),
            )),
        };
        let Some(converted) = problems.collect(converted) else { continue };
        if form != Form::Managed {
            result.inline.push(converted);
        } else if !result.managed.contains(&converted) {
            result.managed.push(converted);
        }
    }
    problems.into_result()?;
    Ok(result)
}

/// What a role is made of besides `Policies`.
pub(super) struct Parts {
    pub(super) managed: Vec<Value>,
    pub(super) inline: Vec<Value>,
    pub(super) trust: Value,
    pub(super) tags: Vec<Value>,
    /// `Policies` as the template has it.
    pub(super) policies: Option<Value>,
}

/// The role of a resource: its logical id and its entry.
pub(super) fn build(source: &Source<'_>, parts: Parts) -> Result<(String, Value), Problems> {
    let role_id = format!("{}Role", source.id);
    let policies = policies(source, &role_id, parts.policies.as_ref(), parts.managed)?;
    let mut inline = parts.inline;
    inline.extend(policies.inline);
    let mut role = Map::from_iter([("AssumeRolePolicyDocument".to_owned(), parts.trust)]);
    role.insert("ManagedPolicyArns".to_owned(), policies.managed.into());
    if !inline.is_empty() {
        role.insert("Policies".to_owned(), inline.into());
    }
    for (from, to) in [("RolePath", "Path"), ("PermissionsBoundary", "PermissionsBoundary")] {
        if let Some(value) = member(&source.properties, from) {
            role.insert(to.to_owned(), value.clone());
        }
    }
    role.insert("Tags".to_owned(), parts.tags.into());
    Ok((role_id, source.part("AWS::IAM::Role", role)))
}

/// A function's role. `more` are policies that its other properties need.
pub(super) fn expand(
    source: &Source<'_>,
    context: &Context,
    more: Vec<Value>,
) -> Result<(String, Value), Problems> {
    let durable = truthy(&source.properties, "DurableConfig").is_some();
    let basic =
        if durable { "AWSLambdaBasicDurableExecutionRolePolicy" } else { "AWSLambdaBasicExecutionRole" };
    let mut managed = vec![managed_arn(&format!("service-role/{basic}")).into()];
    let tracing = truthy(&source.properties, "Tracing").map(|tracing| context.with_parameters(tracing));
    if tracing.is_some_and(|tracing| tracing != "Disabled") {
        managed.push(managed_arn("AWSXrayWriteOnlyAccess").into());
    }
    if truthy(&source.properties, "VpcConfig").is_some() {
        managed.push(managed_arn("service-role/AWSLambdaVPCAccessExecutionRole").into());
    }
    let trust = member(&source.properties, "AssumeRolePolicyDocument").cloned();
    let trust = trust.unwrap_or_else(|| super::policy::trust("lambda.amazonaws.com"));
    let policies = source.properties.get("Policies").cloned();
    build(source, Parts { managed, inline: more, trust, tags: tags(source), policies })
}

/// The tags of everything that a function becomes: SAM's own first.
pub(super) fn tags(source: &Source<'_>) -> Vec<Value> {
    let mut tags = vec![json!({ "Key": "lambda:createdBy", "Value": "SAM" })];
    tags.extend(tag_list(source.properties.get("Tags")));
    tags
}
