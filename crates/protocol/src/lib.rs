//! The wire: AWS's API models, routing, codecs, constraints and error shapes.
//!
//! Pure: bytes in, values out. Knows no socket, no store, no principal and no policy.

mod fault;
mod value;
mod wire;

pub use fault::Fault;
pub use value::{Entries, FromValue, IntoValue, Map, Operation, ShapeMismatch, Structure, Value};
pub use wire::{WireRequest, WireResponse};
