//! One operation of one API.

use std::fmt;

use super::{Model, Shape};
use crate::route::UriTemplate;

#[derive(Debug)]
pub(crate) struct OperationData {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) uri: UriTemplate,
    pub(crate) status: u16,
    pub(crate) input: Option<u32>,
    pub(crate) output: Option<u32>,
    pub(crate) result_wrapper: Option<&'static str>,
    pub(crate) output_root: Option<&'static str>,
    pub(crate) unwrapped: bool,
    pub(crate) errors: Vec<u32>,
    pub(crate) action: &'static str,
    pub(crate) event_name: &'static str,
    pub(crate) read_only: bool,
    pub(crate) needs_digest: bool,
}

/// A handle on an operation of a model: two pointers, copied freely.
#[derive(Clone, Copy)]
pub struct OperationModel {
    model: &'static Model,
    data: &'static OperationData,
}

impl OperationModel {
    pub(crate) const fn new(model: &'static Model, data: &'static OperationData) -> Self {
        Self { model, data }
    }

    /// AWS's name of the operation.
    pub const fn name(self) -> &'static str {
        self.data.name
    }

    /// The API it belongs to.
    pub const fn model(self) -> &'static Model {
        self.model
    }

    /// The API's folder name, for example `dynamodb`.
    pub const fn service(self) -> &'static str {
        self.model.service
    }

    /// The HTTP method.
    pub const fn http_method(self) -> &'static str {
        self.data.method
    }

    /// The path and query template.
    pub const fn uri(self) -> &'static UriTemplate {
        &self.data.uri
    }

    /// The HTTP status of a success.
    pub const fn status(self) -> u16 {
        self.data.status
    }

    /// The request's shape; `None` where the operation takes nothing.
    pub fn input(self) -> Option<Shape> {
        self.data.input.map(|id| self.model.at(id))
    }

    /// The answer's shape; `None` where the operation answers nothing.
    pub fn output(self) -> Option<Shape> {
        self.data.output.map(|id| self.model.at(id))
    }

    /// The element around the result in the query protocol.
    pub const fn result_wrapper(self) -> Option<&'static str> {
        self.data.result_wrapper
    }

    /// The root element of the answer in XML, where it is not the shape's name.
    pub(crate) const fn output_root(self) -> Option<&'static str> {
        self.data.output_root
    }

    /// True where the answer in XML is its one member, without an element around it.
    pub(crate) const fn is_unwrapped(self) -> bool {
        self.data.unwrapped
    }

    /// True where the request's body is a stream of bytes that may be larger than memory.
    pub fn takes_stream(self) -> bool {
        self.input().and_then(Shape::payload).is_some_and(|(_, shape)| shape.is_streaming())
    }

    /// The error shapes that the model lists.
    pub fn errors(self) -> impl Iterator<Item = Shape> {
        self.data.errors.iter().map(move |id| self.model.at(*id))
    }

    /// The IAM action that authorizes it, without the service's prefix. The service may need others besides.
    pub const fn action(self) -> &'static str {
        self.data.action
    }

    /// The name under which CloudTrail records it: of Lambda often with a date, `GetFunction20150331v2`.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html>
    pub const fn event_name(self) -> &'static str {
        self.data.event_name
    }

    /// The service's prefix and the action that a call of it needs leave for, as far as its name says: of API Gateway the
    /// HTTP method.
    pub fn implied_action(self) -> (&'static str, &'static str) {
        let is_method = self.model.service() == "apigateway";
        (self.model.signing_name(), if is_method { self.http_method() } else { self.action() })
    }

    /// True where the access level is Read or List.
    pub const fn is_read_only(self) -> bool {
        self.data.read_only
    }

    /// True where a document is refused that comes without a digest.
    pub const fn needs_digest(self) -> bool {
        self.data.needs_digest
    }
}

impl fmt::Debug for OperationModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.model.service, self.data.name)
    }
}

impl PartialEq for OperationModel {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.data, other.data)
    }
}

impl Eq for OperationModel {}
