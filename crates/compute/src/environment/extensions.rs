//! The extensions of one environment: who registered, who is at work, who waits for the next event.
//!
//! It keeps the Extensions API's rules and words; it ends no process and waits for nothing. An extension is a part of its
//! function: what tells them apart here keeps them in step, and is no boundary between them.

use serde::Deserialize;
use serde_json::json;

use super::telemetry::{Subscribe, SubscriptionApi};
use crate::function::FunctionSpec;
use crate::limits::EXTENSIONS_MAX;
use crate::runtime_api::{ConnectionId, ExtensionCall, RuntimeApi};

/// The longest name of an extension.
const NAME_BYTES_MAX: usize = 128;
const EVENTS: [&str; 2] = ["INVOKE", "SHUTDOWN"];

/// The extensions of one environment.
#[derive(Default)]
pub(super) struct Extensions {
    /// Programs that were started and have to register.
    external: Vec<String>,
    known: Vec<Extension>,
    /// No more may register: the first invocation has begun.
    is_closed: bool,
    is_ending: bool,
}

struct Extension {
    id: String,
    name: String,
    is_external: bool,
    events: Vec<&'static str>,
    place: Place,
    /// It asked for its first event.
    has_begun: bool,
}

enum Place {
    Working,
    /// On this connection it asked for the next event.
    Waiting(ConnectionId),
    /// It gets this as soon as it asks.
    Owed(Vec<u8>),
    /// It was told of the end and has nothing more to do.
    Done,
}

/// What came of a call.
pub(super) enum Happened {
    Nothing,
    /// It is ready for its first event.
    Ready {
        name: String,
        events: Vec<&'static str>,
    },
    /// It cannot go on.
    Failed {
        name: String,
        error_type: String,
    },
    /// It wants to hear of what the environment does.
    Subscribes(Subscribe),
    /// The call was refused.
    Refused,
}

/// Why a call is refused, in the API's own words.
struct Refusal(&'static str, &'static str);

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

impl Extensions {
    /// Those of an environment that these programs were started in.
    pub(super) fn expecting(external: Vec<String>) -> Self {
        Self { external, ..Self::default() }
    }

    /// True where an extension runs in a process of its own.
    pub(super) fn has_external(&self) -> bool {
        !self.external.is_empty()
    }

    /// True where nobody has to be waited for.
    pub(super) const fn is_empty(&self) -> bool {
        self.external.is_empty() && self.known.is_empty()
    }

    /// True where all of them registered, and wait for the next event.
    pub(super) fn are_ready(&self, api: &RuntimeApi) -> bool {
        let registered = |name: &String| self.known.iter().any(|extension| extension.name == *name);
        self.external.iter().all(registered)
            && self.known.iter().all(
                |extension| matches!(extension.place, Place::Waiting(connection) if api.is_held(connection)),
            )
    }

    /// No more may register.
    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    /// Answers a call, or keeps it waiting.
    pub(super) fn call(
        &mut self,
        api: &mut RuntimeApi,
        connection: ConnectionId,
        call: ExtensionCall,
        spec: &FunctionSpec,
    ) -> Happened {
        match self.try_call(api, connection, call, spec) {
            Ok(happened) => happened,
            Err(Refusal(kind, message)) => {
                let body = json!({"errorMessage": message, "errorType": kind}).to_string();
                api.answer(connection, "403 Forbidden", &[], body.into_bytes());
                Happened::Refused
            }
        }
    }

    fn try_call(
        &mut self,
        api: &mut RuntimeApi,
        connection: ConnectionId,
        call: ExtensionCall,
        spec: &FunctionSpec,
    ) -> Result<Happened, Refusal> {
        match call {
            ExtensionCall::Register { name, wants_account, body } => {
                let id = self.register(name, &body)?;
                let mut answer = json!({
                    "functionName": spec.name,
                    "functionVersion": spec.version,
                    "handler": spec.handler,
                });
                if let (true, Some(members)) = (wants_account, answer.as_object_mut()) {
                    members.insert("accountId".to_owned(), json!(spec.account.as_str()));
                }
                let headers = [("Lambda-Extension-Identifier", id.as_str())];
                api.answer(connection, "200 OK", &headers, answer.to_string().into_bytes());
                Ok(Happened::Nothing)
            }
            ExtensionCall::Next { identifier } => {
                let at = self.find(identifier.as_deref())?;
                self.next(api, connection, at)
            }
            ExtensionCall::Failure { identifier, error_type } => {
                let at = self.find(identifier.as_deref())?;
                let error_type = error_type.ok_or(Refusal(
                    "Extension.MissingHeader",
                    "Lambda-Extension-Function-Error-Type not found",
                ))?;
                api.accept_request(connection);
                let name = self.known.get(at).map(|extension| extension.name.clone()).unwrap_or_default();
                Ok(Happened::Failed { name, error_type })
            }
            ExtensionCall::Subscribe { identifier, is_logs_api, body } => {
                let at = self.find(identifier.as_deref())?;
                if self.is_closed {
                    let kind =
                        if is_logs_api { "Logs.SubscriptionClosed" } else { "Telemetry.SubscriptionClosed" };
                    return Err(Refusal(kind, "The subscription is closed already"));
                }
                let name = self.known.get(at).map(|extension| extension.name.clone()).unwrap_or_default();
                let which = if is_logs_api { SubscriptionApi::Logs } else { SubscriptionApi::Telemetry };
                Ok(subscribe(api, connection, name, which, &body))
            }
        }
    }

    fn register(&mut self, name: Option<String>, body: &[u8]) -> Result<String, Refusal> {
        let name = name
            .filter(|name| self.external.contains(name) || is_name(name))
            .ok_or(Refusal("Extension.InvalidExtensionName", "Empty or invalid extension name"))?;
        if self.is_closed {
            return Err(Refusal("Extension.RegistrationClosed", "Extension registration closed already"));
        }
        let asked: Registration = serde_json::from_slice(body)
            .map_err(|_| Refusal("InvalidRequestFormat", "The request body is not valid JSON"))?;
        let is_external = self.external.contains(&name);
        let mut events = Vec::new();
        for event in &asked.events {
            let event = EVENTS
                .into_iter()
                .find(|known| known == event)
                .ok_or(Refusal("Extension.InvalidEventType", "Invalid event type"))?;
            if event == "SHUTDOWN" && !is_external {
                return Err(Refusal(
                    "ShutdownEventNotSupportedForInternalExtension",
                    "SHUTDOWN: event type not supported for internal extensions",
                ));
            }
            if !events.contains(&event) {
                events.push(event);
            }
        }
        if self.known.iter().any(|extension| extension.name == name) {
            return Err(Refusal(
                "Extension.AlreadyRegistered",
                "Extension with this name already registered",
            ));
        }
        if self.known.len() >= EXTENSIONS_MAX {
            return Err(Refusal("Extension.TooManyExtensions", "Extension limit (10) reached"));
        }
        let id = crypto::random::uuid();
        let place = Place::Working;
        self.known.push(Extension { id: id.clone(), name, is_external, events, place, has_begun: false });
        Ok(id)
    }

    fn find(&self, identifier: Option<&str>) -> Result<usize, Refusal> {
        let identifier = identifier.ok_or(Refusal(
            "Extension.MissingExtensionIdentifier",
            "Missing Lambda-Extension-Identifier header",
        ))?;
        let is_uuid =
            identifier.len() == 36 && identifier.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !is_uuid {
            return Err(Refusal(
                "Extension.InvalidExtensionIdentifier",
                "Invalid Lambda-Extension-Identifier",
            ));
        }
        let same =
            |extension: &Extension| crypto::constant_time_eq(extension.id.as_bytes(), identifier.as_bytes());
        self.known
            .iter()
            .position(same)
            .ok_or(Refusal("Extension.UnknownExtensionIdentifier", "Unknown extension"))
    }

    fn next(
        &mut self,
        api: &mut RuntimeApi,
        connection: ConnectionId,
        at: usize,
    ) -> Result<Happened, Refusal> {
        let is_ending = self.is_ending;
        let invalid = Refusal("Extension.InvalidExtensionState", "The extension waits for an event already");
        let Some(extension) = self.known.get_mut(at) else { return Err(invalid) };
        match std::mem::replace(&mut extension.place, Place::Working) {
            Place::Owed(event) => {
                send(api, connection, event);
                return Ok(Happened::Nothing);
            }
            Place::Waiting(other) if api.is_held(other) => {
                extension.place = Place::Waiting(other);
                return Err(invalid);
            }
            _ => {}
        }
        api.hold(connection);
        extension.place = if is_ending { Place::Done } else { Place::Waiting(connection) };
        if std::mem::replace(&mut extension.has_begun, true) {
            return Ok(Happened::Nothing);
        }
        Ok(Happened::Ready { name: extension.name.clone(), events: extension.events.clone() })
    }

    /// Tells those who asked for it that an invocation begins.
    pub(super) fn invoke(&mut self, api: &mut RuntimeApi, event: &serde_json::Value) {
        self.is_closed = true;
        let event = event.to_string().into_bytes();
        for extension in self.known.iter_mut().filter(|extension| extension.events.contains(&"INVOKE")) {
            if let Place::Waiting(connection) = extension.place {
                extension.place = Place::Working;
                send(api, connection, event.clone());
            }
        }
    }

    /// Tells those who asked for it that the environment ends; who is at work hears it when it asks.
    pub(super) fn shut_down(&mut self, api: &mut RuntimeApi, event: &serde_json::Value) {
        self.is_ending = true;
        let event = event.to_string().into_bytes();
        for extension in self.known.iter_mut() {
            if !extension.events.contains(&"SHUTDOWN") {
                extension.place = Place::Done;
                continue;
            }
            extension.place = match extension.place {
                Place::Waiting(connection) if api.is_held(connection) => {
                    send(api, connection, event.clone());
                    Place::Working
                }
                _ => Place::Owed(event.clone()),
            };
        }
    }

    /// True where nobody has anything to do any more.
    pub(super) fn are_done(&self) -> bool {
        self.known.iter().filter(|extension| extension.is_external).all(|it| matches!(it.place, Place::Done))
    }
}

fn subscribe(
    api: &mut RuntimeApi,
    connection: ConnectionId,
    name: String,
    which: SubscriptionApi,
    body: &[u8],
) -> Happened {
    match Subscribe::parse(name, which, body) {
        Ok(subscribe) => {
            api.answer(connection, "200 OK", &[], b"\"OK\"".to_vec());
            Happened::Subscribes(subscribe)
        }
        Err(message) => {
            let body = json!({"errorMessage": message, "errorType": "ValidationError"}).to_string();
            api.answer(connection, "400 Bad Request", &[], body.into_bytes());
            Happened::Refused
        }
    }
}

/// Hands an event to the call that waits for it.
fn send(api: &mut RuntimeApi, connection: ConnectionId, event: Vec<u8>) {
    let id = crypto::random::uuid();
    api.answer(connection, "200 OK", &[("Lambda-Extension-Event-Identifier", &id)], event);
}

/// What one may call itself that runs in the function's own process: letters, digits, and what file names have besides. A program
/// has the name of its file.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.starts_with('.') && name.chars().all(allowed)
}
