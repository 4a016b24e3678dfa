//! Whether an item meets a condition. It always has an answer: what cannot be compared does not match.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Comparator, Condition, Operand};
use crate::attribute::{AttributeValue, Attributes};
use crate::number::Number;

impl Condition {
    /// True where the item meets the condition. An absent item is one without attributes.
    pub fn matches(&self, item: &Attributes) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.matches(item)),
            Self::Or(any) => any.iter().any(|one| one.matches(item)),
            Self::Not(one) => !one.matches(item),
            Self::Compare(comparator, one, two) => {
                compare(*comparator, one.resolve(item).as_deref(), two.resolve(item).as_deref())
            }
            Self::Between(one, low, high) => {
                let value = one.resolve(item);
                compare(Comparator::GreaterEqual, value.as_deref(), low.resolve(item).as_deref())
                    && compare(Comparator::LessEqual, value.as_deref(), high.resolve(item).as_deref())
            }
            Self::In(one, others) => one.resolve(item).is_some_and(|value| {
                others.iter().any(|other| other.resolve(item).as_deref() == Some(&*value))
            }),
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::Type(one, name) => one.resolve(item).is_some_and(|value| value.type_name() == name),
            Self::BeginsWith(one, two) => {
                match (one.resolve(item).as_deref(), two.resolve(item).as_deref()) {
                    (Some(AttributeValue::S(text)), Some(AttributeValue::S(start))) => {
                        text.starts_with(start)
                    }
                    (Some(AttributeValue::B(bytes)), Some(AttributeValue::B(start))) => {
                        bytes.starts_with(start)
                    }
                    _ => false,
                }
            }
            Self::Contains(one, two) => match (one.resolve(item).as_deref(), two.resolve(item).as_deref()) {
                (Some(whole), Some(part)) => contains(whole, part),
                _ => false,
            },
        }
    }
}

impl Operand {
    fn resolve<'a>(&'a self, item: &'a Attributes) -> Option<Cow<'a, AttributeValue>> {
        match self {
            Self::Path(path) => path.get(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Size(operand) => {
                let size = size(operand.resolve(item)?.as_ref())?;
                let size = u64::try_from(size).ok()?;
                Some(Cow::Owned(AttributeValue::N(Number::from(size))))
            }
        }
    }
}

/// The length of texts in UTF-16 units, as AWS counts them whatever its documents say; of byte strings in bytes, of all
/// else in elements; scalars of other types have none.
fn size(value: &AttributeValue) -> Option<usize> {
    match value {
        AttributeValue::S(text) => Some(text.encode_utf16().count()),
        AttributeValue::B(bytes) => Some(bytes.len()),
        AttributeValue::M(map) => Some(map.len()),
        AttributeValue::L(list) => Some(list.len()),
        AttributeValue::Ss(set) => Some(set.len()),
        AttributeValue::Ns(set) => Some(set.len()),
        AttributeValue::Bs(set) => Some(set.len()),
        AttributeValue::N(_) | AttributeValue::Bool(_) | AttributeValue::Null => None,
    }
}

fn compare(comparator: Comparator, one: Option<&AttributeValue>, two: Option<&AttributeValue>) -> bool {
    let ordering = || one?.scalar_cmp(two?);
    match comparator {
        Comparator::Equal => one.is_some() && one == two,
        Comparator::NotEqual => one != two,
        Comparator::Less => ordering() == Some(Ordering::Less),
        Comparator::LessEqual => ordering().is_some_and(Ordering::is_le),
        Comparator::Greater => ordering() == Some(Ordering::Greater),
        Comparator::GreaterEqual => ordering().is_some_and(Ordering::is_ge),
    }
}

fn contains(whole: &AttributeValue, part: &AttributeValue) -> bool {
    match (whole, part) {
        (AttributeValue::S(text), AttributeValue::S(part)) => text.contains(part.as_str()),
        (AttributeValue::B(bytes), AttributeValue::B(part)) => {
            part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
        }
        (AttributeValue::Ss(set), AttributeValue::S(part)) => set.binary_search(part).is_ok(),
        (AttributeValue::Ns(set), AttributeValue::N(part)) => set.binary_search(part).is_ok(),
        (AttributeValue::Bs(set), AttributeValue::B(part)) => set.binary_search(part).is_ok(),
        (AttributeValue::L(list), part) => list.contains(part),
        _ => false,
    }
}
