//! Every function in memory: what invocations and access checks read without waiting for the store.
//!
//! It is written from the store alone: at the start, and after each change is durable. It never runs ahead of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Region, SecretString};
use compute::{AccountCode, CodeHash, Compute, FunctionSpec, Room, SharedSpec};
use parking_lot::RwLock;
use policy::Policy;
use service::Call;
use store::{KeyReader, Range, Store, StoreError, Transaction};

use crate::error::Error;
use crate::model::logging;
use crate::model::name::{FunctionId, LATEST};
use crate::model::permission;
use crate::records::{
    ALIASES, AliasRecord, FORMER, FUNCTIONS, FormerFunction, FunctionRecord, Record, RecordError, VERSIONS,
    VersionRecord, function_key,
};

/// A function with all of its versions and aliases.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function {
    pub(crate) record: FunctionRecord,
    pub(crate) versions: BTreeMap<u64, VersionRecord>,
    pub(crate) aliases: BTreeMap<String, AliasRecord>,
}

/// A function, and what is made of it once for many invocations.
pub(crate) struct Loaded {
    pub(crate) function: Function,
    specs: HashMap<String, SharedSpec>,
    policies: HashMap<String, Policy>,
}

/// All functions of this platform.
pub(crate) struct Catalog {
    functions: RwLock<Functions>,
    /// Keeps room for what functions have reserved.
    compute: Compute,
}

#[derive(Default)]
struct Functions {
    by_id: BTreeMap<FunctionId, Arc<Loaded>>,
    /// Concurrency that the functions of each account have reserved together.
    reserved: HashMap<AccountId, u32>,
    /// Concurrency that is kept ready for the functions of each account that have no reservation.
    provisioned: HashMap<AccountId, u32>,
}

/// The catalog could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The store failed.
    #[error("the functions cannot be read")]
    Store(#[from] StoreError),
    /// A record does not parse.
    #[error("a function cannot be read")]
    Record(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What earlier versions kept for all accounts cannot be given to each.
    #[error("the functions' code cannot be read")]
    Code(#[source] std::io::Error),
}

impl CatalogError {
    /// From what a record's reader says.
    pub(crate) fn record(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Record(cause.into())
    }
}

impl From<RecordError> for CatalogError {
    fn from(error: RecordError) -> Self {
        Self::Record(Box::new(error))
    }
}

impl From<CatalogError> for Error {
    fn from(error: CatalogError) -> Self {
        Self::internal(error)
    }
}

impl Function {
    /// The version of this label: `$LATEST` or a number.
    pub(crate) fn version(&self, label: &str) -> Option<&VersionRecord> {
        if label == LATEST {
            return Some(&self.record.latest);
        }
        self.versions.get(&label.parse().ok()?).filter(|version| version.version == label)
    }

    /// The same, to change it.
    pub(crate) fn version_mut(&mut self, label: &str) -> Option<&mut VersionRecord> {
        if label == LATEST {
            return Some(&mut self.record.latest);
        }
        self.versions.get_mut(&label.parse().ok()?).filter(|version| version.version == label)
    }

    /// The version that a qualifier stands for; for an alias its first one.
    pub(crate) fn qualified(&self, qualifier: Option<&str>) -> Option<&VersionRecord> {
        let qualifier = qualifier.unwrap_or(LATEST);
        match self.aliases.get(qualifier) {
            Some(alias) => self.version(&alias.version),
            None => self.version(qualifier),
        }
    }

    /// How many environments are kept ready of all its versions; none beyond a reservation, which covers them.
    fn provisioned(&self) -> u32 {
        match self.record.reserved_concurrency {
            Some(_) => 0,
            None => self.record.provisioned_in_all(),
        }
    }

    /// How many environments are kept ready of one version.
    pub(crate) fn provisioned_of(&self, version: &str) -> u32 {
        let mine = self.record.provisioned.iter().filter(|(qualifier, _)| {
            self.qualified(Some(qualifier)).is_some_and(|provisioned| provisioned.version == version)
        });
        mine.fold(0, |all, (_, own)| all.saturating_add(own.count))
    }

    /// What the machine keeps free for it: its reservation, in the memory of its largest version, or what is to be kept ready.
    fn kept(&self) -> Room {
        if let Some(reserved) = self.record.reserved_concurrency {
            let memory_mib = self.all_versions().map(|version| version.memory_mib).max();
            return Room::of(reserved, memory_mib.unwrap_or(0));
        }
        self.record.provisioned.iter().fold(Room::default(), |all, (qualifier, own)| {
            let memory_mib = self.qualified(Some(qualifier)).map_or(0, |version| version.memory_mib);
            all.plus(Room::of(own.count, memory_mib))
        })
    }

    /// Every version, `$LATEST` first.
    pub(crate) fn all_versions(&self) -> impl Iterator<Item = &VersionRecord> {
        std::iter::once(&self.record.latest).chain(self.versions.values())
    }
}

impl Loaded {
    fn of(id: &FunctionId, function: Function) -> Self {
        let specs = function
            .all_versions()
            .map(|version| (version.version.clone(), Arc::new(spec_of(id, version))))
            .collect();
        let mut policies = HashMap::new();
        for (qualifier, stored) in &function.record.policies {
            policies.extend(permission::loaded(id, stored).map(|policy| (qualifier.clone(), policy)));
        }
        Self { function, specs, policies }
    }

    /// What compute is to run for this version.
    pub(crate) fn spec(&self, label: &str) -> Option<&SharedSpec> {
        self.specs.get(label)
    }
}

fn spec_of(id: &FunctionId, version: &VersionRecord) -> FunctionSpec {
    let default_group = || format!("/aws/lambda/{}", id.name);
    let variables = &version.variables.0;
    FunctionSpec {
        account: id.account,
        region: id.region.clone(),
        name: id.name.clone(),
        arn: id.arn(),
        version: version.version.clone(),
        revision: version.revision_id.clone(),
        code: version.code,
        layers: version.layer_codes(),
        runtime: version.runtime.clone(),
        handler: version.handler.clone(),
        memory_mib: version.memory_mib,
        timeout: Duration::from_secs(u64::from(version.timeout_secs)),
        tmp_mib: version.tmp_mib,
        role_arn: version.role.clone(),
        variables: variables.iter().map(|(k, v)| (k.clone(), SecretString::new(v.clone()))).collect(),
        log_group: version.log_group.clone().unwrap_or_else(default_group),
        logging: logging::of(version.json_log.as_ref()),
    }
}

impl Catalog {
    /// Reads every function, and tells `compute` what to keep free for it.
    pub(crate) fn load(store: &Store, compute: Compute) -> Result<Self, CatalogError> {
        let mut functions = Functions::default();
        let snapshot = store.snapshot()?;
        for item in snapshot.iter(FUNCTIONS, &Range::all()) {
            let (key, value) = item?;
            let id = id_of(&key)?;
            let record = FunctionRecord::decode(&value)?;
            let range = Range::prefix(function_key(&id));
            let function =
                assemble(record, snapshot.scan(VERSIONS, &range)?, snapshot.scan(ALIASES, &range)?)?;
            compute.keep_free(id.account, &id.arn(), Some(function.kept()));
            functions.put(id, Some(function));
        }
        Ok(Self { functions: RwLock::new(functions), compute })
    }

    /// The function, if it exists.
    pub(crate) fn get(&self, id: &FunctionId) -> Option<Arc<Loaded>> {
        self.functions.read().by_id.get(id).cloned()
    }

    /// The resource policy of a function, a version or an alias.
    pub(crate) fn policy(&self, id: &FunctionId, qualifier: Option<&str>) -> Option<Policy> {
        self.functions.read().by_id.get(id)?.policies.get(qualifier.unwrap_or_default()).cloned()
    }

    /// The functions of an account behind this name, in the order of their names.
    pub(crate) fn list(
        &self,
        account: AccountId,
        region: &Region,
        after: Option<&str>,
    ) -> Vec<(FunctionId, Arc<Loaded>)> {
        let functions = self.functions.read();
        let mine = |id: &FunctionId| id.account == account && id.region == *region;
        let behind = |id: &FunctionId| after.is_none_or(|after| id.name.as_str() > after);
        functions
            .by_id
            .iter()
            .filter(|(id, _)| mine(id) && behind(id))
            .map(|(id, loaded)| (id.clone(), Arc::clone(loaded)))
            .collect()
    }

    /// The functions of which environments are to be kept ready.
    pub(crate) fn provisioned(&self) -> Vec<Arc<Loaded>> {
        let functions = self.functions.read();
        let loaded = functions.by_id.values();
        loaded.filter(|loaded| !loaded.function.record.provisioned.is_empty()).cloned().collect()
    }

    /// Concurrency that the functions of an account have reserved together.
    pub(crate) fn reserved(&self, account: AccountId) -> u32 {
        self.functions.read().reserved.get(&account).copied().unwrap_or(0)
    }

    /// Concurrency that is kept ready for functions of an account without a reservation.
    pub(crate) fn set_aside(&self, account: AccountId) -> u32 {
        self.functions.read().provisioned.get(&account).copied().unwrap_or(0)
    }

    /// Of that, what is for other functions of its account than this one.
    pub(crate) fn set_aside_for_others(&self, id: &FunctionId) -> u32 {
        let functions = self.functions.read();
        let own = functions.by_id.get(id).map_or(0, |loaded| loaded.function.provisioned());
        functions.provisioned.get(&id.account).copied().unwrap_or(0).saturating_sub(own)
    }

    /// What the functions of each account use: packages, layers, and the folders in which layers lie over each other.
    pub(crate) fn code(&self) -> Vec<(AccountId, CodeHash)> {
        let functions = self.functions.read();
        let versions = functions
            .by_id
            .iter()
            .flat_map(|(id, loaded)| loaded.function.all_versions().map(|version| (id.account, version)));
        versions
            .flat_map(|(account, version)| {
                let layers = version.layer_codes();
                let laid = AccountCode::laid_name(&layers);
                let all = std::iter::once(version.code).chain(layers).chain(laid);
                all.map(move |code| (account, code))
            })
            .collect()
    }

    /// True where some version of some function of the account uses this package, or has layers in the folder of this name.
    pub(crate) fn uses(&self, account: AccountId, code: CodeHash) -> bool {
        self.functions
            .read()
            .by_id
            .iter()
            .filter(|(id, _)| id.account == account)
            .flat_map(|(_, loaded)| loaded.function.all_versions())
            .any(|version| {
                let mut layers = version.layers.iter().map(|layer| layer.code);
                version.code == code
                    || layers.any(|layer| layer == code)
                    || AccountCode::laid_name(&version.layer_codes()) == Some(code)
            })
    }

    /// Changes one function in a transaction: `work` gets what is stored and leaves what is to be stored.
    pub(crate) async fn change<T: Send>(
        self: &Arc<Self>,
        call: &Call,
        id: &FunctionId,
        work: impl FnOnce(&mut Option<Function>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.change_with(call, id, |_, function| work(function)).await
    }

    /// The same, where something else is to change with the function.
    pub(crate) async fn change_with<T: Send>(
        self: &Arc<Self>,
        call: &Call,
        id: &FunctionId,
        work: impl FnOnce(&mut Transaction<'_>, &mut Option<Function>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let mut has_asked = false;
        let changed = call
            .transact(|transaction| {
                let before = read(transaction, id)?;
                let mut after = before.clone();
                let answer = work(transaction, &mut after)?;
                has_asked = self.ask_for_room(id, before.as_ref(), after.as_ref())?;
                write(transaction, id, before.as_ref(), after.as_ref())?;
                let (catalog, id) = (Arc::clone(self), id.clone());
                transaction.after_commit(move || catalog.put(id, after));
                Ok(answer)
            })
            .await;
        if has_asked && changed.is_err() {
            let kept = self.get(id).map(|loaded| loaded.function.kept());
            self.compute.keep_free(id.account, &id.arn(), kept);
        }
        changed
    }

    /// Asks for more of the machine to be kept free for a function, where a change wants that. What changes need not wait for one
    /// another: what is asked for counts at once.
    fn ask_for_room(
        &self,
        id: &FunctionId,
        before: Option<&Function>,
        after: Option<&Function>,
    ) -> Result<bool, Error> {
        let kept = |function: Option<&Function>| function.map_or_else(Room::default, Function::kept);
        let wanted = kept(after);
        if wanted.fits_in(kept(before)) {
            return Ok(false);
        }
        if self.compute.ask_to_keep_free(id.account, &id.arn(), wanted) {
            return Ok(true);
        }
        Err(Error::InvalidParameterValue(
            "The concurrency that is reserved for function is more than this machine can keep free for the account, by \
             number or by memory."
                .to_owned(),
        ))
    }

    fn put(&self, id: FunctionId, function: Option<Function>) {
        let kept = function.as_ref().map(Function::kept);
        let mut functions = self.functions.write();
        self.compute.keep_free(id.account, &id.arn(), kept);
        functions.put(id, function);
    }
}

impl Functions {
    fn put(&mut self, id: FunctionId, function: Option<Function>) {
        let account = id.account;
        let reserved = |loaded: Option<&Loaded>| {
            loaded.and_then(|loaded| loaded.function.record.reserved_concurrency).unwrap_or(0)
        };
        let new = function.map(|function| Arc::new(Loaded::of(&id, function)));
        let new_reserved = reserved(new.as_deref());
        let provisioned = |loaded: Option<&Loaded>| loaded.map_or(0, |loaded| loaded.function.provisioned());
        let new_provisioned = provisioned(new.as_deref());
        let old = match new {
            Some(loaded) => self.by_id.insert(id, loaded),
            None => self.by_id.remove(&id),
        };
        let of_account = self.reserved.entry(account).or_default();
        *of_account = of_account.saturating_sub(reserved(old.as_deref())).saturating_add(new_reserved);
        let of_account = self.provisioned.entry(account).or_default();
        *of_account = of_account.saturating_sub(provisioned(old.as_deref())).saturating_add(new_provisioned);
    }
}

fn id_of(key: &[u8]) -> Result<FunctionId, CatalogError> {
    let mut reader = KeyReader::new(key);
    let mut part = || reader.str().map_err(|error| CatalogError::Record(Box::new(error)));
    let (account, region, name) = (part()?, part()?, part()?);
    let account = account.parse().map_err(|error| CatalogError::Record(Box::new(error)))?;
    let region = region.parse().map_err(|error| CatalogError::Record(Box::new(error)))?;
    Ok(FunctionId { account, region, name })
}

type Rows = Vec<(Vec<u8>, protocol::Bytes)>;

fn assemble(record: FunctionRecord, versions: Rows, aliases: Rows) -> Result<Function, CatalogError> {
    let mut function = Function { record, versions: BTreeMap::new(), aliases: BTreeMap::new() };
    for (_, value) in versions {
        let version = VersionRecord::decode(&value)?;
        let number = version.version.parse().map_err(|error| CatalogError::Record(Box::new(error)))?;
        function.versions.insert(number, version);
    }
    for (_, value) in aliases {
        let alias = AliasRecord::decode(&value)?;
        function.aliases.insert(alias.name.clone(), alias);
    }
    Ok(function)
}

fn read(transaction: &Transaction<'_>, id: &FunctionId) -> Result<Option<Function>, CatalogError> {
    let key = function_key(id);
    let Some(value) = transaction.get(FUNCTIONS, &key)? else { return Ok(None) };
    let range = Range::prefix(&key);
    let (versions, aliases) = (transaction.scan(VERSIONS, &range)?, transaction.scan(ALIASES, &range)?);
    assemble(FunctionRecord::decode(&value)?, versions, aliases).map(Some)
}

/// The number of a function's first version.
const FIRST_VERSION: u64 = 1;

/// The number that a new function of this name begins with.
pub(crate) fn first_version(transaction: &Transaction<'_>, id: &FunctionId) -> Result<u64, CatalogError> {
    let former = transaction.get(FORMER, function_key(id))?;
    let former = former.map(|bytes| FormerFunction::decode(&bytes)).transpose()?;
    Ok(former.map_or(FIRST_VERSION, |former| former.next_version))
}

/// Writes what differs.
fn write(
    transaction: &mut Transaction<'_>,
    id: &FunctionId,
    before: Option<&Function>,
    after: Option<&Function>,
) -> Result<(), CatalogError> {
    let key = || function_key(id);
    match after {
        Some(after) if before.is_none_or(|before| before.record != after.record) => {
            transaction.put(FUNCTIONS, key(), after.record.encode()?)?;
        }
        Some(_) => {}
        None => {
            let next_version = before.map_or(FIRST_VERSION, |before| before.record.next_version);
            if next_version > FIRST_VERSION {
                transaction.put(FORMER, key(), FormerFunction { next_version }.encode()?)?;
            }
            transaction.delete(FUNCTIONS, key())?;
        }
    }
    let none = (BTreeMap::new(), BTreeMap::new());
    let parts =
        |function: Option<&'_ Function>| -> (BTreeMap<u64, VersionRecord>, BTreeMap<String, AliasRecord>) {
            function.map_or_else(
                || none.clone(),
                |function| (function.versions.clone(), function.aliases.clone()),
            )
        };
    let ((old_versions, old_aliases), (versions, aliases)) = (parts(before), parts(after));
    for number in old_versions.keys().filter(|number| !versions.contains_key(number)) {
        transaction.delete(VERSIONS, key().u64(*number))?;
    }
    for name in old_aliases.keys().filter(|name| !aliases.contains_key(*name)) {
        transaction.delete(ALIASES, key().str(name))?;
    }
    for (number, version) in
        versions.iter().filter(|(number, version)| old_versions.get(number) != Some(version))
    {
        transaction.put(VERSIONS, key().u64(*number), version.encode()?)?;
    }
    for (name, alias) in aliases.iter().filter(|(name, alias)| old_aliases.get(*name) != Some(alias)) {
        transaction.put(ALIASES, key().str(name), alias.encode()?)?;
    }
    Ok(())
}
