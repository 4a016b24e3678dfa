//! Reading values: one, several, and those below a path.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::{Sensitive, Timestamp};
use service::{Permit, View};

use crate::api::{
    GetParameter, GetParameterResult, GetParameters, GetParametersByPath, GetParametersByPathResult,
    GetParametersResult, Parameter,
};
use crate::model::Reference;
use crate::model::filter::{self, Listing, is_below};
use crate::model::name::check_path;
use crate::model::value::SECURE;
use crate::operations::{named, page};
use crate::records::{self, ParameterRecord, VersionRecord};
use crate::{Error, Ssm};

const PAGE_MAX: usize = 10;

pub(crate) async fn get(ssm: Arc<Ssm>, permit: Permit<GetParameter>) -> Result<GetParameterResult, Error> {
    let Permit { input, call, .. } = permit;
    let parameter = named(&call, &input.name)?;
    let shown = read(&ssm, &call.view()?, &parameter, input.with_decryption.unwrap_or(false))?;
    Ok(GetParameterResult { parameter: Some(shown) })
}

pub(crate) async fn get_several(
    ssm: Arc<Ssm>,
    permit: Permit<GetParameters>,
) -> Result<GetParametersResult, Error> {
    let Permit { input, call, .. } = permit;
    let opens = input.with_decryption.unwrap_or(false);
    let view = call.view()?;
    let (mut parameters, mut invalid) = (Vec::new(), Vec::new());
    for name in BTreeSet::from_iter(input.names) {
        match named(&call, &name).and_then(|parameter| read(&ssm, &view, &parameter, opens)) {
            Ok(parameter) => parameters.push(parameter),
            Err(Error::NotFound(_) | Error::VersionNotFound(_)) => invalid.push(name),
            Err(error) => return Err(error),
        }
    }
    Ok(GetParametersResult { parameters: Some(parameters), invalid_parameters: Some(invalid) })
}

pub(crate) async fn get_by_path(
    ssm: Arc<Ssm>,
    permit: Permit<GetParametersByPath>,
) -> Result<GetParametersByPathResult, Error> {
    let Permit { input, call, .. } = permit;
    let path = check_path(&input.path)?;
    let (recursive, opens) = (input.recursive.unwrap_or(false), input.with_decryption.unwrap_or(false));
    let filters = filter::filters(Listing::ByPath, input.parameter_filters)?;
    let passes = |record: &ParameterRecord| {
        is_below(&record.name, path, recursive) && filters.iter().all(|filter| filter.passes(record))
    };
    let below = if path.is_empty() { String::new() } else { format!("{path}/") };
    let (found, next_token) = page::of(
        &call.view()?,
        &call,
        &below,
        input.max_results,
        PAGE_MAX,
        input.next_token.as_deref(),
        passes,
    )?;
    let shown = |record: ParameterRecord| {
        let parameter = record.reference(call.account(), call.region());
        show(&ssm, &parameter, &record, record.latest.clone(), opens)
    };
    Ok(GetParametersByPathResult {
        parameters: Some(found.into_iter().map(shown).collect::<Result<_, _>>()?),
        next_token,
    })
}

fn read(ssm: &Ssm, view: &View, parameter: &Reference, opens: bool) -> Result<Parameter, Error> {
    let record = records::parameter(view, parameter)?;
    let version = records::selected(view, parameter, &record)?;
    show(ssm, parameter, &record, version, opens)
}

fn show(
    ssm: &Ssm,
    parameter: &Reference,
    record: &ParameterRecord,
    version: VersionRecord,
    opens: bool,
) -> Result<Parameter, Error> {
    Ok(Parameter {
        name: Some(record.name.clone()),
        value: Some(value(ssm, parameter, &version, opens)?),
        r#type: Some(version.kind),
        version: i64::try_from(version.number).ok(),
        selector: parameter.selector.as_ref().map(crate::model::Selector::shown),
        source_result: None,
        last_modified_date: Some(Timestamp::from_millis(version.modified)),
        arn: Some(parameter.arn()),
        data_type: Some(version.data_type),
    })
}

/// A version's value, of a `SecureString` its sealed form unless it is to be opened.
pub(crate) fn value(
    ssm: &Ssm,
    parameter: &Reference,
    version: &VersionRecord,
    opens: bool,
) -> Result<Sensitive<String>, Error> {
    let value = &version.value;
    let text =
        if version.kind == SECURE && opens { ssm.secure.open(parameter, value)? } else { value.clone() };
    Ok(text.into())
}
