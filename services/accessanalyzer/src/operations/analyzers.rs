//! Analyzers: made, shown, changed, deleted.
//!
//! What an analyzer finds is the scan's business; a new one is looked after at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use service::{Call, Permit};
use store::Range;

use super::archive_rules::{self, RULES_MAX};
use crate::records::{self, AnalyzerRecord, Exclusion, Kind, RuleRecord, UnusedSettings};
use crate::state::{self, ANALYZER, Analyzers, arn_of};
use crate::zone::Zone;
use crate::{Error, api, page::Paging, service_role};

/// Days after which access counts as unused, where nothing else was said; and what may be said.
const UNUSED_DAYS: i64 = 90;
const UNUSED_DAYS_ALLOWED: std::ops::RangeInclusive<i64> = 1..=365;
/// AWS's bounds on exclusions.
const EXCLUDED_ACCOUNTS_MAX: usize = 2_000;
const EXCLUDED_TAGS_MAX: usize = 100;
/// Findings and resources that one transaction deletes.
const DELETED_AT_ONCE: usize = 1_000;

/// Seconds are as fine as this API tells times.
pub(crate) fn moment(call: &Call) -> Timestamp {
    Timestamp::from_secs(call.now().secs())
}

fn kind(name: &str) -> Result<Kind, Error> {
    Kind::parse(name).ok_or_else(|| {
        Error::not_supported(
            "Analyzers of internal access are not offered: access within the zone of trust is told by \
                              iam:SimulatePrincipalPolicy, principal by principal.",
        )
    })
}

fn exclusion(given: api::AnalysisRuleCriteria) -> Result<Exclusion, Error> {
    let accounts = given.account_ids.unwrap_or_default();
    if accounts.iter().any(|account| account.parse::<base::AccountId>().is_err()) {
        return Err(Error::validation("An exclusion names accounts by their ids of 12 digits."));
    }
    let tags = given.resource_tags.unwrap_or_default();
    let tags: Vec<BTreeMap<String, String>> =
        tags.into_iter().map(|tags| tags.into_iter().collect()).collect();
    if accounts.len() > EXCLUDED_ACCOUNTS_MAX || tags.len() > EXCLUDED_TAGS_MAX {
        return Err(Error::validation(format!(
            "An analysis rule excludes at most {EXCLUDED_ACCOUNTS_MAX} accounts and {EXCLUDED_TAGS_MAX} tags."
        )));
    }
    if accounts.is_empty() && tags.is_empty() {
        return Err(Error::validation("An exclusion names accounts or tags."));
    }
    Ok(Exclusion { accounts, tags })
}

/// The settings of an analyzer of unused access; those of another kind of analyzer are refused.
fn unused(kind: Kind, given: Option<api::AnalyzerConfiguration>) -> Result<Option<UnusedSettings>, Error> {
    let given = given.unwrap_or_default();
    if given.internal_access.is_some() || (given.unused_access.is_some() && !kind.is_unused()) {
        return Err(Error::validation(format!(
            "The configuration is not one of analyzers of type {}.",
            kind.name()
        )));
    }
    if !kind.is_unused() {
        return Ok(None);
    }
    let given = given.unused_access.unwrap_or_default();
    let age = given.unused_access_age.unwrap_or(UNUSED_DAYS);
    if !UNUSED_DAYS_ALLOWED.contains(&age) {
        return Err(Error::validation("unusedAccessAge must be between 1 and 365 days."));
    }
    let exclusions = given.analysis_rule.and_then(|rule| rule.exclusions).unwrap_or_default();
    let exclusions = exclusions.into_iter().map(exclusion).collect::<Result<_, _>>()?;
    Ok(Some(UnusedSettings { age, exclusions }))
}

fn configuration(settings: &UnusedSettings) -> api::AnalyzerConfiguration {
    let exclusions = settings.exclusions.iter().map(|exclusion| {
        let tags = exclusion.tags.iter().map(|tags| tags.clone().into_iter().collect());
        api::AnalysisRuleCriteria {
            account_ids: (!exclusion.accounts.is_empty()).then(|| exclusion.accounts.clone()),
            resource_tags: (!exclusion.tags.is_empty()).then(|| tags.collect()),
        }
    });
    let rule = api::AnalysisRule { exclusions: Some(exclusions.collect()) };
    let unused = api::UnusedAccessConfiguration {
        unused_access_age: Some(settings.age),
        analysis_rule: (!settings.exclusions.is_empty()).then_some(rule),
    };
    api::AnalyzerConfiguration { unused_access: Some(unused), internal_access: None }
}

fn summary(_: &Analyzers, call: &Call, record: AnalyzerRecord) -> Result<api::AnalyzerSummary, Error> {
    let closed = Zone::of(&call.view()?, record.account, record.kind)?.err();
    // What was looked at last is another account's, too.
    let (last, at) = record.last_analyzed.clone().filter(|_| closed.is_none()).unzip();
    Ok(api::AnalyzerSummary {
        arn: arn_of(&record, call.region()),
        r#type: record.kind.name().to_owned(),
        created_at: record.created_at,
        last_resource_analyzed: last,
        last_resource_analyzed_at: at,
        status: if closed.is_some() { "DISABLED" } else { "ACTIVE" }.to_owned(),
        status_reason: closed.map(|closed| api::StatusReason { code: closed.code().to_owned() }),
        configuration: record.unused.as_ref().map(configuration),
        managed_by: None,
        name: record.name,
        tags: Some(record.tags.into_iter().collect()),
    })
}

pub(crate) async fn create(
    analyzers: Arc<Analyzers>,
    permit: Permit<api::CreateAnalyzer>,
) -> Result<api::CreateAnalyzerResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = wanted(&call, input)?;
    if let Err(closed) = Zone::of(&call.view()?, record.account, record.kind)? {
        return Err(Error::validation(closed.message()));
    }
    service_role::ROLE.may_make::<Error>(&analyzers.directory, &call)?;
    let arn = arn_of(&record, call.region());
    let is_new = call
        .transact(|transaction| {
            for present in state::all(transaction, record.account)? {
                let repeats = present.token.is_some() && present.token == record.token;
                if present.name == record.name {
                    if repeats && present.kind == record.kind {
                        return Ok(false);
                    }
                    let message = format!("Analyzer {} already exists.", record.name);
                    return Err(Error::conflict(message, ANALYZER, &record.name));
                }
                if present.kind == record.kind {
                    let message = format!(
                        "The account has an analyzer of type {} in this region already.",
                        record.kind.name()
                    );
                    return Err(Error::quota(message, ANALYZER, &record.name));
                }
            }
            let mut edit = analyzers.directory.edit(transaction, record.account);
            service_role::ROLE.ensure(&mut edit, call.now())?;
            state::save(transaction, &record)?;
            Ok(true)
        })
        .await?;
    if is_new {
        analyzers.work.look_after(record.account, &record.name);
    }
    Ok(api::CreateAnalyzerResponse { arn: Some(arn) })
}

/// The analyzer that a request asks for.
fn wanted(call: &Call, input: api::CreateAnalyzerRequest) -> Result<AnalyzerRecord, Error> {
    let kind = kind(&input.r#type)?;
    let now = moment(call);
    let mut rules = BTreeMap::new();
    for api::InlineArchiveRule { rule_name, filter } in input.archive_rules.unwrap_or_default() {
        let filter = archive_rules::filter(filter, kind)?;
        if rules.insert(rule_name, RuleRecord { filter, created_at: now, updated_at: now }).is_some() {
            return Err(Error::validation("Two archive rules have the same name."));
        }
    }
    if rules.len() > RULES_MAX {
        return Err(Error::quota(
            format!("An analyzer has at most {RULES_MAX} archive rules."),
            archive_rules::RULE,
            &input.analyzer_name,
        ));
    }
    let mut tags = BTreeMap::new();
    super::tagging::add(&mut tags, input.tags.unwrap_or_default())?;
    tags.extend(call.marks());
    Ok(AnalyzerRecord {
        id: crypto::random::uuid(),
        account: call.account(),
        unused: unused(kind, input.configuration)?,
        name: input.analyzer_name,
        kind,
        created_at: now,
        token: input.client_token,
        tags,
        rules,
        last_analyzed: None,
    })
}

pub(crate) async fn get(
    analyzers: Arc<Analyzers>,
    permit: Permit<api::GetAnalyzer>,
) -> Result<api::GetAnalyzerResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = state::named(&call.view()?, call.account(), &input.analyzer_name)?;
    Ok(api::GetAnalyzerResponse { analyzer: summary(&analyzers, &call, record)? })
}

pub(crate) async fn list(
    analyzers: Arc<Analyzers>,
    permit: Permit<api::ListAnalyzers>,
) -> Result<api::ListAnalyzersResponse, Error> {
    let Permit { input, call, .. } = permit;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let mut shown = Vec::new();
    for record in state::all(&call.view()?, call.account())? {
        if input.r#type.as_ref().is_none_or(|wanted| wanted == record.kind.name()) {
            shown.push((record.name.clone(), summary(&analyzers, &call, record)?));
        }
    }
    let (analyzers, next_token) = paging.of(shown, false);
    Ok(api::ListAnalyzersResponse { analyzers, next_token })
}

pub(crate) async fn update(
    analyzers: Arc<Analyzers>,
    permit: Permit<api::UpdateAnalyzer>,
) -> Result<api::UpdateAnalyzerResponse, Error> {
    let Permit { input, call, .. } = permit;
    let settings = call
        .transact(|transaction| {
            let mut record = state::named(transaction, call.account(), &input.analyzer_name)?;
            let Some(present) = record.unused.clone() else {
                return Err(Error::validation("Only analyzers of unused access have a configuration."));
            };
            let given = unused(record.kind, input.configuration)?.unwrap_or_default();
            // AWS lets the exclusions change, and never the age.
            if given.age != present.age && given.age != UNUSED_DAYS {
                return Err(Error::validation("unusedAccessAge of an analyzer cannot be changed."));
            }
            let settings = UnusedSettings { age: present.age, exclusions: given.exclusions };
            record.unused = Some(settings.clone());
            state::save(transaction, &record)?;
            Ok(settings)
        })
        .await?;
    analyzers.work.look_after(call.account(), &input.analyzer_name);
    Ok(api::UpdateAnalyzerResponse { configuration: Some(configuration(&settings)) })
}

pub(crate) async fn delete(_: Arc<Analyzers>, permit: Permit<api::DeleteAnalyzer>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let record = state::named(&call.view()?, call.account(), &input.analyzer_name)?;
    // From the leaves up: what is left after a stop belongs to an analyzer that is still there to be deleted.
    let prefix = records::of_analyzer(&record.id);
    let tables =
        [records::FINDINGS, records::RESOURCES, records::jobs::RECOMMENDATIONS, records::jobs::PREVIEWS];
    for table in tables {
        loop {
            let more = call
                .transact(|transaction| {
                    let range = Range::prefix(&prefix);
                    let keys: Result<Vec<_>, _> =
                        transaction.iter(table, &range).take(DELETED_AT_ONCE).collect();
                    let keys = keys?;
                    for (key, _) in &keys {
                        transaction.delete(table, key)?;
                    }
                    Ok::<_, Error>(keys.len() == DELETED_AT_ONCE)
                })
                .await?;
            if !more {
                break;
            }
        }
    }
    call.transact(|transaction| {
        state::named(transaction, call.account(), &input.analyzer_name)?;
        Ok(transaction.delete(records::ANALYZERS, records::analyzer(call.account(), &input.analyzer_name))?)
    })
    .await
}
