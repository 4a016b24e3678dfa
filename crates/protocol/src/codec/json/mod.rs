//! JSON bodies: read by shape straight from bytes, written by shape straight to bytes.
//!
//! Knows nothing of headers and paths; the json and rest-json protocols add those.

pub(super) mod audit;
pub(super) mod reader;
pub(super) mod writer;

use super::{json_type, response};
use crate::model::OperationModel;
use crate::{Value, WireResponse};

/// A successful answer of the json protocols.
pub(super) fn answer(operation: OperationModel, output: &Value) -> WireResponse {
    // An operation that answers nothing has an empty body, as at AWS.
    let mut body = Vec::new();
    if let Some(shape) = operation.output() {
        body.reserve(256);
        writer::write_body(shape, output, &mut body);
    }
    response(operation.status(), json_type(operation.model().protocol()), body)
}
