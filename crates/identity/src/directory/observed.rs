//! How many roles are in observe mode, for health: counted anew only after something changed.
//!
//! It counts and names nobody: health answers strangers.

use parking_lot::Mutex;
use store::Range;

use super::{Directory, DirectoryError};
use crate::principal::OBSERVE_TAG;
use crate::records::{Record as _, RoleRecord, keys};

/// The count, and the sum of all generations that it was counted at.
#[derive(Debug, Default)]
pub(super) struct Observed(Mutex<Option<(u64, usize)>>);

impl Directory {
    /// The number of roles, of all accounts, that are in observe mode.
    pub fn observed_roles(&self) -> Result<usize, DirectoryError> {
        let total = self.0.generations.total();
        let mut known = self.0.observed.0.lock();
        if let Some((at, count)) = *known
            && at == total
        {
            return Ok(count);
        }
        let mut count = 0;
        for (_, bytes) in self.store().scan(keys::ROLES, &Range::all())? {
            let role = RoleRecord::decode(&bytes)?;
            let marks =
                |(key, value): &(String, String)| key.eq_ignore_ascii_case(OBSERVE_TAG) && value == "true";
            count += usize::from(role.tags.iter().any(marks));
        }
        *known = Some((total, count));
        Ok(count)
    }
}
