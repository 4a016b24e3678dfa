//! What goes wrong with a resource, in the words of the resource provider protocol.
//!
//! Decides nothing of what becomes of a stack.

use gateway::CallbackError;
use protocol::Fault;
use serde_json::Value;

use crate::records::Physical;

/// Why a service refused, and whether something exists nevertheless.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    /// What was made before it failed, to be deleted.
    pub(crate) partial: Option<Box<Physical>>,
    /// True where nothing was done at all: what there was is as it was, and there is nothing to bring back.
    pub(crate) is_untouched: bool,
}

impl Failure {
    /// A refusal of our own.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), partial: None, is_untouched: false }
    }

    /// Something is there already that this resource did not make, in AWS's words.
    pub(crate) fn exists(what: impl std::fmt::Display) -> Self {
        Self::new(format!("Resource handler returned message: \"{what}\" (HandlerErrorCode: AlreadyExists)"))
    }

    /// The same, said before anything was done, and by what the templates say alone: of a try that was interrupted before this
    /// one it is as true.
    pub(crate) fn untouched(mut self) -> Self {
        self.is_untouched = true;
        self
    }

    /// The same, with something left behind.
    pub(crate) fn after(mut self, made: &Physical) -> Self {
        self.partial = Some(Box::new(made.clone()));
        self
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let code = handler_code(&fault);
        Self::new(format!(
            "Resource handler returned message: \"{}\" (HandlerErrorCode: {code})",
            fault.message.trim_end_matches('.')
        ))
    }
}

impl From<CallbackError> for Failure {
    fn from(error: CallbackError) -> Self {
        tracing::error!(error = %base::Chain(&error), "an answer cannot be awaited");
        Self::new("Internal Failure")
    }
}

/// The resource provider protocol's name for a service's error.
fn handler_code(fault: &Fault) -> &'static str {
    let code = fault.code.as_ref();
    match code {
        _ if code.contains("AccessDenied") => "AccessDenied",
        _ if is_absent(fault) => "NotFound",
        _ if code.contains("AlreadyExists")
            || code == "ConflictException"
            || code == "ResourceInUseException"
            || code == "ResourceConflictException" =>
        {
            "AlreadyExists"
        }
        _ if code.contains("Throttl") || code == "TooManyRequestsException" => "Throttling",
        _ if code.contains("LimitExceeded") => "ServiceLimitExceeded",
        _ if fault.is_sender() => "InvalidRequest",
        _ => "GeneralServiceException",
    }
}

/// True where the service says that there is no such thing.
pub(super) fn is_absent(fault: &Fault) -> bool {
    let code = fault.code.as_ref();
    code.starts_with("NoSuchEntity") || code.contains("NotFound")
}

/// A deletion that finds nothing has nothing left to do.
pub(super) fn gone(answer: Result<Value, Fault>) -> Result<(), Failure> {
    match answer {
        Ok(_) => Ok(()),
        Err(fault) if is_absent(&fault) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}

/// True where the service says that what it is told can name nothing at all.
pub(super) fn is_impossible(fault: &Fault) -> bool {
    let code = fault.code.as_ref();
    let codes = ["Validation", "InvalidInput", "InvalidParameterException", "BadRequest"];
    fault.is_sender() && codes.iter().any(|each| code.starts_with(each))
}

/// One member is taken out of a resource: a policy, a user, a key. What the service does not take for a name it did not take as
/// it was to be put there either, so that it is not there, and the way back and the deletion go on.
///
/// Not for the resource itself: a service may refuse in these words to delete what is there.
pub(super) fn taken_out(answer: Result<Value, Fault>) -> Result<(), Failure> {
    match answer {
        Err(fault) if is_impossible(&fault) => Ok(()),
        answer => gone(answer),
    }
}

/// What a service shows of a thing, or nothing where there is no such thing.
pub(super) fn seen(answer: Result<Value, Fault>) -> Result<Option<Value>, Failure> {
    match answer {
        Ok(shown) => Ok(Some(shown)),
        Err(fault) if is_absent(&fault) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}
