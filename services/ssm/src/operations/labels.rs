//! Labels of versions: one label points to one version.

use std::sync::Arc;

use service::Permit;

use crate::api::{
    LabelParameterVersion, LabelParameterVersionResult, UnlabelParameterVersion,
    UnlabelParameterVersionResult,
};
use crate::model::LABELS_MAX;
use crate::model::name::is_label;
use crate::operations::named;
use crate::{Error, Ssm, records};

pub(crate) async fn label(
    _: Arc<Ssm>,
    permit: Permit<LabelParameterVersion>,
) -> Result<LabelParameterVersionResult, Error> {
    let Permit { input, call, .. } = permit;
    let parameter = named(&call, &input.name)?;
    let (valid, invalid): (Vec<String>, Vec<String>) =
        input.labels.into_iter().partition(|label| is_label(label));
    let number = call
        .transact(|transaction| {
            let mut record = records::parameter(transaction, &parameter)?;
            let number = match input.parameter_version {
                Some(number) => u64::try_from(number).unwrap_or(0),
                None => record.latest.number,
            };
            records::version(transaction, &parameter, &record, number)?;
            record.labels.extend(valid.into_iter().map(|label| (label, number)));
            if record.labels_of(number).len() > LABELS_MAX {
                return Err(Error::LabelLimit(format!(
                    "A parameter version can have maximum {LABELS_MAX} labels. Move one or more labels to another version and try \
                     again."
                )));
            }
            records::save(transaction, &parameter, &record)?;
            Ok(number)
        })
        .await?;
    Ok(LabelParameterVersionResult {
        invalid_labels: Some(invalid),
        parameter_version: i64::try_from(number).ok(),
    })
}

pub(crate) async fn unlabel(
    _: Arc<Ssm>,
    permit: Permit<UnlabelParameterVersion>,
) -> Result<UnlabelParameterVersionResult, Error> {
    let Permit { input, call, .. } = permit;
    let parameter = named(&call, &input.name)?;
    let number = u64::try_from(input.parameter_version).unwrap_or(0);
    let (removed, invalid) = call
        .transact(|transaction| {
            let mut record = records::parameter(transaction, &parameter)?;
            records::version(transaction, &parameter, &record, number)?;
            let has = |label: &String| record.labels.get(label) == Some(&number);
            let (removed, invalid): (Vec<String>, Vec<String>) = input.labels.into_iter().partition(has);
            record.labels.retain(|label, _| !removed.contains(label));
            records::save(transaction, &parameter, &record)?;
            Ok::<_, Error>((removed, invalid))
        })
        .await?;
    Ok(UnlabelParameterVersionResult { removed_labels: Some(removed), invalid_labels: Some(invalid) })
}
