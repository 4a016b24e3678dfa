//! Where a GraphQL API gets its data: tables and functions, each with a role that may do no more than what is asked for.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::super::connector;
use super::super::error::Problems;
use super::super::value::{attribute, reference, truthy};
use super::{Api, Part, entries, take};

/// The names by which functions refer to data sources, and whether one of them has none.
#[derive(Default)]
pub(super) struct Names {
    named: HashMap<String, Value>,
    none: bool,
}

/// The data sources with their roles.
pub(super) fn expand(api: &Api<'_>, names: &mut Names) -> Result<Vec<Part>, Problems> {
    let empty = Map::new();
    let sources = api.properties.get("DataSources").and_then(Value::as_object).unwrap_or(&empty);
    let mut parts = Vec::new();
    for (name, given) in entries(sources, "DynamoDb") {
        let mut source = Map::new();
        source.insert("DynamoDBConfig".to_owned(), table_config(given));
        source.insert("Type".to_owned(), "AMAZON_DYNAMODB".into());
        let permissions = truthy(given, "Permissions").cloned();
        let link = Link {
            kind: "AWS::DynamoDB::Table",
            ending: "ToTableConnector",
            arn: truthy(given, "TableArn").cloned().unwrap_or_else(|| table_arn(given)),
            permissions: permissions.unwrap_or_else(|| json!(["Read", "Write"])),
        };
        parts.extend(one(api, (name, "DynamoDB"), given, source, &link, names)?);
    }
    for (name, given) in entries(sources, "Lambda") {
        let arn = given.get("FunctionArn").cloned().unwrap_or_default();
        let mut source = Map::new();
        source.insert("LambdaConfig".to_owned(), json!({ "LambdaFunctionArn": arn }));
        source.insert("Type".to_owned(), "AWS_LAMBDA".into());
        let link = Link {
            kind: "AWS::Lambda::Function",
            ending: "ToLambdaConnector",
            arn,
            permissions: json!(["Write"]),
        };
        parts.extend(one(api, (name, "Lambda"), given, source, &link, names)?);
    }
    Ok(parts)
}

/// What a data source's role may do.
struct Link {
    kind: &'static str,
    ending: &'static str,
    arn: Value,
    permissions: Value,
}

fn one(
    api: &Api<'_>,
    (name, kind): (&str, &str),
    given: &Map<String, Value>,
    mut source: Map<String, Value>,
    link: &Link,
    names: &mut Names,
) -> Result<Vec<Part>, Problems> {
    let id = api.part_id(&format!("{name}{kind}DataSource"))?;
    source.insert("Name".to_owned(), truthy(given, "Name").cloned().unwrap_or_else(|| name.into()));
    source.insert("ApiId".to_owned(), api.id.clone());
    take(given, &[("Description", "Description")], &mut source);
    let role_id = format!("{id}Role");
    let role = truthy(given, "ServiceRoleArn");
    source.insert("ServiceRoleArn".to_owned(), role.cloned().unwrap_or_else(|| attribute(&role_id, "Arn")));
    names.named.insert(name.to_owned(), attribute(&id, "Name"));
    let mut parts = vec![(id.clone(), api.part("DataSource", source))];
    if role.is_none() {
        let from = json!({
            "Type": "AWS::AppSync::DataSource",
            "Arn": attribute(&id, "DataSourceArn"),
            "RoleName": reference(&role_id),
        });
        let to = json!({ "Type": link.kind, "Arn": link.arn });
        parts.push((role_id, api.role(None)));
        let connector = format!("{id}{}", link.ending);
        parts.extend(connector::between(&connector, &from, &to, &link.permissions)?);
    }
    Ok(parts)
}

fn region(given: &Map<String, Value>) -> Value {
    truthy(given, "Region").cloned().unwrap_or_else(|| reference("AWS::Region"))
}

fn table_config(given: &Map<String, Value>) -> Value {
    let mut config = Map::from_iter([("AwsRegion".to_owned(), region(given))]);
    for name in ["UseCallerCredentials", "Versioned"] {
        config.extend(truthy(given, name).map(|value| (name.to_owned(), value.clone())));
    }
    take(given, &[("TableName", "TableName"), ("DeltaSync", "DeltaSyncConfig")], &mut config);
    Value::Object(config)
}

fn table_arn(given: &Map<String, Value>) -> Value {
    let name = given.get("TableName").cloned().unwrap_or_default();
    json!({ "Fn::Sub": [
        "arn:${AWS::Partition}:dynamodb:${__Region__}:${AWS::AccountId}:table/${__TableName__}",
        { "__TableName__": name, "__Region__": region(given) },
    ] })
}

impl Names {
    /// The name of the data source that a function asks for.
    pub(super) fn of(
        &mut self,
        api: &Api<'_>,
        function: &str,
        given: &Map<String, Value>,
    ) -> Result<Value, Problems> {
        let refuse = |message: String| Err(Problems::resource(function, message));
        match truthy(given, "DataSource") {
            None => refuse("'DataSource' must be set.".to_owned()),
            Some(Value::String(name)) if name.to_lowercase() == "none" => {
                self.none = true;
                Ok(attribute(&none_id(api), "Name"))
            }
            Some(Value::String(name)) => match self.named.get(name) {
                Some(name) => Ok(name.clone()),
                None => refuse(format!(
                    "Either define DataSource '{name}' in 'DataSources' or use intrinsic function like GetAtt, ImportValue, Sub \
                     or another one to reference a DataSource defined outside of this GraphQLApi resource."
                )),
            },
            Some(function) => Ok(function.clone()),
        }
    }

    /// The data source without data, where a function asked for it.
    pub(super) fn none(&self, api: &Api<'_>) -> Option<Part> {
        self.none.then(|| {
            let id = none_id(api);
            let source = Map::from_iter([
                ("ApiId".to_owned(), api.id.clone()),
                ("Name".to_owned(), id.as_str().into()),
                ("Type".to_owned(), "NONE".into()),
            ]);
            (id, api.part("DataSource", source))
        })
    }
}

fn none_id(api: &Api<'_>) -> String {
    format!("{}NoneDataSource", api.source.id)
}
