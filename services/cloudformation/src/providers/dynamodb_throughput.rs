//! What brings the throughput of a table or an index from one template to the next, given what it has now.
//!
//! Calls nothing. What a template does not say any more of a ceiling is taken away; what something was made ready for stays,
//! as no call takes it back.

use serde_json::{Map, Value};

use super::text;

/// What an index says of its throughput.
pub(super) const UNITS: &str = "ProvisionedThroughput";
pub(super) const CEILING: &str = "OnDemandThroughput";
pub(super) const WARM: &str = "WarmThroughput";

/// The value that takes a ceiling away.
const NONE: i64 = -1;

/// How the table is paid for once the change is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) is_provisioned: bool,
    /// It was paid for otherwise before: what is provisioned is said with that.
    pub(super) is_other: bool,
    /// The change takes another one back.
    pub(super) goes_back: bool,
}

/// The parts of a template before and of the one now, with what there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) old: Option<&'a Value>,
    pub(super) wanted: Option<&'a Value>,
    pub(super) now: Option<&'a Value>,
}

impl Change<'_> {
    fn is_said(&self) -> bool {
        self.old != self.wanted
    }

    /// The units to reserve.
    pub(super) fn units(&self) -> Option<Value> {
        let is_other = |name: &&str| number(self.wanted, name) != number(self.now, name);
        let other = ["ReadCapacityUnits", "WriteCapacityUnits"].iter().any(is_other);
        self.wanted.filter(|_| self.is_said() && other).cloned()
    }

    /// The ceilings to set.
    pub(super) fn ceiling(&self, how: How) -> Option<Value> {
        if how.is_provisioned {
            // The service says why it cannot be.
            return self.wanted.filter(|_| self.is_said() || how.is_other).cloned();
        }
        if !self.is_said() {
            return None;
        }
        let set = |name: &str, of| number(of, name).filter(|units| *units != NONE);
        let names = ["MaxReadRequestUnits", "MaxWriteRequestUnits"];
        let other = names.into_iter().filter(|name| set(name, self.wanted) != set(name, self.now));
        let changes: Map<String, Value> =
            other.map(|name| (name.to_owned(), set(name, self.wanted).unwrap_or(NONE).into())).collect();
        (!changes.is_empty()).then_some(Value::Object(changes))
    }

    /// What it is to be made ready for.
    pub(super) fn warm(&self, how: How) -> Option<Value> {
        let wanted = self.wanted.filter(|_| self.is_said())?.as_object()?;
        let mut asked = wanted.clone();
        // No call takes it back: what is ready for more is ready for that.
        asked.retain(|name, _| {
            let (wanted, now) = (number(self.wanted, name), number(self.now, name));
            wanted != now && !(how.goes_back && wanted < now)
        });
        (!asked.is_empty()).then_some(Value::Object(asked))
    }
}

/// What is to be changed of an index, one after the other.
pub(super) fn of_index(old: &Value, wanted: &Value, now: &Value, how: How) -> Vec<(&'static str, Value)> {
    let change = |name: &str| Change { old: old.get(name), wanted: wanted.get(name), now: now.get(name) };
    let units = change(UNITS).units().filter(|_| !(how.is_other && how.is_provisioned));
    [(UNITS, units), (CEILING, change(CEILING).ceiling(how)), (WARM, change(WARM).warm(how))]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn number(throughput: Option<&Value>, name: &str) -> Option<i64> {
    text(throughput?.get(name)).parse().ok()
}

/// What a description shows that something is ready for, without how far that got.
pub(super) fn shown_warm(described: &Value) -> Option<Value> {
    let mut warm = described.get(WARM)?.as_object()?.clone();
    warm.shift_remove("Status");
    Some(Value::Object(warm))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ON_DEMAND: How = How { is_provisioned: false, is_other: false, goes_back: false };

    fn change<'a>(old: &'a Value, wanted: &'a Value, now: &'a Value) -> Change<'a> {
        let there = |value: &'a Value| (!value.is_null()).then_some(value);
        Change { old: there(old), wanted: there(wanted), now: there(now) }
    }

    #[test]
    fn a_ceiling_that_is_said_no_more_is_taken_away() {
        let both = json!({ "MaxReadRequestUnits": "5", "MaxWriteRequestUnits": 6 });
        let read = json!({ "MaxReadRequestUnits": 5 });
        let table = [
            (
                Value::Null,
                &both,
                Value::Null,
                Some(json!({ "MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6 })),
            ),
            (both.clone(), &read, both.clone(), Some(json!({ "MaxWriteRequestUnits": -1 }))),
            (both.clone(), &Value::Null, read.clone(), Some(json!({ "MaxReadRequestUnits": -1 }))),
            (both.clone(), &both, Value::Null, None),
            (both.clone(), &read, read.clone(), None),
        ];
        for (old, wanted, now, expected) in table {
            assert_eq!(change(&old, wanted, &now).ceiling(ON_DEMAND), expected, "{old} {wanted} {now}");
        }
        let provisioned = How { is_provisioned: true, is_other: true, ..ON_DEMAND };
        assert_eq!(change(&both, &both, &both).ceiling(provisioned), Some(both.clone()));
        assert_eq!(change(&both, &Value::Null, &both).ceiling(provisioned), None);
    }

    #[test]
    fn what_is_ready_for_more_is_so_on_the_way_back() {
        let (less, more) = (json!({ "ReadUnitsPerSecond": 1 }), json!({ "ReadUnitsPerSecond": 2 }));
        assert_eq!(change(&less, &more, &less).warm(ON_DEMAND), Some(more.clone()));
        // The service says that it cannot be.
        assert_eq!(change(&more, &less, &more).warm(ON_DEMAND), Some(less.clone()));
        let back = How { goes_back: true, ..ON_DEMAND };
        assert_eq!(change(&more, &less, &more).warm(back), None);
        assert_eq!(change(&more, &Value::Null, &more).warm(ON_DEMAND), None);
    }

    #[test]
    fn units_that_are_there_already_are_not_asked_for() {
        let (one, two) = (json!({ "ReadCapacityUnits": 1 }), json!({ "ReadCapacityUnits": 2 }));
        assert_eq!(change(&one, &two, &one).units(), Some(two.clone()));
        // An update that was refused never changed them.
        assert_eq!(change(&two, &one, &one).units(), None);
    }
}
