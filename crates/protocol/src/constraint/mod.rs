//! A request's parameters against the model's constraints, with AWS's own messages.
//!
//! Length, range, pattern, enum, required, union: a handler never sees a value that breaks one. What the model does not
//! say is the service's to check.

mod display;
mod path;
mod reason;

use path::{Part, Path};
use reason::Reason;

use crate::model::{Kind, Member, Model, OperationModel, Protocol, Shape};
use crate::{Fault, Structure, Value};

/// The most failures that one message lists.
const FAILURES_MAX: usize = 50;

/// Checks a request's parameters against the model's constraints.
pub fn validate_input(operation: OperationModel, input: &Value) -> Result<(), Fault> {
    let Some(shape) = operation.input().filter(|shape| shape.data.constrained) else { return Ok(()) };
    let mut check = Check {
        model: operation.model(),
        failures: Vec::new(),
        fields: Vec::new(),
        sentence: None,
        reason: None,
    };
    check.value(shape, input, &Path::root());
    check.verdict()
}

/// The refusal with the members that some APIs' shape has for it.
fn fielded(model: &Model, fields: Vec<(String, String)>, fault: Fault) -> Fault {
    let Some(reason) = model.validation_reason else { return fault };
    let field = |(name, message): (String, String)| {
        Value::Structure(Structure::new().with("name", name).with("message", message))
    };
    let list = Value::List(fields.into_iter().map(field).collect());
    fault.with_member("reason", reason.to_owned()).with_member("fieldList", list)
}

struct Check {
    model: &'static Model,
    /// `Value '…' at '…' failed to satisfy constraint: …`
    failures: Vec<String>,
    /// Where each of them is, and what it breaks.
    fields: Vec<(String, String)>,
    /// A whole message that an override gives for a pattern.
    sentence: Option<String>,
    /// Why the first value is refused.
    reason: Option<Reason>,
}

impl Check {
    fn verdict(self) -> Result<(), Fault> {
        let message = match (self.failures.len(), self.sentence) {
            (0, None) => return Ok(()),
            (_, Some(sentence)) => sentence,
            (1, None) => format!("1 validation error detected: {}", self.failures.concat()),
            (count, None) => format!("{count} validation errors detected: {}", self.failures.join("; ")),
        };
        let default = match self.model.protocol() {
            Protocol::Query => "ValidationError",
            _ => "ValidationException",
        };
        let code = self.model.validation_error.unwrap_or(default);
        Err(match self.reason.filter(|_| self.model.validation_reasons.is_some()) {
            Some(reason) => Fault::sender(code, format!("{} {message}", reason.sentence()))
                .with_member("Reason", reason.name().to_owned()),
            None => fielded(self.model, self.fields, Fault::sender(code, message)),
        })
    }

    fn fail(&mut self, shape: Shape, value: &Value, path: &Path<'_>, constraint: &str, reason: Reason) {
        self.reason.get_or_insert_with(|| reason.of_shape(self.model, shape));
        if self.failures.len() < FAILURES_MAX {
            let value = display::value(shape, value);
            self.failures
                .push(format!("Value {value}at '{path}' failed to satisfy constraint: {constraint}"));
            self.fields.push((path.to_string(), constraint.to_owned()));
        }
    }

    fn value(&mut self, shape: Shape, value: &Value, path: &Path<'_>) {
        for constraint in broken(shape, value) {
            match (&constraint, self.sentence_for(shape, path)) {
                (Constraint::Pattern(_), Some(sentence)) => drop(self.sentence.get_or_insert(sentence)),
                _ => self.fail(shape, value, path, &constraint.to_string(), Reason::of(constraint)),
            }
        }
        self.parts(shape, value, path);
    }

    /// What stands inside of a value, whose own constraints were looked at.
    fn parts(&mut self, shape: Shape, value: &Value, path: &Path<'_>) {
        match (shape.kind(), value) {
            (Kind::Structure { members, union, .. }, Value::Structure(present)) => {
                self.structure(shape, members, *union, present, path);
            }
            (Kind::List { member, sparse, .. }, Value::List(items)) => {
                self.list(shape, member, *sparse, items, value, path);
            }
            (Kind::Map { key, value: item, sparse, .. }, Value::Map(entries)) => {
                self.map(shape, (key, item, *sparse), entries, value, path);
            }
            _ => {}
        }
    }

    fn sentence_for(&self, shape: Shape, path: &Path<'_>) -> Option<String> {
        let pattern = shape.data.pattern.as_ref()?.text;
        let (_, message) = self.model.pattern_messages.iter().find(|(known, _)| *known == pattern)?;
        Some(message.replace("{member}", &path.last()))
    }

    fn structure(
        &mut self,
        shape: Shape,
        members: &'static [Member],
        union: bool,
        present: &Structure,
        path: &Path<'_>,
    ) {
        for member in members {
            let inside = shape.of(member);
            let path = path.then(Part::Member(member.name));
            match present.get(member.name).filter(|value| **value != Value::Null) {
                Some(value) if inside.data.constrained => self.value(inside, value, &path),
                None if member.required => {
                    self.fail(inside, &Value::Null, &path, "Member must not be null", Reason::INPUT_REQUIRED);
                }
                _ => {}
            }
        }
        if union && present.len() != 1 {
            let all = Value::Structure(present.clone());
            self.fail(shape, &all, path, "Member must have exactly one field set", Reason::INPUT_REQUIRED);
        }
    }

    fn list(
        &mut self,
        shape: Shape,
        member: &'static Member,
        sparse: bool,
        items: &[Value],
        whole: &Value,
        path: &Path<'_>,
    ) {
        let element = shape.of(member);
        if !sparse && items.contains(&Value::Null) {
            return self.fail(shape, whole, path, "Member must not be null", Reason::INVALID_LIST_MEMBER);
        }
        if !element.data.constrained {
            return;
        }
        if is_aggregate(element) {
            for (at, item) in items.iter().enumerate() {
                self.value(element, item, &path.then(Part::Index(at + 1)));
            }
        } else if items.iter().any(|item| breaks(element, item)) {
            let constraint = format!("Member must satisfy constraint: [{}]", all(element));
            self.fail(shape, whole, path, &constraint, Reason::INVALID_LIST_MEMBER);
        }
    }

    fn map(
        &mut self,
        shape: Shape,
        (key, item, sparse): (&'static Member, &'static Member, bool),
        entries: &[(String, Value)],
        whole: &Value,
        path: &Path<'_>,
    ) {
        let (key, item) = (shape.of(key), shape.of(item));
        if !sparse && entries.iter().any(|(_, value)| *value == Value::Null) {
            return self.fail(shape, whole, path, "Member must not be null", Reason::INVALID_LIST_MEMBER);
        }
        if key.data.constrained && entries.iter().any(|(name, _)| text_breaks(key, name)) {
            let constraint = format!("Map keys must satisfy constraint: [{}]", all(key));
            self.fail(shape, whole, path, &constraint, Reason::INVALID_LIST_MEMBER);
        }
        if !item.data.constrained {
            return;
        }
        // What a map's values break themselves is told of the map; what breaks further inside, of its own place.
        if entries.iter().any(|(_, value)| breaks(item, value)) {
            let constraint = format!("Map value must satisfy constraint: [{}]", all(item));
            self.fail(shape, whole, path, &constraint, Reason::INVALID_LIST_MEMBER);
        }
        for (name, value) in entries {
            self.parts(item, value, &path.then(Part::Key(name)));
        }
    }
}

const fn is_aggregate(shape: Shape) -> bool {
    matches!(shape.kind(), Kind::Structure { .. } | Kind::List { .. } | Kind::Map { .. })
}

/// One constraint of a shape, with AWS's words for it.
#[derive(Debug, Clone, Copy)]
enum Constraint {
    LengthMax(f64),
    LengthMin(f64),
    ValueMax(f64),
    ValueMin(f64),
    Pattern(&'static str),
    Enum(&'static [&'static str]),
}

impl std::fmt::Display for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LengthMax(limit) => write!(f, "Member must have length less than or equal to {limit}"),
            Self::LengthMin(limit) => write!(f, "Member must have length greater than or equal to {limit}"),
            Self::ValueMax(limit) => write!(f, "Member must have value less than or equal to {limit}"),
            Self::ValueMin(limit) => write!(f, "Member must have value greater than or equal to {limit}"),
            Self::Pattern(text) => write!(f, "Member must satisfy regular expression pattern: {text}"),
            Self::Enum(values) => write!(f, "Member must satisfy enum value set: [{}]", values.join(", ")),
        }
    }
}

/// The constraints of a shape itself, in the order in which AWS lists them.
fn constraints(shape: Shape) -> impl Iterator<Item = Constraint> {
    let data = shape.data;
    let numeric = matches!(shape.kind(), Kind::Integer { .. } | Kind::Float { .. });
    let max = data.max.map(if numeric { Constraint::ValueMax } else { Constraint::LengthMax });
    let min = data.min.map(if numeric { Constraint::ValueMin } else { Constraint::LengthMin });
    let pattern = data.pattern.as_ref().map(|pattern| Constraint::Pattern(pattern.text));
    let values = match &data.kind {
        Kind::String { values } if !values.is_empty() => Some(Constraint::Enum(values)),
        _ => None,
    };
    [max, min, pattern, values].into_iter().flatten()
}

fn all(shape: Shape) -> String {
    constraints(shape).map(|constraint| constraint.to_string()).collect::<Vec<_>>().join(", ")
}

fn broken(shape: Shape, value: &Value) -> impl Iterator<Item = Constraint> {
    constraints(shape).filter(move |constraint| !holds(shape, *constraint, value))
}

fn breaks(shape: Shape, value: &Value) -> bool {
    broken(shape, value).next().is_some()
}

fn text_breaks(shape: Shape, text: &str) -> bool {
    constraints(shape).any(|constraint| !text_holds(shape, constraint, text))
}

fn holds(shape: Shape, constraint: Constraint, value: &Value) -> bool {
    let length = match value {
        Value::String(text) => return text_holds(shape, constraint, text),
        Value::Blob(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Integer(number) => return number_holds(constraint, *number as f64),
        Value::Float(number) => return number_holds(constraint, *number),
        _ => return true,
    };
    length_holds(constraint, length)
}

fn length_holds(constraint: Constraint, length: usize) -> bool {
    match constraint {
        Constraint::LengthMax(limit) => length as f64 <= limit,
        Constraint::LengthMin(limit) => length as f64 >= limit,
        _ => true,
    }
}

fn number_holds(constraint: Constraint, number: f64) -> bool {
    match constraint {
        Constraint::ValueMax(limit) => number <= limit,
        Constraint::ValueMin(limit) => number >= limit,
        _ => true,
    }
}

fn text_holds(shape: Shape, constraint: Constraint, text: &str) -> bool {
    match constraint {
        // A text never has more characters than bytes.
        Constraint::LengthMax(limit) if text.len() as f64 <= limit => true,
        Constraint::LengthMax(_) | Constraint::LengthMin(_) => length_holds(constraint, text.chars().count()),
        Constraint::Pattern(_) => shape.data.pattern.as_ref().is_none_or(|pattern| pattern.matches(text)),
        Constraint::Enum(values) => values.contains(&text),
        Constraint::ValueMax(_) | Constraint::ValueMin(_) => true,
    }
}
