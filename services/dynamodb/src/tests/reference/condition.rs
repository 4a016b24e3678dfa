//! Conditions of the reference: trees that write themselves as expressions, and evaluate themselves.

use super::{Any, Dice, Item, Places, Way};

#[derive(Clone, Debug)]
pub(in crate::tests) enum Term {
    Way(Way),
    Value(Any),
    Size(Way),
}

impl Term {
    fn scalar(dice: &mut Dice) -> Self {
        Self::Value(if dice.chance(60) { Any::N(dice.number()) } else { Any::S(dice.text()) })
    }

    fn text(&self, places: &mut Places) -> String {
        match self {
            Self::Way(way) => way.text(places),
            Self::Value(value) => places.value(value),
            Self::Size(way) => format!("size({})", way.text(places)),
        }
    }

    fn get(&self, item: &Item) -> Option<Any> {
        match self {
            Self::Way(way) => way.get(item).cloned(),
            Self::Value(value) => Some(value.clone()),
            Self::Size(way) => way.get(item)?.size().map(Any::N),
        }
    }
}

/// Conditions and filters.
#[derive(Clone, Debug)]
pub(in crate::tests) enum Test {
    Compare(&'static str, Term, Term),
    Between(Way, i128, i128),
    In(Way, Vec<Any>),
    Exists(Way),
    Missing(Way),
    Kind(Way, &'static str),
    Begins(Way, String),
    Contains(Way, Any),
    Not(Box<Test>),
    Both(Box<Test>, Box<Test>),
    Either(Box<Test>, Box<Test>),
}

impl Test {
    pub(in crate::tests) fn random(dice: &mut Dice, depth: usize) -> Self {
        let way = Way::random(dice);
        let inner = |dice: &mut Dice| Box::new(Self::random(dice, depth - 1));
        match dice.below(if depth == 0 { 9 } else { 13 }) {
            0 | 1 => {
                let first = if dice.chance(25) { Term::Size(way) } else { Term::Way(way) };
                let comparator = dice.word(&["=", "<>", "<", "<=", ">", ">="]);
                let second = match comparator {
                    "=" | "<>" if dice.chance(50) => Term::Value(Any::random(dice, 1)),
                    _ => Term::scalar(dice),
                };
                Self::Compare(comparator, first, second)
            }
            2 => {
                let (one, two) = (dice.number(), dice.number());
                Self::Between(way, one.min(two), one.max(two))
            }
            3 => Self::In(way, (0..=dice.below(3)).map(|_| Any::random(dice, 1)).collect()),
            4 => Self::Exists(way),
            5 => Self::Missing(way),
            6 => Self::Kind(way, dice.word(&["N", "S", "BOOL", "NULL", "L", "M", "SS", "NS"])),
            7 => Self::Begins(way, dice.text()),
            8 => {
                Self::Contains(way, if dice.chance(50) { Any::N(dice.number()) } else { Any::S(dice.text()) })
            }
            9 => Self::Not(inner(dice)),
            10 | 11 => Self::Both(inner(dice), inner(dice)),
            _ => Self::Either(inner(dice), inner(dice)),
        }
    }

    pub(in crate::tests) fn text(&self, places: &mut Places) -> String {
        match self {
            Self::Compare(comparator, one, two) => {
                format!("{} {comparator} {}", one.text(places), two.text(places))
            }
            Self::Between(way, low, high) => {
                let (way, low, high) =
                    (way.text(places), places.value(&Any::N(*low)), places.value(&Any::N(*high)));
                format!("{way} BETWEEN {low} AND {high}")
            }
            Self::In(way, all) => {
                let way = way.text(places);
                let all: Vec<_> = all.iter().map(|value| places.value(value)).collect();
                format!("{way} IN ({})", all.join(", "))
            }
            Self::Exists(way) => format!("attribute_exists({})", way.text(places)),
            Self::Missing(way) => format!("attribute_not_exists({})", way.text(places)),
            Self::Kind(way, kind) => {
                format!("attribute_type({}, {})", way.text(places), places.value(&Any::S((*kind).to_owned())))
            }
            Self::Begins(way, start) => {
                format!("begins_with({}, {})", way.text(places), places.value(&Any::S(start.clone())))
            }
            Self::Contains(way, part) => format!("contains({}, {})", way.text(places), places.value(part)),
            Self::Not(one) => format!("NOT ({})", one.text(places)),
            Self::Both(one, two) => format!("({}) AND ({})", one.text(places), two.text(places)),
            Self::Either(one, two) => format!("({}) OR ({})", one.text(places), two.text(places)),
        }
    }

    pub(in crate::tests) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Compare(comparator, one, two) => {
                let (one, two) = (one.get(item), two.get(item));
                let order = match (&one, &two) {
                    (Some(Any::N(one)), Some(Any::N(two))) => Some(one.cmp(two)),
                    (Some(Any::S(one)), Some(Any::S(two))) => Some(one.as_bytes().cmp(two.as_bytes())),
                    _ => None,
                };
                match *comparator {
                    "=" => one.is_some() && one == two,
                    "<>" => one != two,
                    "<" => order.is_some_and(std::cmp::Ordering::is_lt),
                    "<=" => order.is_some_and(std::cmp::Ordering::is_le),
                    ">" => order.is_some_and(std::cmp::Ordering::is_gt),
                    _ => order.is_some_and(std::cmp::Ordering::is_ge),
                }
            }
            Self::Between(way, low, high) => {
                matches!(way.get(item), Some(Any::N(number)) if low <= number && number <= high)
            }
            Self::In(way, all) => way.get(item).is_some_and(|value| all.contains(value)),
            Self::Exists(way) => way.get(item).is_some(),
            Self::Missing(way) => way.get(item).is_none(),
            Self::Kind(way, kind) => way.get(item).is_some_and(|value| value.kind() == *kind),
            Self::Begins(way, start) => {
                matches!(way.get(item), Some(Any::S(text)) if text.starts_with(start.as_str()))
            }
            Self::Contains(way, part) => match (way.get(item), part) {
                (Some(Any::S(text)), Any::S(part)) => text.contains(part.as_str()),
                (Some(Any::Ss(set)), Any::S(part)) => set.contains(part),
                (Some(Any::Ns(set)), Any::N(part)) => set.contains(part),
                (Some(Any::L(list)), part) => list.contains(part),
                _ => false,
            },
            Self::Not(one) => !one.holds(item),
            Self::Both(one, two) => one.holds(item) && two.holds(item),
            Self::Either(one, two) => one.holds(item) || two.holds(item),
        }
    }
}
