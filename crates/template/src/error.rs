//! What is wrong with a template, in AWS's words and, where known, with its place.
//!
//! Knows nothing of the wire: `cloudformation` answers these as `ValidationError`.

use crate::document::{Place, Places};

/// A template, a parameter or a reference that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    message: String,
    place: Option<Place>,
    /// Where in the tree, innermost first, while that is not a place yet.
    path: Vec<String>,
    causes: Vec<TemplateError>,
}

impl TemplateError {
    /// An error whose place is not known.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, path: Vec::new(), causes: Vec::new() }
    }

    /// `Template format error: …`: the shape of the template.
    pub fn format(message: impl std::fmt::Display) -> Self {
        Self::new(format!("Template format error: {message}"))
    }

    /// `Template error: …`: the use of an intrinsic function.
    pub fn function(message: impl std::fmt::Display) -> Self {
        Self::new(format!("Template error: {message}"))
    }

    /// `Transform AWS::LanguageExtensions failed with: …`.
    pub fn extension(message: impl std::fmt::Display) -> Self {
        Self::new(format!("Transform {} failed with: {message}", crate::language::TRANSFORM))
    }

    /// The same error at a line of the template, counted from 1, where no place is known yet.
    #[must_use]
    pub fn at(self, line: Option<u32>) -> Self {
        self.at_place(line.map(|line| Place { line, column: 1 }))
    }

    /// The same error at a place of the template, where none is known yet.
    #[must_use]
    pub fn at_place(mut self, place: Option<Place>) -> Self {
        self.place = self.place.or(place);
        self
    }

    /// The same error, seen from one level further out: `segment` is the key or index that leads to it.
    #[must_use]
    pub(crate) fn under(mut self, segment: impl Into<String>) -> Self {
        if self.place.is_none() {
            self.path.push(segment.into());
        }
        self
    }

    /// The same error with the place that its path has in a document.
    #[must_use]
    pub(crate) fn located(mut self, places: &Places) -> Self {
        if self.place.is_none() {
            self.place = places.find(self.path.iter().rev().map(String::as_str));
        }
        self
    }

    /// For the caller, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// One error that tells several.
    pub(crate) fn of_all(message: String, causes: Vec<Self>) -> Self {
        let place = causes.iter().find_map(|cause| cause.place);
        Self { place, causes, ..Self::new(message) }
    }

    /// The single problems, where this tells several at once.
    pub fn causes(&self) -> &[Self] {
        &self.causes
    }

    /// The line of the template, counted from 1, where it is known.
    pub fn line(&self) -> Option<u32> {
        self.place.map(|place| place.line)
    }

    /// The place in the template, where it is known.
    pub fn place(&self) -> Option<Place> {
        self.place
    }
}
