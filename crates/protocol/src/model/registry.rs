//! The models that the platform carries, each read on first use.
//!
//! The text of a model is part of the binary; a model that does not read is a broken build and answers `None`, which
//! a test refuses.

use std::sync::OnceLock;

use super::{Model, OperationModel, reader};
use crate::services::SERVICES;

static MODELS: [OnceLock<Option<&'static Model>>; SERVICES.len()] =
    [const { OnceLock::new() }; SERVICES.len()];

/// The model of a service, by its folder name.
pub fn model(service: &str) -> Option<&'static Model> {
    let at = SERVICES.iter().position(|texts| texts.service == service)?;
    at_index(at)
}

/// All models. Reads every one of them.
pub fn models() -> impl Iterator<Item = &'static Model> {
    (0..SERVICES.len()).filter_map(at_index)
}

/// The operation that a record of the trail names; operations are found by their own names, too, which older records have.
/// Reads every model until one is of this source.
pub fn operation_of_event(source: &str, name: &str) -> Option<OperationModel> {
    // Two APIs may share a source.
    let own = || models().filter(|model| model.event_source() == source);
    let by_event = own().flat_map(Model::operations).find(|operation| operation.event_name() == name);
    by_event.or_else(|| own().find_map(|model| model.operation(name)))
}

fn at_index(at: usize) -> Option<&'static Model> {
    let text = SERVICES.get(at)?.model;
    *MODELS.get(at)?.get_or_init(|| reader::read(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_reads() {
        for texts in &SERVICES {
            let model =
                reader::read(texts.model).map_err(|error| format!("{}: {error}", texts.service)).unwrap();
            assert_eq!(model.service, texts.service);
            assert!(model.operations().len() > 0);
        }
    }

    #[test]
    fn operations_are_found_by_their_events() {
        for operation in models().flat_map(Model::operations) {
            let source = operation.model().event_source();
            let found =
                [operation.event_name(), operation.name()].map(|name| operation_of_event(source, name));
            assert_eq!(found, [Some(operation); 2], "{operation:?}");
        }
        let lambda = "lambda.amazonaws.com";
        for (source, event, name) in [
            (lambda, "CreateFunction20150331", Some("CreateFunction")),
            (lambda, "GetFunction20150331v2", Some("GetFunction")),
            (lambda, "Invoke", Some("Invoke")),
            (lambda, "CreateFunctionUrlConfig", Some("CreateFunctionUrlConfig")),
            (lambda, "GetFunction20150331", None),
            ("s3.amazonaws.com", "PutBucketPublicAccessBlock", Some("PutPublicAccessBlock")),
            ("dynamodb.amazonaws.com", "ListStreams", Some("ListStreams")),
            ("iam.amazonaws.com", "CreateFunction20150331", None),
        ] {
            assert_eq!(operation_of_event(source, event).map(OperationModel::name), name, "{source} {event}");
        }
    }

    #[test]
    fn every_pattern_compiles() {
        for model in models() {
            for shape in &model.shapes {
                if let Some(pattern) = &shape.pattern {
                    pattern.matches("");
                    assert!(pattern.compiled.get().unwrap().is_some(), "{} {}", model.service, pattern.text);
                }
            }
        }
    }
}
