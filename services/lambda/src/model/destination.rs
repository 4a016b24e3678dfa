//! Where the outcome of an invocation may go.
//!
//! Whether the function's role may send there is the pipeline's to say, when something is sent.

use base::Arn;

use crate::error::Error;
use crate::model::name::{FunctionId, Target};

/// A place that an outcome can be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    Function(Target),
    /// A bucket's name.
    Bucket(String),
}

impl Destination {
    /// The destination that an ARN names, for a function's outcomes.
    ///
    /// # Errors
    /// Where it names none that there is on this platform.
    pub(crate) fn parse(text: &str, function: &FunctionId) -> Result<Self, Error> {
        let refuse = |message: String| Err(Error::InvalidParameterValue(message));
        let Ok(arn) = text.parse::<Arn>() else { return refuse(invalid(text)) };
        match arn.service.as_str() {
            "lambda" => match Target::parse(text, None, function.account, &function.region) {
                Ok(target) => Ok(Self::Function(target)),
                Err(_) => refuse(invalid(text)),
            },
            "s3" if is_bucket(&arn) => Ok(Self::Bucket(arn.resource)),
            service @ ("sqs" | "sns" | "events") => refuse(format!(
                "The destination ARN {text} cannot be used: this platform has no {service} service yet. A destination is \
                 a function or a bucket."
            )),
            _ => refuse(invalid(text)),
        }
    }
}

fn is_bucket(arn: &Arn) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    (3..=63).contains(&arn.resource.len()) && arn.resource.chars().all(allowed)
}

/// What is said of an ARN that no destination has.
pub(crate) fn invalid(text: &str) -> String {
    format!("The destination ARN {text} is invalid.")
}
