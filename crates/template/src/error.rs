//! What is wrong with a template, in AWS's words and, where known, with its line.
//!
//! Knows nothing of the wire: `cloudformation` answers these as `ValidationError`.

/// A template, a parameter or a reference that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    message: String,
    line: Option<u32>,
}

impl TemplateError {
    /// An error whose place is not known.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: None }
    }

    /// `Template format error: …`: the shape of the template.
    pub fn format(message: impl std::fmt::Display) -> Self {
        Self::new(format!("Template format error: {message}"))
    }

    /// `Template error: …`: the use of an intrinsic function.
    pub fn function(message: impl std::fmt::Display) -> Self {
        Self::new(format!("Template error: {message}"))
    }

    /// The same error at a line of the template, counted from 1.
    #[must_use]
    pub fn at(mut self, line: Option<u32>) -> Self {
        self.line = self.line.or(line);
        self
    }

    /// For the caller, without the line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line of the template, counted from 1, where it is known.
    pub fn line(&self) -> Option<u32> {
        self.line
    }
}
