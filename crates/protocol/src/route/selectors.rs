//! S3's sub-resources: what a query asks for beside an object or a bucket.
//!
//! SECURITY: a sub-resource selects the operation. One that does not exist for a method is refused, and never passed over: the
//! operation that would be left is another one, and may delete or replace what was only to be changed.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use crate::model::{Location, Model, OperationModel};
use crate::{Fault, Shape, WireRequest};

/// What only parts of uploads have; other members of queries select nothing.
const OF_UPLOADS: [&str; 2] = ["partNumber", "uploadId"];
const VERSION: &str = "versionId";
/// Clients tell with it what they mean; it selects nothing.
const MEANT: &str = "x-id";

/// Why an operation that was found is not the one that is meant, where its query asks for something else as well.
pub(super) fn refusal(
    api: &'static Model,
    operation: OperationModel,
    request: &WireRequest<'_>,
) -> Option<Fault> {
    if request.query.is_empty() {
        return None;
    }
    let (mut asked, mut is_meant) = (BTreeSet::new(), true);
    for pair in request.query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        if is_selector(api, &name, value, request.method) {
            is_meant &= has(operation, &name, value);
            asked.insert(name);
        } else if name == VERSION && request.method == "PUT" && !has(operation, VERSION, value) {
            let message = "This operation does not accept a version-id.";
            return Some(invalid(message, VERSION, value));
        }
    }
    if is_meant {
        return None;
    }
    let conflicting: Vec<&str> =
        asked.iter().map(AsRef::as_ref).filter(|name| *name != "partNumber").collect();
    if let [first, _, ..] = conflicting[..] {
        let message = format!("Conflicting query string parameters: {}", conflicting.join(", "));
        return Some(invalid(&message, "ResourceType", first));
    }
    let message = "The specified method is not allowed against this resource.";
    let kind = asked.first().map(|name| name.to_uppercase()).unwrap_or_default();
    let fault = Fault::sender("MethodNotAllowed", message).with_status(405);
    Some(fault.with_member("Method", request.method).with_member("ResourceType", kind))
}

fn invalid(message: &str, name: &str, value: &str) -> Fault {
    let fault = Fault::sender("InvalidArgument", message);
    fault.with_member("ArgumentName", name).with_member("ArgumentValue", value)
}

/// True for what selects an operation of any method.
fn is_selector(api: &'static Model, name: &str, value: &str, method: &str) -> bool {
    if OF_UPLOADS.contains(&name) {
        // Whole objects are read by the numbers of their parts, too.
        return name != "partNumber" || !["GET", "HEAD"].contains(&method);
    }
    name != MEANT && api.operations().any(|operation| operation.uri().asks(name, value))
}

/// True where an operation knows a parameter.
fn has(operation: OperationModel, name: &str, value: &str) -> bool {
    let members = operation.input().map(Shape::members).unwrap_or_default();
    operation.uri().asks(name, value)
        || members.iter().any(|member| member.location == Location::Query && member.wire_name == name)
}
