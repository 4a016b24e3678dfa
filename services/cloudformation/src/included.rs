//! What a template takes from elsewhere, read before it is taken apart: texts of S3, and parameters of Parameter Store.
//!
//! SECURITY: each is read as the caller, through the whole pipeline: naming it gives no right to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use protocol::{Structure, Value};
use service::Call;
use template::limits::DOCUMENT_BYTES_MAX;
use template::parameter::{Given, Lookup, Nothing, PARAMETER_NAME, stored_names};
use template::{Document, Includes, Pseudo, TemplateError, include_failed};

use crate::error::Error;
use crate::operations::object;
use crate::prepare;

/// How many parameters one call reads.
const NAMES_MAX: usize = 10;

/// The texts that are there, by location, and one that is not yet; and the parameters that are there, by name.
#[derive(Default)]
pub(crate) struct Included {
    texts: BTreeMap<String, String>,
    wanted: Mutex<Option<String>>,
    parameters: BTreeMap<String, Stored>,
}

/// A parameter of Parameter Store.
struct Stored {
    value: String,
    is_secret: bool,
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

impl Lookup for Included {
    fn stored(&self, name: &str) -> Result<String, TemplateError> {
        match self.parameters.get(name) {
            None => Nothing.stored(name),
            // SECURITY: its value would stand in the stack's description.
            Some(stored) if stored.is_secret => Err(TemplateError::new(format!(
                "Parameters [{name}] referenced by template have types not supported by CloudFormation."
            ))),
            Some(stored) => Ok(stored.value.clone()),
        }
    }

    fn exists(&self, kind: &str, value: &str) -> Result<bool, TemplateError> {
        if kind == PARAMETER_NAME {
            Ok(self.parameters.contains_key(value))
        } else {
            Nothing.exists(kind, value)
        }
    }
}

impl Included {
    /// Reads all that a template takes from elsewhere. Every turn reads one text more, and a template includes a bounded number.
    ///
    /// # Errors
    /// The caller may not read a text or a parameter, or there is no such text. What else is wrong with the template is told by
    /// whoever uses it.
    pub(crate) async fn of(
        call: &Call,
        text: &str,
        given: &IndexMap<String, Given>,
        previous: &IndexMap<String, String>,
        pseudo: &Pseudo,
    ) -> Result<Self, Error> {
        let mut included = Self::default();
        if text.contains("AWS::SSM::Parameter::") {
            included.read_parameters(call, text, given, previous).await?;
        }
        while text.contains("AWS::Include") {
            drop(prepare::parse(text, pseudo, given, previous, &included, call.now(), false));
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

    async fn read_parameters(
        &mut self,
        call: &Call,
        text: &str,
        given: &IndexMap<String, Given>,
        previous: &IndexMap<String, String>,
    ) -> Result<(), Error> {
        let names = Vec::from_iter(stored_names(&Document::parse(text)?, given, previous)?);
        for names in names.chunks(NAMES_MAX) {
            let input = Structure::new().with("Names", names.to_vec());
            let principal = Arc::clone(call.principal());
            let answer = call.invoke(principal, "ssm", "GetParameters", Value::Structure(input)).await;
            let answer = answer.map_err(|fault| Error::Validation(fault.message))?;
            let Value::Structure(mut answer) = answer else { continue };
            let Some(Value::List(found)) = answer.take("Parameters") else { continue };
            self.parameters.extend(found.iter().filter_map(stored));
        }
        Ok(())
    }
}

/// A parameter of an answer, under the name that it was asked for by: with a version or label behind it where that was said.
fn stored(parameter: &Value) -> Option<(String, Stored)> {
    let Value::Structure(parameter) = parameter else { return None };
    let text = |member: &str| parameter.str(member).unwrap_or_default();
    let name = format!("{}{}", text("Name"), text("Selector"));
    Some((name, Stored { value: text("Value").to_owned(), is_secret: text("Type") == "SecureString" }))
}
