//! Trials: a method called by its API's owner, as the API stands.

use std::sync::Arc;

use gateway::{Trial, TrialError};
use protocol::{Bytes, Entries};
use service::Permit;

use super::map;
use super::stages::check_variables;
use crate::api::{self, TestInvokeMethod};
use crate::freeze::freeze;
use crate::store::Apis;
use crate::{ApiGateway, Error};

pub(crate) async fn invoke_method(
    _: Arc<ApiGateway>,
    permit: Permit<TestInvokeMethod>,
) -> Result<api::TestInvokeMethodResponse, Error> {
    let Permit { input, call, .. } = permit;
    if input.client_certificate_id.is_some() {
        return Err(Error::unsupported("A client certificate"));
    }
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let methods = &record.resource(&input.resource_id)?.methods;
    if !methods.contains_key(&input.http_method.to_ascii_uppercase()) && !methods.contains_key("ANY") {
        return Err(Error::not_found("Method"));
    }
    let variables = map(input.stage_variables);
    check_variables(&variables)?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, values) in input.multi_value_headers.into_iter().flatten() {
        headers.extend(values.into_iter().map(|value| (name.clone(), value)));
    }
    for (name, value) in input.headers.into_iter().flatten() {
        if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            headers.push((name, value));
        }
    }
    let path = record.resource(&input.resource_id)?.path.clone();
    let trial = Trial {
        account: call.account(),
        rest_api_id: record.id.clone(),
        api: freeze(&record)?,
        resource_id: input.resource_id,
        http_method: input.http_method.to_ascii_uppercase(),
        path_with_query: input.path_with_query_string.filter(|path| !path.is_empty()).unwrap_or(path),
        headers,
        body: Bytes::from(input.body.unwrap_or_default()),
        variables,
    };
    let tried = trial.run(call.pipeline(), call.source()).await.map_err(|error| match error {
        TrialError::Stage(error) => Error::from(error),
        TrialError::Path => Error::bad("Invalid path: it does not lead to the resource that is tried"),
        TrialError::Request => Error::bad("Invalid request: its path or headers could not be sent"),
    })?;
    let mut multi: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for (name, value) in &tried.headers {
        multi.entry(name.clone()).or_default().push(value.clone());
    }
    let single: Entries<String> = tried.headers.into_iter().collect();
    Ok(api::TestInvokeMethodResponse {
        status: Some(tried.status.into()),
        body: Some(String::from_utf8_lossy(&tried.body).into_owned()),
        headers: Some(single),
        multi_value_headers: Some(multi.into_iter().collect()),
        log: Some(tried.log),
        latency: Some(tried.latency_millis),
    })
}
