//! The tests from outside: each once, and those that failed once more, by themselves.
//!
//! More than a thousand tests drive real processes, sockets and kills on whatever machine this is. A second failure fails the
//! run; a test that passes then is named, with its first failure above, for somebody to mend. Many at once are no accident.

use std::fs;
use std::process::Command;

use crate::failure::{At, Failure, Outcome};
use crate::host::run_in;
use crate::workspace::target;

/// Beyond this, nothing is asked again.
const AGAIN_MAX: usize = 3;

/// Where the tests stand that are never asked again.
const PROBES: &str = "tests/security/";

/// Where `tests/conftest.py` is to write the names of the tests that failed.
const FAILED_TO: &str = "FASTNESS_FAILED_TO";

/// Runs what `pytest` starts.
pub(super) fn run(pytest: impl Fn() -> Command) -> Outcome {
    let list = target().join("outside-failed.txt");
    // What an earlier run left says nothing of this one.
    if list.exists() {
        fs::remove_file(&list).at(list.display())?;
    }
    let Err(failure) = run_in(pytest().env(FAILED_TO, &list), "pytest") else { return Ok(()) };
    let failed = fs::read_to_string(&list).unwrap_or_default();
    let Some(names) = to_ask_again(&failed) else { return Err(failure) };
    println!("\n--- once more, by themselves: {}", names.join(", "));
    let again = run_in(pytest().arg("--").args(&names), "pytest");
    let outcome = if again.is_ok() { "PASSED THE SECOND TIME; mend them" } else { "FAILED TWICE" };
    println!("--- {outcome}: {}", names.join(", "));
    again.map_err(|_| Failure::new(format!("{failure}; asked again, some of them failed again")))
}

/// The tests that failed, where they are few and known by name.
// SECURITY: a probe that got out once has got out.
fn to_ask_again(failed: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = failed.lines().collect();
    let is_probe = |name: &&str| name.starts_with(PROBES);
    ((1..=AGAIN_MAX).contains(&names.len()) && !names.iter().any(is_probe)).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_that_failed_are_asked_again_and_never_many() {
        assert_eq!(to_ask_again(""), None, "the run itself failed");
        assert_eq!(to_ask_again("tests/a.py::one\ntests/b.py::two[x y]\n").unwrap().len(), 2);
        let many: String = (0..=AGAIN_MAX).map(|n| format!("tests/a.py::test_{n}\n")).collect();
        assert_eq!(to_ask_again(&many), None);
        assert_eq!(to_ask_again("tests/a.py::one\ntests/security/test_probes.py::two\n"), None);
    }
}
