//! Archive rules: what fits one is archived as soon as it is found, and on request what was found before.
//!
//! A rule that is deleted or changed leaves archived what it archived.

use std::sync::Arc;

use protocol::Entries;
use service::Permit;

use super::analyzers::moment;
use crate::filter::{self, Purpose};
use crate::page::Paging;
use crate::records::{AnalyzerRecord, Filter, Kind, RuleRecord, Status};
use crate::state::{self, Analyzers, Open};
use crate::{Error, api};

/// How errors call a rule.
pub(crate) const RULE: &str = "ArchiveRule";
/// AWS's quota of rules for an analyzer.
pub(crate) const RULES_MAX: usize = 100;

pub(crate) fn filter(given: Entries<api::Criterion>, kind: Kind) -> Result<Filter, Error> {
    if given.is_empty() {
        return Err(Error::validation("The filter of an archive rule has at least one criterion."));
    }
    filter::from_api(given, Purpose::Rule { unused: kind.is_unused() })
}

fn summary(name: String, rule: &RuleRecord) -> api::ArchiveRuleSummary {
    api::ArchiveRuleSummary {
        rule_name: name,
        filter: filter::to_api(&rule.filter),
        created_at: rule.created_at,
        updated_at: rule.updated_at,
    }
}

fn rule<'r>(record: &'r mut AnalyzerRecord, name: &str) -> Result<&'r mut RuleRecord, Error> {
    record.rules.get_mut(name).ok_or_else(|| Error::not_found(RULE, name))
}

pub(crate) async fn create(_: Arc<Analyzers>, permit: Permit<api::CreateArchiveRule>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let now = moment(&call);
    call.transact(|transaction| {
        let mut record = state::named(transaction, call.account(), &input.analyzer_name)?;
        let name = input.rule_name;
        if record.rules.contains_key(&name) {
            return Err(Error::conflict(format!("Archive rule {name} already exists."), RULE, &name));
        }
        if record.rules.len() >= RULES_MAX {
            let message = format!("An analyzer has at most {RULES_MAX} archive rules.");
            return Err(Error::quota(message, RULE, &name));
        }
        let filter = filter(input.filter, record.kind)?;
        call.made(&name);
        record.rules.insert(name, RuleRecord { filter, created_at: now, updated_at: now });
        state::save(transaction, &record)
    })
    .await
}

pub(crate) async fn get(
    _: Arc<Analyzers>,
    permit: Permit<api::GetArchiveRule>,
) -> Result<api::GetArchiveRuleResponse, Error> {
    let Permit { input, call, .. } = permit;
    let mut record = state::named(&call.view()?, call.account(), &input.analyzer_name)?;
    let archive_rule = summary(input.rule_name.clone(), rule(&mut record, &input.rule_name)?);
    Ok(api::GetArchiveRuleResponse { archive_rule })
}

pub(crate) async fn list(
    _: Arc<Analyzers>,
    permit: Permit<api::ListArchiveRules>,
) -> Result<api::ListArchiveRulesResponse, Error> {
    let Permit { input, call, .. } = permit;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let record = state::named(&call.view()?, call.account(), &input.analyzer_name)?;
    let shown = record.rules.into_iter().map(|(name, rule)| (name.clone(), summary(name, &rule)));
    let (archive_rules, next_token) = paging.of(shown.collect(), false);
    Ok(api::ListArchiveRulesResponse { archive_rules, next_token })
}

pub(crate) async fn update(_: Arc<Analyzers>, permit: Permit<api::UpdateArchiveRule>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let now = moment(&call);
    call.transact(|transaction| {
        let mut record = state::named(transaction, call.account(), &input.analyzer_name)?;
        let kind = record.kind;
        let rule = rule(&mut record, &input.rule_name)?;
        rule.filter = filter(input.filter, kind)?;
        rule.updated_at = now;
        state::save(transaction, &record)
    })
    .await
}

pub(crate) async fn delete(_: Arc<Analyzers>, permit: Permit<api::DeleteArchiveRule>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    call.transact(|transaction| {
        let mut record = state::named(transaction, call.account(), &input.analyzer_name)?;
        let removed = record.rules.remove(&input.rule_name);
        removed.ok_or_else(|| Error::not_found(RULE, &input.rule_name))?;
        state::save(transaction, &record)
    })
    .await
}

pub(crate) async fn apply(_: Arc<Analyzers>, permit: Permit<api::ApplyArchiveRule>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let now = moment(&call);
    call.transact(|transaction| {
        let mut open = Open::with_arn(transaction, &call, &input.analyzer_arn)?;
        let filter = rule(&mut open.record, &input.rule_name)?.filter.clone();
        for mut finding in open.findings(transaction)? {
            if finding.status == Status::Active && filter::fits(&filter, &finding) {
                finding.status = Status::Archived;
                finding.updated_at = now;
                state::save_finding(transaction, &open.record.id, &finding)?;
            }
        }
        Ok(())
    })
    .await
}
