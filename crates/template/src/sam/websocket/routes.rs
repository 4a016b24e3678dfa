//! The routes of a WebSocket API, each with the integration that calls its function and the leave to do so.

use serde_json::{Map, Value, json};

use super::super::domain::{checked, plain};
use super::super::error::Problems;
use super::super::value::{member, reference, shown, truthy};
use super::{Api, CONNECT, Part};

const SPECIAL: [&str; 3] = [CONNECT, "$disconnect", "$default"];

/// The address under which API Gateway calls a function.
pub(super) fn invocation(name: &str, function: &Value) -> Value {
    let address = format!(
        "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{name}}}/invocations"
    );
    json!({ "Fn::Sub": [address, { name: function }] })
}

impl Api<'_> {
    /// All routes, and their ids.
    pub(super) fn routes(&self) -> Result<(Vec<Part>, Vec<String>), Problems> {
        let (mut parts, mut ids) = (Vec::new(), Vec::new());
        for (key, route) in &self.routes {
            let base = format!("{}{}", self.id, self.spelled(key)?);
            let id = checked(format!("{base}Route"))?;
            let empty = Map::new();
            let route = route.as_object().unwrap_or(&empty);
            let integration = format!("{base}Integration");
            parts.push((id.clone(), self.route(key, route, &integration)?));
            let Some(function) = route.get("FunctionArn") else {
                return Err(self.refuse("Route must have associated function."));
            };
            parts.push((integration, self.integration(route, function)));
            parts.push((format!("{base}Permission"), self.permission(key, function)));
            ids.push(id);
        }
        Ok((parts, ids))
    }

    /// A route's key as part of a logical id.
    fn spelled(&self, key: &str) -> Result<String, Problems> {
        let bare = if SPECIAL.contains(&key) { key.trim_start_matches('$') } else { key };
        let mut characters = bare.chars();
        match characters.next() {
            Some(first) if bare.chars().all(char::is_alphanumeric) => {
                Ok(first.to_uppercase().chain(characters.flat_map(char::to_lowercase)).collect())
            }
            _ => Err(self.refuse(format_args!(
                "Route key '{key}' must be alphanumeric. Only $connect, $disconnect, and $default special routes are supported."
            ))),
        }
    }

    fn route(&self, key: &str, given: &Map<String, Value>, integration: &str) -> Result<Value, Problems> {
        let mut route = Map::from_iter([
            ("RouteKey".to_owned(), key.into()),
            ("ApiId".to_owned(), reference(self.id)),
            ("Target".to_owned(), json!({ "Fn::Join": ["/", ["integrations", reference(integration)]] })),
        ]);
        let same = [
            "ApiKeyRequired",
            "ModelSelectionExpression",
            "OperationName",
            "RequestModels",
            "RouteResponseSelectionExpression",
        ];
        for name in same {
            route.extend(member(given, name).map(|value| (name.to_owned(), value.clone())));
        }
        if let Some(parameters) = truthy(given, "RequestParameters") {
            if key != CONNECT {
                return Err(self.refuse(
                    "Request parameters are only supported for the $connect route in WebSocket APIs.",
                ));
            }
            route.insert("RequestParameters".to_owned(), parameters.clone());
        }
        self.authorize(key, &mut route)?;
        Ok(plain("AWS::ApiGatewayV2::Route", route))
    }

    /// Only the route that connects is authorized.
    fn authorize(&self, key: &str, route: &mut Map<String, Value>) -> Result<(), Problems> {
        if self.auth.is_empty() {
            return Ok(());
        }
        self.check_auth()?;
        if key != CONNECT {
            return Ok(());
        }
        let kind = match self.auth.get("AuthType").and_then(Value::as_str) {
            Some("CUSTOM") => {
                route.insert("AuthorizerId".to_owned(), reference(&self.authorizer_id()));
                "CUSTOM"
            }
            Some("AWS_IAM") => "AWS_IAM",
            _ => "NONE",
        };
        route.insert("AuthorizationType".to_owned(), kind.into());
        Ok(())
    }

    fn check_auth(&self) -> Result<(), Problems> {
        let Some(kind) = truthy(&self.auth, "AuthType") else {
            return Err(self.refuse("AuthType must be specified for additional auth configurations."));
        };
        let kind = shown(kind);
        match kind.as_str() {
            "CUSTOM" if truthy(&self.auth, "AuthArn").is_none() => {
                Err(self.refuse("AuthArn must be specified if AuthType is CUSTOM."))
            }
            "AWS_IAM" | "NONE" if self.auth.len() > 1 => {
                Err(self.refuse(format_args!("No additional configurations supported for AuthType {kind}.")))
            }
            "CUSTOM" | "AWS_IAM" | "NONE" => Ok(()),
            _ => Err(self.refuse(format_args!("AuthType '{kind}' is not one of AWS_IAM, CUSTOM or NONE."))),
        }
    }

    fn integration(&self, given: &Map<String, Value>, function: &Value) -> Value {
        let mut integration = Map::from_iter([
            ("ApiId".to_owned(), reference(self.id)),
            ("IntegrationType".to_owned(), "AWS_PROXY".into()),
            ("IntegrationUri".to_owned(), invocation("FunctionArn", function)),
        ]);
        let timeout = member(given, "IntegrationTimeout");
        integration.extend(timeout.map(|timeout| ("TimeoutInMillis".to_owned(), timeout.clone())));
        plain("AWS::ApiGatewayV2::Integration", integration)
    }

    fn permission(&self, key: &str, function: &Value) -> Value {
        let api = format!(
            "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{}.ApiId}}",
            self.id
        );
        let arn = match self.stage.as_str() {
            Some(stage) => json!({ "Fn::Sub": format!("{api}/{stage}/{key}") }),
            None => {
                json!({ "Fn::Sub": [format!("{api}/${{__StageName__}}/{key}"), { "__StageName__": self.stage }] })
            }
        };
        let permission = Map::from_iter([
            ("Action".to_owned(), "lambda:InvokeFunction".into()),
            ("FunctionName".to_owned(), function.clone()),
            ("Principal".to_owned(), "apigateway.amazonaws.com".into()),
            ("SourceArn".to_owned(), arn),
        ]);
        plain("AWS::Lambda::Permission", permission)
    }
}
