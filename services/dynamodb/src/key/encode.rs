//! Builds encoded keys, attribute by attribute, within their limits.

use store::Key;

use super::{ItemKey, Role, hash};
use crate::attribute::AttributeValue;
use crate::invalid::Invalid;

/// The most bytes of a partition key, of all its attributes together.
const PARTITION_BYTES_MAX: usize = 2_048;
/// The most bytes of a sort key, of all its attributes together.
const SORT_BYTES_MAX: usize = 1_024;

/// A key under construction; the attributes of the partition key come first.
#[derive(Debug, Default)]
pub(super) struct Encoding {
    key: Key,
    partition: usize,
    /// The hash of the partition key, while it has one attribute.
    hash: Option<u32>,
    /// How many attributes the partition key has.
    partitions: usize,
    partition_bytes: usize,
    sort_bytes: usize,
}

impl Encoding {
    /// Adds an attribute.
    ///
    /// # Errors
    /// Its value is empty, or the key gets too long.
    pub(super) fn push(
        &mut self,
        role: Role,
        part: &[u8],
        value: &AttributeValue,
        name: &str,
    ) -> Result<(), Invalid> {
        self.check(role, part, value, name)?;
        self.key = std::mem::take(&mut self.key).bytes(part);
        match role {
            Role::Partition => {
                self.hash = (self.partitions == 0).then(|| hash(part));
                self.partitions = self.partitions.saturating_add(1);
                self.partition = self.key.as_ref().len();
                self.partition_bytes = self.partition_bytes.saturating_add(part.len());
            }
            Role::Sort => self.sort_bytes = self.sort_bytes.saturating_add(part.len()),
        }
        Ok(())
    }

    /// Refuses a value that cannot be the next one.
    ///
    /// # Errors
    /// It is empty, or the key would get too long.
    pub(super) fn check(
        &self,
        role: Role,
        part: &[u8],
        value: &AttributeValue,
        name: &str,
    ) -> Result<(), Invalid> {
        if part.is_empty() {
            let what = if matches!(value, AttributeValue::S(_)) { "string" } else { "binary" };
            return Err(Invalid::new(format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain \
                 an empty {what} value. Key: {name}"
            )));
        }
        // The first message has no blank before the number: DynamoDB's has none.
        match role {
            Role::Partition if self.partition_bytes.saturating_add(part.len()) > PARTITION_BYTES_MAX => {
                Err(Invalid::parameter(format!(
                    "Size of hashkey has exceeded the maximum size limit of{PARTITION_BYTES_MAX} bytes"
                )))
            }
            Role::Sort if self.sort_bytes.saturating_add(part.len()) > SORT_BYTES_MAX => {
                Err(Invalid::parameter(format!(
                    "Aggregated size of all range keys has exceeded the size limit of {SORT_BYTES_MAX} bytes"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The key that was built.
    pub(super) fn key(self) -> ItemKey {
        let bytes = self.key.into_vec();
        // Part of the storage format: one attribute is hashed as it is, several with what closes each of them.
        let hash = self.hash.unwrap_or_else(|| hash(bytes.get(..self.partition).unwrap_or_default()));
        ItemKey { hash, bytes, partition: self.partition }
    }
}
