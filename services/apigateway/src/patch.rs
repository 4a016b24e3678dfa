//! Patch operations: a path taken apart, and the answer to one that leads nowhere.
//!
//! `copy`, `move` and `test` change nothing that this platform has, and are refused.

use crate::Error;
use crate::api::PatchOperation;

/// One operation of a patch.
#[derive(Debug)]
pub(crate) struct Patch {
    pub(crate) op: Op,
    pub(crate) path: Vec<String>,
    pub(crate) value: Option<String>,
    text: String,
}

/// What a patch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Remove,
    Replace,
}

/// Patches of one call.
const PATCHES_MAX: usize = 200;

impl Patch {
    /// Reads all operations of a call.
    pub(crate) fn read(operations: Option<Vec<PatchOperation>>) -> Result<Vec<Self>, Error> {
        let operations = operations.unwrap_or_default();
        if operations.len() > PATCHES_MAX {
            return Err(Error::bad(format!("A patch has at most {PATCHES_MAX} operations")));
        }
        operations.into_iter().map(Self::one).collect()
    }

    fn one(operation: PatchOperation) -> Result<Self, Error> {
        let op = match operation.op.as_deref() {
            Some("add") => Op::Add,
            Some("remove") => Op::Remove,
            Some("replace") => Op::Replace,
            other => {
                let name = other.unwrap_or("null");
                return Err(Error::bad(format!(
                    "Invalid patch operation specified. Must be one of: add, remove, replace; was {name}"
                )));
            }
        };
        let text = operation.path.unwrap_or_default();
        let path = text.strip_prefix('/').ok_or_else(|| Error::bad(format!("Invalid patch path {text}")))?;
        let path = path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        Ok(Self { op, path, value: operation.value, text })
    }

    /// The path's parts, for matching.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The new value; `None` where the operation removes.
    pub(crate) fn new_value(&self) -> Option<String> {
        if self.op == Op::Remove { None } else { self.value.clone() }
    }

    /// The new value of something that cannot be without one.
    pub(crate) fn required(&self) -> Result<String, Error> {
        self.new_value()
            .ok_or_else(|| Error::bad(format!("Invalid patch path {}: a value is needed", self.text)))
    }

    /// The new value as a boolean.
    pub(crate) fn boolean(&self) -> Result<bool, Error> {
        match self.required()?.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(Error::bad(format!("Invalid value '{other}' for patch path {}", self.text))),
        }
    }

    /// The new value as a number.
    pub(crate) fn number<N: std::str::FromStr>(&self) -> Result<N, Error> {
        let text = self.required()?;
        text.parse().map_err(|_| Error::bad(format!("Invalid value '{text}' for patch path {}", self.text)))
    }

    /// There is nothing at this path.
    pub(crate) fn invalid_path(&self) -> Error {
        let op = match self.op {
            Op::Add => "add",
            Op::Remove => "remove",
            Op::Replace => "replace",
        };
        Error::bad(format!("Invalid patch path '{}' specified for op '{op}'.", self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(op: &str, path: &str) -> Result<Vec<Patch>, Error> {
        let operation = PatchOperation {
            op: Some(op.into()),
            path: Some(path.into()),
            value: Some("v".into()),
            from: None,
        };
        Patch::read(Some(vec![operation]))
    }

    #[test]
    fn paths_come_apart() {
        let patches = patch("replace", "/~1orders~1{id}/GET/throttling/rateLimit").unwrap();
        assert_eq!(patches[0].parts(), ["/orders/{id}", "GET", "throttling", "rateLimit"]);
        assert_eq!(patches[0].new_value().as_deref(), Some("v"));
        assert_eq!(patch("remove", "/a").unwrap()[0].new_value(), None);
        assert!(patch("copy", "/a").is_err());
        assert!(patch("add", "a").is_err());
    }
}
