//! Updates and projections of the reference.

use std::collections::BTreeMap;

use super::{ATTRIBUTES, Any, Dice, Item, Places, Step, Way, fits};

/// One action of an update, on an attribute that no other action names.
#[derive(Clone, Debug)]
pub(in crate::tests) enum Action {
    Set(Way, Any),
    Sum(Way, &'static str, i128),
    Default(Way, Any),
    Append(&'static str, Vec<Any>),
    Remove(Way),
    Add(&'static str, Any),
    Delete(&'static str, Any),
}

/// The actions of an update.
pub(in crate::tests) fn random_update(dice: &mut Dice) -> Vec<Action> {
    let mut left = ATTRIBUTES.to_vec();
    (0..=dice.below(3))
        .map(|_| {
            let head = left.remove(dice.below(left.len()));
            let way = Way(head, Way::random(dice).1);
            let set = |dice: &mut Dice| match dice.chance(50) {
                true => Any::Ss([dice.text()].into()),
                false => Any::Ns([dice.number(), dice.number()].into()),
            };
            match dice.below(8) {
                0 | 1 => Action::Set(way, Any::random(dice, 2)),
                2 => Action::Sum(way, dice.word(&["+", "-"]), dice.number()),
                3 => Action::Default(way, Any::random(dice, 1)),
                4 => Action::Append(head, (0..dice.below(3)).map(|_| Any::random(dice, 1)).collect()),
                5 => Action::Remove(way),
                6 if dice.chance(50) => Action::Add(head, Any::N(dice.number())),
                6 => Action::Add(head, set(dice)),
                _ => Action::Delete(head, set(dice)),
            }
        })
        .collect()
}

/// The update's text.
pub(in crate::tests) fn update_text(actions: &[Action], places: &mut Places) -> String {
    let mut clauses: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for action in actions {
        let (clause, text) = match action {
            Action::Set(way, value) => ("SET", format!("{} = {}", way.text(places), places.value(value))),
            Action::Sum(way, sign, number) => {
                let way = way.text(places);
                ("SET", format!("{way} = {way} {sign} {}", places.value(&Any::N(*number))))
            }
            Action::Default(way, value) => {
                let way = way.text(places);
                ("SET", format!("{way} = if_not_exists({way}, {})", places.value(value)))
            }
            Action::Append(head, more) => {
                let way = Way(head, None).text(places);
                ("SET", format!("{way} = list_append({way}, {})", places.value(&Any::L(more.clone()))))
            }
            Action::Remove(way) => ("REMOVE", way.text(places)),
            Action::Add(head, value) => {
                ("ADD", format!("{} {}", Way(head, None).text(places), places.value(value)))
            }
            Action::Delete(head, value) => {
                ("DELETE", format!("{} {}", Way(head, None).text(places), places.value(value)))
            }
        };
        clauses.entry(clause).or_default().push(text);
    }
    let clauses: Vec<_> =
        clauses.iter().map(|(clause, parts)| format!("{clause} {}", parts.join(", "))).collect();
    clauses.join(" ")
}

fn place(item: &mut Item, way: &Way, value: Any) -> Option<()> {
    match (&way.1, item.get_mut(way.0)) {
        (None, _) => {
            item.insert(way.0.to_owned(), value);
        }
        (Some(Step::Name(name)), Some(Any::M(map))) => {
            map.insert((*name).to_owned(), value);
        }
        (Some(Step::At(at)), Some(Any::L(list))) => match list.get_mut(*at) {
            Some(slot) => *slot = value,
            None => list.push(value),
        },
        _ => return None,
    }
    Some(())
}

/// The item after the update; nothing where DynamoDB refuses it.
pub(in crate::tests) fn updated(item: &Item, actions: &[Action]) -> Option<Item> {
    let mut after = item.clone();
    for action in actions {
        match action {
            Action::Set(way, value) => place(&mut after, way, value.clone())?,
            Action::Sum(way, sign, number) => {
                let Any::N(present) = way.get(item)? else { return None };
                let sum =
                    if *sign == "+" { present.checked_add(*number) } else { present.checked_sub(*number) };
                place(&mut after, way, Any::N(fits(sum?)?))?;
            }
            Action::Default(way, value) => {
                let value = way.get(item).unwrap_or(value).clone();
                place(&mut after, way, value)?;
            }
            Action::Append(head, more) => {
                let Any::L(mut list) = item.get(*head)?.clone() else { return None };
                list.extend(more.clone());
                after.insert((*head).to_owned(), Any::L(list));
            }
            Action::Remove(Way(head, None)) => {
                after.remove(*head);
            }
            Action::Remove(Way(head, Some(step))) => match (after.get_mut(*head)?, step) {
                (Any::M(map), Step::Name(name)) => {
                    map.remove(*name);
                }
                (Any::L(list), Step::At(at)) if *at < list.len() => {
                    list.remove(*at);
                }
                (Any::L(_), Step::At(_)) => {}
                _ => return None,
            },
            Action::Add(head, value) => {
                let sum = match (item.get(*head), value) {
                    (None, value) => value.clone(),
                    (Some(Any::N(one)), Any::N(two)) => Any::N(fits(one.checked_add(*two)?)?),
                    (Some(Any::Ss(one)), Any::Ss(two)) => Any::Ss(one | two),
                    (Some(Any::Ns(one)), Any::Ns(two)) => Any::Ns(one | two),
                    _ => return None,
                };
                after.insert((*head).to_owned(), sum);
            }
            Action::Delete(head, value) => {
                let rest = match (item.get(*head), value) {
                    (None, _) => continue,
                    (Some(Any::Ss(one)), Any::Ss(two)) => Any::Ss(one - two),
                    (Some(Any::Ns(one)), Any::Ns(two)) => Any::Ns(one - two),
                    _ => return None,
                };
                if rest.size() == Some(0) {
                    after.remove(*head);
                } else {
                    after.insert((*head).to_owned(), rest);
                }
            }
        }
    }
    Some(after)
}

/// A projection on some ways, none of which lies in another.
pub(in crate::tests) fn random_projection(dice: &mut Dice) -> Vec<Way> {
    let mut left = ATTRIBUTES.to_vec();
    (0..=dice.below(3)).map(|_| Way(left.remove(dice.below(left.len())), Way::random(dice).1)).collect()
}

/// The projection's text.
pub(in crate::tests) fn projection_text(ways: &[Way], places: &mut Places) -> String {
    ways.iter().map(|way| way.text(places)).collect::<Vec<_>>().join(", ")
}

/// What a projection shows of an item: elements of lists close up, as DynamoDB shows them.
pub(in crate::tests) fn projected(item: &Item, ways: &[Way]) -> Item {
    let mut shown = Item::new();
    for way in ways {
        let Some(value) = way.get(item) else { continue };
        let value = match &way.1 {
            None => value.clone(),
            Some(Step::Name(name)) => Any::M(Item::from([((*name).to_owned(), value.clone())])),
            Some(Step::At(_)) => Any::L(vec![value.clone()]),
        };
        shown.insert(way.0.to_owned(), value);
    }
    shown
}
