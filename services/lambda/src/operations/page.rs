//! Lists in pages: a marker is the last name of the page before, in base64.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Error;

/// The most items of one page.
const ITEMS_MAX: usize = 50;

/// The name behind a marker.
pub(crate) fn after(marker: Option<&str>) -> Result<Option<String>, Error> {
    let Some(marker) = marker.filter(|marker| !marker.is_empty()) else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(marker).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.map(Some).ok_or_else(|| Error::InvalidParameterValue("The marker is not valid.".to_owned()))
}

/// Cuts a page off a list that begins behind the marker, and answers the next marker.
pub(crate) fn cut<T>(items: &mut Vec<T>, asked: Option<i64>, name: impl Fn(&T) -> String) -> Option<String> {
    let size = asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(ITEMS_MAX).clamp(1, ITEMS_MAX);
    if items.len() <= size {
        return None;
    }
    items.truncate(size);
    items.last().map(|last| URL_SAFE_NO_PAD.encode(name(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all: Vec<String> = (0..120).map(|n| format!("{n:03}")).collect();
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let behind = after(marker.as_deref()).unwrap();
            let mut page: Vec<String> =
                all.iter().filter(|name| behind.as_ref().is_none_or(|b| *name > b)).cloned().collect();
            marker = cut(&mut page, Some(1_000), String::clone);
            seen.extend(page);
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert!(after(Some("!")).is_err());
    }
}
