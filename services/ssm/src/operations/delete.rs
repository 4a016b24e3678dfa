//! Deleting parameters, with all of their versions.

use std::collections::BTreeSet;
use std::sync::Arc;

use service::Permit;
use store::Transaction;

use crate::api::{DeleteParameter, DeleteParameterResult, DeleteParameters, DeleteParametersResult};
use crate::model::Reference;
use crate::operations::named;
use crate::records::{self, PARAMETERS, VERSIONS};
use crate::{Error, Ssm};

pub(crate) async fn delete(
    _: Arc<Ssm>,
    permit: Permit<DeleteParameter>,
) -> Result<DeleteParameterResult, Error> {
    let Permit { input, call, .. } = permit;
    let parameter = named(&call, &input.name)?;
    call.transact(|transaction| match remove(transaction, &parameter)? {
        true => Ok(DeleteParameterResult {}),
        false => Err(Error::not_found(&parameter)),
    })
    .await
}

pub(crate) async fn delete_several(
    _: Arc<Ssm>,
    permit: Permit<DeleteParameters>,
) -> Result<DeleteParametersResult, Error> {
    let Permit { input, call, .. } = permit;
    let (deleted, invalid) = call
        .transact(|transaction| {
            let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
            for name in BTreeSet::from_iter(input.names) {
                let parameter = Reference::parse(call.account(), call.region(), &name)?;
                let is_here = named(&call, &name).is_ok() && remove(transaction, &parameter)?;
                if is_here { deleted.push(name) } else { invalid.push(name) }
            }
            Ok::<_, Error>((deleted, invalid))
        })
        .await?;
    Ok(DeleteParametersResult { deleted_parameters: Some(deleted), invalid_parameters: Some(invalid) })
}

/// Removes a parameter; false where there is none.
fn remove(transaction: &mut Transaction<'_>, parameter: &Reference) -> Result<bool, Error> {
    let Some(record) = records::find(transaction, parameter)? else { return Ok(false) };
    for number in record.oldest..record.latest.number {
        transaction.delete(VERSIONS, records::version_key(parameter, number))?;
    }
    transaction.delete(PARAMETERS, records::parameter_key(parameter))?;
    records::recount(transaction, parameter, -1)?;
    Ok(true)
}
