//! `AWS::Serverless::WebSocketApi`: a WebSocket API with its routes, their integrations and permissions, its stage and authorizer.
//!
//! As in the published transform nothing here gets the condition or the policies that the API has besides its properties.

mod routes;

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::domain::{self, checked, plain};
use super::error::Problems;
use super::http::authorizers_arn;
use super::references::Generated;
use super::value::{Kind, check, is_intrinsic, is_truthy, member, propagate_flat_tags, reference, truthy};

pub(super) const KIND: &str = "AWS::Serverless::WebSocketApi";

const PROPERTIES: [(&str, Kind); 18] = [
    ("ApiKeySelectionExpression", Kind::Text),
    ("AccessLogSettings", Kind::Map),
    ("Auth", Kind::Map),
    ("DefaultRouteSettings", Kind::Map),
    ("Description", Kind::Text),
    ("DisableExecuteApiEndpoint", Kind::Flag),
    ("Domain", Kind::Map),
    ("DisableSchemaValidation", Kind::Flag),
    ("FailOnWarnings", Kind::Flag),
    ("IpAddressType", Kind::Text),
    ("Name", Kind::Text),
    ("PropagateTags", Kind::Flag),
    ("Routes", Kind::Map),
    ("RouteSettings", Kind::Map),
    ("RouteSelectionExpression", Kind::Text),
    ("StageName", Kind::TextOrMap),
    ("StageVariables", Kind::Map),
    ("Tags", Kind::Map),
];

/// The stage of an API that names none.
const DEFAULT_STAGE: &str = "default";
const CREATED_BY: &str = "websocketapi:createdBy";
const CONNECT: &str = "$connect";

type Part = (String, Value);

/// A WebSocket API that is expanded, parameters filled in.
struct Api<'a> {
    id: &'a str,
    routes: Map<String, Value>,
    auth: Map<String, Value>,
    stage: Value,
}

/// All that a WebSocket API becomes.
pub(super) fn expand(
    source: &Source<'_>,
    context: &Context,
    generated: &mut Generated,
) -> Result<Vec<Part>, Problems> {
    let properties = &source.properties;
    check(source.id, KIND, properties, &PROPERTIES, &["Routes", "RouteSelectionExpression"])?;
    let api = read(source, context)?;
    let mut tags = truthy(properties, "Tags").and_then(Value::as_object).cloned().unwrap_or_default();
    let own_tags = !tags.is_empty();
    tags.insert(CREATED_BY.to_owned(), "SAM".into());
    let mut parts = vec![(source.id.to_owned(), api.main(source, &tags)?)];
    let mut groups = domain::Groups::new();
    let created = json!({ CREATED_BY: "SAM" });
    let domain = domain::http(source, context, created, (false, &mut groups), generated)?;
    let stage_id = api.stage_id()?;
    let (routes, ids) = api.routes()?;
    parts.extend(routes);
    parts.extend(domain);
    let mut stage = api.stage(source);
    if truthy(properties, "RouteSettings").is_some()
        && let Some(stage) = stage.as_object_mut()
    {
        // Settings name routes, which have to be there.
        stage.insert("DependsOn".to_owned(), ids.into());
    }
    generated.add(source.id, "Stage", &stage_id);
    parts.push((stage_id, stage));
    parts.extend(api.authorizer());
    if own_tags && properties.get("PropagateTags").is_some_and(is_truthy) {
        propagate_flat_tags(&Value::Object(tags), &mut parts);
    }
    Ok(parts)
}

fn read<'a>(source: &Source<'a>, context: &Context) -> Result<Api<'a>, Problems> {
    let properties = &source.properties;
    let refuse = |message: &str| Err(Problems::resource(source.id, message));
    let with_parameters =
        |name: &str| match member(properties, name).map(|value| context.with_parameters(value)) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
    let routes = with_parameters("Routes");
    if routes.is_empty() {
        return refuse("WebSocket API must have at least one route.");
    }
    let address = member(properties, "IpAddressType").filter(|address| !is_intrinsic(address));
    if address.is_some_and(|address| address != "ipv4" && address != "dualstack") {
        return refuse("IpAddressType must be 'ipv4' or 'dualstack'.");
    }
    if truthy(&with_parameters("Domain"), "MutualTlsAuthentication").is_some() {
        return refuse("Mutual TLS domain name association is not supported for Websocket APIs.");
    }
    let stage = member(properties, "StageName").cloned().unwrap_or_else(|| DEFAULT_STAGE.into());
    Ok(Api { id: source.id, routes, auth: with_parameters("Auth"), stage })
}

impl Api<'_> {
    fn refuse(&self, message: impl std::fmt::Display) -> Problems {
        Problems::resource(self.id, message)
    }

    fn main(&self, source: &Source<'_>, tags: &Map<String, Value>) -> Result<Value, Problems> {
        if !self.auth.is_empty() && !self.routes.contains_key(CONNECT) {
            return Err(self.refuse("Authorization is only available if there is a $connect route."));
        }
        let properties = &source.properties;
        let name = member(properties, "Name").cloned().unwrap_or_else(|| self.id.into());
        let mut api = Map::from_iter([
            ("Name".to_owned(), name),
            ("ProtocolType".to_owned(), "WEBSOCKET".into()),
            ("Tags".to_owned(), Value::Object(tags.clone())),
        ]);
        let same = [
            "ApiKeySelectionExpression",
            "Description",
            "DisableExecuteApiEndpoint",
            "DisableSchemaValidation",
            "IpAddressType",
            "RouteSelectionExpression",
        ];
        for name in same {
            api.extend(member(properties, name).map(|value| (name.to_owned(), value.clone())));
        }
        let mut body = plain("AWS::ApiGatewayV2::Api", api);
        if let (Some(depends_on), Some(body)) = (truthy(source.body, "DependsOn"), body.as_object_mut()) {
            body.insert("DependsOn".to_owned(), depends_on.clone());
        }
        Ok(body)
    }

    fn stage_id(&self) -> Result<String, Problems> {
        match self.stage.as_str() {
            Some("$default") => Err(self.refuse("Stages cannot be named $default for WebSocket APIs.")),
            Some(DEFAULT_STAGE) => Ok(format!("{}DefaultStage", self.id)),
            name => checked(format!("{}{}Stage", self.id, name.unwrap_or_default())),
        }
    }

    fn stage(&self, source: &Source<'_>) -> Value {
        let mut stage = Map::from_iter([
            ("ApiId".to_owned(), reference(self.id)),
            ("StageName".to_owned(), self.stage.clone()),
            ("Tags".to_owned(), json!({ CREATED_BY: "SAM" })),
            ("AutoDeploy".to_owned(), true.into()),
        ]);
        for name in ["StageVariables", "AccessLogSettings", "DefaultRouteSettings", "RouteSettings"] {
            stage.extend(member(&source.properties, name).map(|value| (name.to_owned(), value.clone())));
        }
        plain("AWS::ApiGatewayV2::Stage", stage)
    }

    fn authorizer_id(&self) -> String {
        format!("{}ConnectAuthorizer", self.id)
    }

    /// The authorizer of the route that connects, and leave to call its function unless it comes with a role.
    fn authorizer(&self) -> Vec<Part> {
        if self.auth.get("AuthType").is_none_or(|kind| kind != "CUSTOM") {
            return Vec::new();
        }
        let Some(function) = truthy(&self.auth, "AuthArn") else { return Vec::new() };
        let id = self.authorizer_id();
        let name = truthy(&self.auth, "Name").cloned().unwrap_or_else(|| id.as_str().into());
        let mut authorizer = Map::from_iter([
            ("ApiId".to_owned(), reference(self.id)),
            ("AuthorizerType".to_owned(), "REQUEST".into()),
            ("AuthorizerUri".to_owned(), routes::invocation("AuthArn", function)),
            ("Name".to_owned(), name),
        ]);
        let named = [("InvokeRole", "AuthorizerCredentialsArn"), ("IdentitySource", "IdentitySource")];
        for (name, new) in named {
            authorizer.extend(member(&self.auth, name).map(|value| (new.to_owned(), value.clone())));
        }
        let mut parts = vec![(id, plain("AWS::ApiGatewayV2::Authorizer", authorizer))];
        if truthy(&self.auth, "InvokeRole").is_none() {
            let permission = Map::from_iter([
                ("Action".to_owned(), "lambda:InvokeFunction".into()),
                ("FunctionName".to_owned(), function.clone()),
                ("Principal".to_owned(), "apigateway.amazonaws.com".into()),
                ("SourceArn".to_owned(), authorizers_arn(self.id)),
            ]);
            let id = format!("{}AuthorizerPermission", self.id);
            parts.push((id, plain("AWS::Lambda::Permission", permission)));
        }
        parts
    }
}
