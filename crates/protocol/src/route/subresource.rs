//! S3's sub-resources: `?acl` and its like select the operation.
//!
//! SECURITY: what names a sub-resource never means the plain operation. `DELETE /bucket?acl` has no operation, and does not
//! delete the bucket. What S3 knows as no selector (`x-id`, `response-…`, a signature) is passed over, as S3 does.

use percent_encoding::percent_decode_str;

use crate::model::{Location, Model, OperationModel};
use crate::{Fault, WireRequest};

/// Selectors that no template of the model has.
const OTHERS: [&str; 2] = ["uploadId", "annotation"];

/// What S3 passes over in buckets that are not directories, although a template has it.
const PASSED_OVER: &str = "session";

/// The sub-resource that a request names, if it names one; refuses two, and what stands without its other half.
pub(super) fn selected(
    api: &'static Model,
    request: &WireRequest<'_>,
) -> Result<Option<&'static str>, Fault> {
    let mut named = names(request.query).filter_map(|name| selector(api, name));
    let Some(first) = named.next() else {
        return half_a_part(request).map_or(Ok(None), Err);
    };
    if named.any(|other| other != first) {
        return Err(conflict(api, request));
    }
    if first == "uploadId" && is_bucket(request.path) {
        return Err(Fault::sender("InvalidRequest", "A key must be specified"));
    }
    Ok(Some(first))
}

/// True where an operation is this sub-resource's.
pub(super) fn is_of(operation: OperationModel, selector: &str) -> bool {
    let members = operation.input().map(crate::Shape::members).unwrap_or_default();
    operation.uri().flags().any(|flag| flag == selector)
        || members.iter().any(|member| {
            member.is_required() && member.location == Location::Query && member.wire_name == selector
        })
}

/// The sub-resource has no operation of this method.
pub(super) fn not_allowed(method: &str, selector: &str) -> Fault {
    Fault::sender("MethodNotAllowed", "The specified method is not allowed against this resource.")
        .with_status(405)
        .with_member("Method", method.to_owned())
        .with_member("ResourceType", selector.to_ascii_uppercase())
}

/// What writes new bytes makes a version of its own: it cannot be told which.
pub(super) fn version_refused(operation: OperationModel, request: &WireRequest<'_>) -> Option<Fault> {
    let value = value(request.query, "versionId")?;
    let refused = matches!(operation.name(), "PutObject" | "CopyObject" | "UploadPart" | "UploadPartCopy");
    refused.then(|| argument("This operation does not accept a version-id.", "versionId", value))
}

/// A part's number without its upload, where something would be changed.
fn half_a_part(request: &WireRequest<'_>) -> Option<Fault> {
    if matches!(request.method, "GET" | "HEAD") {
        return None;
    }
    let value = value(request.query, "partNumber")?;
    Some(argument("This operation does not accept partNumber without uploadId", "partNumber", value))
}

fn conflict(api: &'static Model, request: &WireRequest<'_>) -> Fault {
    let mut all: Vec<&str> = names(request.query).filter_map(|name| selector(api, name)).collect();
    all.sort_unstable();
    all.dedup();
    let message = format!("Conflicting query string parameters: {}", all.join(", "));
    argument(message, "ResourceType", all.first().copied().unwrap_or_default())
}

fn argument(message: impl Into<String>, name: &'static str, value: &str) -> Fault {
    Fault::sender("InvalidArgument", message)
        .with_member("ArgumentName", name.to_owned())
        .with_member("ArgumentValue", value.to_owned())
}

/// The selector that this raw name is; letters of another case are another name. Allocates nothing.
// SECURITY: names are compared decoded, as they are read later: `%61cl` is no way around.
fn selector(api: &'static Model, raw: &str) -> Option<&'static str> {
    let flags = api.operations().flat_map(|operation| operation.uri().flags());
    let mut known = OTHERS.into_iter().chain(flags).filter(|flag| *flag != PASSED_OVER);
    known.find(|flag| percent_decode_str(raw).eq(flag.bytes()))
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn names(query: &str) -> impl Iterator<Item = &str> {
    pairs(query).map(|(name, _)| name)
}

fn value<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    pairs(query).find(|(raw, _)| percent_decode_str(raw).eq(name.bytes())).map(|(_, value)| value)
}

fn is_bucket(path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    !bucket.is_empty() && key.is_empty()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn every_operation_is_found_by_what_it_asks_for() {
        for operation in crate::model("s3").unwrap().operations() {
            let mut uri = operation.uri().as_str().replace("{Bucket}", "b").replace("{Key+}", "k/l");
            let mut headers = HeaderMap::new();
            let input = operation.input().unwrap();
            for member in input.members().iter().filter(|member| member.is_required()) {
                let name = member.wire_name;
                match member.location() {
                    Location::Query => {
                        uri += &format!("{}{name}=1", if uri.contains('?') { '&' } else { '?' });
                    }
                    Location::Header => {
                        headers.insert(name, "x".parse().unwrap());
                    }
                    _ => {}
                }
            }
            uri += &format!("{}x-id={}", if uri.contains('?') { '&' } else { '?' }, operation.name());
            let (path, query) = uri.split_once('?').unwrap();
            let method = operation.http_method();
            let request = WireRequest { method, path, query, headers: &headers, body: &bytes::Bytes::new() };
            let found = crate::route(Some("s3"), &request).map_err(|fault| format!("{fault:?}"));
            let found = found.map(|operation| operation.name());
            assert_eq!(found, Ok(operation.name()), "{uri}");
        }
    }
}
