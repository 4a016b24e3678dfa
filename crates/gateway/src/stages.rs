//! The stages that are live, in memory, renewed the instant a change to them is durable.
//!
//! Requests read this snapshot and never wait for the store. Every write of a stage or a deployment goes through here,
//! so that no change can miss the snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use policy::{Policy, PolicyError, PolicyKind};
use regex_automata::meta::Regex;
use store::{Range, Store, StoreError, Transaction};

use crate::authorizer::Cache;
use crate::logs::Logs;
use crate::media::BinaryTypes;
use crate::plans::Plans;
use crate::records::{
    self, DEPLOYMENTS, DeployedMethod, DeploymentRecord, Integration, MethodSettings, RecordError, STAGES,
    StageRecord, deployment_key, stage_key,
};
use crate::route::Router;
use crate::schema::{SchemaError, Schemas};
use crate::throttle::{BURST_DEFAULT, Bucket, RATE_DEFAULT};

/// The live stages, and the plans whose keys are good for them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    live: Arc<ArcSwap<Live>>,
    plans: Plans,
    logs: Logs,
}

/// By API id and stage name.
type Live = HashMap<(String, String), Arc<LiveStage>>;

/// Why a stage cannot go live.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A record does not parse.
    #[error("a record does not parse")]
    Record(#[from] RecordError),
    /// The stage points at a deployment that is not there.
    #[error("the deployment is not there")]
    NoDeployment,
    /// The API's resource policy does not compile.
    #[error("the resource policy does not compile")]
    Policy(#[from] PolicyError),
    /// A selection pattern does not compile.
    #[error("the selection pattern `{0}` does not compile")]
    Pattern(String),
    /// A model does not compile.
    #[error("the model `{0}` does not compile")]
    Model(String, #[source] SchemaError),
}

/// A stage, ready to serve.
#[derive(Debug)]
pub(crate) struct LiveStage {
    pub(crate) record: StageRecord,
    pub(crate) deployment: DeploymentRecord,
    pub(crate) router: Router,
    pub(crate) policy: Option<Policy>,
    pub(crate) binary_types: BinaryTypes,
    /// For each method of the deployment: the selection patterns of a mock integration.
    pub(crate) patterns: Vec<Vec<Option<Regex>>>,
    /// What tokens must look like, by authorizer.
    pub(crate) validations: HashMap<String, Regex>,
    /// What authorizers said of callers.
    pub(crate) callers: Cache,
    /// The models that bodies are held against.
    pub(crate) schemas: Schemas,
    bucket: Bucket,
    method_buckets: HashMap<usize, Bucket>,
}

impl LiveStage {
    pub(crate) fn new(record: StageRecord, deployment: DeploymentRecord) -> Result<Self, StageError> {
        let policy = deployment.api.policy.as_deref();
        let policy = policy.map(|text| Policy::parse(text, PolicyKind::Resource)).transpose()?;
        let methods = &deployment.api.methods;
        let patterns =
            methods.iter().map(|method| patterns(&method.integration)).collect::<Result<_, _>>()?;
        let validations = deployment.api.authorizers.iter().filter_map(|(id, authorizer)| {
            let pattern = authorizer.validation.as_ref()?;
            Some(selection_pattern(pattern).map(|pattern| (id.clone(), pattern)))
        });
        let validations = validations.collect::<Result<_, _>>()?;
        let schemas = Schemas::compile(&deployment.api.models);
        let schemas = schemas.map_err(|(name, error)| StageError::Model(name, error))?;
        let default = record.method_settings.get("*/*");
        let limit = |settings: Option<&MethodSettings>| {
            let rate = settings.and_then(|it| it.throttling_rate_limit);
            (rate, settings.and_then(|it| it.throttling_burst_limit))
        };
        let (rate, burst) = limit(default);
        let bucket = Bucket::new(rate.unwrap_or(RATE_DEFAULT), burst.unwrap_or(BURST_DEFAULT));
        let own = |(place, method): (usize, &DeployedMethod)| {
            let (own_rate, own_burst) = limit(record.method_settings.get(&settings_key(method)));
            let throttled = own_rate.is_some() || own_burst.is_some();
            let rate = own_rate.or(rate).unwrap_or(RATE_DEFAULT);
            let burst = own_burst.or(burst).unwrap_or(BURST_DEFAULT);
            throttled.then(|| (place, Bucket::new(rate, burst)))
        };
        let method_buckets = methods.iter().enumerate().filter_map(own).collect();
        Ok(Self {
            router: Router::new(methods),
            binary_types: BinaryTypes::new(&deployment.api.binary_media_types),
            policy,
            patterns,
            validations,
            callers: Cache::default(),
            schemas,
            bucket,
            method_buckets,
            record,
            deployment,
        })
    }

    /// What is written of how a method's requests are executed: its own level, else the stage's.
    pub(crate) fn log_level(&self, method: Option<&DeployedMethod>) -> &str {
        let settings = &self.record.method_settings;
        let own = method.and_then(|method| settings.get(&settings_key(method))?.logging_level.as_deref());
        let all = || settings.get("*/*").and_then(|settings| settings.logging_level.as_deref());
        own.or_else(all).unwrap_or("OFF")
    }

    /// Takes a token of the stage, or of the method where it has a limit of its own.
    pub(crate) fn admits(&self, method: usize, now: base::Timestamp) -> bool {
        self.method_buckets.get(&method).unwrap_or(&self.bucket).take(now)
    }
}

/// How a method is named among a stage's settings: `orders/{id}/GET`; the root resource is `/`.
fn settings_key(method: &DeployedMethod) -> String {
    let path = method.resource_path.trim_start_matches('/');
    format!("{}/{}", if path.is_empty() { "/" } else { path }, method.http_method)
}

fn patterns(integration: &Integration) -> Result<Vec<Option<Regex>>, StageError> {
    let Integration::Mock(mock) = integration else { return Ok(Vec::new()) };
    let one = |pattern: Option<&String>| pattern.map(|pattern| selection_pattern(pattern)).transpose();
    mock.responses.iter().map(|response| one(response.selection_pattern.as_ref())).collect()
}

/// The compiled size that a selection pattern may have.
const PATTERN_BYTES_MAX: usize = 64 * 1_024;

/// Compiles a selection pattern, which must fit the whole status.
///
/// # Errors
/// Where it is no regular expression, or too large a one.
pub fn selection_pattern(pattern: &str) -> Result<Regex, StageError> {
    let limits = Regex::config().nfa_size_limit(Some(PATTERN_BYTES_MAX)).onepass(false);
    let whole = format!("^(?:{pattern})$");
    let built = Regex::builder().configure(limits).build(&whole);
    built.map_err(|_| StageError::Pattern(pattern.to_owned()))
}

impl Stages {
    /// Reads every stage. One that cannot go live is left out and reported: the others serve on.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let snapshot = store.snapshot()?;
        let mut live = Live::new();
        for (_, bytes) in snapshot.scan(STAGES, &Range::all())? {
            let stage = records::decode::<StageRecord>(&bytes).map_err(StageError::from).and_then(|record| {
                let key = deployment_key(&record.rest_api_id, &record.deployment_id);
                let deployment = snapshot.get(DEPLOYMENTS, key)?.ok_or(StageError::NoDeployment)?;
                LiveStage::new(record, records::decode(&deployment)?)
            });
            match stage {
                Ok(stage) => {
                    let key = (stage.record.rest_api_id.clone(), stage.record.stage_name.clone());
                    live.insert(key, Arc::new(stage));
                }
                Err(error) => tracing::error!(error = %base::Chain(&error), "a stage cannot go live"),
            }
        }
        Ok(Self {
            live: Arc::new(ArcSwap::from_pointee(live)),
            plans: Plans::load(&snapshot)?,
            logs: Logs::default(),
        })
    }

    /// The lines that stages write.
    pub const fn logs(&self) -> &Logs {
        &self.logs
    }

    /// The usage plans and their keys.
    pub const fn plans(&self) -> &Plans {
        &self.plans
    }

    pub(crate) fn find(&self, rest_api_id: &str, stage_name: &str) -> Option<Arc<LiveStage>> {
        self.live.load().get(&(rest_api_id.to_ascii_lowercase(), stage_name.to_owned())).cloned()
    }

    /// Forgets what authorizers said of a stage's callers: they are asked again.
    pub fn forget_callers(&self, rest_api_id: &str, stage_name: &str) {
        if let Some(stage) = self.find(rest_api_id, stage_name) {
            stage.callers.clear();
        }
    }

    /// Writes a deployment. It serves nothing until a stage points at it.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn put_deployment(
        &self,
        transaction: &mut Transaction<'_>,
        deployment: &DeploymentRecord,
    ) -> Result<(), StageError> {
        let key = deployment_key(&deployment.rest_api_id, &deployment.id);
        Ok(transaction.put(DEPLOYMENTS, key, records::encode(deployment)?)?)
    }

    /// Writes a stage; it serves from the moment the transaction is durable.
    ///
    /// # Errors
    /// Where the stage cannot go live: nothing may be stored that could not be served.
    pub fn put_stage(&self, transaction: &mut Transaction<'_>, stage: StageRecord) -> Result<(), StageError> {
        let deployment =
            transaction.get(DEPLOYMENTS, deployment_key(&stage.rest_api_id, &stage.deployment_id))?;
        let deployment = records::decode(&deployment.ok_or(StageError::NoDeployment)?)?;
        let key = (stage.rest_api_id.clone(), stage.stage_name.clone());
        transaction.put(STAGES, stage_key(&key.0, &key.1), records::encode(&stage)?)?;
        let live = Arc::new(LiveStage::new(stage, deployment)?);
        let stages = self.clone();
        transaction.after_commit(move || {
            stages.change(|live_stages| {
                live_stages.insert(key.clone(), Arc::clone(&live));
            });
        });
        Ok(())
    }

    /// Deletes a stage; it is gone from the moment the transaction is durable.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn delete_stage(
        &self,
        transaction: &mut Transaction<'_>,
        rest_api_id: &str,
        stage_name: &str,
    ) -> Result<(), StageError> {
        transaction.delete(STAGES, stage_key(rest_api_id, stage_name))?;
        let key = (rest_api_id.to_owned(), stage_name.to_owned());
        let stages = self.clone();
        transaction.after_commit(move || {
            stages.change(|live| {
                live.remove(&key);
            });
        });
        Ok(())
    }

    /// Deletes a deployment that no stage points at any more.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn delete_deployment(
        &self,
        transaction: &mut Transaction<'_>,
        rest_api_id: &str,
        deployment_id: &str,
    ) -> Result<(), StageError> {
        Ok(transaction.delete(DEPLOYMENTS, deployment_key(rest_api_id, deployment_id))?)
    }

    /// Callbacks run in the order of commits, so the last change of a stage is the one that stays.
    fn change(&self, edit: impl Fn(&mut Live)) {
        self.live.rcu(|live| {
            let mut changed = Live::clone(live);
            edit(&mut changed);
            changed
        });
    }
}
