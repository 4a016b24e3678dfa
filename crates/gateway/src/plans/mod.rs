//! The API keys that are good, for which stages, how fast and how often: in memory, renewed the instant a change is durable.
//!
//! It knows no header and no authorizer: whoever asks brings a key. A key that is not known, not enabled, of another account,
//! or in no plan of the stage is refused alike.

mod usage;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use base::{AccountId, Timestamp};
use parking_lot::Mutex;
use store::{KeyReader, Range, Snapshot, Store, StoreError, Transaction};

use crate::records::{
    self, API_KEYS, DeployedMethod, KEY_DIGESTS, KeyRecord, PLAN_KEYS, PlanQuota, PlanRecord, PlanThrottle,
    USAGE, USAGE_PLANS, UsageRecord, digest_key, owned_key, plan_key,
};
use crate::refusal::Refusal;
use crate::stages::{LiveStage, StageError};
use crate::throttle::Bucket;

pub use usage::{by_day, date_of, day_of, period_of, set_left};

/// The live plans and keys. Clones share them.
#[derive(Clone, Default)]
pub struct Plans(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// What requests read.
    keys: ArcSwap<LiveKeys>,
    /// What changes read.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, KeyRecord>,
    plans: HashMap<String, PlanRecord>,
    /// Key ids by plan id.
    ties: HashMap<String, BTreeMap<String, Arc<Tie>>>,
}

/// What was used of a plan with one key.
#[derive(Debug)]
pub(crate) struct Usage {
    account: AccountId,
    plan_id: String,
    key_id: String,
    record: Mutex<UsageRecord>,
    /// True where it changed since it was written.
    changed: AtomicBool,
}

/// Keys by their account and the digest of their value.
type LiveKeys = HashMap<(AccountId, [u8; 32]), Arc<LiveKey>>;

struct LiveKey {
    ties: Vec<Arc<Tie>>,
}

/// A key in a plan. It stays as long as the plan is not changed, so that a change elsewhere fills no bucket.
struct Tie {
    /// API ids and stage names, with the limits of methods.
    stages: Vec<(String, String, BTreeMap<String, Bucket>)>,
    bucket: Option<Bucket>,
    quota: Option<PlanQuota>,
    usage: Arc<Usage>,
}

/// A key that is good for a stage.
pub(crate) struct Admission(Arc<Tie>);

impl Admission {
    /// The key's id.
    pub(crate) fn key_id(&self) -> &str {
        &self.0.usage.key_id
    }

    /// Counts a request that everything else lets pass.
    ///
    /// # Errors
    /// The key has made all the requests of its time.
    pub(crate) fn count(&self, now: Timestamp) -> Result<(), Refusal> {
        let mut record = self.0.usage.record.lock();
        if !usage::count(&mut record, self.0.quota.as_ref(), now) {
            return Err(Refusal::quota_exceeded());
        }
        self.0.usage.changed.store(true, Ordering::Release);
        Ok(())
    }
}

impl Plans {
    /// Reads all keys and plans.
    ///
    /// # Errors
    /// The store fails. A record that does not parse is left out and reported: it lets nobody in.
    pub(crate) fn load(snapshot: &Snapshot) -> Result<Self, StoreError> {
        let mut known = Known::default();
        for key in read_all::<KeyRecord>(snapshot, API_KEYS)? {
            known.keys.insert(key.1.id.clone(), key.1);
        }
        for plan in read_all::<PlanRecord>(snapshot, USAGE_PLANS)? {
            known.plans.insert(plan.1.id.clone(), plan.1);
        }
        let mut used: HashMap<Vec<u8>, UsageRecord> =
            read_all::<UsageRecord>(snapshot, USAGE)?.into_iter().collect();
        for (place, _) in snapshot.scan(PLAN_KEYS, &Range::all())? {
            let mut reader = KeyReader::new(&place);
            let (Ok(account), Ok(plan), Ok(key)) = (reader.str(), reader.str(), reader.str()) else {
                continue;
            };
            let Ok(account) = account.parse() else { continue };
            let record = used.remove(&place).unwrap_or_default();
            known.tie(&Usage::new(account, &plan, &key, record));
        }
        let plans = Self::default();
        plans.0.keys.store(Arc::new(known.live()));
        *plans.0.known.lock() = known;
        Ok(plans)
    }

    /// The plan of a stage that a key is in, where the key may be used this fast.
    ///
    /// # Errors
    /// The key is not good for the stage, or it is used faster than its plan says.
    pub(crate) fn admit(
        &self,
        digest: &[u8; 32],
        stage: &LiveStage,
        method: &DeployedMethod,
        now: Timestamp,
    ) -> Result<Admission, Refusal> {
        let place = (stage.record.account, *digest);
        let key = self.0.keys.load().get(&place).cloned().ok_or_else(Refusal::bad_key)?;
        let (api_id, name) = (&stage.record.rest_api_id, &stage.record.stage_name);
        let found = key.ties.iter().find_map(|tie| {
            let stage = tie.stages.iter().find(|(api, stage, _)| api == api_id && stage == name)?;
            Some((tie, &stage.2))
        });
        let (tie, methods) = found.ok_or_else(Refusal::bad_key)?;
        let own = methods.get(&format!("{}/{}", method.resource_path, method.http_method));
        if !own.or(tie.bucket.as_ref()).is_none_or(|bucket| bucket.take(now)) {
            return Err(Refusal::throttled());
        }
        Ok(Admission(Arc::clone(tie)))
    }

    /// Writes a key; it is good from the moment the transaction is durable.
    ///
    /// # Errors
    /// The store fails.
    pub fn put_key(&self, transaction: &mut Transaction<'_>, key: KeyRecord) -> Result<(), StageError> {
        transaction.put(API_KEYS, owned_key(key.account, &key.id), records::encode(&key)?)?;
        transaction.put(
            KEY_DIGESTS,
            digest_key(key.account, &key.value.digest()),
            key.id.as_bytes().to_vec(),
        )?;
        self.after(transaction, move |known| {
            known.keys.insert(key.id.clone(), key.clone());
        });
        Ok(())
    }

    /// Whether a key of this account has this value.
    ///
    /// # Errors
    /// The store fails.
    pub fn has_value(
        transaction: &Transaction<'_>,
        account: AccountId,
        digest: &[u8; 32],
    ) -> Result<bool, StageError> {
        if transaction.get(KEY_DIGESTS, digest_key(account, digest))?.is_some() {
            return Ok(true);
        }
        let Some(id) = transaction.get(KEY_DIGESTS, digest)? else { return Ok(false) };
        let Ok(id) = std::str::from_utf8(&id) else { return Ok(false) };
        Ok(transaction.get(API_KEYS, owned_key(account, id))?.is_some())
    }

    /// Deletes a key with its places in plans.
    ///
    /// # Errors
    /// The store fails.
    pub fn delete_key(&self, transaction: &mut Transaction<'_>, key: &KeyRecord) -> Result<(), StageError> {
        let plans = transaction.scan(PLAN_KEYS, &Range::prefix(records::account_prefix(key.account)))?;
        for (place, _) in plans {
            let mut reader = KeyReader::new(&place);
            let (Ok(_), Ok(plan), Ok(id)) = (reader.str(), reader.str(), reader.str()) else { continue };
            if *id == *key.id {
                self.untie(transaction, key.account, &plan, &id)?;
            }
        }
        transaction.delete(API_KEYS, owned_key(key.account, &key.id))?;
        let digest = key.value.digest();
        transaction.delete(KEY_DIGESTS, digest_key(key.account, &digest))?;
        if transaction.get(KEY_DIGESTS, digest)?.is_some_and(|id| *id == *key.id.as_bytes()) {
            transaction.delete(KEY_DIGESTS, digest)?;
        }
        let id = key.id.clone();
        self.after(transaction, move |known| {
            known.keys.remove(&id);
        });
        Ok(())
    }

    /// Writes a plan; it counts from the moment the transaction is durable.
    ///
    /// # Errors
    /// The store fails.
    pub fn put_plan(&self, transaction: &mut Transaction<'_>, plan: PlanRecord) -> Result<(), StageError> {
        transaction.put(USAGE_PLANS, owned_key(plan.account, &plan.id), records::encode(&plan)?)?;
        self.after(transaction, move |known| {
            known.put_plan(plan.clone());
        });
        Ok(())
    }

    /// Deletes a plan and takes its keys out of it.
    ///
    /// # Errors
    /// The store fails.
    pub fn delete_plan(
        &self,
        transaction: &mut Transaction<'_>,
        account: AccountId,
        plan_id: &str,
    ) -> Result<(), StageError> {
        for (place, _) in transaction.scan(PLAN_KEYS, &Range::prefix(owned_key(account, plan_id)))? {
            let mut reader = KeyReader::new(&place);
            if let (Ok(_), Ok(plan), Ok(key)) = (reader.str(), reader.str(), reader.str()) {
                self.untie(transaction, account, &plan, &key)?;
            }
        }
        transaction.delete(USAGE_PLANS, owned_key(account, plan_id))?;
        let id = plan_id.to_owned();
        self.after(transaction, move |known| {
            known.plans.remove(&id);
            known.ties.remove(&id);
        });
        Ok(())
    }

    /// Puts a key into a plan.
    ///
    /// # Errors
    /// The store fails.
    pub fn tie(
        &self,
        transaction: &mut Transaction<'_>,
        account: AccountId,
        plan_id: &str,
        key_id: &str,
    ) -> Result<(), StageError> {
        transaction.put(PLAN_KEYS, plan_key(account, plan_id, key_id), Vec::new())?;
        let (plan, key) = (plan_id.to_owned(), key_id.to_owned());
        self.after(transaction, move |known| {
            known.tie(&Usage::new(account, &plan, &key, UsageRecord::default()));
        });
        Ok(())
    }

    /// Takes a key out of a plan. What was used is forgotten.
    ///
    /// # Errors
    /// The store fails.
    pub fn untie(
        &self,
        transaction: &mut Transaction<'_>,
        account: AccountId,
        plan_id: &str,
        key_id: &str,
    ) -> Result<(), StageError> {
        transaction.delete(PLAN_KEYS, plan_key(account, plan_id, key_id))?;
        transaction.delete(USAGE, plan_key(account, plan_id, key_id))?;
        let (plan, key) = (plan_id.to_owned(), key_id.to_owned());
        self.after(transaction, move |known| {
            if let Some(keys) = known.ties.get_mut(&plan) {
                keys.remove(&key);
            }
        });
        Ok(())
    }

    /// What was used of a plan with a key, as it is counted now.
    pub fn used(&self, plan_id: &str, key_id: &str) -> Option<UsageRecord> {
        let known = self.0.known.lock();
        known.ties.get(plan_id)?.get(key_id).map(|tie| tie.usage.record.lock().clone())
    }

    /// Changes what counts as used, in the store and, once that is durable, here.
    ///
    /// # Errors
    /// The store fails.
    pub fn put_used(
        &self,
        transaction: &mut Transaction<'_>,
        account: AccountId,
        (plan_id, key_id): (&str, &str),
        record: UsageRecord,
    ) -> Result<(), StageError> {
        transaction.put(USAGE, plan_key(account, plan_id, key_id), records::encode(&record)?)?;
        let (plan, key) = (plan_id.to_owned(), key_id.to_owned());
        self.after(transaction, move |known| {
            if let Some(tie) = known.ties.get(&plan).and_then(|keys| keys.get(&key)) {
                *tie.usage.record.lock() = record.clone();
            }
        });
        Ok(())
    }

    /// Writes what was used since the last time.
    ///
    /// # Errors
    /// The store fails; what was to be written is written the next time.
    pub async fn write_used(&self, store: &Store) -> Result<(), StageError> {
        let changed: Vec<Arc<Usage>> = {
            let known = self.0.known.lock();
            let all = known.ties.values().flat_map(BTreeMap::values).map(|tie| &tie.usage);
            all.filter(|usage| usage.changed.swap(false, Ordering::AcqRel)).cloned().collect()
        };
        for some in changed.chunks(WRITTEN_AT_ONCE) {
            let written = store.transact(|transaction| write(transaction, some)).await;
            if written.is_err() {
                some.iter().for_each(|usage| usage.changed.store(true, Ordering::Release));
            }
            written?;
        }
        Ok(())
    }

    /// Changes what is known once a transaction is durable. Callbacks run in the order of commits.
    fn after(&self, transaction: &mut Transaction<'_>, edit: impl Fn(&mut Known) + Send + 'static) {
        let plans = self.clone();
        transaction.after_commit(move || {
            let mut known = plans.0.known.lock();
            edit(&mut known);
            plans.0.keys.store(Arc::new(known.live()));
        });
    }
}

/// Counters that one transaction writes.
const WRITTEN_AT_ONCE: usize = 1_000;

fn write(transaction: &mut Transaction<'_>, changed: &[Arc<Usage>]) -> Result<(), StageError> {
    for usage in changed {
        let place = plan_key(usage.account, &usage.plan_id, &usage.key_id);
        // A key that was taken out of its plan meanwhile leaves nothing behind.
        if transaction.get(PLAN_KEYS, place.clone())?.is_some() {
            let record = usage.record.lock().clone();
            transaction.put(USAGE, place, records::encode(&record)?)?;
        }
    }
    Ok(())
}

fn read_all<T: serde::de::DeserializeOwned>(
    snapshot: &Snapshot,
    table: store::Table,
) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    let found = snapshot.scan(table, &Range::all())?.into_iter();
    let read = found.filter_map(|(place, bytes)| match records::decode(&bytes) {
        Ok(record) => Some((place, record)),
        Err(error) => {
            tracing::error!(error = %base::Chain(&error), "a key or a usage plan does not parse");
            None
        }
    });
    Ok(read.collect())
}

impl Usage {
    fn new(account: AccountId, plan_id: &str, key_id: &str, record: UsageRecord) -> Arc<Self> {
        let (plan_id, key_id) = (plan_id.to_owned(), key_id.to_owned());
        let (record, changed) = (Mutex::new(record), AtomicBool::new(false));
        Arc::new(Self { account, plan_id, key_id, record, changed })
    }
}

impl Known {
    /// Puts a key into a plan, where it is not in it.
    fn tie(&mut self, usage: &Arc<Usage>) {
        let Some(plan) = self.plans.get(&usage.plan_id) else { return };
        let keys = self.ties.entry(plan.id.clone()).or_default();
        keys.entry(usage.key_id.clone()).or_insert_with(|| Arc::new(Tie::new(plan, usage)));
    }

    fn put_plan(&mut self, plan: PlanRecord) {
        for tie in self.ties.get_mut(&plan.id).into_iter().flat_map(BTreeMap::values_mut) {
            *tie = Arc::new(Tie::new(&plan, &tie.usage));
        }
        self.plans.insert(plan.id.clone(), plan);
    }

    /// The keys that are good for anything.
    fn live(&self) -> LiveKeys {
        let mut ties: HashMap<&str, Vec<Arc<Tie>>> = HashMap::new();
        for (key_id, tie) in self.ties.values().flatten() {
            ties.entry(key_id).or_default().push(Arc::clone(tie));
        }
        let enabled = self.keys.values().filter(|key| key.enabled);
        let live = enabled.filter_map(|key| {
            let ties = ties.remove(key.id.as_str())?;
            Some(((key.account, key.value.digest()), Arc::new(LiveKey { ties })))
        });
        live.collect()
    }
}

impl Tie {
    fn new(plan: &PlanRecord, usage: &Arc<Usage>) -> Self {
        let stages = plan.stages.iter().map(|stage| {
            let own = stage.throttle.iter();
            let own = own.filter_map(|(method, throttle)| Some((method.clone(), bucket(throttle)?)));
            (stage.api_id.clone(), stage.stage.clone(), own.collect())
        });
        Self {
            stages: stages.collect(),
            bucket: plan.throttle.as_ref().and_then(bucket),
            quota: plan.quota,
            usage: Arc::clone(usage),
        }
    }
}

/// A bucket where anything is limited. What is not said is as wide as a number gets.
fn bucket(throttle: &PlanThrottle) -> Option<Bucket> {
    let (rate, burst) = (throttle.rate, throttle.burst);
    (rate.is_some() || burst.is_some())
        .then(|| Bucket::new(rate.unwrap_or(f64::from(u32::MAX)), burst.unwrap_or(u32::MAX)))
}

impl std::fmt::Debug for Plans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plans(…)")
    }
}
