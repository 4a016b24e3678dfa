//! The ways in which a template's conditions can turn out, so that both sides of every `Fn::If` are read.
//!
//! Evaluates no condition: whatever its parameters, each may hold or not. Where there are many, not every combination is
//! tried, but every condition both ways, alone and together with all others.

use std::collections::BTreeSet;

use serde_json::Value;

/// So many conditions are tried in every combination.
const COMBINED_MAX: usize = 3;
/// So many are tried alone, each way; the rest only together with all others.
const ALONE_MAX: usize = 7;

/// Which conditions hold.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    names: BTreeSet<String>,
    /// Those named do not hold, and all others do.
    inverted: bool,
}

impl World {
    pub(super) fn holds(&self, condition: &str) -> bool {
        self.names.contains(condition) != self.inverted
    }
}

/// The worlds of a template: one where nothing in it depends on a condition.
pub(super) fn worlds(root: &Value) -> Vec<World> {
    let mut names = BTreeSet::new();
    for (_, resource) in root.get("Resources").and_then(Value::as_object).into_iter().flatten() {
        names.extend(resource.get("Condition").and_then(Value::as_str));
        collect(resource, &mut names);
    }
    root.get("Globals").into_iter().for_each(|globals| collect(globals, &mut names));
    let names: Vec<&str> = names.into_iter().collect();
    let world = |names: Vec<&str>, inverted: bool| World {
        names: names.into_iter().map(str::to_owned).collect(),
        inverted,
    };
    if names.len() <= COMBINED_MAX {
        let subset = |bits: usize| {
            let chosen = names.iter().enumerate().filter(move |(at, _)| bits >> at & 1 == 1);
            world(chosen.map(|(_, name)| *name).collect(), true)
        };
        return (0..1_usize << names.len()).map(subset).collect();
    }
    let mut worlds = vec![world(Vec::new(), true), world(Vec::new(), false)];
    for name in names.iter().take(ALONE_MAX) {
        worlds.push(world(vec![*name], false));
        worlds.push(world(vec![*name], true));
    }
    worlds
}

/// The conditions that `Fn::If` asks for. The document's depth cap bounds the recursion.
fn collect<'t>(value: &'t Value, names: &mut BTreeSet<&'t str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(members) => {
            for (name, value) in members {
                if name == "Fn::If" {
                    names.extend(value.get(0).and_then(Value::as_str));
                }
                collect(value, names);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_condition_is_tried_both_ways() {
        let with = |count: usize| {
            let ifs: Vec<Value> = (0..count).map(|at| json!({"Fn::If": [format!("C{at}"), 1, 2]})).collect();
            json!({"Resources": {"R": {"Properties": {"P": ifs}}}})
        };
        for (count, expected) in [(0, 1), (1, 2), (3, 8), (4, 10), (40, 16)] {
            let worlds = worlds(&with(count));
            assert_eq!(worlds.len(), expected, "{count}");
            for at in 0..count {
                let name = format!("C{at}");
                assert!(worlds.iter().any(|world| world.holds(&name)));
                assert!(worlds.iter().any(|world| !world.holds(&name)));
            }
        }
    }
}
