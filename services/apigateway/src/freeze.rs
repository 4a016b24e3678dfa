//! What a deployment takes of an API: exactly what serving it needs, checked once more.

use gateway::records::{DeployedApi, DeployedMethod};

use crate::Error;
use crate::authorizer;
use crate::integration;
use crate::records::ApiRecord;

/// Freezes an API. An API that could not be served is not deployed.
pub(crate) fn freeze(api: &ApiRecord) -> Result<DeployedApi, Error> {
    let mut methods = Vec::new();
    for resource in api.resources.values() {
        for (http_method, method) in &resource.methods {
            let integration = method.integration.as_ref();
            let integration = integration.ok_or_else(|| Error::bad("No integration defined for method"))?;
            methods.push(DeployedMethod {
                resource_id: resource.id.clone(),
                resource_path: resource.path.clone(),
                http_method: http_method.clone(),
                authorization: method.authorization,
                authorizer: method.authorizer_id.clone(),
                integration: integration::served(integration)?,
            });
        }
    }
    if methods.is_empty() {
        return Err(Error::bad("The REST API doesn't contain any methods"));
    }
    let authorizers =
        api.authorizers.iter().map(|(id, record)| Ok((id.clone(), authorizer::served(record)?)));
    Ok(DeployedApi {
        policy: api.policy.clone(),
        binary_media_types: api.binary_media_types.clone(),
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        methods,
        authorizers: authorizers.collect::<Result<_, Error>>()?,
    })
}
