//! The AWS managed policies that are known here: facts from AWS's own publication, read-only for everyone.
//!
//! Parsed and compiled on first use, each by itself: who attaches one pays for one.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base::Timestamp;
use policy::{Policy, PolicyError, PolicyKind};
use serde::Deserialize;

/// What stands before an AWS managed policy's path and name.
pub const ARN_PREFIX: &str = "arn:aws:iam::aws:policy";

const FACTS: &str = include_str!("../../../../models/aws-managed-policies.json");

/// A policy that AWS keeps.
#[derive(Debug)]
pub struct AwsManagedPolicy {
    /// The name, unique among all of them.
    pub name: String,
    /// `/`, `/service-role/`, …
    pub path: String,
    /// The version in force, for example `v3`.
    pub version: String,
    /// When the policy was made.
    pub created_at: Timestamp,
    /// When its version in force was made.
    pub updated_at: Timestamp,
    /// The document.
    pub document: String,
    compiled: OnceLock<Result<Policy, PolicyError>>,
}

#[derive(Deserialize)]
struct Facts {
    path: String,
    version: String,
    created: String,
    updated: String,
    document: serde_json::Value,
}

impl AwsManagedPolicy {
    /// The policy's ARN.
    pub fn arn(&self) -> String {
        format!("{ARN_PREFIX}{}{}", self.path, self.name)
    }

    /// A stable id in the form of AWS's. AWS's own ids are not among the facts.
    pub fn policy_id(&self) -> String {
        let hash = hex::encode_upper(crypto::sha256(self.arn().as_bytes()));
        format!("ANPA{}", hash.chars().take(17).collect::<String>())
    }

    /// The compiled policy.
    pub fn policy(&self) -> Result<&Policy, &PolicyError> {
        self.compiled.get_or_init(|| Policy::parse(&self.document, PolicyKind::Identity)).as_ref()
    }
}

/// One line of the facts, and what it says.
struct Known {
    name: &'static str,
    facts: &'static str,
    parsed: OnceLock<Option<AwsManagedPolicy>>,
}

impl Known {
    /// Facts that do not parse are no policy; a test reads all of them, so this is never seen.
    fn policy(&self) -> Option<&AwsManagedPolicy> {
        let parse = || {
            let facts: Facts = serde_json::from_str(self.facts).ok()?;
            let moment = |text: &str| Timestamp::parse_iso8601(text).unwrap_or_default();
            Some(AwsManagedPolicy {
                name: self.name.to_owned(),
                path: facts.path,
                version: facts.version,
                created_at: moment(&facts.created),
                updated_at: moment(&facts.updated),
                document: facts.document.to_string(),
                compiled: OnceLock::new(),
            })
        };
        self.parsed.get_or_init(parse).as_ref()
    }
}

/// One policy a line, as `cargo xtask gen` writes them.
fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = FACTS.lines().filter_map(|line| line.strip_prefix('"')?.split_once("\":"));
    named.map(|(name, facts)| (name, facts.strip_suffix(',').unwrap_or(facts)))
}

fn all_by_name() -> &'static BTreeMap<&'static str, Known> {
    static ALL: OnceLock<BTreeMap<&'static str, Known>> = OnceLock::new();
    ALL.get_or_init(|| {
        lines().map(|(name, facts)| (name, Known { name, facts, parsed: OnceLock::new() })).collect()
    })
}

/// All of them, sorted by name.
pub fn all() -> impl Iterator<Item = &'static AwsManagedPolicy> {
    all_by_name().values().filter_map(Known::policy)
}

/// The one of this name, whatever its path.
pub fn by_name(name: &str) -> Option<&'static AwsManagedPolicy> {
    all_by_name().get(name)?.policy()
}

/// The one with this ARN.
pub fn by_arn(arn: &str) -> Option<&'static AwsManagedPolicy> {
    let full = arn.strip_prefix(ARN_PREFIX)?;
    let (_, name) = full.rsplit_once('/')?;
    let policy = by_name(name)?;
    let path = full.get(..full.len() - name.len())?;
    (policy.path == path).then_some(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_compiles_and_is_found_by_its_arn() {
        let facts: BTreeMap<String, serde_json::Value> = serde_json::from_str(FACTS).unwrap();
        let read: Vec<&str> = all().map(|policy| policy.name.as_str()).collect();
        assert_eq!(read, facts.keys().collect::<Vec<_>>(), "one a line");
        for name in ["AdministratorAccess", "ReadOnlyAccess", "SecurityAudit", "AWSOrganizationsFullAccess"] {
            assert!(read.contains(&name), "{name}");
        }
        for policy in all() {
            assert!(policy.policy().is_ok(), "{}: {:?}", policy.name, policy.policy());
            assert!(policy.created_at > Timestamp::default(), "{}", policy.name);
            assert_eq!(by_arn(&policy.arn()).map(|found| &found.name), Some(&policy.name));
            assert_eq!(by_name(&policy.name).map(AwsManagedPolicy::arn), Some(policy.arn()));
        }
    }

    #[test]
    fn the_path_is_part_of_the_arn() {
        assert!(by_arn("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole").is_some());
        assert!(by_arn("arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole").is_none());
        assert!(by_arn("arn:aws:iam::123456789012:policy/AdministratorAccess").is_none());
    }
}
