//! `Condition`: one operator, one key, the policy's values, compiled; and its verdict on a request.
//!
//! A condition that cannot be decided says so and why; what follows from that is the statement's business.

mod operator;
mod values;

use base::Timestamp;
use ipnet::IpNet;

use crate::error::PolicyError;
use crate::pattern::{Pattern, Syntax, Token, tokenize};
use crate::request::{Request, Values};
use operator::{Comparison, Operator, Order, Set};
use values::Number;

/// What a condition says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Fails,
    /// The request's value is not of the kind that the operator compares.
    Undecidable(&'static str),
}

impl Verdict {
    const fn from_bool(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    const fn negate_if(self, negated: bool) -> Self {
        match (self, negated) {
            (Self::Holds, true) => Self::Fails,
            (Self::Fails, true) => Self::Holds,
            (verdict, _) => verdict,
        }
    }
}

/// One compiled condition.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    operator: Operator,
    operator_name: Box<str>,
    key: Box<str>,
    /// The key in lower case, as it is looked up.
    key_folded: Box<str>,
    expected: Expected,
    expected_text: Vec<String>,
}

/// The policy's values, read once.
#[derive(Clone, Debug)]
enum Expected {
    Strings { patterns: Vec<Pattern>, fold: bool },
    Arns(Vec<ArnPattern>),
    Numbers(Vec<Number>, Order),
    Moments(Vec<Timestamp>, Order),
    Booleans(Vec<Boolean>),
    Binaries(Vec<Vec<u8>>),
    Networks(Vec<IpNet>),
    Absent(bool),
}

/// A boolean, or text with variables that may turn out as one.
#[derive(Clone, Debug)]
enum Boolean {
    Known(bool),
    Template(Pattern),
}

/// Six components, each with its own wildcards.
#[derive(Clone, Debug)]
enum ArnPattern {
    /// A lone `*`.
    Any,
    Components(Vec<Pattern>),
}

impl Condition {
    /// Compiles one key of one operator's block.
    pub(crate) fn compile(
        operator_name: &str,
        key: &str,
        expected: Vec<String>,
        variables: bool,
    ) -> Result<Self, PolicyError> {
        let operator = Operator::parse(operator_name)?;
        if key.is_empty() || key.len() > 512 {
            return Err(PolicyError::syntax("a condition key has 1 to 512 bytes"));
        }
        Ok(Self {
            operator,
            operator_name: operator_name.into(),
            key: key.into(),
            key_folded: key.to_ascii_lowercase().into(),
            expected: Expected::compile(operator.comparison, &expected, variables)?,
            expected_text: expected,
        })
    }

    pub(crate) fn operator_name(&self) -> &str {
        &self.operator_name
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn expected_text(&self) -> &[String] {
        &self.expected_text
    }

    /// True where it holds only for callers of certain ARNs.
    pub(crate) fn names_principals(&self) -> bool {
        &*self.key_folded == "aws:principalarn" && self.operator.asks_for_a_value()
    }

    /// The keys of the variables in the policy's values.
    pub(crate) fn variables(&self) -> Vec<&str> {
        match &self.expected {
            Expected::Strings { patterns, .. } => patterns.iter().flat_map(Pattern::variables).collect(),
            Expected::Arns(arns) => arns.iter().flat_map(ArnPattern::variables).collect(),
            Expected::Booleans(booleans) => booleans.iter().flat_map(Boolean::variables).collect(),
            _ => Vec::new(),
        }
    }

    /// The request's values for the key.
    pub(crate) fn actual<'a>(&self, request: &Request<'a>) -> Values<'a> {
        request.values(&self.key_folded)
    }

    /// Decides the condition.
    pub(crate) fn check(&self, request: &Request<'_>) -> Verdict {
        let actual = self.actual(request);
        let missing = actual.is_missing();
        // IAM takes such a condition, and its pages do not agree on what it does.
        if self.expected_text.is_empty() {
            return Verdict::Undecidable("the condition has no values to compare with");
        }
        if let Expected::Absent(expected) = self.expected {
            return Verdict::from_bool(expected == missing);
        }
        if actual.len() == 0 || (missing && self.operator.set != Set::Single) {
            return self.verdict_on_missing_key();
        }
        let test = |value: &str| self.expected.test(value, request).negate_if(self.operator.negated);
        match self.operator.set {
            Set::Single if actual.len() > 1 => {
                Verdict::Undecidable("the key has several values and the operator is not a set operator")
            }
            Set::Single | Set::ForAnyValue => strongest(actual.iter().map(test), Verdict::Holds),
            Set::ForAllValues => strongest(actual.iter().map(test), Verdict::Fails),
        }
    }

    fn verdict_on_missing_key(&self) -> Verdict {
        let holds = self.operator.if_exists
            || match self.operator.set {
                Set::Single => self.operator.negated,
                Set::ForAnyValue => false,
                Set::ForAllValues => true,
            };
        Verdict::from_bool(holds)
    }
}

/// `decisive` wins over all others, an undecidable value over the rest.
fn strongest(verdicts: impl Iterator<Item = Verdict>, decisive: Verdict) -> Verdict {
    let mut result = if decisive == Verdict::Holds { Verdict::Fails } else { Verdict::Holds };
    for verdict in verdicts {
        if verdict == decisive {
            return decisive;
        }
        if matches!(verdict, Verdict::Undecidable(_)) {
            result = verdict;
        }
    }
    result
}

impl Expected {
    fn compile(comparison: Comparison, expected: &[String], variables: bool) -> Result<Self, PolicyError> {
        Ok(match comparison {
            Comparison::StringEquals { fold } => {
                let syntax = Syntax { wildcards: false, variables };
                let folded = |text: &String| if fold { text.to_lowercase() } else { text.clone() };
                let patterns = expected
                    .iter()
                    .map(|text| Pattern::compile(&folded(text), syntax))
                    .collect::<Result<_, _>>()?;
                Self::Strings { patterns, fold }
            }
            Comparison::StringLike => {
                let syntax = Syntax { wildcards: true, variables };
                let patterns =
                    expected.iter().map(|text| Pattern::compile(text, syntax)).collect::<Result<_, _>>()?;
                Self::Strings { patterns, fold: false }
            }
            Comparison::Arn => Self::Arns(
                expected.iter().map(|text| ArnPattern::compile(text, variables)).collect::<Result<_, _>>()?,
            ),
            Comparison::Numeric(order) => Self::Numbers(read(expected, "a number", Number::parse)?, order),
            Comparison::Date(order) => Self::Moments(read(expected, "a date", values::moment)?, order),
            Comparison::Bool => Self::Booleans(
                expected.iter().map(|text| Boolean::compile(text, variables)).collect::<Result<_, _>>()?,
            ),
            Comparison::Binary => Self::Binaries(read(expected, "base64", values::binary)?),
            Comparison::IpAddress => {
                Self::Networks(read(expected, "an address or CIDR range", values::network)?)
            }
            Comparison::Null => match read(expected, "a boolean", values::boolean)?.as_slice() {
                [absent] => Self::Absent(*absent),
                [] => Self::Booleans(Vec::new()),
                _ => return Err(PolicyError::syntax("`Null` takes one boolean")),
            },
        })
    }

    /// Whether the request's value fits one of the policy's.
    fn test(&self, actual: &str, request: &Request<'_>) -> Verdict {
        match self {
            Self::Strings { patterns, fold: false } => {
                any(patterns, |pattern| pattern.matches(actual, request))
            }
            Self::Strings { patterns, fold: true } => {
                let folded = actual.to_lowercase();
                any(patterns, |pattern| pattern.matches_folded(&folded, request))
            }
            Self::Arns(patterns) => any(patterns, |pattern| pattern.matches(actual, request)),
            Self::Numbers(expected, order) => match Number::parse(actual) {
                Some(actual) => {
                    any(expected, |number| actual.compare(*number).is_some_and(|it| order.holds(it)))
                }
                None => Verdict::Undecidable("the key's value is not a number"),
            },
            Self::Moments(expected, order) => match values::moment(actual) {
                Some(actual) => any(expected, |moment| order.holds(actual.cmp(moment))),
                None => Verdict::Undecidable("the key's value is not a date"),
            },
            Self::Booleans(expected) => match values::boolean(actual) {
                Some(actual) => strongest(expected.iter().map(|it| it.is(actual, request)), Verdict::Holds),
                None => Verdict::Undecidable("the key's value is not a boolean"),
            },
            Self::Binaries(expected) => match values::binary(actual) {
                Some(actual) => any(expected, |binary| *binary == actual),
                None => Verdict::Undecidable("the key's value is not base64"),
            },
            Self::Networks(expected) => match values::address(actual) {
                Some(actual) => any(expected, |network| network.contains(&actual)),
                None => Verdict::Undecidable("the key's value is not an IP address"),
            },
            Self::Absent(_) => Verdict::Undecidable("`Null` has no values to compare"),
        }
    }
}

fn any<T>(expected: &[T], fits: impl FnMut(&T) -> bool) -> Verdict {
    Verdict::from_bool(expected.iter().any(fits))
}

fn read<T>(
    expected: &[String],
    kind: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, PolicyError> {
    let one =
        |text: &String| parse(text).ok_or_else(|| PolicyError::legacy(format!("`{text}` is not {kind}")));
    expected.iter().map(one).collect()
}

const fn word(boolean: bool) -> &'static str {
    if boolean { "true" } else { "false" }
}

impl Boolean {
    /// Of the operators that do not compare strings, `Bool` alone takes policy variables.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Boolean>
    fn compile(text: &str, variables: bool) -> Result<Self, PolicyError> {
        if let Some(known) = values::boolean(text) {
            return Ok(Self::Known(known));
        }
        let tokens = tokenize(&text.to_lowercase(), Syntax { wildcards: false, variables })?;
        if !tokens.iter().any(|token| matches!(token, Token::Variable { .. })) {
            return Err(PolicyError::legacy(format!("`{text}` is not a boolean")));
        }
        Ok(Self::Template(Pattern::from_tokens(&tokens)))
    }

    fn variables(&self) -> impl Iterator<Item = &str> {
        let pattern = if let Self::Template(pattern) = self { Some(pattern) } else { None };
        pattern.into_iter().flat_map(Pattern::variables)
    }

    /// A variable whose value is missing, or no boolean, leaves it open.
    fn is(&self, actual: bool, request: &Request<'_>) -> Verdict {
        let pattern = match self {
            Self::Known(known) => return Verdict::from_bool(*known == actual),
            Self::Template(pattern) => pattern,
        };
        let known = [true, false].into_iter().find(|it| pattern.matches_folded(word(*it), request));
        match known {
            Some(known) => Verdict::from_bool(known == actual),
            None => Verdict::Undecidable("the policy variable's value is not a boolean"),
        }
    }
}

impl ArnPattern {
    fn compile(text: &str, variables: bool) -> Result<Self, PolicyError> {
        let tokens = tokenize(text, Syntax { wildcards: true, variables })?;
        if tokens == [Token::Star] {
            return Ok(Self::Any);
        }
        let mut components: Vec<Vec<Token>> = vec![Vec::new()];
        for token in tokens {
            match token {
                Token::Literal(text) => split_literal(&text, &mut components),
                other => components.last_mut().map(|last| last.push(other)).unwrap_or_default(),
            }
        }
        while components.len() < 6 {
            components.push(vec![Token::Star]);
        }
        Ok(Self::Components(components.iter().map(|tokens| Pattern::from_tokens(tokens)).collect()))
    }

    fn variables(&self) -> impl Iterator<Item = &str> {
        let patterns: &[Pattern] = if let Self::Components(patterns) = self { patterns } else { &[] };
        patterns.iter().flat_map(Pattern::variables)
    }

    fn matches(&self, actual: &str, request: &Request<'_>) -> bool {
        let Self::Components(patterns) = self else { return true };
        // There are six patterns, and never more than six components.
        let mut components = actual.splitn(6, ':');
        patterns
            .iter()
            .all(|pattern| components.next().is_some_and(|component| pattern.matches(component, request)))
    }
}

/// The first five colons part components; later ones belong to the resource.
fn split_literal(text: &str, components: &mut Vec<Vec<Token>>) {
    let room = 7_usize.saturating_sub(components.len()).max(1);
    for (index, part) in text.splitn(room, ':').enumerate() {
        if index > 0 {
            components.push(Vec::new());
        }
        if let (Some(last), false) = (components.last_mut(), part.is_empty()) {
            last.push(Token::Literal(part.to_owned()));
        }
    }
}
