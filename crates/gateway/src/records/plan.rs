//! API keys, usage plans, and what was used of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Key, Table};

/// API keys: account, key id.
pub const API_KEYS: Table = Table::new(0x0605, "apigateway-api-keys");
/// Usage plans: account, plan id.
pub const USAGE_PLANS: Table = Table::new(0x0606, "apigateway-usage-plans");
/// The keys of usage plans: account, plan id, key id. There is nothing to say of them but that they are.
pub const PLAN_KEYS: Table = Table::new(0x0607, "apigateway-plan-keys");
/// The keys' values: account and digest. A value names one key of an account; what another account's keys are is neither
/// told nor disturbed by it. Those written before values were of one account stand under their digest alone.
pub const KEY_DIGESTS: Table = Table::new(0x060A, "apigateway-key-digests");
/// What was used: account, plan id, key id.
pub const USAGE: Table = Table::new(0x0608, "apigateway-usage");

/// What the keys of everything of an account's start with.
pub fn account_prefix(account: AccountId) -> Key {
    Key::new().str(account.as_str())
}

/// The key of something of an account's that has an id.
pub fn owned_key(account: AccountId, id: &str) -> Key {
    account_prefix(account).str(id)
}

/// The key of a value of an account's.
pub fn digest_key(account: AccountId, digest: &[u8; 32]) -> Key {
    account_prefix(account).bytes(digest)
}

/// The key of a usage plan's key, and of its usage.
pub fn plan_key(account: AccountId, plan_id: &str, key_id: &str) -> Key {
    owned_key(account, plan_id).str(key_id)
}

/// What lets a caller in. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue(String);

impl KeyValue {
    /// A value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for its owner and nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What it is found by: two values are compared by their digests, so that no comparison tells how much of one is right.
    pub fn digest(&self) -> [u8; 32] {
        crypto::sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyValue(…)")
    }
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The account that owns it.
    pub account: AccountId,
    /// Its id, which is no secret.
    pub id: String,
    /// What callers send.
    pub value: KeyValue,
    /// The owner's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Kept for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// A key that is not enabled lets nobody in.
    pub enabled: bool,
    /// Kept for the owner: stages as `api/stage`. Usage plans say where a key is good.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub stage_keys: BTreeSet<String>,
    /// The owner's tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// A usage plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// The account that owns it.
    pub account: AccountId,
    /// Its id.
    pub id: String,
    /// The owner's name for it.
    pub name: String,
    /// The owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The stages that its keys are good for, by API id and stage name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<PlanStage>,
    /// How fast each of its keys may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<PlanThrottle>,
    /// How much each of its keys may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<PlanQuota>,
    /// The owner's tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A stage that a plan's keys are good for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStage {
    /// The API.
    pub api_id: String,
    /// The stage.
    pub stage: String,
    /// Limits of methods, by path and method as in `/orders/{id}/GET`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle: BTreeMap<String, PlanThrottle>,
}

/// How fast a key may be used. What is not said is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanThrottle {
    /// Requests a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Requests at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// How much a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanQuota {
    /// Requests of one period.
    pub limit: u32,
    /// The day of the week, from Sunday, or of the month, from the first, on which a period begins; from 0.
    #[serde(default)]
    pub offset: u32,
    /// How long a period is.
    pub period: QuotaPeriod,
}

/// How long a quota counts. Periods begin at midnight in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum QuotaPeriod {
    Day,
    Week,
    Month,
}

/// What was used of a plan with one key. Days are counted from 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The first day of the period that is counted.
    pub period_day: i64,
    /// Requests of this period; less than none where its owner granted more.
    pub used: i64,
    /// Requests by day, and what was left at the day's end.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    pub days: BTreeMap<i64, (i64, i64)>,
}

/// Days as a list: the names of JSON's members are text, and would not be read as numbers again.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer};

    type Days = BTreeMap<i64, (i64, i64)>;

    pub(super) fn serialize<S: Serializer>(days: &Days, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(days)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Days, D::Error> {
        Ok(Vec::<(i64, (i64, i64))>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{decode, encode};

    #[test]
    fn keys_plans_and_what_was_used_keep_their_bytes() {
        let account = "111111111111".parse().unwrap();
        let key = KeyRecord {
            account,
            id: "k".into(),
            value: KeyValue::new("secret"),
            name: None,
            description: None,
            customer_id: None,
            enabled: true,
            stage_keys: BTreeSet::new(),
            tags: BTreeMap::new(),
            created: Timestamp::from_secs(1),
            updated: Timestamp::from_secs(2),
        };
        let golden = r#"{"v":"1","account":"111111111111","id":"k","value":"secret","enabled":true,"created":1000,"updated":2000}"#;
        assert_eq!(String::from_utf8(encode(&key).unwrap()).unwrap(), golden);
        assert_eq!(decode::<KeyRecord>(golden.as_bytes()).unwrap(), key);
        assert!(!format!("{key:?}").contains("secret"));
        let stage = PlanStage { api_id: "a".into(), stage: "s".into(), throttle: BTreeMap::new() };
        let plan = PlanRecord {
            account,
            id: "p".into(),
            name: "n".into(),
            description: None,
            stages: vec![stage],
            throttle: Some(PlanThrottle { rate: Some(0.5), burst: Some(3) }),
            quota: Some(PlanQuota { limit: 5, offset: 1, period: QuotaPeriod::Week }),
            tags: BTreeMap::new(),
        };
        let golden = r#"{"v":"1","account":"111111111111","id":"p","name":"n","stages":[{"api_id":"a","stage":"s"}],"throttle":{"rate":0.5,"burst":3},"quota":{"limit":5,"offset":1,"period":"WEEK"}}"#;
        assert_eq!(String::from_utf8(encode(&plan).unwrap()).unwrap(), golden);
        assert_eq!(decode::<PlanRecord>(golden.as_bytes()).unwrap(), plan);
        let days = BTreeMap::from([(20_780, (3, 2))]);
        let used = UsageRecord { period_day: 20_779, used: 3, days };
        let golden = r#"{"v":"1","period_day":20779,"used":3,"days":[[20780,[3,2]]]}"#;
        assert_eq!(String::from_utf8(encode(&used).unwrap()).unwrap(), golden);
        assert_eq!(decode::<UsageRecord>(golden.as_bytes()).unwrap(), used);
    }
}
