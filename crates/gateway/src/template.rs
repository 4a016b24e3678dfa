//! Mapping templates of mock integrations: texts with variables, each put in as it is.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>
//! Not a language: a directive, a method or an expression is refused by name when a template is read, never handed on as it
//! stands. A variable that has no value leaves nothing in its place.

mod reference;

use reference::Reference;
use serde_json::Value;

use crate::variables::Variables;

/// The longest template, in bytes: API Gateway's bound.
pub const TEMPLATE_BYTES_MAX: usize = 300 * 1_024;
/// The most variables of one template: each may be as long as a request.
const REFERENCES_MAX: usize = 256;
/// The longest text that a template may become, in bytes: API Gateway's bound for what it carries.
const FILLED_BYTES_MAX: usize = 10 * 1_024 * 1_024;
/// The most characters of a template that an error tells.
const TOLD_CHARS_MAX: usize = 64;

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A part of the language that is not spoken here, as it is written.
    #[error("`{0}` in a mapping template")]
    Unspoken(String),
    /// There is more of something than there may be.
    #[error("A mapping template of more than {TEMPLATE_BYTES_MAX} bytes or {REFERENCES_MAX} variables")]
    TooLarge,
}

/// A template that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Template<'t>(Vec<Piece<'t>>);

#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Variable(Reference<'t>),
}

/// What a template is filled with.
pub(crate) struct Payload<'r> {
    pub(crate) variables: &'r Variables<'r>,
    /// What `$input` has: of a request its body, of an integration its answer's.
    pub(crate) body: &'r [u8],
}

/// Why a template was not filled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfilled {
    TooLarge,
    /// `$input.json` of a body that is no JSON; with the reason.
    NoJson(String),
}

impl<'t> Template<'t> {
    /// Reads a template.
    ///
    /// # Errors
    /// Where it has what would have to be evaluated, or too much.
    pub fn parse(text: &'t str) -> Result<Self, TemplateError> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::TooLarge);
        }
        let (mut pieces, mut references) = (Vec::new(), 0);
        let (mut plain, mut from) = (text, 0);
        while let Some(at) = plain.get(from..).and_then(|rest| rest.find(['$', '#'])) {
            let (before, here) = plain.split_at_checked(from + at).unwrap_or((plain, ""));
            if !is_marked(here) {
                from += at + 1;
                continue;
            }
            let unspoken = || TemplateError::Unspoken(told(here));
            // What is escaped is not what it looks like.
            let spoken = here.starts_with('$') && !before.ends_with('\\');
            let (reference, after) = spoken.then(|| Reference::parse(here)).flatten().ok_or_else(unspoken)?;
            references += 1;
            if references > REFERENCES_MAX {
                return Err(TemplateError::TooLarge);
            }
            pieces.extend([Piece::Text(before), Piece::Variable(reference)]);
            (plain, from) = (after, 0);
        }
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// True where it has no variable: it becomes what it is.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// The text with its variables put in.
    pub(crate) fn fill(&self, payload: &Payload<'_>) -> Result<String, Unfilled> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Variable(reference) => filled.push_str(&payload.value(reference)?),
            }
            if filled.len() > FILLED_BYTES_MAX {
                return Err(Unfilled::TooLarge);
            }
        }
        Ok(filled)
    }
}

impl Payload<'_> {
    fn value(&self, reference: &Reference<'_>) -> Result<String, Unfilled> {
        let value = match reference {
            Reference::Context(name) => self.variables.value(name),
            Reference::StageVariable(name) => self.variables.stage.get(*name).cloned(),
            Reference::Parameter(name) => self.variables.parameter(name),
            // AWS takes no body for an empty object.
            Reference::Body if self.body.is_empty() => Some("{}".to_owned()),
            Reference::Json if self.body.trim_ascii().is_empty() => Some("{}".to_owned()),
            Reference::Body => Some(String::from_utf8_lossy(self.body).into_owned()),
            Reference::Json => {
                let json: Result<Value, _> = serde_json::from_slice(self.body);
                Some(json.map_err(|error| Unfilled::NoJson(error.to_string()))?.to_string())
            }
        };
        Ok(value.unwrap_or_default())
    }
}

/// True where a `$` or `#` is more than itself.
fn is_marked(text: &str) -> bool {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some('$'), Some(next)) => next.is_ascii_alphabetic() || matches!(next, '_' | '{' | '!'),
        (Some('#'), Some(next)) => next.is_ascii_alphabetic() || matches!(next, '{' | '#' | '*' | '[' | '@'),
        _ => false,
    }
}

/// As much of a text as names what is not spoken.
fn told(text: &str) -> String {
    let mut depth = 0_usize;
    let belongs = |c: &char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > 0 || c.is_ascii_alphanumeric() || "$#!{}.[]_-)*@'".contains(*c)
    };
    text.chars().take_while(belongs).take(TOLD_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;
    use std::collections::BTreeMap;

    use super::*;

    fn filled(text: &str, body: &str) -> Result<String, Unfilled> {
        let context = json!({"requestId": "r", "identity": {"sourceIp": "1.2.3.4"}, "none": null});
        let stage = BTreeMap::from([("k".to_owned(), "$context.requestId".to_owned())]);
        let headers = HeaderMap::from_iter([
            ("x-a".parse().unwrap(), "h".parse().unwrap()),
            ("q".parse().unwrap(), "of the header".parse().unwrap()),
        ]);
        let path = [("id".to_owned(), "p".to_owned())];
        let variables = Variables {
            context: &context,
            stage: &stage,
            headers: &headers,
            query: "q=a%20b&id=q&r",
            path: &path,
        };
        Template::parse(text).unwrap().fill(&Payload { variables: &variables, body: body.as_bytes() })
    }

    #[test]
    fn variables_are_put_in() {
        for (text, expected) in [
            ("", ""),
            ("costs $5 # ten", "costs $5 # ten"),
            ("$ $$ # $* $", "$ $$ # $* $"),
            ("$context.requestId", "r"),
            ("$$context.requestId.", "$r."),
            ("${context.requestId}x$!context.requestId!$!{context.requestId}", "rxr!r"),
            ("$context.identity.sourceIp|$context.none|$context.nowhere.at.all", "1.2.3.4||"),
            (r#"{"v":"$stageVariables.k"}"#, r#"{"v":"$context.requestId"}"#),
            (
                r#"$stageVariables['k'] ${stageVariables["k"]} $stageVariables.get('k')"#,
                "$context.requestId $context.requestId $context.requestId",
            ),
            ("$stageVariables.none.", "."),
            (r#"{"i":"$input.params('q')"}"#, r#"{"i":"a b"}"#),
            (r#"$input.params("id") $input.params( 'X-A' ) $input.params('r')$input.params('none')"#, "p h "),
            ("<$input.body>", r#"<{"a": [1] }>"#),
            ("<$input.json('$')>", r#"<{"a":[1]}>"#),
            ("é$context.requestIdé", "éré"),
        ] {
            assert_eq!(filled(text, r#"{"a": [1] }"#).unwrap(), expected, "{text}");
        }
        assert_eq!(filled("$input.json(\"$\")", " ").unwrap(), "{}");
        assert_eq!(
            (filled("<$input.body>", "").unwrap(), filled("<$input.body>", " ").unwrap()),
            ("<{}>".to_owned(), "< >".to_owned())
        );
        assert!(matches!(filled("$input.json('$')", "{"), Err(Unfilled::NoJson(_))));
        let large = "x".repeat(FILLED_BYTES_MAX / 2);
        assert_eq!(filled("$input.body$input.body", &large).unwrap().len(), FILLED_BYTES_MAX);
        assert_eq!(filled("$input.body$input.body.", &large), Err(Unfilled::TooLarge));
    }

    #[test]
    fn what_would_be_evaluated_is_refused_by_name() {
        for (text, expected) in [
            ("#set($x = 1)", "#set($x = 1)"),
            ("a #if($input.params('x') == \"y\")b#end", "#if($input.params('x') == \"y\")b#end"),
            ("## comment", "##"),
            ("#* c *#", "#*"),
            ("#[[x]]#", "#[[x]]#"),
            ("$util.escapeJavaScript($input.body)", "$util.escapeJavaScript($input.body)"),
            ("$x", "$x"),
            ("${x}", "${x}"),
            ("$!x", "$!x"),
            ("$context", "$context"),
            ("$input", "$input"),
            ("$input.params().header", "$input.params().header"),
            ("$input.json('$.a')", "$input.json('$.a')"),
            ("$input.path('$')", "$input.path('$')"),
            ("$input.params('a').length()", "$input.params('a').length()"),
            ("$input.body.length()", "$input.body.length()"),
            ("$input.bodyx", "$input.bodyx"),
            ("$context.requestId.length()", "$context.requestId.length()"),
            ("$context.requestId[0]", "$context.requestId[0]"),
            ("$stageVariables.k.x", "$stageVariables.k.x"),
            ("$stageVariables.put('a','b')", "$stageVariables.put('a','b')"),
            ("${context.requestId", "${context.requestId"),
            (r"\$context.requestId", "$context.requestId"),
            ("$method.request.header.x", "$method.request.header.x"),
        ] {
            assert_eq!(Template::parse(text), Err(TemplateError::Unspoken(expected.to_owned())), "{text}");
        }
    }

    #[test]
    fn templates_are_bounded() {
        assert!(Template::parse(&"$input.body ".repeat(REFERENCES_MAX)).is_ok());
        assert_eq!(Template::parse(&"$input.body ".repeat(REFERENCES_MAX + 1)), Err(TemplateError::TooLarge));
        assert_eq!(Template::parse(&"x".repeat(TEMPLATE_BYTES_MAX + 1)), Err(TemplateError::TooLarge));
        assert!(Template::parse("x $5 #").unwrap().is_fixed());
        assert!(!Template::parse("$input.body").unwrap().is_fixed());
    }
}
