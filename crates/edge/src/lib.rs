//! Where strangers' bytes arrive: listeners, TLS, and the limits on size, time and number.
//!
//! Nothing here decides who may do what. Each request is read within its limits, whole or as a stream, and handed to one of three
//! answers: health, an API Gateway stage, or the AWS APIs' pipeline.

mod answer;
mod authority;
mod body;
mod dial;
mod limits;
mod listener;
mod outgoing;
mod peers;
mod rest;
mod router;
mod tls;
mod unread;

pub use authority::{Authority, AuthorityError};
pub use dial::dial;
pub use limits::Limits;
pub use listener::{Edge, Listening, ServeError};
pub use outgoing::{HttpsClient, OutgoingError, Wanted};
pub use router::Router;
pub use tls::{TlsError, TlsIdentity};
