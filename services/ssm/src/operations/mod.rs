//! The handlers, a file for each subject.

pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod labels;
pub(crate) mod page;
pub(crate) mod put;
pub(crate) mod tags;

use service::Call;

use crate::Error;
use crate::model::Reference;

/// The parameter that a call means. One of another account or region is not found, whatever it is called.
pub(crate) fn named(call: &Call, name: &str) -> Result<Reference, Error> {
    let parameter = Reference::parse(call.account(), call.region(), name)?;
    if parameter.account != call.account() || parameter.region != *call.region() {
        return Err(Error::not_found(&parameter));
    }
    Ok(parameter)
}
