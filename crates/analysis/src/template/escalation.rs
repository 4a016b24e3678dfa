//! Ways to more power than was given: sets of actions with which a principal can change what it, or what it can become,
//! may do.
//!
//! The sets are those that are published and well known, looked for in everything that a principal holds together. What a
//! boundary would withhold is not looked at: a principal with a boundary is left out. A role that only deployment knows is
//! taken for one that is meant to be passed.

use std::collections::{BTreeMap, BTreeSet};

use super::principals::{self, Principal};
use super::reach::Reach;
use super::reading::Reading;
use super::statement::{Pattern, Statement};
use super::ways::{ON_ITSELF, PASS_ROLE, WAYS, passes_to};
use super::{Finding, rules};
use crate::glob;

/// So many ways are told of one finding.
const TOLD: usize = 3;

/// What an action can be used on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    /// Anything of its kind.
    Every,
    /// Whatever the pattern takes in.
    Like(String),
    /// The principal itself.
    Itself,
    /// One that has more power, of this template.
    Stronger(String),
    /// One of which nothing is known but its name.
    Named(String),
}

/// A grant that a way needs: by which pattern, in which resource, on what.
type Held<'p> = (&'p Pattern, &'p str, Target);

/// The grants that open ways together: by line and pattern, and the words for what they are used on.
type Key<'p> = (Vec<&'p Pattern>, Option<Target>);

pub(super) fn check(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    let all = principals::principals(reading);
    let strong = all.iter().filter(|principal| is_strong(principal)).map(|principal| principal.name.as_str());
    let others = Others { all: &all, strong: strong.collect() };
    // What several principals hold by the same policy is one finding.
    let mut told: BTreeSet<Vec<&Pattern>> = BTreeSet::new();
    for principal in all.iter().filter(|principal| !principal.is_bounded && !principal.has_every_action()) {
        let ignores = |rule: &str| {
            let resource = reading.template.resources.get(&principal.name);
            super::is_accepted(resource.and_then(|resource| resource.metadata.as_ref()), rule)
        };
        for ((patterns, on), (source, ways)) in opened(principal, &others) {
            let finding = finding(&principal.name, source, &patterns, on.as_ref(), &ways);
            if !ignores(finding.rule.id) && told.insert(patterns) {
                findings.push(finding);
            }
        }
    }
}

/// The principals of the template, and the names of those that have everything or can get there by themselves.
#[derive(Default)]
struct Others<'p> {
    all: &'p [Principal],
    strong: BTreeSet<&'p str>,
}

fn is_strong(principal: &Principal) -> bool {
    let others = Others::default();
    let mut ways = opened(principal, &others).into_keys();
    principal.is_administrator
        || principal.has_every_action()
        || (!principal.is_bounded && ways.any(|(_, on)| !matches!(on, Some(Target::Named(_)))))
}

/// The ways that are open to a principal, with the resource in which the first grant stands.
fn opened<'p>(
    principal: &'p Principal,
    others: &Others<'_>,
) -> BTreeMap<Key<'p>, (&'p str, Vec<&'static str>)> {
    let mut opened: BTreeMap<Key<'p>, (&str, Vec<&str>)> = BTreeMap::new();
    for (needed, what) in WAYS {
        let held: Option<Vec<Held<'p>>> =
            needed.iter().map(|action| holder(principal, needed, action, others)).collect();
        let Some(held) = held else { continue };
        let Some((_, source, _)) = held.first() else { continue };
        let on = held.iter().map(|(_, _, target)| target).find(|target| **target != Target::Every).cloned();
        let mut patterns: Vec<&Pattern> = held.iter().map(|(pattern, _, _)| *pattern).collect();
        patterns.dedup();
        let (_, ways) = opened.entry((patterns, on)).or_insert_with(|| (source, Vec::new()));
        if !ways.contains(&what) {
            ways.push(what);
        }
    }
    opened
}

/// The grant by which a principal holds one action of a way: the one that reaches furthest.
fn holder<'p>(principal: &'p Principal, way: &[&str], wanted: &str, others: &Others<'_>) -> Option<Held<'p>> {
    let mut best: Option<Held<'p>> = None;
    let reach = Reach::of(wanted);
    for statement in principal.statements.iter().filter(|statement| !statement.is_bound) {
        let Some(action) = statement.actions.iter().find(|action| is_action(&action.plain, wanted)) else {
            continue;
        };
        let Some(target) = target(principal, statement, way, (wanted, &reach), others) else { continue };
        if best.as_ref().is_none_or(|(_, _, before)| target < *before) {
            let is_all = target == Target::Every;
            best = Some((action, statement.source.as_str(), target));
            if is_all {
                break;
            }
        }
    }
    best
}

fn is_action(pattern: &str, wanted: &str) -> bool {
    let literal = pattern.find(['*', '?']).map_or(pattern, |at| pattern.get(..at).unwrap_or_default());
    wanted.starts_with(literal) && glob::matches(pattern, wanted)
}

fn target(
    principal: &Principal,
    statement: &Statement,
    way: &[&str],
    (wanted, reach): (&str, &Reach),
    others: &Others<'_>,
) -> Option<Target> {
    let mut patterns = statement.resources.iter().map(|resource| resource.plain.as_str());
    if wanted == PASS_ROLE {
        let service = passes_to(way)?;
        let to = statement.passed_to.as_ref();
        let is_meant = to.is_none_or(|to| to.iter().any(|pattern| glob::matches(pattern, &service)));
        return patterns
            .filter(|_| is_meant)
            .filter_map(|pattern| passed(principal, pattern, reach, others))
            .min();
    }
    // What is made for a role that is passed may be of any name.
    if way.contains(&PASS_ROLE) || patterns.clone().any(|pattern| reach.is_every(pattern)) {
        return Some(Target::Every);
    }
    let is_self = ON_ITSELF.contains(&wanted) && patterns.any(|pattern| principal.is_taken_in(pattern));
    is_self.then_some(Target::Itself)
}

/// Which roles a pattern lets be passed; none where it is the principal's own, a weaker one of the template, or one that
/// only deployment knows.
fn passed(principal: &Principal, pattern: &str, reach: &Reach, others: &Others<'_>) -> Option<Target> {
    if reach.is_every(pattern) {
        return Some(Target::Every);
    }
    let service = pattern.split(':').nth(2).unwrap_or("iam");
    if !pattern.starts_with('<') && !glob::matches(service, "iam") {
        return None;
    }
    let meant: Vec<&Principal> = others.all.iter().filter(|other| other.is_taken_in(pattern)).collect();
    let is_stronger =
        |other: &&&Principal| other.name != principal.name && others.strong.contains(other.name.as_str());
    if let Some(stronger) = meant.iter().find(is_stronger) {
        return Some(Target::Stronger(stronger.name.clone()));
    }
    let is_known = !meant.is_empty() && !pattern.contains(['*', '?']);
    let is_role = pattern.contains(":role/") || pattern.contains(['*', '?']);
    // Roles of services alone cannot be given to code.
    if is_known || !is_role || pattern.contains(['<', '$']) || pattern.contains("/aws-service-role/") {
        return None;
    }
    Some(match pattern.contains(['*', '?']) {
        true => Target::Like(pattern.to_owned()),
        false => Target::Named(pattern.to_owned()),
    })
}

fn finding(name: &str, source: &str, patterns: &[&Pattern], on: Option<&Target>, ways: &[&str]) -> Finding {
    let told: Vec<&str> = ways.iter().copied().take(TOLD).collect();
    let mut told = told.join("; ");
    match on {
        Some(Target::Like(pattern)) => told = told.replace("any role", &format!("any role of {pattern}")),
        Some(Target::Stronger(role)) => {
            told = told.replace("any role", &format!("the role `{role}`, which can do more"))
        }
        Some(Target::Named(role)) => told = told.replace("any role", &format!("the role {role}")),
        Some(Target::Itself) => told.push_str(", its own"),
        Some(Target::Every) | None => {}
    }
    if let more @ 1.. = ways.len().saturating_sub(TOLD) {
        told.push_str(&format!(", and {more} ways more"));
    }
    let names: Vec<&str> = patterns.iter().map(|pattern| pattern.shown.as_str()).collect();
    let rule = match on {
        Some(Target::Named(_)) => &rules::BORROWED_ROLE,
        _ => &rules::ESCALATION,
    };
    Finding {
        rule,
        resource: source.to_owned(),
        line: patterns.first().map(|pattern| pattern.line),
        message: format!("`{name}` can {told} ({})", names.join(", ")),
    }
}
