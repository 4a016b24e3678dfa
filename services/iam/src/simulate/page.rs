//! How much one page of a simulation reads and writes.
//!
//! A page ends where it gets too much, and its marker goes on: what is asked for is answered whole, in more answers.

use policy::Context;

use super::{Simulation, Source};
use crate::{Error, api};

/// So many bytes of results make a page; the last one may go beyond.
const WRITTEN_BYTES_MAX: usize = 1 << 20;
/// So many bytes of policies are read for a page, each byte as often as it is looked at.
const READ_BYTES_MAX: usize = 32 << 20;
/// So many for one result.
const READ_FOR_ONE_BYTES_MAX: usize = 256 << 20;
/// A policy is looked at once more for so many bytes that its patterns may have to match.
const MATCHED_BYTES: usize = 64;
/// A matched statement takes so many bytes in an answer, and some more than it takes in memory.
const STATEMENT_BYTES: usize = 512;

/// What the results of a page have taken so far.
pub(crate) struct Spent {
    policies: usize,
    values: usize,
    read: usize,
    written: usize,
}

impl Spent {
    /// Nothing yet, of what this simulation asks.
    pub(crate) fn nothing(simulation: &Simulation<'_>) -> Self {
        let given = simulation.identity.iter().chain(simulation.boundary).chain(simulation.resource);
        let values = |context: &Context| {
            let each = context.iter().flat_map(|(_, values)| values);
            each.map(String::len).sum()
        };
        Self {
            policies: given.map(|source: &Source| source.policy.text().len()).sum(),
            values: values(simulation.context),
            read: 0,
            written: 0,
        }
    }

    /// What deciding about this resource reads.
    fn reads(&self, resource: &str) -> usize {
        let matched = (self.values + resource.len()) / MATCHED_BYTES;
        self.policies.saturating_mul(1 + matched)
    }

    /// Refuses what is too much for one result alone.
    pub(crate) fn check(&self, resources: &[String]) -> Result<(), Error> {
        let most = resources.iter().map(|resource| self.reads(resource)).max().unwrap_or_default();
        if most > READ_FOR_ONE_BYTES_MAX {
            return Err(Error::InvalidInput(
                "The policies and context values are too long to be simulated together.".to_owned(),
            ));
        }
        Ok(())
    }

    /// Adds a result; false where the page is full with it.
    pub(crate) fn goes_on_after(&mut self, result: &api::EvaluationResult) -> bool {
        let resource = result.eval_resource_name.as_deref().unwrap_or_default();
        let specific = result.resource_specific_results.as_ref().map_or(0, Vec::len);
        let matched = result.matched_statements.as_ref().map_or(0, Vec::len);
        let missing: usize = result.missing_context_values.iter().flatten().map(|key| key.len() + 32).sum();
        let one = resource.len() + matched.saturating_mul(STATEMENT_BYTES) + missing + STATEMENT_BYTES;
        self.written = self.written.saturating_add(one.saturating_mul(1 + specific));
        self.read = self.read.saturating_add(self.reads(resource));
        self.written < WRITTEN_BYTES_MAX && self.read < READ_BYTES_MAX
    }
}
