//! The texts that a template includes from S3, read before the template is taken apart.
//!
//! SECURITY: each is read as the caller, through the whole pipeline: naming a text gives no right to it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use service::Call;
use template::limits::DOCUMENT_BYTES_MAX;
use template::parameter::Given;
use template::{Includes, Pseudo, TemplateError, include_failed};

use crate::error::Error;
use crate::operations::object;
use crate::prepare;

/// The texts that are there, by location, and one that is not yet.
#[derive(Default)]
pub(crate) struct Included {
    texts: BTreeMap<String, String>,
    wanted: Mutex<Option<String>>,
}

impl Includes for Included {
    fn text(&self, location: &str) -> Result<String, TemplateError> {
        if let Some(text) = self.texts.get(location) {
            return Ok(text.clone());
        }
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(location.to_owned());
        Err(include_failed(format_args!("{location} was not read.")))
    }
}

impl Included {
    /// Reads all that a template includes. Every turn reads one text more, and a template includes a bounded number.
    ///
    /// # Errors
    /// The caller may not read a text, or there is none. What else is wrong with the template is told by whoever uses it.
    pub(crate) async fn of(
        call: &Call,
        text: &str,
        given: &IndexMap<String, Given>,
        previous: &IndexMap<String, String>,
        pseudo: &Pseudo,
    ) -> Result<Self, Error> {
        let mut included = Self::default();
        while text.contains("AWS::Include") {
            drop(prepare::parse(text, pseudo, given, previous, &included, call.now()));
            let wanted = included.wanted.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(location) = wanted else { break };
            let read = object(call, &location, "Location", DOCUMENT_BYTES_MAX).await;
            let read = read.map_err(|error| match error {
                Error::Validation(why) => include_failed(why).into(),
                other => other,
            })?;
            included.texts.insert(location, read);
        }
        Ok(included)
    }
}
