//! What is stored of work that was asked for: recommendations, generated policies, previews.

use base::{AccountId, Timestamp};
use identity::records::Record;
use serde::{Deserialize, Serialize};
use store::{Key, Table};

use super::{External, Status};

/// Analyzer id, finding id → [`RecommendationRecord`].
pub(crate) const RECOMMENDATIONS: Table = Table::new(0x0D04, "finding recommendations");
/// Account, job id → [`GenerationRecord`].
pub(crate) const GENERATIONS: Table = Table::new(0x0D05, "policy generations");
/// Analyzer id, preview id → [`PreviewRecord`].
pub(crate) const PREVIEWS: Table = Table::new(0x0D06, "access previews");

/// What all generations of an account begin with.
pub(crate) fn generations_of(account: AccountId) -> Key {
    Key::new().str(account.as_str())
}

/// One generation.
pub(crate) fn generation(account: AccountId, job: &str) -> Key {
    generations_of(account).str(job)
}

/// What to do about permissions that nobody uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecommendationRecord {
    pub(crate) started_at: Timestamp,
    pub(crate) completed_at: Timestamp,
    /// Whose permissions.
    pub(crate) resource: String,
    pub(crate) steps: Vec<Step>,
    /// Why there are none: code and message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<(String, String)>,
}

/// One policy to put another in the place of, or to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The ARN of the policy there is, or the name of an inline one.
    pub(crate) existing: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) updated_at: Option<Timestamp>,
    /// The tighter policy; `None` where the policy is only to be detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
}

/// Where a generation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum JobStatus {
    #[serde(rename = "IN_PROGRESS")]
    InProgress,
    #[serde(rename = "SUCCEEDED")]
    Succeeded,
    #[serde(rename = "FAILED")]
    Failed,
    #[serde(rename = "CANCELED")]
    Canceled,
}

impl JobStatus {
    /// AWS's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// A policy that is written from the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GenerationRecord {
    pub(crate) id: String,
    /// Whose calls.
    pub(crate) principal: String,
    /// The role whose leave is asked for the trail.
    pub(crate) role: String,
    /// Each trail's ARN, its regions, and whether it is all of them.
    pub(crate) trails: Vec<(String, Vec<String>, bool)>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) status: JobStatus,
    pub(crate) started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) completed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// Code and message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<(String, String)>,
    /// The actions that were used, with their resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) used: Vec<(String, Vec<String>)>,
    /// False where the trail holds more than was read.
    #[serde(default)]
    pub(crate) complete: bool,
}

/// What a change of a policy would let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreviewRecord {
    pub(crate) id: String,
    #[serde(rename = "created")]
    pub(crate) created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// The ARN of the resource.
    pub(crate) resource: String,
    #[serde(rename = "type")]
    pub(crate) resource_type: String,
    pub(crate) owner: String,
    /// The policy that was asked about; `None` for the one that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// `IgnorePublicAcls` and `RestrictPublicBuckets`, where they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) block: Option<(bool, bool)>,
    /// `None` where the policy could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) findings: Option<Vec<PreviewFinding>>,
}

/// What one outsider would be let in to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreviewFinding {
    pub(crate) id: String,
    /// `NEW`, `CHANGED`, `UNCHANGED`
    pub(crate) change: String,
    /// What it would be afterwards.
    pub(crate) status: Status,
    /// The finding there is, and where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) existing: Option<(String, Status)>,
    pub(crate) external: External,
}

macro_rules! records {
    ($($record:ty, $name:literal;)*) => {$(
        impl Record for $record {
            const VERSION: u8 = 1;
            const NAME: &'static str = $name;
        }
    )*};
}

records! {
    RecommendationRecord, "recommendation";
    GenerationRecord, "policy generation";
    PreviewRecord, "access preview";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden<R: Record + PartialEq + std::fmt::Debug>(record: &R, text: &str) {
        let bytes = record.encode().unwrap();
        assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), text, "{} as written", R::NAME);
        assert_eq!(&R::decode(&bytes).unwrap(), record, "{} as read", R::NAME);
    }

    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let at = Timestamp::from_secs(1);
        golden(
            &RecommendationRecord {
                started_at: at,
                completed_at: at,
                resource: "arn:r".into(),
                steps: vec![Step { existing: "p".into(), updated_at: None, policy: Some("{}".into()) }],
                error: None,
            },
            r#"{"started_at":1000,"completed_at":1000,"resource":"arn:r","steps":[{"existing":"p","policy":"{}"}]}"#,
        );
        golden(
            &GenerationRecord {
                id: "j".into(),
                principal: "arn:r".into(),
                role: "arn:a".into(),
                trails: vec![("arn:t".into(), vec![], true)],
                start: at,
                end: at,
                status: JobStatus::Succeeded,
                started_at: at,
                completed_at: Some(at),
                token: None,
                error: None,
                used: vec![("s3:GetObject".into(), vec!["arn:b".into()])],
                complete: true,
            },
            r#"{"id":"j","principal":"arn:r","role":"arn:a","trails":[["arn:t",[],true]],"start":1000,"end":1000,"status":"SUCCEEDED","started_at":1000,"completed_at":1000,"used":[["s3:GetObject",["arn:b"]]],"complete":true}"#,
        );
        golden(
            &PreviewRecord {
                id: "p".into(),
                created_at: at,
                token: None,
                resource: "arn:b".into(),
                resource_type: "AWS::S3::Bucket".into(),
                owner: "123456789012".into(),
                policy: Some("{}".into()),
                block: Some((false, true)),
                findings: Some(vec![]),
            },
            r#"{"id":"p","created":1000,"resource":"arn:b","type":"AWS::S3::Bucket","owner":"123456789012","policy":"{}","block":[false,true],"findings":[]}"#,
        );
    }
}
