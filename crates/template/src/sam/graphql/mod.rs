//! `AWS::Serverless::GraphQLApi`: the API, its schema, keys, cache and domain, its data sources and their roles, its functions and
//! resolvers.
//!
//! Looks into no schema and no code.

mod auth;
mod code;
mod shape;
mod sources;

use serde_json::{Map, Value, json};

use crate::limits::TRANSFORMED_MAX;

use super::connector;
use super::context::Source;
use super::error::Problems;
use super::policy;
use super::typed;
use super::value::{Kind, attribute, check, reference, tag_list, truthy};

pub(super) const KIND: &str = "AWS::Serverless::GraphQLApi";

/// Those whose type is looked at before anything else.
const PROPERTIES: [(&str, Kind); 18] = [
    ("Name", Kind::Any),
    ("Tags", Kind::PlainMap),
    ("XrayEnabled", Kind::Any),
    ("Auth", Kind::PlainMap),
    ("SchemaInline", Kind::PlainText),
    ("SchemaUri", Kind::PlainText),
    ("Logging", Kind::FlagOrMap),
    ("DataSources", Kind::PlainMap),
    ("Functions", Kind::PlainMap),
    ("Resolvers", Kind::PlainMap),
    ("ApiKeys", Kind::PlainMap),
    ("DomainName", Kind::PlainMap),
    ("Cache", Kind::PlainMap),
    ("Visibility", Kind::Any),
    ("OwnerContact", Kind::Any),
    ("IntrospectionConfig", Kind::Any),
    ("QueryDepthLimit", Kind::Any),
    ("ResolverCountLimit", Kind::Any),
];

type Part = (String, Value);

/// An API that is expanded.
struct Api<'a> {
    source: &'a Source<'a>,
    /// Its id, as the parts refer to it.
    id: Value,
    properties: Map<String, Value>,
}

/// All that a GraphQL API becomes.
pub(super) fn expand(source: &Source<'_>) -> Result<Vec<Part>, Problems> {
    // The published transform lets names that it does not know pass, and drops them.
    let known: Map<String, Value> = PROPERTIES
        .iter()
        .filter_map(|(name, _)| {
            Some(((*name).to_owned(), super::value::member(&source.properties, name)?.clone()))
        })
        .collect();
    check(source.id, KIND, &known, &PROPERTIES, &["Auth"])?;
    let properties = typed::first_error(source.id, &known, &shape::PROPERTIES)?;
    let api = Api { source, id: attribute(source.id, "ApiId"), properties };
    super::check_count(api.count(), TRANSFORMED_MAX)?;
    let mut parts = api.main()?;
    parts.extend(api.keys()?);
    parts.extend(api.cache());
    let mut names = sources::Names::default();
    parts.extend(sources::expand(&api, &mut names)?);
    parts.extend(api.domain());
    parts.extend(code::expand(&api, &mut names)?);
    Ok(parts)
}

/// Members that are copied where they are there.
fn take(from: &Map<String, Value>, names: &[(&str, &str)], into: &mut Map<String, Value>) {
    for (name, new) in names {
        into.extend(from.get(*name).map(|value| ((*new).to_owned(), value.clone())));
    }
}

/// A map of maps, in the template's order.
fn entries<'a>(
    map: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (&'a String, &'a Map<String, Value>)> {
    let entries = map.get(name).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name, value.as_object()?)))
}

impl Api<'_> {
    /// How many resources there will be at least.
    fn count(&self) -> usize {
        let empty = Map::new();
        let sources = self.properties.get("DataSources").and_then(Value::as_object).unwrap_or(&empty);
        let inside = |map: &Map<String, Value>| -> usize {
            map.values().filter_map(Value::as_object).map(Map::len).sum()
        };
        let resolvers = self.properties.get("Resolvers").and_then(Value::as_object).unwrap_or(&empty);
        let flat = ["ApiKeys", "Functions"].map(|name| entries(&self.properties, name).count());
        flat.iter().sum::<usize>() + inside(sources) + inside(resolvers)
    }

    /// The logical id of a part.
    fn part_id(&self, ending: &str) -> Result<String, Problems> {
        let id = format!("{}{ending}", self.source.id);
        if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(id)
        } else {
            Err(Problems::resource(&id, "Logical ids must be alphanumeric."))
        }
    }

    /// A part of the API: it gets all that the API has besides its properties.
    fn part(&self, kind: &str, properties: Map<String, Value>) -> Value {
        self.source.whole(&format!("AWS::AppSync::{kind}"), properties)
    }

    /// A role that AppSync may assume.
    fn role(&self, managed: Option<Value>) -> Value {
        let trust = policy::trust("appsync.amazonaws.com");
        let mut role = Map::from_iter([("AssumeRolePolicyDocument".to_owned(), trust)]);
        role.extend(managed.map(|managed| ("ManagedPolicyArns".to_owned(), json!([managed]))));
        self.source.whole("AWS::IAM::Role", role)
    }

    /// The API, its schema, what its authorizers need, and the role that it logs with.
    fn main(&self) -> Result<Vec<Part>, Problems> {
        let id = self.source.id;
        let properties = &self.properties;
        let name = truthy(properties, "Name").cloned().unwrap_or_else(|| id.into());
        let mut api = Map::from_iter([("Name".to_owned(), name)]);
        for name in
            ["Visibility", "OwnerContact", "IntrospectionConfig", "QueryDepthLimit", "ResolverCountLimit"]
        {
            api.extend(truthy(properties, name).map(|value| (name.to_owned(), value.clone())));
        }
        take(properties, &[("XrayEnabled", "XrayEnabled")], &mut api);
        let callees = auth::read(self, &mut api)?;
        let mut tags = properties.get("Tags").and_then(Value::as_object).cloned().unwrap_or_default();
        tags.insert("graphqlapi:createdBy".to_owned(), "SAM".into());
        api.insert("Tags".to_owned(), tag_list(Some(&Value::Object(tags))).into());
        let logs = self.logs();
        api.extend(logs.as_ref().map(|(config, _)| ("LogConfig".to_owned(), config.clone())));
        let mut parts = vec![(id.to_owned(), self.part("GraphQLApi", api)), self.schema()?];
        for (number, callee) in (1_u32..).zip(&callees) {
            let from =
                json!({ "Type": "AWS::AppSync::GraphQLApi", "Arn": reference(id), "ResourceId": self.id });
            let to = json!({ "Type": "AWS::Lambda::Function", "Arn": callee });
            let connector = format!("{id}ToLambdaAuthConnector{number}");
            parts.extend(connector::between(&connector, &from, &to, &json!(["Write"]))?);
        }
        parts.extend(logs.and_then(|(_, role)| role));
        Ok(parts)
    }

    /// What is logged, and the role that it is logged with, where the template has none for it.
    fn logs(&self) -> Option<(Value, Option<Part>)> {
        let logging = self.properties.get("Logging");
        if logging == Some(&Value::Bool(false)) {
            return None;
        }
        let none = Map::new();
        let logging = logging.and_then(Value::as_object).unwrap_or(&none);
        let mut config = Map::new();
        if let Some(value) = truthy(logging, "ExcludeVerboseContent") {
            config.insert("ExcludeVerboseContent".to_owned(), value.clone());
        }
        let level = truthy(logging, "FieldLogLevel").cloned().unwrap_or_else(|| "ALL".into());
        config.insert("FieldLogLevel".to_owned(), level);
        let id = format!("{}CloudWatchRole", self.source.id);
        let given = truthy(logging, "CloudWatchLogsRoleArn");
        let arn = given.cloned().unwrap_or_else(|| attribute(&id, "Arn"));
        config.insert("CloudWatchLogsRoleArn".to_owned(), arn);
        let role = given.is_none().then(|| {
            let managed = "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSAppSyncPushToCloudWatchLogs";
            (id, self.role(Some(json!({ "Fn::Sub": managed }))))
        });
        Some((Value::Object(config), role))
    }

    fn schema_id(&self) -> String {
        format!("{}Schema", self.source.id)
    }

    fn schema(&self) -> Result<Part, Problems> {
        let given = ["SchemaInline", "SchemaUri"].map(|name| truthy(&self.properties, name).is_some());
        let message = match given {
            [false, false] => "One of 'SchemaInline' or 'SchemaUri' must be set.",
            [true, true] => "Both 'SchemaInline' and 'SchemaUri' cannot be defined at the same time.",
            _ => {
                let mut schema = Map::from_iter([("ApiId".to_owned(), self.id.clone())]);
                let names = [("SchemaInline", "Definition"), ("SchemaUri", "DefinitionS3Location")];
                take(&self.properties, &names, &mut schema);
                return Ok((self.schema_id(), self.part("GraphQLSchema", schema)));
            }
        };
        Err(Problems::resource(self.source.id, message))
    }

    fn keys(&self) -> Result<Vec<Part>, Problems> {
        let keys = entries(&self.properties, "ApiKeys").map(|(name, given)| {
            let mut key = Map::from_iter([("ApiId".to_owned(), self.id.clone())]);
            let names = [("ApiKeyId", "ApiKeyId"), ("Description", "Description"), ("ExpiresOn", "Expires")];
            take(given, &names, &mut key);
            Ok((self.part_id(name)?, self.part("ApiKey", key)))
        });
        keys.collect()
    }

    fn cache(&self) -> Option<Part> {
        let mut cache = self.properties.get("Cache")?.as_object()?.clone();
        cache.insert("ApiId".to_owned(), self.id.clone());
        Some((format!("{}ApiCache", self.source.id), self.part("ApiCache", cache)))
    }

    fn domain(&self) -> Vec<Part> {
        let Some(Value::Object(domain)) = self.properties.get("DomainName") else { return Vec::new() };
        let id = format!("{}DomainName", self.source.id);
        let association = Map::from_iter([
            ("ApiId".to_owned(), self.id.clone()),
            ("DomainName".to_owned(), reference(&id)),
        ]);
        let association_id = format!("{id}ApiAssociation");
        vec![
            (id, self.part("DomainName", domain.clone())),
            (association_id, self.part("DomainNameApiAssociation", association)),
        ]
    }
}
