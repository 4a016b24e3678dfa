//! The wire: AWS's API models, routing, codecs, constraints and error shapes.
//!
//! Pure: bytes in, values out. Knows no socket, no store, no principal and no policy.

mod authorization;
mod codec;
mod constraint;
mod event_stream;
mod fault;
#[doc(hidden)]
pub mod fuzz;
mod model;
mod route;
mod sensitive;
mod services;
mod stream;
mod structure;
mod value;
mod wire;

pub use authorization::{
    AccessLevel, Action, ActionResource, Authorization, ResourceType, action, authorization,
};
pub use base::Timestamp;
pub use bytes::Bytes;
pub use codec::{
    DEPTH_MAX, HIDDEN, Redact, VALUES_MAX, decode_input, decode_streamed_input, encode_fault, encode_output,
    value_from_json, value_to_json, write_audit_json,
};
pub use constraint::validate_input;
pub use event_stream::{BadEventStream, EVENT_STREAM_TYPE, EventMessage};
pub use fault::Fault;
pub use model::{
    ErrorShape, Kind, Location, Member, Model, OperationModel, Protocol, Shape, TimestampFormat,
    UnreadableModel, model, models, operation_of_event,
};
pub use route::{ASKED_CHARS_MAX, RouteFault, UriTemplate, addressed_path, api, asked, route};
pub use sensitive::Sensitive;
pub use stream::{ByteStream, Chunks, Trailers};
pub use value::{Entries, FromValue, IntoValue, Map, Operation, ShapeMismatch, Structure, Value};
pub use wire::{WireRequest, WireResponse};
