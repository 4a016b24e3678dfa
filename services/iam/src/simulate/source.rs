//! A policy in a simulation: under the id by which results name it, with the place of each statement.
//!
//! Reads a text that compiled as a policy before; one whose places cannot be found has none.

use analysis::json::{self, Node, Place};
use policy::{Policy, PolicyKind};

use super::keys;
use crate::api;

/// One policy.
pub(crate) struct Source {
    /// `PolicyInputList.1`, a managed policy's name, or `user_<user>_<policy>`.
    pub(crate) id: String,
    pub(crate) policy: Policy,
    statements: Vec<Node>,
}

impl Source {
    pub(crate) fn new(id: impl Into<String>, policy: Policy) -> Self {
        let document = json::parse(policy.text()).ok();
        let statements = document.as_ref().and_then(|document| document.get("Statement"));
        let statements = statements.map(|node| node.one_or_many().to_vec()).unwrap_or_default();
        Self { id: id.into(), policy, statements }
    }

    /// The policy that allows everything, for asking what another says alone.
    pub(crate) fn everything() -> Option<Policy> {
        const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        Policy::parse(ALL, PolicyKind::Identity).ok()
    }

    /// The condition keys that a statement asks for.
    pub(super) fn keys_of(&self, index: usize) -> Vec<String> {
        self.statements.get(index).map(keys::of_statement).unwrap_or_default()
    }

    /// A statement as results name it. Columns are counted from 1, to behind the closing brace.
    pub(super) fn statement(&self, index: usize) -> api::Statement {
        let position = |place: Place| {
            let number = |count: usize| i64::try_from(count).ok();
            api::Position { line: number(place.line), column: number(place.column + 1) }
        };
        let span = self.statements.get(index).map(|node| node.span);
        let resource = matches!(self.policy.kind(), PolicyKind::Resource | PolicyKind::Trust);
        api::Statement {
            source_policy_id: Some(self.id.clone()),
            // What the service answers, whatever its model's list says.
            source_policy_type: Some(if resource { "Resource Policy" } else { "IAM Policy" }.to_owned()),
            start_position: span.map(|span| position(span.start)),
            end_position: span.map(|span| position(span.end)),
        }
    }
}
