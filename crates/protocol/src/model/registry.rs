//! The models that the platform carries, each read on first use.
//!
//! The text of a model is part of the binary; a model that does not read is a broken build and answers `None`, which
//! a test refuses.

use std::sync::OnceLock;

use super::{Model, reader};
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
