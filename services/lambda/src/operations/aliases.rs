//! `CreateAlias`, `GetAlias`, `ListAliases`, `UpdateAlias`, `DeleteAlias`.

use std::sync::Arc;

use service::Permit;

use super::shape::alias;
use super::{FUNCTION_API, check_revision, not_found, page, revision, shown, stored, target};
use crate::Lambda;
use crate::api;
use crate::catalog::Function;
use crate::error::Error;
use crate::model::alias::{check_name, routing};
use crate::model::name::FunctionId;
use crate::records::AliasRecord;
use crate::settling::{Ends, settled};

fn no_alias(id: &FunctionId, name: &str) -> Error {
    Error::ResourceNotFound(format!("Cannot find alias arn: {}", id.qualified_arn(name)))
}

fn check_version(function: &Function, id: &FunctionId, version: &str) -> Result<(), Error> {
    function.version(version).map(drop).ok_or_else(|| not_found(&id.qualified_arn(version)))
}

// SECURITY: whoever passed a role to one version has not passed it to what a caller of the alias meets by chance.
fn check_roles(function: &Function, alias: &AliasRecord) -> Result<(), Error> {
    let Some((other, _)) = &alias.routing else { return Ok(()) };
    let role = |version: &str| function.version(version).map(|version| &version.role);
    if role(&alias.version) == role(other) {
        return Ok(());
    }
    let message = "Specified versions must be associated with the same execution role";
    Err(Error::InvalidParameterValue(message.to_owned()))
}

pub(crate) async fn create_alias(
    lambda: Arc<Lambda>,
    permit: Permit<api::CreateAlias>,
) -> Result<api::AliasConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    check_name(&input.name)?;
    let made = lambda
        .catalog
        .change(&call, &id, |function| {
            let function = stored(function, &id)?;
            if function.aliases.contains_key(&input.name) {
                let arn = id.qualified_arn(&input.name);
                return Err(Error::ResourceConflict(format!("Alias already exists: {arn}")));
            }
            check_version(function, &id, &input.function_version)?;
            let exists = |version: &str| function.version(version).is_some();
            let made = AliasRecord {
                routing: routing(input.routing_config.as_ref(), &input.function_version, exists)?,
                name: input.name.clone(),
                version: input.function_version,
                description: input.description.unwrap_or_default(),
                revision_id: revision(),
            };
            check_roles(function, &made)?;
            call.made(&id.qualified_arn(&made.name));
            function.aliases.insert(input.name, made.clone());
            Ok(made)
        })
        .await?;
    Ok(alias(&id.arn(), &made))
}

pub(crate) async fn get_alias(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetAlias>,
) -> Result<api::AliasConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let loaded = shown(&lambda, &call, &target)?;
    let found = loaded.function.aliases.get(&input.name).ok_or_else(|| no_alias(&target.id, &input.name))?;
    Ok(alias(&target.id.arn(), found))
}

pub(crate) async fn list_aliases(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListAliases>,
) -> Result<api::ListAliasesResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let loaded = shown(&lambda, &call, &target)?;
    let after = page::after(input.marker.as_deref())?;
    let of_version = |found: &&AliasRecord| {
        input.function_version.as_ref().is_none_or(|version| found.version == *version)
    };
    let mut aliases: Vec<&AliasRecord> = loaded
        .function
        .aliases
        .values()
        .filter(of_version)
        .filter(|found| after.as_ref().is_none_or(|after| found.name > *after))
        .collect();
    let next_marker = page::cut(&mut aliases, input.max_items, |found| found.name.clone());
    let arn = target.id.arn();
    let aliases = aliases.into_iter().map(|found| alias(&arn, found)).collect();
    Ok(api::ListAliasesResponse { next_marker, aliases: Some(aliases) })
}

pub(crate) async fn update_alias(
    lambda: Arc<Lambda>,
    permit: Permit<api::UpdateAlias>,
) -> Result<api::AliasConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    let change = lambda.catalog.change(&call, &id, |function| {
        let function = stored(function, &id)?;
        let mut found =
            function.aliases.get(&input.name).cloned().ok_or_else(|| no_alias(&id, &input.name))?;
        check_revision(input.revision_id.as_deref(), &found.revision_id, FUNCTION_API)?;
        if let Some(version) = input.function_version {
            check_version(function, &id, &version)?;
            found.version = version;
        }
        if let Some(description) = input.description {
            found.description = description;
        }
        if input.routing_config.is_some() {
            let exists = |version: &str| function.version(version).is_some();
            found.routing = routing(input.routing_config.as_ref(), &found.version, exists)?;
        }
        check_roles(function, &found)?;
        found.revision_id = revision();
        function.aliases.insert(input.name, found.clone());
        Ok(found)
    });
    let made = settled(&lambda, &id, Ends::Nothing, change).await?;
    Ok(alias(&id.arn(), &made))
}

/// Deleting an alias that is not there is no error, as on Lambda.
pub(crate) async fn delete_alias(lambda: Arc<Lambda>, permit: Permit<api::DeleteAlias>) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    let change = lambda.catalog.change_with(&call, &id, |transaction, function| {
        let function = stored(function, &id)?;
        let urls = lambda.urls.stored(transaction, &id.arn())?;
        for url in urls.iter().filter(|url| url.alias.as_ref() == Some(&input.name)) {
            lambda.urls.delete(transaction, url)?;
        }
        function.aliases.remove(&input.name);
        function.record.policies.remove(&input.name);
        function.record.event_configs.remove(&input.name);
        function.record.provisioned.remove(&input.name);
        Ok(())
    });
    settled(&lambda, &id, Ends::Nothing, change).await?;
    Ok(())
}
