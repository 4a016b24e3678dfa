//! Keys of index entries: the index's own keys, then the keys of the item, so that equal index keys stay apart.
//!
//! ```text
//! index id (8)  hash of the index's partition key (4)  its partition key  [its sort key]  the item's keys
//! ```

use store::Key;

use super::encode::Encoding;
use super::{ItemKey, KeySchema, encoded, place};
use crate::attribute::{AttributeValue, Attributes};
use crate::invalid::Invalid;

impl KeySchema {
    /// An item's key in the index that this schema is of; none where the item lacks one of its attributes.
    ///
    /// # Errors
    /// A value cannot be a key of the index.
    pub fn index_key_of(&self, index: &str, item: &Attributes) -> Result<Option<ItemKey>, Invalid> {
        let mut encoding = Encoding::default();
        let mut is_complete = true;
        for (role, attribute) in self.roles() {
            let name = &attribute.name;
            let Some(value) = item.get(name) else {
                is_complete = false;
                continue;
            };
            let part = encoded(value, attribute.scalar).ok_or_else(|| {
                Invalid::parameter(format!(
                    "Type mismatch for Index Key {name} Expected: {} Actual: {} IndexName: {index}",
                    attribute.scalar,
                    value.type_name()
                ))
            })?;
            check_filled(index, name, value)?;
            encoding.push(role, &part, value, name)?;
        }
        Ok(is_complete.then(|| encoding.key()))
    }

    /// Refuses empty values of the attributes that are keys of this index.
    ///
    /// # Errors
    /// One of them is empty.
    pub fn check_filled(&self, index: &str, item: &Attributes) -> Result<(), Invalid> {
        self.attributes().try_for_each(|attribute| match item.get(&attribute.name) {
            Some(value) => check_filled(index, &attribute.name, value),
            None => Ok(()),
        })
    }

    /// The keys at which a page of an index goes on: those of the index, and those of the item.
    ///
    /// # Errors
    /// An attribute is missing, of a wrong type, or one too many.
    pub fn index_start(&self, table: &Self, key: &Attributes) -> Result<(ItemKey, ItemKey), Invalid> {
        let (own, item) = (self.project(key), table.project(key));
        let names = self.attributes().chain(table.attributes().filter(|it| !self.contains(&it.name)));
        if names.count() != key.len() {
            return Err(Invalid::new(super::MISMATCH));
        }
        Ok((self.key_of(&own)?, table.key_of(&item)?))
    }
}

fn check_filled(index: &str, name: &str, value: &AttributeValue) -> Result<(), Invalid> {
    let what = match value {
        AttributeValue::S(text) if text.is_empty() => "string",
        AttributeValue::B(bytes) if bytes.is_empty() => "binary",
        _ => return Ok(()),
    };
    Err(Invalid::new(format!(
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. \
         The AttributeValue for a key attribute cannot contain an empty {what} value. IndexName: {index}, IndexKey: {name}"
    )))
}

impl ItemKey {
    /// Where the entry of an item stands in an index, whose own key of the item this is.
    pub fn in_index(&self, index: u64, item: &Self) -> Key {
        place(index, self.hash, &self.bytes).raw(&item.bytes)
    }
}
