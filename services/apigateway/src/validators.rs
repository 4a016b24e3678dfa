//! What a request validator may be, and who uses it.
//!
//! It judges no request: the data plane does, by what a deployment froze.

use crate::Error;
use crate::model::short_id;
use crate::records::{ApiRecord, MethodRecord, ValidatorRecord};

/// Request validators of one API.
const VALIDATORS_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 128;

pub(crate) fn missing() -> Error {
    Error::NotFound("Invalid Request Validator identifier specified".to_owned())
}

impl ApiRecord {
    /// Adds a validator, and answers its id.
    pub(crate) fn add_validator(&mut self, record: ValidatorRecord) -> Result<String, Error> {
        if self.validators.len() >= VALIDATORS_MAX {
            let message = "Maximum number of request validators for this API has been reached.";
            return Err(Error::LimitExceeded(message.to_owned()));
        }
        if record.name.as_ref().is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
            return Err(Error::bad("A request validator's name has at most 128 characters"));
        }
        let id = short_id();
        self.validators.insert(id.clone(), record);
        Ok(id)
    }

    /// Puts a validator under its name, and answers its id: the one that it has, or a new one.
    pub(crate) fn put_validator(&mut self, record: ValidatorRecord) -> Result<String, Error> {
        let known = self.validators.iter().find(|(_, known)| known.name == record.name);
        match known.map(|(id, _)| id.clone()) {
            Some(id) => {
                self.validators.insert(id.clone(), record);
                Ok(id)
            }
            None => self.add_validator(record),
        }
    }

    /// Takes a validator away that no method names.
    pub(crate) fn remove_validator(&mut self, id: &str) -> Result<(), Error> {
        let used = |method: &MethodRecord| method.validator_id.as_deref() == Some(id);
        if let Some(place) = self.method_place(used) {
            return Err(Error::Conflict(format!(
                "Cannot delete validator '{id}', is referenced in method request: {place}"
            )));
        }
        self.validators.remove(id).map(drop).ok_or_else(missing)
    }

    /// A method names a validator that is there.
    // SECURITY: one that is not there would check nothing.
    pub(crate) fn check_validator(&self, method: &MethodRecord) -> Result<(), Error> {
        let known = method.validator_id.as_ref().is_none_or(|id| self.validators.contains_key(id));
        if known { Ok(()) } else { Err(Error::bad("Invalid Request Validator identifier specified")) }
    }
}
