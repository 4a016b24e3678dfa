//! One compiled statement, and whether it applies to a request.
//!
//! A statement does not know which policy it belongs to, nor what the other statements say.

use std::sync::Arc;

use crate::condition::{Condition, Verdict};
use crate::gate::Head;
use crate::pattern::Pattern;
use crate::principal::{Grant, PrincipalElement};
use crate::request::Request;

/// `Allow` or `Deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// A list of patterns, or everything but the list.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    patterns: Vec<(Head, Pattern)>,
    negated: bool,
    /// As the policy has them, apart from what is compared.
    texts: Box<[Box<str>]>,
}

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Arc<str>>,
    pub(crate) effect: Effect,
    pub(crate) principal: Option<PrincipalElement>,
    /// In lower case.
    pub(crate) actions: Selection,
    /// Absent in trust policies: the role itself is the resource.
    pub(crate) resources: Option<Selection>,
    pub(crate) conditions: Vec<Condition>,
}

/// The element on account of which a statement does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Action,
    Resource,
    Principal,
    Condition,
}

/// What a statement says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applies {
    No(Element),
    /// It applies; for statements with a principal, how closely it named the caller.
    Yes(Grant),
    /// A condition cannot be decided: this allows nothing, and denies.
    Undecidable(&'static str, Grant),
}

/// A request, with its action in the case in which patterns are kept.
pub(crate) struct Question<'r> {
    pub(crate) request: &'r Request<'r>,
    /// The caller's rights have a boundary.
    has_boundary: bool,
    action: String,
    pub(crate) action_head: Head,
    resource_head: Head,
}

impl<'r> Question<'r> {
    pub(crate) fn new(request: &'r Request<'r>, has_boundary: bool) -> Self {
        let action = request.action.to_ascii_lowercase();
        let (action_head, resource_head) = (Head::of(&action), Head::of(request.resource));
        Self { request, has_boundary, action, action_head, resource_head }
    }
}

impl Selection {
    /// Patterns and the texts that they were read from.
    pub(crate) fn new(patterns: Vec<Pattern>, texts: &[&str], negated: bool) -> Self {
        let with_head = |pattern: Pattern| (Head::of(pattern.literal_start()), pattern);
        let texts = texts.iter().map(|text| Box::from(*text)).collect();
        Self { patterns: patterns.into_iter().map(with_head).collect(), negated, texts }
    }

    pub(crate) const fn is_negated(&self) -> bool {
        self.negated
    }

    /// The patterns as the policy has them.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    /// The keys of the variables in them.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().flat_map(|(_, pattern)| pattern.variables())
    }

    /// How every text begins that may be selected: one for each pattern, or one that rules out nothing.
    pub(crate) fn heads(&self) -> impl Iterator<Item = Head> {
        let patterns: &[_] = if self.negated { &[] } else { &self.patterns };
        self.negated.then(Head::default).into_iter().chain(patterns.iter().map(|(head, _)| *head))
    }

    /// Whether the text is selected. Text is never empty in a well-formed request; an empty one is not selected at all.
    fn contains(&self, text: &str, head: Head, request: &Request<'_>) -> bool {
        let fits =
            |(first, pattern): &(Head, Pattern)| !first.rules_out(head) && pattern.matches(text, request);
        !text.is_empty() && self.patterns.iter().any(fits) != self.negated
    }
}

impl Statement {
    /// Decides whether the statement applies.
    pub(crate) fn applies(&self, question: &Question<'_>) -> Applies {
        let request = question.request;
        if !self.actions.contains(&question.action, question.action_head, request) {
            return Applies::No(Element::Action);
        }
        let resource =
            |resources: &Selection| resources.contains(request.resource, question.resource_head, request);
        if !self.resources.as_ref().is_none_or(resource) {
            return Applies::No(Element::Resource);
        }
        let Some(grant) = self.grant(question) else { return Applies::No(Element::Principal) };
        let mut undecidable = None;
        for condition in &self.conditions {
            match condition.check(request) {
                Verdict::Holds => {}
                Verdict::Fails => return Applies::No(Element::Condition),
                Verdict::Undecidable(reason) => undecidable = Some(reason),
            }
        }
        undecidable.map_or(Applies::Yes(grant), |reason| Applies::Undecidable(reason, grant))
    }

    fn grant(&self, question: &Question<'_>) -> Option<Grant> {
        let principal = &question.request.principal;
        match (&self.principal, self.effect) {
            (None, _) => Some(Grant::Exact),
            (Some(element), Effect::Allow) if element.is_anyone() && self.names_by_condition() => {
                Some(Grant::Exact)
            }
            (Some(element), Effect::Allow) => element.grants(principal),
            (Some(element), Effect::Deny) => {
                element.denies(principal, question.has_boundary).then_some(Grant::Exact)
            }
        }
    }

    /// Everyone whose `aws:PrincipalArn` is one of these: who is meant so is meant by name, and neither its boundary nor its
    /// session's policies limit it.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous>
    fn names_by_condition(&self) -> bool {
        self.conditions.iter().any(Condition::names_principals)
    }
}
