//! Reads and writes of one account's APIs. Stages and deployments are written through the data plane's own module.
//!
//! The account is part of every key: another account's API is not there.

use base::AccountId;
use gateway::records::{
    API_KEYS, DEPLOYMENTS, DeploymentRecord, KeyRecord, PlanRecord, STAGES, StageRecord, USAGE_PLANS,
    account_prefix as owner_prefix, api_prefix, decode, deployment_key, encode, owned_key, stage_key,
};
use store::{Range, Read, Transaction};

use crate::Error;
use crate::records::{APIS, ApiRecord, account_prefix, api_key};

/// The APIs of one account.
#[derive(Clone, Copy)]
pub(crate) struct Apis(pub(crate) AccountId);

impl Apis {
    /// An API's durable record, if there is one.
    pub(crate) fn find(self, store: &(impl Read + ?Sized), id: &str) -> Result<Option<ApiRecord>, Error> {
        store.read(APIS, &api_key(self.0, id))?.map(|bytes| Ok(decode(&bytes)?)).transpose()
    }

    /// An API's durable record.
    pub(crate) fn get(self, store: &(impl Read + ?Sized), id: &str) -> Result<ApiRecord, Error> {
        self.find(store, id)?.ok_or_else(|| self.missing(id))
    }

    /// All durable records, by id.
    pub(crate) fn all(self, store: &(impl Read + ?Sized)) -> Result<Vec<ApiRecord>, Error> {
        let found = store.list(APIS, &Range::prefix(account_prefix(self.0)))?;
        found.iter().map(|(_, bytes)| Ok(decode(bytes)?)).collect()
    }

    /// An API's record inside a change.
    pub(crate) fn read(self, transaction: &Transaction<'_>, id: &str) -> Result<ApiRecord, Error> {
        match transaction.get(APIS, api_key(self.0, id))? {
            Some(bytes) => Ok(decode(&bytes)?),
            None => Err(self.missing(id)),
        }
    }

    /// That a stage is there, and the account's own: the answer to any other is the same.
    pub(crate) fn has_stage(self, transaction: &Transaction<'_>, id: &str, stage: &str) -> Result<(), Error> {
        let missing = || Error::NotFound(format!("API Stage not found: {id}:{stage}"));
        let api = self.read(transaction, id).map_err(|error| match error {
            Error::NotFound(_) => missing(),
            other => other,
        })?;
        read_stage(transaction, &api, stage)?.map(|_| ()).ok_or_else(missing)
    }

    /// How many APIs there are.
    pub(crate) fn count(self, transaction: &Transaction<'_>) -> Result<usize, Error> {
        Ok(transaction.scan(APIS, &Range::prefix(account_prefix(self.0)))?.len())
    }

    /// Writes an API's record.
    pub(crate) fn write(self, transaction: &mut Transaction<'_>, api: &ApiRecord) -> Result<(), Error> {
        Ok(transaction.put(APIS, api_key(self.0, &api.id), encode(api)?)?)
    }

    /// Deletes an API's record.
    pub(crate) fn delete(self, transaction: &mut Transaction<'_>, id: &str) -> Result<(), Error> {
        Ok(transaction.delete(APIS, api_key(self.0, id))?)
    }

    fn missing(self, id: &str) -> Error {
        Error::NotFound(format!("Invalid API identifier specified {}:{id}", self.0))
    }
}

/// The durable stages of an API that the caller was found to own.
pub(crate) fn stages(store: &(impl Read + ?Sized), api: &ApiRecord) -> Result<Vec<StageRecord>, Error> {
    let found = store.list(STAGES, &Range::prefix(api_prefix(&api.id)))?;
    found.iter().map(|(_, bytes)| Ok(decode(bytes)?)).collect()
}

/// The durable deployments of an API.
pub(crate) fn deployments(
    store: &(impl Read + ?Sized),
    api: &ApiRecord,
) -> Result<Vec<DeploymentRecord>, Error> {
    let found = store.list(DEPLOYMENTS, &Range::prefix(api_prefix(&api.id)))?;
    found.iter().map(|(_, bytes)| Ok(decode(bytes)?)).collect()
}

/// A durable stage.
pub(crate) fn stage(store: &(impl Read + ?Sized), api: &ApiRecord, name: &str) -> Result<StageRecord, Error> {
    find_stage(store, api, name)?.ok_or_else(|| Error::not_found("stage"))
}

/// A durable stage, if it is there.
pub(crate) fn find_stage(
    store: &(impl Read + ?Sized),
    api: &ApiRecord,
    name: &str,
) -> Result<Option<StageRecord>, Error> {
    store.read(STAGES, &stage_key(&api.id, name))?.map(|found| Ok(decode(&found)?)).transpose()
}

/// A durable deployment.
pub(crate) fn deployment(
    store: &(impl Read + ?Sized),
    api: &ApiRecord,
    id: &str,
) -> Result<DeploymentRecord, Error> {
    let found = store.read(DEPLOYMENTS, &deployment_key(&api.id, id))?;
    Ok(decode(&found.ok_or_else(|| Error::not_found("Deployment"))?)?)
}

/// A stage inside a change, if it is there.
pub(crate) fn read_stage(
    transaction: &Transaction<'_>,
    api: &ApiRecord,
    name: &str,
) -> Result<Option<StageRecord>, Error> {
    let found = transaction.get(STAGES, stage_key(&api.id, name))?;
    found.map(|bytes| Ok(decode(&bytes)?)).transpose()
}

/// All stages inside a change.
pub(crate) fn read_stages(transaction: &Transaction<'_>, api: &ApiRecord) -> Result<Vec<StageRecord>, Error> {
    let found = transaction.scan(STAGES, &Range::prefix(api_prefix(&api.id)))?;
    found.iter().map(|(_, bytes)| Ok(decode(bytes)?)).collect()
}

/// A deployment inside a change.
pub(crate) fn read_deployment(
    transaction: &Transaction<'_>,
    api: &ApiRecord,
    id: &str,
) -> Result<DeploymentRecord, Error> {
    let found = transaction.get(DEPLOYMENTS, deployment_key(&api.id, id))?;
    Ok(decode(&found.ok_or_else(|| Error::not_found("Deployment"))?)?)
}

/// All deployments inside a change.
pub(crate) fn read_deployments(
    transaction: &Transaction<'_>,
    api: &ApiRecord,
) -> Result<Vec<DeploymentRecord>, Error> {
    let found = transaction.scan(DEPLOYMENTS, &Range::prefix(api_prefix(&api.id)))?;
    found.iter().map(|(_, bytes)| Ok(decode(bytes)?)).collect()
}

/// The API keys and usage plans of one account.
#[derive(Clone, Copy)]
pub(crate) struct Owned(pub(crate) AccountId);

impl Owned {
    /// A durable key.
    pub(crate) fn key(self, store: &(impl Read + ?Sized), id: &str) -> Result<KeyRecord, Error> {
        self.find_key(store, id)?.ok_or_else(no_key)
    }

    /// A durable key, if there is one.
    pub(crate) fn find_key(self, store: &(impl Read + ?Sized), id: &str) -> Result<Option<KeyRecord>, Error> {
        store.read(API_KEYS, &owned_key(self.0, id))?.map(|bytes| Ok(decode(&bytes)?)).transpose()
    }

    /// All durable keys, by id.
    pub(crate) fn keys(self, store: &(impl Read + ?Sized)) -> Result<Vec<KeyRecord>, Error> {
        let found = store.list(API_KEYS, &Range::prefix(owner_prefix(self.0)))?;
        found.iter().map(|(_, bytes)| Ok(decode(bytes)?)).collect()
    }

    /// A key inside a change.
    pub(crate) fn read_key(self, transaction: &Transaction<'_>, id: &str) -> Result<KeyRecord, Error> {
        Ok(decode(&transaction.get(API_KEYS, owned_key(self.0, id))?.ok_or_else(no_key)?)?)
    }

    /// A durable plan.
    pub(crate) fn plan(self, store: &(impl Read + ?Sized), id: &str) -> Result<PlanRecord, Error> {
        self.find_plan(store, id)?.ok_or_else(no_plan)
    }

    /// A durable plan, if there is one.
    pub(crate) fn find_plan(
        self,
        store: &(impl Read + ?Sized),
        id: &str,
    ) -> Result<Option<PlanRecord>, Error> {
        store.read(USAGE_PLANS, &owned_key(self.0, id))?.map(|bytes| Ok(decode(&bytes)?)).transpose()
    }

    /// All durable plans, by id.
    pub(crate) fn plans(self, store: &(impl Read + ?Sized)) -> Result<Vec<PlanRecord>, Error> {
        let found = store.list(USAGE_PLANS, &Range::prefix(owner_prefix(self.0)))?;
        found.iter().map(|(_, bytes)| Ok(decode(bytes)?)).collect()
    }

    /// A plan inside a change.
    pub(crate) fn read_plan(self, transaction: &Transaction<'_>, id: &str) -> Result<PlanRecord, Error> {
        Ok(decode(&transaction.get(USAGE_PLANS, owned_key(self.0, id))?.ok_or_else(no_plan)?)?)
    }

    /// How many plans there are.
    pub(crate) fn count_plans(self, transaction: &Transaction<'_>) -> Result<usize, Error> {
        Ok(transaction.scan(USAGE_PLANS, &Range::prefix(owner_prefix(self.0)))?.len())
    }
}

fn no_key() -> Error {
    Error::NotFound("Invalid API Key identifier specified".to_owned())
}

fn no_plan() -> Error {
    Error::NotFound("Invalid Usage Plan ID specified".to_owned())
}
