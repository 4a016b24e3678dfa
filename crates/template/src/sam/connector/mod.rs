//! `AWS::Serverless::Connector`: what one resource may do to another, as policies and permissions.
//!
//! Runs last, since it looks at what the other resources became. Which pairs there are, and what each is granted, is in the
//! facts; what the facts do not have is refused.

mod embedded;
mod facts;
mod reference;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

pub(super) use embedded::take_out;

use super::context::Source;
use super::error::Problems;
use super::value::{Kind, check, is_truthy};
use facts::{Pair, fill};
use reference::Reference;

pub(super) const KIND: &str = "AWS::Serverless::Connector";

const PROPERTIES: [(&str, Kind); 3] =
    [("Source", Kind::MapOfAny), ("Destination", Kind::MapOrMaps), ("Permissions", Kind::Texts)];

/// The resources that a template becomes, and those that it was.
pub(super) struct Template<'a> {
    pub(super) resources: &'a mut Map<String, Value>,
    pub(super) original: &'a Map<String, Value>,
}

/// What one connector grants to one destination.
struct Grant<'a> {
    source: &'a Source<'a>,
    from: &'a Reference,
    to: &'a Reference,
    /// What ends the ids of what it makes: the number of the destination where there are several.
    ending: String,
    permissions: Vec<&'a str>,
}

/// Puts policies and permissions in the place of every connector.
pub(super) fn expand_all(template: &mut Template<'_>, problems: &mut Problems) {
    let connectors: Vec<(String, Map<String, Value>)> = template
        .original
        .iter()
        .filter(|(_, body)| body.get("Type").is_some_and(|kind| kind == KIND))
        .filter_map(|(id, body)| Some((id.clone(), body.as_object()?.clone())))
        .collect();
    for (id, body) in connectors {
        let source = Source::new(&id, &body);
        let Some(parts) = problems.collect(expand(&source, template)) else { continue };
        let ids: Vec<String> = parts.iter().map(|(id, _)| id.clone()).collect();
        replace_in_depends_on(template.resources, &id, &ids);
        template.resources.shift_remove(&id);
        for (part, body) in parts {
            if template.original.contains_key(&part) {
                let kind = body.get("Type").and_then(Value::as_str).unwrap_or_default();
                problems.collect::<()>(Err(Problems::taken(&id, &part, kind)));
                continue;
            }
            template.resources.insert(part, body);
        }
    }
}

/// What a connector of no template grants: the transform's own, between two resources told by their parts.
pub(super) fn between(
    id: &str,
    from: &Value,
    to: &Value,
    permissions: &Value,
) -> Result<Vec<(String, Value)>, Problems> {
    let properties = json!({ "Source": from, "Destination": to, "Permissions": permissions });
    let body = Map::from_iter([("Type".to_owned(), KIND.into()), ("Properties".to_owned(), properties)]);
    let mut template = Template { resources: &mut Map::new(), original: &Map::new() };
    expand(&Source::new(id, &body), &mut template)
}

fn expand(source: &Source<'_>, template: &mut Template<'_>) -> Result<Vec<(String, Value)>, Problems> {
    check(source.id, KIND, &source.properties, &PROPERTIES, &["Source", "Destination", "Permissions"])?;
    let refuse = |message: String| Problems::resource(source.id, message);
    let empty = Map::new();
    let member = |name: &str| source.properties.get(name);
    let from = member("Source").and_then(Value::as_object).unwrap_or(&empty);
    let (many, destinations): (bool, Vec<&Map<String, Value>>) = match member("Destination") {
        Some(Value::Array(list)) => (true, list.iter().filter_map(Value::as_object).collect()),
        Some(Value::Object(one)) => (false, vec![one]),
        _ => (true, Vec::new()),
    };
    let asked: Vec<&str> = match member("Permissions") {
        Some(Value::Array(names)) => names.iter().map(|name| name.as_str().unwrap_or_default()).collect(),
        // No function is seen through here: its name is no permission.
        Some(Value::Object(function)) => function.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let mut made = Vec::new();
    for (number, to) in destinations.iter().enumerate() {
        let destination = reference::read(to, template.resources, from).map_err(refuse)?;
        let origin = reference::read(from, template.resources, to).map_err(refuse)?;
        let ending = if many { format!("Destination{number}") } else { String::new() };
        let pair = facts::pair(&origin.kind, &destination.kind).ok_or_else(|| {
            refuse(format!(
                "Unable to create connector from {} to {}; it's not supported or the template is invalid.",
                origin.kind, destination.kind
            ))
        })?;
        let permissions = pair.permissions(&asked, &origin.kind, &destination.kind).map_err(refuse)?;
        let grant = Grant { source, from: &origin, to: &destination, ending, permissions };
        let mut parts = grant.make(&pair, template.resources).map_err(refuse)?;
        for (_, body) in &mut parts {
            grant.tell(body, template.original);
        }
        made.extend(parts);
    }
    if made.is_empty() {
        return Err(refuse("'Destination' is an empty list".to_owned()));
    }
    Ok(made)
}

impl Grant<'_> {
    fn make(&self, pair: &Pair, resources: &mut Map<String, Value>) -> Result<Vec<(String, Value)>, String> {
        let values = self.values();
        let categories = fill(&pair.categories, &values)?;
        let categories = categories.as_object().cloned().unwrap_or_default();
        let (holder, side) =
            if pair.source_policy { (self.from, "Source") } else { (self.to, "Destination") };
        let of = |what: &str, value: Option<&Value>| {
            let value = value.filter(|value| is_truthy(value)).cloned();
            value.ok_or_else(|| format!("Unable to get {what} from '{side}' resource."))
        };
        let id = |name: &str| format!("{}{name}{}", self.source.id, self.ending);
        let policy = |kind: &str, members: [(&str, Value); 1]| {
            let mut properties = Map::from_iter([("PolicyDocument".to_owned(), self.document(&categories))]);
            properties.extend(members.map(|(name, value)| (name.to_owned(), value)));
            self.source.whole(kind, properties)
        };
        Ok(match pair.kind.as_str() {
            "AWS_IAM_ROLE_MANAGED_POLICY" => {
                let role = of("IAM role name", holder.role_name.as_ref())?;
                let id = id("Policy");
                self.order(pair, &id, resources);
                vec![(id, policy("AWS::IAM::ManagedPolicy", [("Roles", json!([role]))]))]
            }
            "AWS_SQS_QUEUE_POLICY" => {
                let url = of("SQS queue URL", holder.queue_url.as_ref())?;
                vec![(id("QueuePolicy"), policy("AWS::SQS::QueuePolicy", [("Queues", json!([url]))]))]
            }
            "AWS_SNS_TOPIC_POLICY" => {
                let arn = of("SNS topic ARN", holder.arn.as_ref())?;
                vec![(id("TopicPolicy"), policy("AWS::SNS::TopicPolicy", [("Topics", json!([arn]))]))]
            }
            _ => {
                let arn = of("Lambda function ARN", holder.arn.as_ref())?;
                let wanted = categories.iter().filter(|(name, _)| self.permissions.contains(&name.as_str()));
                let permission = |(name, granted): (&String, &Value)| {
                    let mut properties = Map::new();
                    for member in ["Action", "Principal", "SourceArn", "SourceAccount"] {
                        properties
                            .extend(granted.get(member).map(|value| (member.to_owned(), value.clone())));
                    }
                    properties.insert("FunctionName".to_owned(), arn.clone());
                    let body = self.source.whole("AWS::Lambda::Permission", properties);
                    (id(&format!("{name}LambdaPermission")), body)
                };
                wanted.map(permission).collect()
            }
        })
    }

    fn values(&self) -> IndexMap<String, Option<Value>> {
        let mut values = IndexMap::new();
        for (name, of) in [("Source", self.from), ("Destination", self.to)] {
            values.insert(format!("{name}.Arn"), of.arn.clone());
            values.insert(format!("{name}.ResourceId"), of.resource_id.clone());
            values.insert(format!("{name}.Name"), of.name.clone());
            values.insert(format!("{name}.Qualifier"), of.qualifier.clone());
        }
        values
    }

    fn document(&self, categories: &Map<String, Value>) -> Value {
        let wanted = categories.iter().filter(|(name, _)| self.permissions.contains(&name.as_str()));
        let statements = wanted.filter_map(|(_, granted)| granted.get("Statement")?.as_array());
        json!({ "Version": "2012-10-17", "Statement": statements.flatten().collect::<Vec<_>>() })
    }

    /// What is of no use before it may do what it does waits for its policy.
    fn order(&self, pair: &Pair, policy: &str, resources: &mut Map<String, Value>) {
        let (Some(from), Some(to)) = (&self.from.logical_id, &self.to.logical_id) else {
            if let (Some("SOURCE"), Some(from)) = (pair.depended_by.as_deref(), &self.from.logical_id) {
                depend(resources, from, policy);
            }
            return;
        };
        match pair.depended_by.as_deref() {
            Some("SOURCE") => depend(resources, from, policy),
            Some("DESTINATION_EVENT_SOURCE_MAPPING") => {
                // There is one mapping from a resource to a function at most, or the deployment fails.
                if let [mapping] = mappings(resources, from, to).as_slice() {
                    depend(resources, mapping, policy);
                }
            }
            _ => {}
        }
    }

    /// Notes on what it makes which types it connects, as the template called them.
    fn tell(&self, body: &mut Value, original: &Map<String, Value>) {
        let kind = |of: &Reference| {
            let resource = of.logical_id.as_ref().and_then(|id| original.get(id));
            let own = resource.and_then(|resource| resource.get("Type")).cloned();
            own.unwrap_or_else(|| of.kind.clone().into())
        };
        let note = json!({ self.source.id: {
            "Source": { "Type": kind(self.from) },
            "Destination": { "Type": kind(self.to) },
        } });
        let Some(body) = body.as_object_mut() else { return };
        let metadata = body.entry("Metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("aws:sam:connectors".to_owned(), note);
        }
    }
}

fn texts(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(list)) => list.clone(),
        Some(one) if is_truthy(one) => vec![one.clone()],
        _ => Vec::new(),
    }
}

fn depend(resources: &mut Map<String, Value>, id: &str, on: &str) {
    let Some(resource) = resources.get_mut(id).and_then(Value::as_object_mut) else { return };
    let mut names = texts(resource.get("DependsOn"));
    if !names.iter().any(|name| name == on) {
        names.push(on.into());
    }
    resource.insert("DependsOn".to_owned(), names.into());
}

/// Whoever waits for a connector waits for what it becomes.
fn replace_in_depends_on(resources: &mut Map<String, Value>, id: &str, ids: &[String]) {
    for resource in resources.values_mut().filter_map(Value::as_object_mut) {
        let mut names = texts(resource.get("DependsOn"));
        let Some(at) = names.iter().position(|name| name == id) else { continue };
        names.remove(at);
        for new in ids {
            if !names.iter().any(|name| name == new) {
                names.push(new.as_str().into());
            }
        }
        resource.insert("DependsOn".to_owned(), names.into());
    }
}

/// The mappings from a source of events to a function.
fn mappings(resources: &Map<String, Value>, from: &str, to: &str) -> Vec<String> {
    let is_it = |resource: &Value| {
        let named = |name: &str| {
            let value = resource.get("Properties").and_then(|properties| properties.get(name))?;
            reference::logical_id(value)
        };
        resource.get("Type").is_some_and(|kind| kind == "AWS::Lambda::EventSourceMapping")
            && named("FunctionName") == Some(to)
            && named("EventSourceArn") == Some(from)
    };
    resources.iter().filter(|(_, resource)| is_it(resource)).map(|(id, _)| id.clone()).collect()
}
