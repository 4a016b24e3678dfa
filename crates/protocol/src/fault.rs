//! What a refused or failed call answers, before any wire format.

use std::borrow::Cow;

use crate::value::{IntoValue, Value};

/// An API error: its code, the caller's message, its HTTP status, and any further members of its shape.
///
/// It never holds what only operators may read; that goes to the log where the fault is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The error shape's name or the generic code, for example `ResourceNotFoundException` or `AccessDenied`.
    /// Codecs map a shape's name to its wire code (`NoSuchEntityException` is `NoSuchEntity` in IAM).
    pub code: Cow<'static, str>,
    /// For the caller.
    pub message: String,
    /// The HTTP status where the model gives none for this code.
    pub status: u16,
    /// Members of the error shape besides its message, for example `RetryAfterSeconds`.
    pub members: Vec<(&'static str, Value)>,
    /// Headers of the answer, whatever its protocol; few faults have any.
    pub headers: Option<Box<FaultHeaders>>,
}

/// Headers that a fault is answered with: names in lower case, and their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultHeaders(pub Vec<(&'static str, String)>);

impl Fault {
    /// An error that the caller caused: status 400 unless the model says otherwise.
    pub fn sender(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400, members: Vec::new(), headers: None }
    }

    /// An error of ours. The message says nothing of the inside.
    pub fn internal() -> Self {
        Self {
            code: Cow::Borrowed("InternalFailure"),
            message: "The request processing has failed because of an unknown error, exception or failure."
                .to_owned(),
            status: 500,
            members: Vec::new(),
            headers: None,
        }
    }

    /// The same fault with another HTTP status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same fault with one more member of its shape.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl IntoValue) -> Self {
        self.members.push((name, value.into_value()));
        self
    }

    /// The same fault with one more header of its answer; the name is in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.get_or_insert_default().0.push((name, value.into()));
        self
    }

    /// True where the caller is at fault.
    pub const fn is_sender(&self) -> bool {
        self.status < 500
    }
}
