//! The place of the CBOR protocol. It is not spoken yet: it comes with the first service that needs it.
//!
//! Answers an error that says so, and decodes nothing.

use crate::{Fault, Value};

pub(super) fn decode() -> Result<Value, Fault> {
    Err(super::rest_xml::not_spoken())
}
