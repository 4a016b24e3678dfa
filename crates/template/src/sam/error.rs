//! What the serverless transform refuses, collected: a caller is told everything at once.

use crate::document::Document;
use crate::error::TemplateError;

/// All that is wrong with a serverless template, in AWS's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// One problem of a resource.
    pub(super) fn resource(id: &str, message: impl std::fmt::Display) -> Self {
        Self(vec![format!("Resource with id [{id}] is invalid. {message}")])
    }

    /// One problem of an event of a function.
    pub(super) fn event(function: &str, event: &str, message: impl std::fmt::Display) -> Self {
        Self::resource(function, format_args!("Event with id [{event}] is invalid. {message}"))
    }

    /// One problem of the template's structure.
    pub(super) fn structure(message: impl std::fmt::Display) -> Self {
        Self(vec![format!("Structure of the SAM template is invalid. {message}")])
    }

    /// A resource that would be generated under an id that another one has.
    pub(super) fn taken(source: &str, id: &str, kind: &str) -> Self {
        Self::other(format!(
            "Transforming resource with id [{source}] attempts to create a new resource with id [{id}] and type \"{kind}\". \
             A resource with that id already exists within this template. Please use a different id for that resource."
        ))
    }

    /// One problem in other words.
    pub(super) fn other(message: impl Into<String>) -> Self {
        Self(vec![message.into()])
    }

    /// The same where the published transform names the events of a resource without the resource.
    pub(super) fn of_events_alone(self, id: &str) -> Self {
        let prefix = format!("Resource with id [{id}] is invalid. ");
        let alone = |message: String| match message.strip_prefix(&prefix) {
            Some(event) if event.starts_with("Event with id [") => event.to_owned(),
            _ => message,
        };
        Self(self.0.into_iter().map(alone).collect())
    }

    /// Takes the problems of `result` over, and gives its value where there is one.
    pub(super) fn collect<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Self(more)) => {
                // The same problem may be seen from two sides.
                self.0.extend(more.into_iter().filter(|new| !self.0.contains(new)).collect::<Vec<_>>());
                None
            }
        }
    }

    /// `Err` where there is any problem.
    pub(super) fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The single problems.
    pub fn causes(&self) -> &[String] {
        &self.0
    }

    /// The whole message, as the transform words it.
    pub fn message(&self) -> String {
        format!(
            "Invalid Serverless Application Specification document. Number of errors found: {}. {}",
            self.0.len(),
            self.0.join(" ")
        )
    }
}

impl Problems {
    /// The problems as one error, each cause with the place of the resource that it is about.
    pub(crate) fn located(&self, document: &Document) -> TemplateError {
        let causes = self.0.iter().map(|message| {
            let id = message.strip_prefix("Resource with id [").and_then(|rest| rest.split_once(']'));
            let place = id.and_then(|(id, _)| document.place(&format!("Resources/{id}")));
            TemplateError::new(message.as_str()).at_place(place)
        });
        let message = format!("Transform {} failed with: {}", super::TRANSFORM, self.message());
        TemplateError::of_all(message, causes.collect())
    }
}

impl From<Problems> for TemplateError {
    fn from(problems: Problems) -> Self {
        problems.located(&Document::default())
    }
}
