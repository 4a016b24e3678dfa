//! Selectors: where in a JSON message to look. `$.user.roles[0]`, `$.['a.b']`, `$.list[*].id`, `$.*`.
//!
//! One step of a selector may stand for all elements or members; there are as many finds then.

use serde_json::Value;

use crate::error::Error;
use crate::pattern::cursor::Cursor;
use crate::pattern::invalid;

/// Steps from the message's root.
#[derive(Debug)]
pub(crate) struct Selector(Vec<Step>);

#[derive(Debug)]
enum Step {
    Member(String),
    Element(usize),
    /// `.*`
    EveryMember,
    /// `[*]`
    EveryElement,
}

impl Selector {
    /// True where one of the values that it finds is such a one.
    pub(crate) fn any(&self, message: &Value, is_such: &impl Fn(&Value) -> bool) -> bool {
        any(&self.0, message, is_such)
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        if !cursor.takes("$") {
            return Err(cursor.unexpected());
        }
        let mut steps = Vec::new();
        loop {
            let step = if cursor.takes_at_once(".[") || cursor.takes_at_once("[") {
                bracket(cursor)?
            } else if cursor.takes_at_once(".*") {
                Step::EveryMember
            } else if cursor.takes_at_once(".") {
                let name = cursor.span(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@'));
                if name.is_empty() {
                    return Err(cursor.unexpected());
                }
                Step::Member(name.to_owned())
            } else {
                break;
            };
            steps.push(step);
        }
        let every = |step: &&Step| matches!(step, Step::EveryMember | Step::EveryElement);
        match steps.iter().filter(every).count() {
            0 => {}
            1 => cursor.counts_wildcard()?,
            _ => return Err(invalid("a selector has more than one wildcard")),
        }
        Ok(Self(steps))
    }
}

fn any(steps: &[Step], value: &Value, is_such: &impl Fn(&Value) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else { return is_such(value) };
    let goes_on = |value: &Value| any(rest, value, is_such);
    match (step, value) {
        (Step::Member(name), Value::Object(members)) => members.get(name).is_some_and(goes_on),
        (Step::Element(at), Value::Array(elements)) => elements.get(*at).is_some_and(goes_on),
        (Step::EveryMember, Value::Object(members)) => members.values().any(goes_on),
        (Step::EveryElement, Value::Array(elements)) => elements.iter().any(goes_on),
        _ => false,
    }
}

/// What stands behind `[`, with its end.
fn bracket(cursor: &mut Cursor<'_>) -> Result<Step, Error> {
    let missing = || invalid("`]` is missing");
    for quote in ["'", "\""] {
        if cursor.takes(quote) {
            // Quoted, a name may have brackets.
            let name = cursor.until(if quote == "'" { '\'' } else { '"' }).ok_or_else(missing)?;
            return if cursor.takes("]") { Ok(Step::Member(name.to_owned())) } else { Err(missing()) };
        }
    }
    let inside = cursor.until(']').ok_or_else(missing)?.trim();
    if inside == "*" {
        return Ok(Step::EveryElement);
    }
    inside.parse().map(Step::Element).map_err(|_| invalid(format!("`[{inside}]` is not an element")))
}
