//! Every fuzz body has a target: `CRATE::fuzz::fuzz_NAME` is called by `fuzz/fuzz_targets/CRATE_NAME.rs`, and no target
//! is left of a body that is gone.
//!
//! Reads text only; it neither builds nor runs a target.

use std::collections::BTreeMap;

use super::modules::sources;
use crate::failure::Outcome;
use crate::workspace::{manifest, read, shown};

/// Where the targets stand, one a file.
const TARGETS: &str = "fuzz/fuzz_targets/";

/// Every body without a target, every target without a body, and every target that cargo-fuzz would not find.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut wanted = BTreeMap::new();
    let mut found = BTreeMap::new();
    for path in sources()? {
        let place = shown(&path);
        if let Some(target) = place.strip_prefix(TARGETS).and_then(|file| file.strip_suffix(".rs")) {
            found.insert(target.to_owned(), read(&path)?);
        } else if let Some(package) = package_of(&place) {
            wanted.extend(bodies(package, &read(&path)?));
        }
    }
    let fuzz = manifest("fuzz")?;
    let listed = fuzz.get("bin").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let listed: Vec<&str> = listed.iter().filter_map(|target| target.get("name")?.as_str()).collect();
    Ok(compare(&wanted, &found, &listed))
}

/// The package in which a source of the platform stands.
fn package_of(place: &str) -> Option<&str> {
    let rest = place.strip_prefix("crates/").or_else(|| place.strip_prefix("services/"))?;
    Some(rest.split_once("/src/")?.0)
}

/// The targets that a source asks for, with the call that each must make.
fn bodies(package: &str, text: &str) -> Vec<(String, String)> {
    let names =
        text.lines().filter_map(|line| line.trim_start().strip_prefix("pub fn fuzz_")?.split_once('('));
    names
        .map(|(name, _)| (format!("{package}_{name}"), format!("{package}::fuzz::fuzz_{name}(data)")))
        .collect()
}

fn compare(
    wanted: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
    listed: &[&str],
) -> Vec<String> {
    let mut problems = Vec::new();
    for (target, call) in wanted {
        match found.get(target) {
            None => problems.push(format!("{TARGETS}{target}.rs is missing: it calls {call}")),
            Some(text) if !text.contains(call.as_str()) => {
                problems.push(format!("{TARGETS}{target}.rs does not call {call}"));
            }
            Some(_) if !listed.contains(&target.as_str()) => {
                problems.push(format!("fuzz/Cargo.toml does not list {target}"));
            }
            Some(_) => {}
        }
    }
    let stale = found.keys().filter(|target| !wanted.contains_key(*target));
    problems.extend(stale.map(|target| format!("{TARGETS}{target}.rs has no body in any crate")));
    let absent = listed.iter().filter(|target| !found.contains_key(**target));
    problems.extend(absent.map(|target| format!("fuzz/Cargo.toml lists {target}, which is not there")));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_asks_for_a_target_of_its_package_and_name() {
        assert_eq!(package_of("services/logs/src/fuzz.rs"), Some("logs"));
        assert_eq!(package_of("crates/store/src/a/b.rs"), Some("store"));
        assert_eq!(package_of("xtask/src/main.rs"), None);
        let text =
            "    pub fn fuzz_token(data: &[u8]) {\nfn fuzz_private(data: &[u8]) {\n    super::fuzz_token(b)";
        let wanted = ("logs_token".to_owned(), "logs::fuzz::fuzz_token(data)".to_owned());
        assert_eq!(bodies("logs", text), [wanted]);
    }

    #[test]
    fn what_is_missing_stale_or_unlisted_is_named() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let wanted = map(&[("a_x", "a::x(data)"), ("a_y", "a::y(data)"), ("a_z", "a::z(data)")]);
        let found = map(&[("a_y", "a::x(data)"), ("a_z", "{ a::z(data) }"), ("b_old", "b::old(data)")]);
        let problems = compare(&wanted, &found, &["a_y", "b_old", "b_gone"]);
        let expected = [
            "fuzz/fuzz_targets/a_x.rs is missing: it calls a::x(data)",
            "fuzz/fuzz_targets/a_y.rs does not call a::y(data)",
            "fuzz/Cargo.toml does not list a_z",
            "fuzz/fuzz_targets/b_old.rs has no body in any crate",
            "fuzz/Cargo.toml lists b_gone, which is not there",
        ];
        assert_eq!(problems, expected);
    }
}
