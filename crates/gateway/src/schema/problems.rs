//! What is wrong with a body, in the words of the validator that API Gateway has; a bounded number of bounded sentences.

use serde_json::Value;

/// What is told of one body.
const PROBLEMS_MAX: usize = 16;
/// Names that one sentence lists.
const NAMES_MAX: usize = 32;
/// The longest value that is quoted, in bytes.
const QUOTED_BYTES_MAX: usize = 256;

/// Problems as they are found: told, or only counted.
pub(super) struct Problems {
    count: usize,
    told: Option<Vec<String>>,
}

impl Problems {
    pub(super) const fn told() -> Self {
        Self { count: 0, told: Some(Vec::new()) }
    }

    pub(super) const fn counted() -> Self {
        Self { count: 0, told: None }
    }

    pub(super) const fn are_none(&self) -> bool {
        self.count == 0
    }

    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        self.count = self.count.saturating_add(1);
        if let Some(told) = self.told.as_mut().filter(|told| told.len() < PROBLEMS_MAX) {
            told.push(what());
        }
    }

    pub(super) fn into_result(self) -> Result<(), Vec<String>> {
        if self.count == 0 { Ok(()) } else { Err(self.told.unwrap_or_default()) }
    }

    /// A list of names for one sentence.
    pub(super) fn list(names: impl Iterator<Item = String>) -> String {
        names.take(NAMES_MAX).collect::<Vec<_>>().join(",")
    }
}

/// Takes bytes up to a bound, and says that it is full then.
struct Cut(Vec<u8>);

impl std::io::Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = QUOTED_BYTES_MAX.saturating_sub(self.0.len());
        if room == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.0.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A value as it is quoted: JSON, cut where it is long.
pub(super) fn quoted(value: &Value) -> String {
    cut(|room| serde_json::to_writer(room, value))
}

/// A text as it is quoted.
pub(super) fn quoted_text(text: &str) -> String {
    cut(|room| serde_json::to_writer(room, text))
}

fn cut(write: impl FnOnce(&mut Cut) -> serde_json::Result<()>) -> String {
    let mut room = Cut(Vec::new());
    let whole = write(&mut room).is_ok();
    let text = String::from_utf8_lossy(&room.0);
    if whole { text.into_owned() } else { format!("{}...", text.trim_end_matches('\u{fffd}')) }
}
