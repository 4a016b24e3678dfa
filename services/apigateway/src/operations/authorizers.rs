//! Authorizers: the functions that tell an API's callers apart.

use std::sync::Arc;

use service::Permit;

use super::page;
use super::rest_apis::change;
use crate::api::{self, CreateAuthorizer, DeleteAuthorizer, GetAuthorizer, GetAuthorizers, UpdateAuthorizer};
use crate::authorizer;
use crate::patch::{Op, Patch};
use crate::records::AuthorizerRecord;
use crate::store::Apis;
use crate::view;
use crate::{ApiGateway, Error};

type State = Arc<ApiGateway>;

pub(crate) async fn create(state: State, permit: Permit<CreateAuthorizer>) -> Result<api::Authorizer, Error> {
    let Permit { input, call, .. } = permit;
    let authorizer = AuthorizerRecord {
        name: input.name,
        kind: input.r#type,
        uri: input.authorizer_uri.unwrap_or_default(),
        credentials: input.authorizer_credentials,
        identity_source: input.identity_source,
        validation: input.identity_validation_expression,
        ttl_secs: seconds(input.authorizer_result_ttl_in_seconds)?,
        auth_type: input.auth_type,
    };
    let mut id = String::new();
    let record = change(&state, &call, &input.rest_api_id, |record| {
        if record.authorizers.values().any(|known| known.name == authorizer.name) {
            let name = &authorizer.name;
            return Err(Error::bad(format!(
                "Authorizer name must be unique. Authorizer {name} already exists in this RestApi."
            )));
        }
        id = record.put_authorizer(authorizer)?;
        call.made(&id);
        Ok(())
    })
    .await?;
    Ok(view::authorizer(&id, record.authorizer(&id)?))
}

pub(crate) async fn get(_: State, permit: Permit<GetAuthorizer>) -> Result<api::Authorizer, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    Ok(view::authorizer(&input.authorizer_id, record.authorizer(&input.authorizer_id)?))
}

pub(crate) async fn list(_: State, permit: Permit<GetAuthorizers>) -> Result<api::Authorizers, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let all: Vec<_> = record.authorizers.into_iter().collect();
    let (found, position) = page(all, |(id, _)| id, input.position.as_deref(), input.limit)?;
    let items = found.iter().map(|(id, authorizer)| view::authorizer(id, authorizer)).collect();
    Ok(api::Authorizers { position, items: Some(items) })
}

pub(crate) async fn update(state: State, permit: Permit<UpdateAuthorizer>) -> Result<api::Authorizer, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let id = input.authorizer_id;
    let record = change(&state, &call, &input.rest_api_id, |record| {
        let mut edited = record.authorizer(&id)?.clone();
        patches.iter().try_for_each(|patch| apply_patch(&mut edited, patch))?;
        authorizer::served(&edited)?;
        record.authorizers.insert(id.clone(), edited);
        Ok(())
    })
    .await?;
    Ok(view::authorizer(&id, record.authorizer(&id)?))
}

pub(crate) async fn delete(state: State, permit: Permit<DeleteAuthorizer>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let remove = |record: &mut crate::records::ApiRecord| record.remove_authorizer(&input.authorizer_id);
    change(&state, &call, &input.rest_api_id, remove).await.map(drop)
}

fn seconds(given: Option<i64>) -> Result<Option<u32>, Error> {
    let invalid = |_| Error::bad("Authorizer result TTL must be between 0 and 3600 seconds");
    given.map(u32::try_from).transpose().map_err(invalid)
}

fn apply_patch(record: &mut AuthorizerRecord, patch: &Patch) -> Result<(), Error> {
    match (patch.parts().as_slice(), patch.op) {
        (["name"], Op::Replace) => record.name = patch.required()?,
        (["type"], Op::Replace) => record.kind = patch.required()?,
        (["authorizerUri"], Op::Replace) => record.uri = patch.required()?,
        (["authorizerCredentials"], _) => record.credentials = patch.new_value(),
        (["identitySource"], _) => record.identity_source = patch.new_value(),
        (["identityValidationExpression"], _) => record.validation = patch.new_value(),
        (["authType"], _) => record.auth_type = patch.new_value(),
        (["authorizerResultTtlInSeconds"], Op::Remove) => record.ttl_secs = None,
        (["authorizerResultTtlInSeconds"], _) => record.ttl_secs = Some(patch.number()?),
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}
