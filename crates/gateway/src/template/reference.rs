//! References as mapping templates write them: `$context.requestId`, `${stageVariables['k']}`, `$!input.params('q')`.
//!
//! Only those of known values: what has a method or an index behind it is none.

/// A value that a template names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reference<'t> {
    /// `context.…`, in full.
    Context(&'t str),
    StageVariable(&'t str),
    /// Of the path, the query or the headers.
    Parameter(&'t str),
    Body,
    /// The whole body, as JSON.
    Json,
}

impl<'t> Reference<'t> {
    /// Reads a reference at the beginning of a text; with what is behind it.
    pub(super) fn parse(text: &'t str) -> Option<(Self, &'t str)> {
        let rest = text.strip_prefix('$')?;
        let rest = rest.strip_prefix('!').unwrap_or(rest);
        if let Some(inside) = rest.strip_prefix('{') {
            let (reference, after) = Self::named(inside)?;
            return Some((reference, after.strip_prefix('}')?));
        }
        let (reference, after) = Self::named(rest)?;
        (!goes_on(after)).then_some((reference, after))
    }

    fn named(text: &'t str) -> Option<(Self, &'t str)> {
        let (root, rest) = identifier(text)?;
        match root {
            "context" => {
                let (path, after) = context(text)?;
                Some((Self::Context(path), after))
            }
            "stageVariables" => {
                let (name, after) = stage_variable(rest)?;
                Some((Self::StageVariable(name), after))
            }
            "input" => {
                let (member, rest) = identifier(rest.strip_prefix('.')?)?;
                match member {
                    "body" => Some((Self::Body, rest)),
                    "params" => {
                        let (name, after) = argument(rest)?;
                        Some((Self::Parameter(name), after))
                    }
                    "json" => {
                        let (path, after) = argument(rest)?;
                        (path == "$").then_some((Self::Json, after))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// True where what is behind a reference belongs to it.
fn goes_on(after: &str) -> bool {
    let behind_dot = after.strip_prefix('.').is_some_and(|rest| identifier(rest).is_some());
    behind_dot || after.starts_with(['(', '['])
}

/// `context` and the names behind it.
fn context(text: &str) -> Option<(&str, &str)> {
    let mut end = "context".len();
    while let Some((name, _)) = text.get(end..)?.strip_prefix('.').and_then(identifier) {
        end += 1 + name.len();
    }
    let (path, after) = text.split_at_checked(end)?;
    path.contains('.').then_some((path, after))
}

/// `.name`, `['name']` or `.get('name')`.
fn stage_variable(rest: &str) -> Option<(&str, &str)> {
    if let Some(inside) = rest.strip_prefix('[') {
        let (name, after) = quoted(inside.trim_start())?;
        return Some((name, after.trim_start().strip_prefix(']')?));
    }
    let (name, after) = identifier(rest.strip_prefix('.')?)?;
    if name == "get" && after.starts_with('(') { argument(after) } else { Some((name, after)) }
}

/// `('text')`
fn argument(text: &str) -> Option<(&str, &str)> {
    let (argument, after) = quoted(text.strip_prefix('(')?.trim_start())?;
    Some((argument, after.trim_start().strip_prefix(')')?))
}

/// A text in quotation marks of either kind, without escapes.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text.get(1..)?.split_once(quote)
}

/// A letter, then letters, digits, `_` and `-`.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    text.split_at_checked(end).filter(|_| begins)
}
