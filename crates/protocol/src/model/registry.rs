//! The models that the platform carries, each read on first use.
//!
//! The text of a model is part of the binary; a model that does not read is a broken build and answers `None`, which
//! a test refuses.

use std::sync::OnceLock;

use super::{Model, reader};

struct Entry {
    service: &'static str,
    text: &'static str,
    model: OnceLock<Option<&'static Model>>,
}

macro_rules! entries {
    ($($service:literal),* $(,)?) => {
        [$(Entry {
            service: $service,
            text: include_str!(concat!("../../../../models/", $service, ".json")),
            model: OnceLock::new(),
        }),*]
    };
}

static ENTRIES: [Entry; 8] =
    entries!["iam", "sts", "lambda", "apigateway", "dynamodb", "logs", "cloudtrail", "cloudformation"];

impl Entry {
    fn model(&self) -> Option<&'static Model> {
        *self.model.get_or_init(|| reader::read(self.text).ok())
    }
}

/// The model of a service, by its folder name.
pub fn model(service: &str) -> Option<&'static Model> {
    ENTRIES.iter().find(|entry| entry.service == service)?.model()
}

/// All models. Reads every one of them.
pub fn models() -> impl Iterator<Item = &'static Model> {
    ENTRIES.iter().filter_map(Entry::model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_reads() {
        for entry in &ENTRIES {
            let model =
                reader::read(entry.text).map_err(|error| format!("{}: {error}", entry.service)).unwrap();
            assert_eq!(model.service, entry.service);
            assert!(model.operations().len() > 10);
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
