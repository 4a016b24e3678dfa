//! `cargo xtask tidy`: the rules of this repository that no compiler checks, as tests.
//!
//! Each rule is a function that returns what breaks it. It changes nothing, and there is no list of exceptions to grow, but for
//! condition keys: each of its exceptions says why.

mod condition_keys;
mod confinement;
mod decisions;
mod fuzz;
mod layers;
mod manifest;
mod models;
mod modules;

use crate::failure::{Failure, Outcome};

/// A rule: its name, and what breaks it.
type Rule = (&'static str, fn() -> Outcome<Vec<String>>);

const RULES: [Rule; 7] = [
    ("layers", layers::check),
    ("confinement", confinement::check),
    ("decisions", decisions::check),
    ("modules", modules::check),
    ("models", models::check),
    ("fuzz targets", fuzz::check),
    ("condition keys", condition_keys::check),
];

/// Checks every rule and prints what breaks it.
pub(crate) fn run() -> Outcome {
    let mut broken = 0_usize;
    for (name, rule) in RULES {
        for problem in rule()? {
            println!("{name}: {problem}");
            broken += 1;
        }
    }
    match broken {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{broken} places are not tidy"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let mut all = Vec::new();
        for (name, rule) in RULES {
            let problems = rule().unwrap_or_else(|failure| vec![failure.to_string()]);
            all.extend(problems.into_iter().map(|problem| format!("{name}: {problem}")));
        }
        assert!(all.is_empty(), "\n{}", all.join("\n"));
    }
}
