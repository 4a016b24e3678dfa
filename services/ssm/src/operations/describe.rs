//! `DescribeParameters`: what there is, without values.

use std::sync::Arc;

use protocol::Timestamp;
use service::Permit;

use crate::api::{DescribeParameters, DescribeParametersResult, ParameterMetadata};
use crate::model::filter::{self, Listing};
use crate::operations::page;
use crate::records::ParameterRecord;
use crate::{Error, Ssm};

const PAGE_MAX: usize = 50;

pub(crate) async fn describe(
    _: Arc<Ssm>,
    permit: Permit<DescribeParameters>,
) -> Result<DescribeParametersResult, Error> {
    let Permit { input, call, .. } = permit;
    if input.filters.is_some() && input.parameter_filters.is_some() {
        return Err(Error::invalid("You can use either Filters or ParameterFilters in a single request."));
    }
    // Nobody shares parameters here.
    if input.shared == Some(true) {
        return Ok(DescribeParametersResult { parameters: Some(Vec::new()), next_token: None });
    }
    let mut filters = filter::filters(Listing::Describe, input.parameter_filters)?;
    filters.extend(filter::older(input.filters));
    let passes = |record: &ParameterRecord| filters.iter().all(|filter| filter.passes(record));
    let (found, next_token) =
        page::of(&call.view()?, &call, "", input.max_results, PAGE_MAX, input.next_token.as_deref(), passes)?;
    let shown = |record: ParameterRecord| {
        let arn = record.reference(call.account(), call.region()).arn();
        show(record, arn)
    };
    Ok(DescribeParametersResult { parameters: Some(found.into_iter().map(shown).collect()), next_token })
}

fn show(record: ParameterRecord, arn: String) -> ParameterMetadata {
    let latest = record.latest;
    ParameterMetadata {
        name: Some(record.name),
        arn: Some(arn),
        r#type: Some(latest.kind),
        key_id: latest.key_id,
        last_modified_date: Some(Timestamp::from_millis(latest.modified)),
        last_modified_user: Some(latest.user),
        description: latest.description,
        allowed_pattern: latest.allowed_pattern,
        version: i64::try_from(latest.number).ok(),
        tier: Some(latest.tier),
        policies: Some(Vec::new()),
        data_type: Some(latest.data_type),
    }
}
