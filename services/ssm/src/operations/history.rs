//! `GetParameterHistory`: all versions, the oldest first.

use std::sync::Arc;

use protocol::Timestamp;
use service::Permit;

use crate::api::{GetParameterHistory, GetParameterHistoryResult, ParameterHistory};
use crate::operations::{get, named};
use crate::records::{self, VersionRecord};
use crate::{Error, Ssm};

const PAGE_MAX: u64 = 50;

pub(crate) async fn get(
    ssm: Arc<Ssm>,
    permit: Permit<GetParameterHistory>,
) -> Result<GetParameterHistoryResult, Error> {
    let Permit { input, call, .. } = permit;
    let parameter = named(&call, &input.name)?;
    let opens = input.with_decryption.unwrap_or(false);
    let view = call.view()?;
    let record = records::parameter(&view, &parameter)?;
    let first = match input.next_token {
        Some(token) => token.parse::<u64>().map_err(|_| Error::token())?.max(record.oldest),
        None => record.oldest,
    };
    let most =
        input.max_results.and_then(|most| u64::try_from(most).ok()).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let end = first.saturating_add(most).min(record.latest.number + 1);
    let shown = |number: u64| {
        let version = records::version(&view, &parameter, &record, number)?;
        let value = get::value(&ssm, &parameter, &version, opens)?;
        Ok(show(&record.name, version, value, record.labels_of(number)))
    };
    Ok(GetParameterHistoryResult {
        parameters: Some((first..end).map(shown).collect::<Result<_, Error>>()?),
        next_token: (end <= record.latest.number).then(|| end.to_string()),
    })
}

fn show(
    name: &str,
    version: VersionRecord,
    value: protocol::Sensitive<String>,
    labels: Vec<String>,
) -> ParameterHistory {
    ParameterHistory {
        name: Some(name.to_owned()),
        r#type: Some(version.kind),
        key_id: version.key_id,
        last_modified_date: Some(Timestamp::from_millis(version.modified)),
        last_modified_user: Some(version.user),
        description: version.description,
        value: Some(value),
        allowed_pattern: version.allowed_pattern,
        version: i64::try_from(version.number).ok(),
        labels: Some(labels),
        tier: Some(version.tier),
        policies: Some(Vec::new()),
        data_type: Some(version.data_type),
    }
}
