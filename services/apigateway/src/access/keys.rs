//! API Gateway's own condition keys: what a request sets (`apigateway:Request/…`), and what its target has by now
//! (`apigateway:Resource/…`).
//!
//! Decides nothing. What the request leaves out and the operation would fill in is told as it will be, so that no guard is
//! passed by silence; what cannot be read is refused by the handler, and has no keys.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html>

use base::AccountId;
use gateway::records::StageRecord;

use ::store::Read;

use crate::Error;
use crate::api;
use crate::model::Tagged;
use crate::openapi::Document;
use crate::patch::{Op, Patch};
use crate::records::{ApiRecord, AuthorizerRecord, MethodRecord};
use crate::store::{self as stored, Apis};
use crate::view::authorization;

/// Condition keys with their values.
#[derive(Debug, Default)]
pub(crate) struct Keys(pub(super) Vec<(String, Vec<String>)>);

/// What the request's target has, as far as it is there.
pub(crate) struct Found<'a> {
    pub(super) api: Option<&'a ApiRecord>,
    pub(super) stage: Option<&'a StageRecord>,
}

/// The API and the stage where a request acts, as far as they are there.
pub(super) fn found(
    records: &dyn Read,
    account: AccountId,
    tagged: Option<Tagged<'_>>,
) -> Result<(Option<ApiRecord>, Option<StageRecord>), Error> {
    let (id, name) = match tagged {
        Some(Tagged::Api(id)) => (id, None),
        Some(Tagged::Stage(id, name)) => (id, Some(name)),
        Some(Tagged::Key(_) | Tagged::Plan(_)) | None => return Ok((None, None)),
    };
    let api = Apis(account).find(records, id)?;
    let stage = match (&api, name) {
        (Some(api), Some(name)) => stored::find_stage(records, api, name)?,
        _ => None,
    };
    Ok((api, stage))
}

/// Whose value a key tells.
#[derive(Clone, Copy)]
enum Side {
    Request,
    Resource,
}

/// What an API has of itself where nothing else was said.
const ENDPOINT_TYPE: &str = "EDGE";

impl Keys {
    fn all(mut self, side: Side, name: &str, values: impl IntoIterator<Item = String>) -> Self {
        let side = match side {
            Side::Request => "Request",
            Side::Resource => "Resource",
        };
        let values: std::collections::BTreeSet<String> = values.into_iter().collect();
        if !values.is_empty() {
            self.0.push((format!("apigateway:{side}/{name}"), values.into_iter().collect()));
        }
        self
    }

    fn requested(self, name: &str, value: Option<impl Into<String>>) -> Self {
        self.all(Side::Request, name, value.map(Into::into))
    }

    /// The values that patches give to these paths.
    fn patched(mut self, patches: &[Patch], names: &[(&[&str], &str)]) -> Self {
        for (path, name) in names {
            let given =
                patches.iter().filter(|patch| patch.op != Op::Remove && matches(&patch.parts(), path));
            self = self.all(Side::Request, name, given.filter_map(Patch::new_value));
        }
        self
    }

    /// What an API has of itself.
    fn of_api(self, found: &Found<'_>) -> Self {
        let Some(api) = found.api else { return self };
        let disabled = api.disable_execute_api_endpoint.to_string();
        self.all(Side::Resource, "ApiName", [api.name.clone()])
            .all(Side::Resource, "EndpointType", [api.endpoint_type.clone()])
            .all(Side::Resource, "DisableExecuteApiEndpoint", [disabled])
    }

    fn of_methods<'m>(self, side: Side, methods: impl Iterator<Item = &'m MethodRecord> + Clone) -> Self {
        let kinds = methods.clone().map(|method| authorization(method.authorization).to_owned());
        self.all(side, "RouteAuthorizationType", kinds).all(
            side,
            "ApiKeyRequired",
            methods.map(|method| method.api_key_required.to_string()),
        )
    }

    fn of_authorizers<'m>(self, side: Side, all: impl Iterator<Item = &'m AuthorizerRecord> + Clone) -> Self {
        self.all(side, "AuthorizerType", all.clone().map(|one| one.kind.clone())).all(
            side,
            "AuthorizerUri",
            all.map(|one| one.uri.clone()),
        )
    }

    fn of_stage(self, found: &Found<'_>) -> Self {
        let Some(log) = found.stage.and_then(|stage| stage.access_log.as_ref()) else { return self };
        self.all(Side::Resource, "AccessLoggingDestination", [log.destination_arn.clone()]).all(
            Side::Resource,
            "AccessLoggingFormat",
            [log.format.clone()],
        )
    }

    /// What a definition sets. `endpoint` is the endpoint's type, `disabled` what holds where it does not say.
    fn of_document(self, body: &[u8], endpoint: Option<String>, disabled: Option<bool>) -> Self {
        let Ok(document) = Document::read(body) else { return self };
        let methods = document.paths.iter().flat_map(|(_, methods)| methods).map(|(_, method)| method);
        let disabled =
            document.disable_execute_api_endpoint.or(disabled).map(|disabled| disabled.to_string());
        self.requested("ApiName", document.title.clone())
            .requested("EndpointType", endpoint)
            .requested("DisableExecuteApiEndpoint", disabled)
            .of_methods(Side::Request, methods)
            .of_authorizers(Side::Request, document.authorizers.iter())
    }
}

/// Whether a patch's path is this one; `*` stands for any part.
fn matches(parts: &[&str], path: &[&str]) -> bool {
    parts.len() == path.len() && parts.iter().zip(path).all(|(part, wanted)| *wanted == "*" || part == wanted)
}

fn read(operations: Option<&Vec<api::PatchOperation>>) -> Vec<Patch> {
    Patch::read(operations.cloned()).unwrap_or_default()
}

fn method<'a>(found: &Found<'a>, resource: &str, name: &str) -> Option<&'a MethodRecord> {
    found.api?.resources.get(resource)?.methods.get(&name.to_ascii_uppercase())
}

fn endpoint_of(parameters: Option<&protocol::Entries<String>>) -> Option<String> {
    let mut given = parameters.into_iter().flat_map(protocol::Entries::iter);
    given.find(|(name, _)| *name == "endpointConfigurationTypes").map(|(_, value)| value.clone())
}

pub(super) fn create_api(input: &api::CreateRestApiRequest) -> Keys {
    let types = input.endpoint_configuration.as_ref().and_then(|configuration| configuration.types.clone());
    let types = types.filter(|types| !types.is_empty()).unwrap_or_else(|| vec![ENDPOINT_TYPE.to_owned()]);
    let disabled = input.disable_execute_api_endpoint.unwrap_or(false).to_string();
    Keys::default()
        .requested("ApiName", Some(input.name.as_str()))
        .all(Side::Request, "EndpointType", types)
        .requested("DisableExecuteApiEndpoint", Some(disabled))
        .requested("SecurityPolicy", input.security_policy.as_deref())
}

pub(super) fn import_api(input: &api::ImportRestApiRequest) -> Keys {
    let endpoint = endpoint_of(input.parameters.as_ref()).unwrap_or_else(|| ENDPOINT_TYPE.to_owned());
    Keys::default().of_document(&input.body, Some(endpoint), Some(false))
}

pub(super) fn put_api(input: &api::PutRestApiRequest, found: &Found<'_>) -> Keys {
    let endpoint = endpoint_of(input.parameters.as_ref());
    let keys = Keys::default().of_document(&input.body, endpoint, None).of_api(found);
    let Some(api) = found.api else { return keys };
    let methods = api.resources.values().flat_map(|resource| resource.methods.values());
    keys.of_methods(Side::Resource, methods).of_authorizers(Side::Resource, api.authorizers.values())
}

pub(super) fn update_api(input: &api::UpdateRestApiRequest, found: &Found<'_>) -> Keys {
    let names: [(&[&str], &str); 3] = [
        (&["name"], "ApiName"),
        (&["endpointConfiguration", "types", "*"], "EndpointType"),
        (&["disableExecuteApiEndpoint"], "DisableExecuteApiEndpoint"),
    ];
    Keys::default().patched(&read(input.patch_operations.as_ref()), &names).of_api(found)
}

pub(super) fn delete_api(found: &Found<'_>) -> Keys {
    Keys::default().of_api(found)
}

pub(super) fn put_method(input: &api::PutMethodRequest) -> Keys {
    let needs_key = input.api_key_required.unwrap_or(false).to_string();
    Keys::default()
        .requested("RouteAuthorizationType", Some(input.authorization_type.as_str()))
        .requested("ApiKeyRequired", Some(needs_key))
}

pub(super) fn update_method(input: &api::UpdateMethodRequest, found: &Found<'_>) -> Keys {
    let names: [(&[&str], &str); 2] =
        [(&["authorizationType"], "RouteAuthorizationType"), (&["apiKeyRequired"], "ApiKeyRequired")];
    let keys = Keys::default().patched(&read(input.patch_operations.as_ref()), &names);
    keys.of_methods(Side::Resource, method(found, &input.resource_id, &input.http_method).into_iter())
}

pub(super) fn delete_method(input: &api::DeleteMethodRequest, found: &Found<'_>) -> Keys {
    let method = method(found, &input.resource_id, &input.http_method);
    Keys::default().of_methods(Side::Resource, method.into_iter())
}

pub(super) fn create_authorizer(input: &api::CreateAuthorizerRequest) -> Keys {
    Keys::default()
        .requested("AuthorizerType", Some(input.r#type.as_str()))
        .requested("AuthorizerUri", input.authorizer_uri.as_deref())
}

fn of_authorizer(keys: Keys, id: &str, found: &Found<'_>) -> Keys {
    keys.of_authorizers(Side::Resource, found.api.and_then(|api| api.authorizers.get(id)).into_iter())
}

pub(super) fn update_authorizer(input: &api::UpdateAuthorizerRequest, found: &Found<'_>) -> Keys {
    let names: [(&[&str], &str); 2] = [(&["type"], "AuthorizerType"), (&["authorizerUri"], "AuthorizerUri")];
    let keys = Keys::default().patched(&read(input.patch_operations.as_ref()), &names);
    of_authorizer(keys, &input.authorizer_id, found)
}

pub(super) fn delete_authorizer(input: &api::DeleteAuthorizerRequest, found: &Found<'_>) -> Keys {
    of_authorizer(Keys::default(), &input.authorizer_id, found)
}

pub(super) fn create_deployment(input: &api::CreateDeploymentRequest) -> Keys {
    Keys::default().requested("StageName", input.stage_name.as_deref())
}

pub(super) fn update_stage(input: &api::UpdateStageRequest, found: &Found<'_>) -> Keys {
    let names: [(&[&str], &str); 2] = [
        (&["accessLogSettings", "destinationArn"], "AccessLoggingDestination"),
        (&["accessLogSettings", "format"], "AccessLoggingFormat"),
    ];
    Keys::default().patched(&read(input.patch_operations.as_ref()), &names).of_stage(found)
}

pub(super) fn delete_stage(found: &Found<'_>) -> Keys {
    Keys::default().of_stage(found)
}
