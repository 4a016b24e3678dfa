//! The place of the CBOR protocol. It is not spoken yet: it comes with the first service that needs it.
//!
//! Answers an error that says so, and decodes nothing.

use crate::{Fault, Value};

/// An API of a protocol that no codec speaks.
pub(super) fn not_spoken() -> Fault {
    Fault::sender("NotImplemented", "This API's wire protocol is not implemented.").with_status(501)
}

pub(super) fn decode() -> Result<Value, Fault> {
    Err(not_spoken())
}
