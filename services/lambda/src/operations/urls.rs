//! `CreateFunctionUrlConfig`, `GetFunctionUrlConfig`, `UpdateFunctionUrlConfig`, `ListFunctionUrlConfigs`,
//! `DeleteFunctionUrlConfig`. What comes in through a URL is the gateway's to serve.

use std::sync::Arc;

use base::{Region, Timestamp};
use gateway::{FunctionUrl, UrlAuth, UrlCors, UrlError, UrlMode};
use service::Permit;
use store::Transaction;

use super::{page, target};
use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::name::Target;

/// The characters of a URL's id.
const ID_CHARS: usize = 32;

fn no_function() -> Error {
    Error::ResourceNotFound("Function does not exist".to_owned())
}

fn no_url() -> Error {
    Error::ResourceNotFound("The resource you requested does not exist.".to_owned())
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        Self::internal(error)
    }
}

fn found(lambda: &Lambda, target: &Target) -> Option<Arc<FunctionUrl>> {
    let urls = lambda.urls.of(&target.id.arn());
    urls.into_iter().find(|url| url.alias == target.qualifier)
}

/// The same as a change finds it, after those that go before it and are not durable yet.
fn stored(
    lambda: &Lambda,
    transaction: &Transaction<'_>,
    target: &Target,
) -> Result<Option<FunctionUrl>, Error> {
    let urls = lambda.urls.stored(transaction, &target.id.arn())?;
    Ok(urls.into_iter().find(|url| url.alias == target.qualifier))
}

fn auth(name: &str) -> Result<UrlAuth, Error> {
    [UrlAuth::None, UrlAuth::AwsIam]
        .into_iter()
        .find(|auth| auth.name() == name)
        .ok_or_else(|| Error::InvalidParameterValue(format!("AuthType {name} is not known.")))
}

fn mode(name: &str) -> Result<UrlMode, Error> {
    [UrlMode::Buffered, UrlMode::ResponseStream]
        .into_iter()
        .find(|mode| mode.name() == name)
        .ok_or_else(|| Error::InvalidParameterValue(format!("InvokeMode {name} is not known.")))
}

fn cors_of(cors: api::Cors) -> UrlCors {
    UrlCors {
        allow_origins: cors.allow_origins.unwrap_or_default(),
        allow_methods: cors.allow_methods.unwrap_or_default(),
        allow_headers: cors.allow_headers.unwrap_or_default(),
        expose_headers: cors.expose_headers.unwrap_or_default(),
        max_age_secs: cors.max_age.and_then(|secs| u32::try_from(secs).ok()),
        allow_credentials: cors.allow_credentials.unwrap_or(false),
    }
}

fn cors_shape(cors: &UrlCors) -> api::Cors {
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    api::Cors {
        allow_credentials: cors.allow_credentials.then_some(true),
        allow_headers: some(&cors.allow_headers),
        allow_methods: some(&cors.allow_methods),
        allow_origins: some(&cors.allow_origins),
        expose_headers: some(&cors.expose_headers),
        max_age: cors.max_age_secs.map(i64::from),
    }
}

/// A URL in the form that lists have; the other answers have the same members.
fn shape(lambda: &Lambda, url: &FunctionUrl, region: &Region) -> api::FunctionUrlConfig {
    let time = |at: Timestamp| at.iso8601_millis();
    api::FunctionUrlConfig {
        function_url: lambda.urls.address(url, region),
        function_arn: url.arn(),
        creation_time: time(url.created),
        last_modified_time: time(url.updated),
        cors: url.cors.as_ref().map(cors_shape),
        auth_type: url.auth.name().to_owned(),
        invoke_mode: Some(url.mode.name().to_owned()),
    }
}

pub(crate) async fn create(
    lambda: Arc<Lambda>,
    permit: Permit<api::CreateFunctionUrlConfig>,
) -> Result<api::CreateFunctionUrlConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let mode = input.invoke_mode.as_deref().map(mode).transpose()?;
    let url = FunctionUrl {
        url_id: crypto::random::alphanumeric(ID_CHARS).to_ascii_lowercase(),
        account: target.id.account,
        function_arn: target.id.arn(),
        alias: target.qualifier.clone(),
        auth: auth(&input.auth_type)?,
        cors: input.cors.map(cors_of),
        mode: mode.unwrap_or_default(),
        created: call.now(),
        updated: call.now(),
    };
    let made = url.clone();
    lambda
        .catalog
        .change_with(&call, &target.id, |transaction, function| {
            let function = function.as_ref().ok_or_else(no_function)?;
            if target.qualifier.as_ref().is_some_and(|alias| !function.aliases.contains_key(alias)) {
                return Err(no_url());
            }
            if stored(&lambda, transaction, &target)?.is_some() {
                return Err(Error::ResourceConflict(format!(
                    "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig \
                     exists for this Lambda function",
                    target.arn()
                )));
            }
            call.made(&target.arn());
            Ok(lambda.urls.put(transaction, url)?)
        })
        .await?;
    let shown = shape(&lambda, &made, call.region());
    Ok(api::CreateFunctionUrlConfigResponse {
        function_url: shown.function_url,
        function_arn: shown.function_arn,
        auth_type: shown.auth_type,
        cors: shown.cors,
        creation_time: shown.creation_time,
        invoke_mode: shown.invoke_mode,
    })
}

pub(crate) async fn get(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetFunctionUrlConfig>,
) -> Result<api::GetFunctionUrlConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let url = found(&lambda, &target);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    let url = url.ok_or_else(no_url)?;
    let shown = shape(&lambda, &url, call.region());
    Ok(api::GetFunctionUrlConfigResponse {
        function_url: shown.function_url,
        function_arn: shown.function_arn,
        auth_type: shown.auth_type,
        cors: shown.cors,
        creation_time: shown.creation_time,
        last_modified_time: shown.last_modified_time,
        invoke_mode: shown.invoke_mode,
    })
}

pub(crate) async fn update(
    lambda: Arc<Lambda>,
    permit: Permit<api::UpdateFunctionUrlConfig>,
) -> Result<api::UpdateFunctionUrlConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let new_mode = input.invoke_mode.as_deref().map(mode).transpose()?;
    let new_auth = input.auth_type.as_deref().map(auth).transpose()?;
    let new_cors = input.cors.map(cors_of);
    let made = lambda
        .catalog
        .change_with(&call, &target.id, |transaction, function| {
            let function = function.as_ref().ok_or_else(no_function)?;
            if target.qualifier.as_ref().is_some_and(|alias| !function.aliases.contains_key(alias)) {
                return Err(no_function());
            }
            let mut url = stored(&lambda, transaction, &target)?.ok_or_else(no_url)?;
            url.auth = new_auth.unwrap_or(url.auth);
            url.cors = new_cors.or(url.cors);
            url.mode = new_mode.unwrap_or(url.mode);
            url.updated = call.now();
            lambda.urls.put(transaction, url.clone())?;
            Ok(url)
        })
        .await?;
    let shown = shape(&lambda, &made, call.region());
    Ok(api::UpdateFunctionUrlConfigResponse {
        function_url: shown.function_url,
        function_arn: shown.function_arn,
        auth_type: shown.auth_type,
        cors: shown.cors,
        creation_time: shown.creation_time,
        last_modified_time: shown.last_modified_time,
        invoke_mode: shown.invoke_mode,
    })
}

pub(crate) async fn list(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListFunctionUrlConfigs>,
) -> Result<api::ListFunctionUrlConfigsResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let after = page::after(input.marker.as_deref())?;
    let name = |url: &Arc<FunctionUrl>| url.alias.clone().unwrap_or_default();
    let mut urls = lambda.urls.of(&target.id.arn());
    let function = lambda.catalog.get(&target.id);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    function.ok_or_else(no_function)?;
    urls.retain(|url| after.as_ref().is_none_or(|after| name(url) > *after));
    let next_marker = page::cut(&mut urls, input.max_items, name);
    let configs = urls.iter().map(|url| shape(&lambda, url, call.region())).collect();
    Ok(api::ListFunctionUrlConfigsResponse { function_url_configs: configs, next_marker })
}

pub(crate) async fn delete(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteFunctionUrlConfig>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    lambda
        .catalog
        .change_with(&call, &target.id, |transaction, _| {
            let url = stored(&lambda, transaction, &target)?.ok_or_else(no_url)?;
            Ok(lambda.urls.delete(transaction, &url)?)
        })
        .await
}
