//! Tests under `&&`, `||` and parentheses, which nest to a bounded depth: `()` before `&&` before `||`.
//!
//! What is tested, and how a test is written, is another's.

use crate::error::Error;
use crate::pattern::cursor::Cursor;
use crate::pattern::invalid;

const DEPTH_MAX: usize = 16;

/// A condition.
#[derive(Debug)]
pub(crate) enum Condition<T> {
    All(Vec<Condition<T>>),
    Any(Vec<Condition<T>>),
    Test(T),
}

/// Reads one test.
type Reader<T> = fn(&mut Cursor<'_>) -> Result<T, Error>;

impl<T> Condition<T> {
    /// True where the tests that hold suffice.
    pub(crate) fn holds(&self, test: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(test)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(test)),
            Self::Test(one) => test(one),
        }
    }

    /// The tests, as they are written.
    pub(crate) fn tests(&self) -> Vec<&T> {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                conditions.iter().flat_map(Self::tests).collect()
            }
            Self::Test(one) => vec![one],
        }
    }

    /// Reads a condition as far as it goes.
    pub(crate) fn parse(cursor: &mut Cursor<'_>, test: Reader<T>) -> Result<Self, Error> {
        any(cursor, test, 0)
    }
}

fn any<T>(cursor: &mut Cursor<'_>, test: Reader<T>, depth: usize) -> Result<Condition<T>, Error> {
    let mut conditions = vec![all(cursor, test, depth)?];
    while cursor.takes("||") {
        conditions.push(all(cursor, test, depth)?);
    }
    Ok(only(conditions, Condition::Any))
}

fn all<T>(cursor: &mut Cursor<'_>, test: Reader<T>, depth: usize) -> Result<Condition<T>, Error> {
    let mut conditions = vec![one(cursor, test, depth)?];
    while cursor.takes("&&") {
        conditions.push(one(cursor, test, depth)?);
    }
    Ok(only(conditions, Condition::All))
}

fn one<T>(cursor: &mut Cursor<'_>, test: Reader<T>, depth: usize) -> Result<Condition<T>, Error> {
    if !cursor.takes("(") {
        return test(cursor).map(Condition::Test);
    }
    if depth >= DEPTH_MAX {
        return Err(invalid(format!("parentheses nest deeper than {DEPTH_MAX}")));
    }
    let condition = any(cursor, test, depth + 1)?;
    if cursor.takes(")") { Ok(condition) } else { Err(cursor.unexpected()) }
}

fn only<T>(
    mut conditions: Vec<Condition<T>>,
    combine: fn(Vec<Condition<T>>) -> Condition<T>,
) -> Condition<T> {
    match conditions.pop() {
        Some(condition) if conditions.is_empty() => condition,
        last => {
            conditions.extend(last);
            combine(conditions)
        }
    }
}
