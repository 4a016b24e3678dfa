//! AWS's API models as data: operations, shapes, constraints, bindings.
//!
//! Read once per service on first use and kept for the life of the process. Facts only: nothing here decides whether
//! an operation is implemented or allowed.

mod operation;
mod reader;
mod registry;
mod shape;

use std::collections::HashMap;

pub(crate) use operation::OperationData;
pub use operation::OperationModel;
pub use reader::UnreadableModel;
pub use registry::{model, models, operation_of_event};
pub use shape::{ErrorShape, Kind, Location, Member, Shape, TimestampFormat};
pub(crate) use shape::{ShapeData, XmlNamespace};

/// The wire protocol of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `application/x-amz-json-1.0`, operation in `X-Amz-Target`.
    Json10,
    /// `application/x-amz-json-1.1`, operation in `X-Amz-Target`.
    Json11,
    /// Form in, XML out, operation in `Action`.
    Query,
    /// JSON bodies, operation by method and path.
    RestJson,
    /// XML or streamed bodies, operation by method and path.
    RestXml,
    /// CBOR bodies. Not spoken yet.
    Cbor,
}

/// One service's API.
#[derive(Debug)]
pub struct Model {
    pub(crate) service: &'static str,
    pub(crate) api_version: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) endpoint_prefix: &'static str,
    pub(crate) signing_name: &'static str,
    pub(crate) target_prefix: Option<&'static str>,
    pub(crate) xml_namespace: Option<&'static str>,
    pub(crate) validation_error: Option<&'static str>,
    /// Where broken constraints carry a `Reason`: the reasons of single shapes. The others have those of their constraint.
    pub(crate) validation_reasons: Option<Vec<(&'static str, &'static str)>>,
    /// Where the shape of a broken constraint's refusal has a `reason`, and names the members in a `fieldList`: that reason.
    pub(crate) validation_reason: Option<&'static str>,
    pub(crate) error_namespace: Option<&'static str>,
    pub(crate) crc32: bool,
    pub(crate) bare_errors: bool,
    pub(crate) event_source: String,
    pub(crate) pattern_messages: Vec<(&'static str, &'static str)>,
    pub(crate) operations: Vec<OperationData>,
    pub(crate) operation_by_name: HashMap<&'static str, u32>,
    pub(crate) shapes: Vec<ShapeData>,
    pub(crate) shape_by_name: HashMap<&'static str, u32>,
}

impl Model {
    /// Reads a model that is not one of ours, for tests of the codecs. It is never freed.
    pub fn leak(text: &'static str) -> Result<&'static Self, UnreadableModel> {
        reader::read(text)
    }

    /// The API's folder name in `models/` and `services/`.
    pub const fn service(&'static self) -> &'static str {
        self.service
    }

    /// The API's version, for example `2012-08-10`.
    pub const fn api_version(&'static self) -> &'static str {
        self.api_version
    }

    /// How the API is spoken.
    pub const fn protocol(&'static self) -> Protocol {
        self.protocol
    }

    /// The first label of the API's host names.
    pub const fn endpoint_prefix(&'static self) -> &'static str {
        self.endpoint_prefix
    }

    /// The service in a credential scope.
    pub const fn signing_name(&'static self) -> &'static str {
        self.signing_name
    }

    /// What stands before the dot in `X-Amz-Target`.
    pub const fn target_prefix(&'static self) -> Option<&'static str> {
        self.target_prefix
    }

    /// CloudTrail's name of the service, for example `iam.amazonaws.com`.
    pub fn event_source(&'static self) -> &'static str {
        &self.event_source
    }

    /// True where answers carry `x-amz-crc32`.
    pub(crate) const fn crc32(&self) -> bool {
        self.crc32
    }

    /// True where errors stand alone in XML.
    pub(crate) const fn bare_errors(&self) -> bool {
        self.bare_errors
    }

    /// All operations, by name.
    pub fn operations(&'static self) -> impl ExactSizeIterator<Item = OperationModel> {
        self.operations.iter().map(move |data| OperationModel::new(self, data))
    }

    /// The operation of this name.
    pub fn operation(&'static self, name: &str) -> Option<OperationModel> {
        let at = *self.operation_by_name.get(name)?;
        self.operations.get(at as usize).map(|data| OperationModel::new(self, data))
    }

    /// The shape of this name.
    pub fn shape(&'static self, name: &str) -> Option<Shape> {
        self.shape_by_name.get(name).map(|id| self.at(*id))
    }

    /// The error shape that goes by this name or by this wire code.
    pub fn error(&'static self, code: &str) -> Option<Shape> {
        let by_name = self.shape(code).filter(|shape| shape.error().is_some());
        by_name.or_else(|| {
            let mut errors = self.shapes.iter().filter(|shape| shape.error.is_some());
            let found =
                errors.find(|shape| shape.error.as_ref().is_some_and(|error| error.code == Some(code)))?;
            Some(Shape::new(self, found))
        })
    }

    pub(crate) fn at(&'static self, id: u32) -> Shape {
        Shape::new(self, self.shapes.get(id as usize).unwrap_or(&shape::DANGLING))
    }
}
