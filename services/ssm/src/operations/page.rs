//! A page of an account's parameters, in the order of their names.
//!
//! A token names the last parameter that was looked at. It opens nothing: leave is asked each time.

use service::{Call, View};
use store::{KeyReader, Range};

use crate::Error;
use crate::records::{self, PARAMETERS, ParameterRecord};

/// How many parameters one call looks at before it answers a short page.
const EXAMINED_MAX: usize = 10_000;

/// The parameters that pass, and the token of the next page.
pub(crate) fn of(
    view: &View,
    call: &Call,
    below: &str,
    limit: Option<i64>,
    most: usize,
    token: Option<&str>,
    passes: impl Fn(&ParameterRecord) -> bool,
) -> Result<(Vec<ParameterRecord>, Option<String>), Error> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(most).clamp(1, most);
    let place = records::place(call.account(), call.region());
    let mut range = Range::prefix(place.clone());
    range.start = place.clone().str_prefix(below).into_vec();
    if let Some(token) = token {
        let path =
            hex::decode(token).ok().and_then(|path| String::from_utf8(path).ok()).ok_or_else(Error::token)?;
        range = range.after(place.clone().str(&path));
    }
    let (mut page, mut last) = (Vec::new(), None::<String>);
    for (examined, entry) in view.snapshot().iter(PARAMETERS, &range).enumerate() {
        let (key, stored) = entry?;
        let rest = key.get(place.as_ref().len()..).unwrap_or_default();
        let path = KeyReader::new(rest).str().map_err(service::Internal::new)?;
        if !path.starts_with(below) {
            break;
        }
        if page.len() >= limit || examined >= EXAMINED_MAX {
            return Ok((page, last.map(hex::encode)));
        }
        let record: ParameterRecord = records::decode(&stored)?;
        last = Some(path);
        if passes(&record) {
            page.push(record);
        }
    }
    Ok((page, None))
}
