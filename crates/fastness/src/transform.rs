//! `fastness transform`: a template as CloudFormation sees it, after its transforms.
//!
//! Talks to no platform and changes nothing. Everything that is wrong is told at once, each with its line.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base::Clock;
use indexmap::IndexMap;
use template::parameter::Given;
use template::{Document, Includes, Macros, Pseudo, TemplateError};

use crate::Error;
use crate::args::{OutputFormat, TransformOptions};
use crate::terminal;

/// Prints the transformed template, or every error.
pub(crate) fn run(options: &TransformOptions) -> Result<(), Error> {
    let unreadable = |error| format!("cannot read `{}`: {error}", options.template.display());
    let text = std::fs::read_to_string(&options.template).map_err(unreadable)?;
    let told = |error: TemplateError| -> Error { told(&options.template, &error).into() };
    let document = expanded(options, &text).map_err(told)?;
    match options.output {
        OutputFormat::Json => terminal::println(&serde_json::to_string_pretty(&document.root)?),
        OutputFormat::Yaml => terminal::print(&document.to_yaml()),
    }
    Ok(())
}

fn expanded(options: &TransformOptions, text: &str) -> Result<Document, TemplateError> {
    let given: IndexMap<String, Given> = options
        .parameter_overrides
        .iter()
        .map(|(key, value)| (key.clone(), Given::Value(value.clone())))
        .collect();
    let previous = IndexMap::new();
    let pseudo = Pseudo {
        account_id: String::new(),
        region: options.region.to_string(),
        stack_id: String::new(),
        stack_name: String::new(),
    };
    let beside = Beside(options.template.parent().map(Path::to_path_buf).unwrap_or_default());
    let macros =
        Macros { includes: &beside, ..Macros::new(&given, &previous, &pseudo, Clock::system().now()) };
    let document = macros.run(Document::parse(text)?)?;
    match document.root.get("Transform") {
        None => Ok(document),
        Some(other) => Err(TemplateError::new(format!("No transform named {other} found."))
            .at_place(document.place("Transform"))),
    }
}

/// What is included lies beside the template; an object in S3 is out of reach here.
struct Beside(PathBuf);

impl Includes for Beside {
    fn text(&self, location: &str) -> Result<String, TemplateError> {
        if location.contains("://") {
            return template::NoIncludes.text(location);
        }
        let unreadable = |error| TemplateError::new(format!("cannot read `{location}`: {error}"));
        std::fs::read_to_string(self.0.join(location)).map_err(unreadable)
    }
}

/// One line an error: the file, the line and the column where they are known, and what is wrong.
fn told(path: &Path, error: &TemplateError) -> String {
    let causes = if error.causes().is_empty() { std::slice::from_ref(error) } else { error.causes() };
    let mut text = match causes.len() {
        1 => String::from("the template is refused:"),
        count => format!("the template is refused, {count} errors:"),
    };
    for cause in causes {
        let _ = write!(text, "\n{}:", terminal::line(&path.display().to_string()));
        if let Some(place) = cause.place() {
            let _ = write!(text, "{}:{}:", place.line, place.column);
        }
        let _ = write!(text, " {}", terminal::line(cause.message()));
    }
    text
}
