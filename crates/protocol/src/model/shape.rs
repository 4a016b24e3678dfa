//! Shapes: what a value may look like, and where its parts stand on the wire.

use std::fmt;
use std::sync::OnceLock;

use regex_automata::meta::Regex;

use super::Model;

/// Where a member stands in an HTTP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// A label of the path.
    Uri,
    /// A query parameter; for maps, every parameter that nothing else claims.
    Query,
    /// One header.
    Header,
    /// All headers with a prefix, as a map.
    Headers,
    /// The response's status.
    Status,
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `2026-11-22T02:56:59Z`
    Iso8601,
    /// `Sun, 22 Nov 2026 02:56:59 GMT`
    Http,
    /// Seconds, with a fraction where there is one.
    Epoch,
}

/// A namespace that an element declares: for itself, or for a prefix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct XmlNamespace {
    pub(crate) prefix: Option<&'static str>,
    pub(crate) uri: &'static str,
}

impl XmlNamespace {
    /// The namespace of an element itself.
    pub(crate) const fn own(uri: &'static str) -> Self {
        Self { prefix: None, uri }
    }
}

/// A reference from one shape to another, under a name.
#[derive(Debug)]
pub struct Member {
    pub(crate) name: &'static str,
    /// Its name on the wire, where that differs from protocol to protocol only by rule.
    pub(crate) wire_name: &'static str,
    pub(crate) has_wire_name: bool,
    pub(crate) shape: u32,
    pub(crate) location: Location,
    pub(crate) required: bool,
    pub(crate) redact: bool,
    pub(crate) flattened: bool,
    pub(crate) xml_attribute: bool,
    pub(crate) xml_namespace: Option<XmlNamespace>,
    pub(crate) json_value: bool,
    pub(crate) timestamp_format: Option<TimestampFormat>,
}

/// What makes a structure an error.
#[derive(Debug, Default)]
pub struct ErrorShape {
    pub(crate) code: Option<&'static str>,
    pub(crate) status: Option<u16>,
}

/// What kind of value a shape describes.
#[derive(Debug)]
pub enum Kind {
    /// Named members; a union has exactly one of them.
    Structure {
        /// In the model's order.
        members: Vec<Member>,
        /// True for a union.
        union: bool,
        /// The index of the member that is the whole body.
        payload: Option<usize>,
    },
    /// Elements of one shape.
    List {
        /// The element.
        member: Member,
        /// In query and XML: no element around the items.
        flattened: bool,
        /// True where null elements mean something.
        sparse: bool,
    },
    /// Caller-chosen keys, values of one shape.
    Map {
        /// The key, a string shape.
        key: Member,
        /// The value.
        value: Member,
        /// In query and XML: no element around the entries.
        flattened: bool,
        /// True where null values mean something.
        sparse: bool,
    },
    /// Text; `values` lists an enum's.
    String {
        /// Empty where any text goes.
        values: Vec<&'static str>,
    },
    /// Bytes.
    Blob,
    /// True or false.
    Boolean,
    /// A whole number between two bounds that come from its width.
    Integer {
        /// The smallest representable.
        lowest: i64,
        /// The largest representable.
        highest: i64,
        /// AWS's name of the width, for messages: `Integer` or `Long`.
        name: &'static str,
    },
    /// A floating-point number.
    Float {
        /// True for the 32-bit kind.
        single: bool,
    },
    /// A moment.
    Timestamp,
    /// Any JSON.
    Document,
}

/// A pattern: AWS's text for messages, and how to match it. Compiled on first use.
#[derive(Debug)]
pub(crate) struct Matcher {
    pub(crate) text: &'static str,
    pub(crate) regex: &'static str,
    pub(crate) except: Option<&'static str>,
    pub(crate) compiled: OnceLock<Option<(Regex, Option<Regex>)>>,
}

impl Matcher {
    /// True where the whole text matches. A pattern that does not compile matches nothing: tests keep that from
    /// happening to a committed model.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let whole = |regex: &str| Regex::new(&format!(r"\A(?:{regex})\z")).ok();
        let compiled = self.compiled.get_or_init(|| {
            let except = match self.except {
                Some(except) => Some(whole(except)?),
                None => None,
            };
            Some((whole(self.regex)?, except))
        });
        compiled.as_ref().is_some_and(|(regex, except)| {
            regex.is_match(text) && !except.as_ref().is_some_and(|except| except.is_match(text))
        })
    }
}

#[derive(Debug)]
pub(crate) struct ShapeData {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) sensitive: bool,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) pattern: Option<Matcher>,
    pub(crate) timestamp_format: Option<TimestampFormat>,
    pub(crate) error: Option<ErrorShape>,
    /// A blob that is never whole in memory.
    pub(crate) streaming: bool,
    /// The element of a whole body of this shape, where it is not the shape's name.
    pub(crate) xml_name: Option<&'static str>,
    pub(crate) xml_namespace: Option<XmlNamespace>,
    /// True where this shape, or one that it reaches, has a constraint: validation skips all others.
    pub(crate) constrained: bool,
}

/// What a broken reference would lead to. The reader refuses those, so this is never reached.
pub(crate) static DANGLING: ShapeData = ShapeData {
    name: "",
    kind: Kind::Structure { members: Vec::new(), union: false, payload: None },
    sensitive: false,
    min: None,
    max: None,
    pattern: None,
    timestamp_format: None,
    error: None,
    streaming: false,
    xml_name: None,
    xml_namespace: None,
    constrained: false,
};

/// A handle on a shape of a model: two pointers, copied freely.
#[derive(Clone, Copy)]
pub struct Shape {
    model: &'static Model,
    pub(crate) data: &'static ShapeData,
}

impl Shape {
    pub(crate) const fn new(model: &'static Model, data: &'static ShapeData) -> Self {
        Self { model, data }
    }

    /// The shape's name.
    pub const fn name(self) -> &'static str {
        self.data.name
    }

    /// The model it belongs to.
    pub const fn model(self) -> &'static Model {
        self.model
    }

    /// What kind of value it describes.
    pub const fn kind(self) -> &'static Kind {
        &self.data.kind
    }

    /// True where values must not be shown.
    pub const fn is_sensitive(self) -> bool {
        self.data.sensitive
    }

    /// True where a value is a stream of bytes that may be larger than memory.
    pub const fn is_streaming(self) -> bool {
        self.data.streaming
    }

    /// What makes it an error, if it is one.
    pub const fn error(self) -> Option<&'static ErrorShape> {
        self.data.error.as_ref()
    }

    /// The shape that a member refers to.
    pub fn of(self, member: &'static Member) -> Self {
        self.model.at(member.shape)
    }

    /// The members of a structure; none for other kinds.
    pub fn members(self) -> &'static [Member] {
        match self.kind() {
            Kind::Structure { members, .. } => members,
            _ => &[],
        }
    }

    /// The member that is the whole body of a message, if one is.
    pub fn payload(self) -> Option<(&'static Member, Self)> {
        let Kind::Structure { members, payload, .. } = self.kind() else { return None };
        let member = payload.and_then(|at| members.get(at))?;
        Some((member, self.of(member)))
    }

    /// The member of this name, and its shape.
    pub fn member(self, name: &str) -> Option<(&'static Member, Self)> {
        let member = self.members().iter().find(|member| member.name == name)?;
        Some((member, self.of(member)))
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.model.service, self.data.name)
    }
}

impl Member {
    /// The member's name in the model.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// True where it must be present.
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// Where it stands in an HTTP message.
    pub const fn location(&self) -> Location {
        self.location
    }
}

impl ErrorShape {
    /// The code on the wire, where it is not the shape's name.
    pub const fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// The HTTP status, where the model gives one.
    pub const fn status(&self) -> Option<u16> {
        self.status
    }
}
