//! The leave that each operation needs: on the parameter's ARN, which a name makes by itself.
//!
//! Nothing here tells whether a parameter exists. Who may read a path may read all that is below it, as in AWS.

use service::{Access, AccessRequest};

use crate::model::Reference;
use crate::model::name::check_path;
use crate::{Error, Ssm, api, records};

type Asked<'a, I> = AccessRequest<'a, I>;
type Answer = Result<Access, Error>;

/// Leave on the parameter of this name, with its tags as keys.
fn on<I>(asked: &Asked<'_, I>, action: &'static str, name: &str) -> Answer {
    on_parameter(asked, action, &Reference::parse(asked.account, asked.region, name)?)
}

fn on_parameter<I>(asked: &Asked<'_, I>, action: &'static str, parameter: &Reference) -> Answer {
    let access = Access::to(action, parameter.arn()).owned_by(parameter.account);
    // SECURITY: tags of another account's parameter are not looked at; only its owner may decide by them.
    if parameter.account != asked.account {
        return Ok(access);
    }
    let tags = records::at_path(asked.records, parameter)?.map(|record| record.tags).unwrap_or_default();
    let access = tags
        .iter()
        .fold(access, |access, (key, value)| access.when(format!("ssm:resourceTag/{key}"), [value]));
    Ok(access.resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// Leave on each of several parameters: who lacks it on one gets none of them.
fn on_each<I>(asked: &Asked<'_, I>, action: &'static str, names: &[String]) -> Answer {
    let mut each = names.iter().map(|name| on(asked, action, name));
    let first = each.next().unwrap_or_else(|| Err(Error::invalid("Names must not be empty.")))?;
    each.try_fold(first, |all, one| Ok(all.and(one?)))
}

fn pairs(tags: &[api::Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))
}

pub(crate) fn put_parameter(_: &Ssm, asked: &Asked<'_, api::PutParameterRequest>) -> Answer {
    let tags = asked.input.tags.as_deref().unwrap_or_default();
    let overwrite = asked.input.overwrite.unwrap_or(false);
    let parameter = Reference::parse(asked.account, asked.region, &asked.input.name)?;
    let access = on_parameter(asked, "ssm:PutParameter", &parameter)?
        .when("ssm:Overwrite", [overwrite.to_string()])
        .request_tags(pairs(tags));
    Ok(access.and_tags("ssm:AddTagsToResource", parameter.arn(), pairs(tags)))
}

pub(crate) fn get_parameter(_: &Ssm, asked: &Asked<'_, api::GetParameterRequest>) -> Answer {
    on(asked, "ssm:GetParameter", &asked.input.name)
}

pub(crate) fn get_parameters(_: &Ssm, asked: &Asked<'_, api::GetParametersRequest>) -> Answer {
    on_each(asked, "ssm:GetParameters", &asked.input.names)
}

pub(crate) fn get_by_path(_: &Ssm, asked: &Asked<'_, api::GetParametersByPathRequest>) -> Answer {
    let path = check_path(&asked.input.path)?;
    let arn = Reference::own(asked.account, asked.region, path).arn();
    let recursive = asked.input.recursive.unwrap_or(false);
    Ok(Access::to("ssm:GetParametersByPath", arn).when("ssm:Recursive", [recursive.to_string()]))
}

pub(crate) fn get_history(_: &Ssm, asked: &Asked<'_, api::GetParameterHistoryRequest>) -> Answer {
    on(asked, "ssm:GetParameterHistory", &asked.input.name)
}

pub(crate) fn describe_parameters(_: &Ssm, asked: &Asked<'_, api::DescribeParametersRequest>) -> Answer {
    let all = base::Arn::new("ssm", asked.region.as_str(), asked.account.as_str(), "*");
    Ok(Access::to("ssm:DescribeParameters", all.to_string()))
}

pub(crate) fn delete_parameter(_: &Ssm, asked: &Asked<'_, api::DeleteParameterRequest>) -> Answer {
    on(asked, "ssm:DeleteParameter", &asked.input.name)
}

pub(crate) fn delete_parameters(_: &Ssm, asked: &Asked<'_, api::DeleteParametersRequest>) -> Answer {
    on_each(asked, "ssm:DeleteParameters", &asked.input.names)
}

pub(crate) fn label(_: &Ssm, asked: &Asked<'_, api::LabelParameterVersionRequest>) -> Answer {
    on(asked, "ssm:LabelParameterVersion", &asked.input.name)
}

pub(crate) fn unlabel(_: &Ssm, asked: &Asked<'_, api::UnlabelParameterVersionRequest>) -> Answer {
    on(asked, "ssm:UnlabelParameterVersion", &asked.input.name)
}

pub(crate) fn add_tags(_: &Ssm, asked: &Asked<'_, api::AddTagsToResourceRequest>) -> Answer {
    let access = on(asked, "ssm:AddTagsToResource", &asked.input.resource_id)?;
    Ok(access.request_tags(pairs(&asked.input.tags)))
}

pub(crate) fn remove_tags(_: &Ssm, asked: &Asked<'_, api::RemoveTagsFromResourceRequest>) -> Answer {
    let access = on(asked, "ssm:RemoveTagsFromResource", &asked.input.resource_id)?;
    Ok(access.when("aws:TagKeys", &asked.input.tag_keys))
}

pub(crate) fn list_tags(_: &Ssm, asked: &Asked<'_, api::ListTagsForResourceRequest>) -> Answer {
    on(asked, "ssm:ListTagsForResource", &asked.input.resource_id)
}
