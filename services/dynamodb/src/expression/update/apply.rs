//! What an item becomes by an update.
//!
//! Every value is computed from the item as it was, then everything is written; positions in lists mean the list as
//! it was, too, which is why removals run from the back.

use super::{SetValue, Update, UpdateOperand};
use crate::attribute::{AttributeValue, Attributes};
use crate::expression::path::{Path, Step};
use crate::invalid::Invalid;

const ABSENT: &str = "The provided expression refers to an attribute that does not exist in the item";
const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";
const NO_PARENT: &str = "The document path provided in the update expression is invalid for update";

impl Update {
    /// The item after the update.
    ///
    /// # Errors
    /// A value that the update reads is absent or of a wrong type, a path leads nowhere, or a number does not fit.
    pub fn apply(&self, item: &Attributes) -> Result<Attributes, Invalid> {
        let mut values = Vec::with_capacity(self.sets.len());
        for (path, value) in &self.sets {
            values.push((path, value.compute(item)?));
        }
        // In order of position, so that what is set behind a list's end is appended in that order.
        values.sort_by(|one, two| one.0.cmp(two.0));
        let mut updated = item.clone();
        for (path, value) in values {
            set(&mut updated, path, value)?;
        }
        for (path, value) in &self.adds {
            let sum = added(path.get(item), value)?;
            set(&mut updated, path, sum)?;
        }
        let mut removals: Vec<&Path> = self.removes.iter().collect();
        for (path, value) in &self.deletes {
            match subtracted(path.get(item), value)? {
                Some(rest) => set(&mut updated, path, rest)?,
                None => removals.push(path),
            }
        }
        removals.sort_by(|one, two| two.cmp(one));
        for path in removals {
            remove(&mut updated, path)?;
        }
        if updated.is_too_deep() {
            return Err(Invalid::new(crate::attribute::TOO_DEEP));
        }
        Ok(updated)
    }
}

impl SetValue {
    fn compute(&self, item: &Attributes) -> Result<AttributeValue, Invalid> {
        let number = |operand: &UpdateOperand| match operand.compute(item)? {
            AttributeValue::N(number) => Ok(number),
            _ => Err(Invalid::new(WRONG_TYPE)),
        };
        match self {
            Self::Operand(operand) => operand.compute(item),
            Self::Plus(one, two) => Ok(AttributeValue::N(number(one)?.plus(&number(two)?)?)),
            Self::Minus(one, two) => Ok(AttributeValue::N(number(one)?.minus(&number(two)?)?)),
        }
    }
}

impl UpdateOperand {
    fn compute(&self, item: &Attributes) -> Result<AttributeValue, Invalid> {
        match self {
            Self::Path(path) => path.get(item).cloned().ok_or_else(|| Invalid::new(ABSENT)),
            Self::Value(value) => Ok(value.clone()),
            Self::IfNotExists(path, operand) => match path.get(item) {
                Some(value) => Ok(value.clone()),
                None => operand.compute(item),
            },
            Self::ListAppend(one, two) => match (one.compute(item)?, two.compute(item)?) {
                (AttributeValue::L(mut list), AttributeValue::L(more)) => {
                    list.extend(more);
                    Ok(AttributeValue::L(list))
                }
                _ => Err(Invalid::new(WRONG_TYPE)),
            },
        }
    }
}

/// The result of ADD.
fn added(existing: Option<&AttributeValue>, value: &AttributeValue) -> Result<AttributeValue, Invalid> {
    Ok(match (existing, value) {
        (None, value) => value.clone(),
        (Some(AttributeValue::N(one)), AttributeValue::N(two)) => AttributeValue::N(one.plus(two)?),
        (Some(AttributeValue::Ss(one)), AttributeValue::Ss(two)) => AttributeValue::Ss(union(one, two)),
        (Some(AttributeValue::Ns(one)), AttributeValue::Ns(two)) => AttributeValue::Ns(union(one, two)),
        (Some(AttributeValue::Bs(one)), AttributeValue::Bs(two)) => AttributeValue::Bs(union(one, two)),
        _ => return Err(Invalid::new(WRONG_TYPE)),
    })
}

/// The result of DELETE; `None` where nothing is left.
fn subtracted(
    existing: Option<&AttributeValue>,
    value: &AttributeValue,
) -> Result<Option<AttributeValue>, Invalid> {
    Ok(match (existing, value) {
        (None, _) => None,
        (Some(AttributeValue::Ss(one)), AttributeValue::Ss(two)) => {
            difference(one, two).map(AttributeValue::Ss)
        }
        (Some(AttributeValue::Ns(one)), AttributeValue::Ns(two)) => {
            difference(one, two).map(AttributeValue::Ns)
        }
        (Some(AttributeValue::Bs(one)), AttributeValue::Bs(two)) => {
            difference(one, two).map(AttributeValue::Bs)
        }
        _ => return Err(Invalid::new(WRONG_TYPE)),
    })
}

fn union<T: Ord + Clone>(one: &[T], two: &[T]) -> Vec<T> {
    let mut all: Vec<T> = one.iter().chain(two).cloned().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn difference<T: Ord + Clone>(one: &[T], two: &[T]) -> Option<Vec<T>> {
    let rest: Vec<T> = one.iter().filter(|element| two.binary_search(element).is_err()).cloned().collect();
    (!rest.is_empty()).then_some(rest)
}

/// The list or the map that holds the value of a nested path, and the last step into it.
fn parent<'i, 'p>(
    item: &'i mut Attributes,
    path: &'p Path,
) -> Result<Option<(&'i mut AttributeValue, &'p Step)>, Invalid> {
    let Some((last, before)) = path.steps().split_last() else {
        return Ok(None);
    };
    let no_parent = || Invalid::new(NO_PARENT);
    let mut value = item.get_mut(path.head()).ok_or_else(no_parent)?;
    for step in before {
        let next = match (step, value) {
            (Step::Name(name), AttributeValue::M(map)) => map.get_mut(name),
            (Step::Index(index), AttributeValue::L(list)) => {
                usize::try_from(*index).ok().and_then(|index| list.get_mut(index))
            }
            _ => None,
        };
        value = next.ok_or_else(no_parent)?;
    }
    Ok(Some((value, last)))
}

fn set(item: &mut Attributes, path: &Path, value: AttributeValue) -> Result<(), Invalid> {
    match parent(item, path)? {
        None => item.insert(path.head(), value),
        Some((AttributeValue::M(map), Step::Name(name))) => map.insert(name.as_str(), value),
        Some((AttributeValue::L(list), Step::Index(index))) => {
            match usize::try_from(*index).ok().and_then(|index| list.get_mut(index)) {
                Some(slot) => *slot = value,
                None => list.push(value),
            }
        }
        Some(_) => return Err(Invalid::new(NO_PARENT)),
    }
    Ok(())
}

fn remove(item: &mut Attributes, path: &Path) -> Result<(), Invalid> {
    match parent(item, path)? {
        None => {
            item.remove(path.head());
        }
        Some((AttributeValue::M(map), Step::Name(name))) => {
            map.remove(name);
        }
        Some((AttributeValue::L(list), Step::Index(index))) => {
            if let Some(index) = usize::try_from(*index).ok().filter(|index| *index < list.len()) {
                list.remove(index);
            }
        }
        Some(_) => return Err(Invalid::new(NO_PARENT)),
    }
    Ok(())
}
