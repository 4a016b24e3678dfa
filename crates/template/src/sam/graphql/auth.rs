//! Who may call a GraphQL API: its first authorizer and those besides.

use serde_json::{Map, Value};

use super::super::error::Problems;
use super::Api;

/// Kinds of authorizers that have a configuration: the kind, the template's name for it, and AppSync's.
const CONFIGURED: [(&str, &str, &str); 3] = [
    ("AWS_LAMBDA", "LambdaAuthorizer", "LambdaAuthorizerConfig"),
    ("OPENID_CONNECT", "OpenIDConnect", "OpenIDConnectConfig"),
    ("AMAZON_COGNITO_USER_POOLS", "UserPool", "UserPoolConfig"),
];

/// Writes the authorizers into the API, and gives the functions that it has to be allowed to call.
pub(super) fn read(api: &Api<'_>, into: &mut Map<String, Value>) -> Result<Vec<Value>, Problems> {
    let empty = Map::new();
    let mut callees = Vec::new();
    let mut auth = api.properties.get("Auth").and_then(Value::as_object).unwrap_or(&empty).clone();
    let additional = auth.shift_remove("Additional");
    into.extend(one(api, &auth, None, &mut callees)?);
    let additional = additional.as_ref().and_then(Value::as_array).into_iter().flatten();
    let additional: Vec<Value> = additional
        .filter_map(Value::as_object)
        .enumerate()
        .map(|(number, auth)| one(api, auth, Some(number), &mut callees).map(Value::Object))
        .collect::<Result<_, _>>()?;
    if !additional.is_empty() {
        into.insert("AdditionalAuthenticationProviders".to_owned(), additional.into());
    }
    Ok(callees)
}

/// One authorizer as AppSync has it; `number` of those besides the first.
fn one(
    api: &Api<'_>,
    auth: &Map<String, Value>,
    number: Option<usize>,
    callees: &mut Vec<Value>,
) -> Result<Map<String, Value>, Problems> {
    let refuse = |message: String| Problems::resource(api.source.id, message);
    if auth.len() > 2 {
        // The published transform calls the first of those besides by the name of the main one.
        let place = number.filter(|number| *number > 0);
        let place = place.map_or_else(|| "Auth".to_owned(), |number| format!("Auth.Additional.{number}"));
        return Err(refuse(format!("'{place}' has more than one authentication configuration defined.")));
    }
    let kind = auth.get("Type").cloned().unwrap_or_default();
    let mut read = Map::new();
    if let Some((kind, name, config)) = CONFIGURED.iter().find(|(known, ..)| kind == *known) {
        let Some(Value::Object(given)) = auth.get(*name) else {
            return Err(refuse(format!("'{name}' must be defined if type is '{kind}'.")));
        };
        let mut given = given.clone();
        if number.is_some() && *name == "UserPool" {
            // Only the first authorizer decides what happens by default.
            given.shift_remove("DefaultAction");
        }
        if *name == "LambdaAuthorizer" {
            callees.extend(given.get("AuthorizerUri").cloned());
        }
        if !given.is_empty() {
            read.insert((*config).to_owned(), Value::Object(given));
        }
    }
    read.insert("AuthenticationType".to_owned(), kind);
    Ok(read)
}
