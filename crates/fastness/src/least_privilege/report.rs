//! What was called and what is granted, side by side.
//!
//! A grant that was used for less than it says stands as taken away; what covers the calls stands as added.

use std::fmt::Write as _;

use analysis::least::{Grant, Needed, Shorthand, compare, pasteable, shorthands};
use serde_json::{Value, json};

use super::Found;
use super::granted::Granted;
use super::subject::Subject;
use crate::terminal::line;

pub(super) struct Report<'a> {
    subject: &'a Subject,
    found: &'a Found,
    needed: &'a Needed,
    grants: Vec<Grant>,
    shorthands: Vec<Shorthand>,
    days: i64,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        subject: &'a Subject,
        found: &'a Found,
        needed: &'a Needed,
        granted: &[Granted],
        days: i64,
    ) -> Self {
        let policies = granted.iter().map(|policy| (policy.name.as_str(), policy.document.as_str()));
        let grants = compare(policies, needed);
        Self { subject, found, needed, grants, shorthands: shorthands(needed), days }
    }

    fn refused(&self) -> Vec<(&str, &str)> {
        let calls = self.found.calls.iter();
        let refused =
            calls.flat_map(|call| call.refused.iter().chain(call.needs.iter().filter(|_| call.denied)));
        let mut pairs: Vec<(&str, &str)> =
            refused.map(|(action, on)| (action.as_str(), on.as_str())).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Leaves that were granted and that no record had room for.
    fn beyond(&self) -> u64 {
        self.found.calls.iter().map(|call| call.beyond).sum()
    }

    pub(super) fn as_json(&self) -> Value {
        let grants = self.grants.iter().map(|grant| {
            json!({"policy": grant.policy, "action": grant.action, "resources": grant.resources,
                "usedFor": grant.used, "exact": grant.exact})
        });
        let refused =
            self.refused().into_iter().map(|(action, on)| json!({"action": action, "resource": on}));
        let short = self.shorthands.iter().map(|found| {
            json!({"policy": found.as_json(), "beyond": found.beyond, "reaches": found.reach,
                "exact": found.is_exact()})
        });
        json!({
            "role": self.subject.role_arn,
            "function": self.subject.function,
            "days": self.days,
            "calls": self.found.calls.len(),
            "complete": !self.found.cut && self.beyond() == 0,
            "policy": self.needed.policy(),
            "granted": grants.collect::<Vec<_>>(),
            "refused": refused.collect::<Vec<_>>(),
            "samPolicyTemplates": short.collect::<Vec<_>>(),
        })
    }

    pub(super) fn as_text(&self) -> String {
        let mut out = String::new();
        let role = &self.subject.role_arn;
        let of = self.subject.function.as_ref().map(|name| format!(" (sessions of function {name})"));
        let _ = writeln!(out, "{}", line(&format!("{role}{}", of.unwrap_or_default())));
        let _ = writeln!(out, "{} calls in the last {} days", self.found.calls.len(), self.days);
        if self.found.cut {
            let _ = writeln!(out, "the trail holds more records than were read: older calls are not covered");
        }
        if self.beyond() > 0 {
            let _ = writeln!(
                out,
                "{} leaves were granted that records had no room for: they may not be covered",
                self.beyond()
            );
        }
        if self.needed.is_empty() {
            let _ = writeln!(out, "\nNothing was called with leave. Run what it is for, and ask again.");
        }
        self.write_difference(&mut out);
        self.write_refused(&mut out);
        if !self.needed.is_empty() {
            let policy = pasteable(&format!("{:#}", self.needed.policy()));
            let _ = writeln!(out, "\nThe policy that covers what was called:\n\n{policy}");
        }
        self.write_shorthands(&mut out);
        out
    }

    fn write_difference(&self, out: &mut String) {
        let _ = writeln!(out, "\n--- granted\n+++ needed");
        for grant in self.grants.iter().filter(|grant| !grant.exact) {
            let used = match grant.used.as_slice() {
                [] => "never used".to_owned(),
                used => format!("used for {}", used.join(", ")),
            };
            let on = grant.resources.join(", ");
            let told = format!("- {} on {on}    [{}; {used}]", grant.action, grant.policy);
            let _ = writeln!(out, "{}", line(&told));
        }
        for grant in self.grants.iter().filter(|grant| grant.exact) {
            let _ = writeln!(out, "  {} on {}", line(&grant.action), line(&grant.resources.join(", ")));
        }
        let kept = |action: &str| {
            self.grants.iter().any(|grant| grant.exact && grant.action.eq_ignore_ascii_case(action))
        };
        for (actions, resources) in self.needed.statements() {
            for action in actions.iter().filter(|action| !kept(action)) {
                let _ = writeln!(out, "+ {} on {}", line(action), line(&resources.join(", ")));
            }
        }
    }

    fn write_refused(&self, out: &mut String) {
        let refused = self.refused();
        if !refused.is_empty() {
            let _ = writeln!(out, "\nRefused, and not covered:");
            for (action, on) in refused {
                let _ = writeln!(out, "! {} on {}", line(action), line(on));
            }
        }
    }

    fn write_shorthands(&self, out: &mut String) {
        if self.shorthands.is_empty() {
            return;
        }
        let _ = writeln!(out, "\nAs SAM policy templates:\n");
        for found in &self.shorthands {
            let Shorthand { name, parameter, value, beyond, reach } = found;
            let _ = writeln!(out, "  - {name}: {{{parameter}: {}}}", line(value));
            if found.is_exact() {
                let _ = writeln!(out, "      fits exactly");
            }
            if !beyond.is_empty() {
                let _ = writeln!(out, "      also grants {}", line(&beyond.join(", ")));
            }
            if !reach.is_empty() {
                let _ = writeln!(out, "      also reaches {}", line(&reach.join(", ")));
            }
        }
    }
}
