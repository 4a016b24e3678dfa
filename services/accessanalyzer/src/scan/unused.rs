//! Findings of unused access: roles, access keys, passwords, permissions.
//!
//! Nothing is unused before it is as old as the analyzer asks. What the trail no longer tells, because it is kept for 90
//! days, counts as no use; a trail that is too long to be read tells nothing, and nothing is found.

use std::collections::BTreeMap;

use analysis::unused;
use base::{AccountId, Timestamp};
use identity::{DirectoryError, Reads};
use service::{Internal, Pipeline};

use super::Looking;
use super::external::{beginning, write};
use super::people::{self, Credential, Person};
use super::reader::Reader;
use super::uses::Trail;
use crate::records::{
    self, AnalyzerRecord, Details, FINDINGS, FindingRecord, Status, UnusedService, UnusedSettings,
};
use crate::state::Analyzers;

const DAY_SECS: i64 = 24 * 60 * 60;

/// A finding that there ought to be.
pub(crate) struct Wanted {
    pub(crate) resource: String,
    pub(crate) resource_type: &'static str,
    pub(crate) details: Details,
}

/// From when on a use counts.
pub(crate) const fn since(settings: &UnusedSettings, now: Timestamp) -> Timestamp {
    now.plus_secs(-settings.age * DAY_SECS)
}

fn is_excluded(settings: &UnusedSettings, account: AccountId, person: &Person) -> bool {
    settings.exclusions.iter().any(|exclusion| {
        let has = |tags: &BTreeMap<String, String>| {
            tags.iter().all(|(key, value)| person.tags.get(key) == Some(value))
        };
        exclusion.accounts.iter().any(|excluded| excluded == account.as_str())
            || exclusion.tags.iter().any(has)
    })
}

/// What of these people's access was not used.
pub(crate) fn judge(
    settings: &UnusedSettings,
    account: AccountId,
    people: &[Person],
    trail: &Trail,
    now: Timestamp,
) -> Vec<Wanted> {
    if trail.cut {
        return Vec::new();
    }
    let since = since(settings, now);
    let mut wanted = Vec::new();
    for person in people.iter().filter(|person| !is_excluded(settings, account, person)) {
        let mut add = |details: Details| {
            let resource_type = if person.is_role { "AWS::IAM::Role" } else { "AWS::IAM::User" };
            wanted.push(Wanted { resource: person.arn.clone(), resource_type, details });
        };
        let is_idle = |credential: &&Credential| {
            credential.created_at < since && credential.last.is_none_or(|last| last < since)
        };
        for key in person.keys.iter().filter(is_idle) {
            add(Details::AccessKey { id: key.id.clone(), last: key.last });
        }
        if let Some(password) = person.password.as_ref().filter(is_idle) {
            add(Details::Password { last: password.last });
        }
        if person.created_at >= since {
            continue;
        }
        let last = trail.of_role(&person.arn).map(Timestamp::from_secs);
        if person.is_role && last.is_none_or(|last| last < since) {
            // A role that nobody takes is unused as a whole.
            add(Details::Role { last });
            continue;
        }
        let services = permissions(person, trail, since);
        if !services.is_empty() {
            add(Details::Permissions { services });
        }
    }
    wanted
}

fn permissions(person: &Person, trail: &Trail, since: Timestamp) -> Vec<UnusedService> {
    let none = unused::Uses::new();
    let uses = trail.actions.get(&person.arn).unwrap_or(&none);
    let policies = person.policies.iter().map(|policy| policy.document.as_str());
    let moment = |at: Option<i64>| at.map(Timestamp::from_secs);
    let services = unused::unused(policies, uses, since.secs()).into_iter();
    let services = services.map(|service| UnusedService {
        namespace: service.namespace,
        last: moment(service.last),
        actions: service.actions.into_iter().map(|(action, at)| (action, moment(at))).collect(),
    });
    services.collect()
}

/// Looks at one account and brings the analyzer's findings about it up to date.
pub(super) async fn look(
    analyzers: &Analyzers,
    pipeline: &Pipeline,
    looking: &Looking,
    account: AccountId,
    reader: &Reader,
) -> Result<(), Internal> {
    let Some(settings) = &looking.record.unused else { return Ok(()) };
    let now = Timestamp::from_secs(pipeline.clock().now().secs());
    let people = match people::everybody(reader).await {
        Ok(people) => people,
        Err(fault) => {
            tracing::warn!(%account, code = %fault.code, "not looked at for unused access");
            return Ok(());
        }
    };
    let trail = Trail::read(pipeline, account, since(settings, now)).await?;
    if trail.cut {
        tracing::warn!(%account, "the audit trail is too long to tell what was not used");
        return Ok(());
    }
    settle(analyzers, looking, account, judge(settings, account, &people, &trail, now), now).await
}

/// Brings the findings about an account to what there ought to be.
pub(super) async fn settle(
    analyzers: &Analyzers,
    looking: &Looking,
    account: AccountId,
    wanted: Vec<Wanted>,
    now: Timestamp,
) -> Result<(), Internal> {
    let id = looking.record.id.as_str();
    let store = analyzers.directory.store();
    store
        .transact(|transaction| {
            let key = records::analyzer(looking.record.account, &looking.record.name);
            let analyzer: Option<AnalyzerRecord> = transaction.record(records::ANALYZERS, &key)?;
            let Some(mut analyzer) = analyzer.filter(|analyzer| analyzer.id == id) else { return Ok(()) };
            let mut wanted: BTreeMap<(String, String), Wanted> =
                wanted.into_iter().map(|it| ((it.resource.clone(), it.details.identity()), it)).collect();
            let known: Vec<FindingRecord> = transaction.records(FINDINGS, &records::of_analyzer(id))?;
            for mut finding in known.into_iter().filter(|finding| finding.owner == account.as_str()) {
                let found = wanted.remove(&(finding.resource.clone(), finding.details.identity()));
                let is_over = finding.status == Status::Resolved;
                match found {
                    Some(found) => {
                        if finding.details != found.details || is_over {
                            finding.details = found.details;
                            finding.updated_at = now;
                        }
                        if is_over {
                            finding.status = beginning(&analyzer, &finding);
                        }
                    }
                    None if is_over => continue,
                    None => {
                        finding.status = Status::Resolved;
                        finding.updated_at = now;
                    }
                }
                finding.analyzed_at = now;
                write(transaction, &analyzer, &finding)?;
            }
            for found in wanted.into_values() {
                let mut finding = FindingRecord {
                    id: crypto::random::uuid(),
                    resource: found.resource,
                    resource_type: found.resource_type.to_owned(),
                    owner: account.to_string(),
                    created_at: now,
                    analyzed_at: now,
                    updated_at: now,
                    status: Status::Active,
                    error: None,
                    details: found.details,
                };
                finding.status = beginning(&analyzer, &finding);
                write(transaction, &analyzer, &finding)?;
            }
            analyzer.last_analyzed = Some((format!("arn:aws:iam::{account}:root"), now));
            crate::scan::save(transaction, &analyzer)
        })
        .await
        .map_err(|error: DirectoryError| Internal::new(error))
}

#[cfg(test)]
mod tests {
    use super::super::people::Held;
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000 * DAY_SECS);
    const ACCOUNT: &str = "123456789012";

    fn days_ago(days: i64) -> Timestamp {
        NOW.plus_secs(-days * DAY_SECS)
    }

    fn person(name: &str, is_role: bool, created: i64) -> Person {
        let kind = if is_role { "role" } else { "user" };
        let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"}}"#;
        let held = Held { id: "p".into(), document: document.into(), ..Held::default() };
        Person {
            arn: format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}"),
            name: name.to_owned(),
            is_role,
            created_at: days_ago(created),
            policies: vec![held],
            ..Person::default()
        }
    }

    fn used(person: &Person, action: &str, days: i64) -> Trail {
        let mut trail = Trail::default();
        let uses = [(action.to_owned(), days_ago(days).secs())].into();
        trail.actions.insert(person.arn.clone(), uses);
        trail
    }

    fn told(people: &[Person], trail: &Trail, settings: &UnusedSettings) -> Vec<&'static str> {
        let wanted = judge(settings, ACCOUNT.parse().unwrap(), people, trail, NOW);
        wanted.iter().map(|wanted| wanted.details.name()).collect()
    }

    fn settings() -> UnusedSettings {
        UnusedSettings { age: 30, exclusions: Vec::new() }
    }

    #[test]
    fn roles_that_nobody_takes_are_unused() {
        let (old, new) = (person("r", true, 60), person("r", true, 10));
        let none = Trail::default();
        assert_eq!(told(std::slice::from_ref(&old), &none, &settings()), ["UnusedIAMRole"]);
        assert_eq!(told(std::slice::from_ref(&new), &none, &settings()), Vec::<&str>::new());
        let recent = used(&old, "s3:getobject", 5);
        assert_eq!(told(std::slice::from_ref(&old), &recent, &settings()), ["UnusedPermission"]);
        let mut assumed = Trail::default();
        assumed.assumed.insert(old.arn.clone(), days_ago(5).secs());
        assert_eq!(told(std::slice::from_ref(&old), &assumed, &settings()), ["UnusedPermission"]);
        let long_ago = used(&old, "s3:getobject", 40);
        assert_eq!(told(std::slice::from_ref(&old), &long_ago, &settings()), ["UnusedIAMRole"]);
        let cut = Trail { cut: true, ..Trail::default() };
        assert_eq!(told(&[old], &cut, &settings()), Vec::<&str>::new());
    }

    #[test]
    fn credentials_of_users_are_told_one_by_one() {
        let mut user = person("u", false, 60);
        let credential = |id: &str, created: i64, last: Option<i64>| Credential {
            id: id.to_owned(),
            created_at: days_ago(created),
            last: last.map(days_ago),
        };
        user.keys = vec![
            credential("never", 60, None),
            credential("long ago", 60, Some(40)),
            credential("lately", 60, Some(4)),
            credential("new", 2, None),
        ];
        user.password = Some(credential("", 60, None));
        let mut both = used(&user, "s3:getobject", 1);
        both.actions.get_mut(&user.arn).unwrap().insert("s3:putobject".into(), days_ago(1).secs());
        let people = [user];
        let expected = ["UnusedIAMUserAccessKey", "UnusedIAMUserAccessKey", "UnusedIAMUserPassword"];
        assert_eq!(told(&people, &both, &settings()), expected);
    }

    #[test]
    fn whoever_is_excluded_is_left_out() {
        let mut role = person("r", true, 60);
        role.tags = [("team".to_owned(), "ops".to_owned()), ("x".to_owned(), "y".to_owned())].into();
        let excluding = |exclusion| UnusedSettings { age: 30, exclusions: vec![exclusion] };
        let tags = |value: &str| vec![[("team".to_owned(), value.to_owned())].into()];
        let none = Trail::default();
        let by_tag = excluding(records::Exclusion { accounts: vec![], tags: tags("ops") });
        assert!(told(std::slice::from_ref(&role), &none, &by_tag).is_empty());
        let by_other = excluding(records::Exclusion { accounts: vec![], tags: tags("dev") });
        assert_eq!(told(std::slice::from_ref(&role), &none, &by_other).len(), 1);
        let by_account = excluding(records::Exclusion { accounts: vec![ACCOUNT.into()], tags: vec![] });
        assert!(told(&[role], &none, &by_account).is_empty());
    }
}
