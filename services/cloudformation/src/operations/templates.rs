//! Shows, summarises and validates templates.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;
use service::{Call, Permit};
use template::Template;
use template::parameter::Given;

use super::{body, find};
use crate::CloudFormation;
use crate::api;
use crate::error::{Error, no_stack_with_id};
use crate::included::Included;
use crate::model;
use crate::prepare::{self, Parsed};
use crate::records::Content;
use crate::stacks as records;

type State = Arc<CloudFormation>;

pub(crate) async fn get(_: State, permit: Permit<api::GetTemplate>) -> Result<api::GetTemplateOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let Some(name) = &input.stack_name else {
        return Err(Error::Validation("StackName is a required parameter.".to_owned()));
    };
    let stack = find(&view, &call, name)?.ok_or_else(|| no_stack_with_id(name))?;
    let content = match &input.change_set_name {
        None => stack.content,
        Some(set) => {
            let missing = || Error::ChangeSetNotFound(format!("ChangeSet [{set}] does not exist"));
            records::change_set(&view, &stack.id, set)?.ok_or_else(missing)?.content
        }
    };
    let template_body = Some(match input.template_stage.as_deref() {
        Some("Processed") => content.processed,
        _ => content.template,
    });
    let stages_available = Some(vec!["Original".to_owned(), "Processed".to_owned()]);
    Ok(api::GetTemplateOutput { template_body, stages_available })
}

/// Parameters without values: the transform may still look at defaults.
async fn parse(call: &Call, text: &str, is_new: bool) -> Result<Parsed, Error> {
    let none: IndexMap<String, Given> = IndexMap::new();
    let pseudo = prepare::pseudo(call.account().as_str(), call.region().as_str(), "", "");
    let included = Included::of(call, text, &none, &IndexMap::new(), &pseudo).await?;
    prepare::parse(text, &pseudo, &none, &IndexMap::new(), &included, call.now(), is_new)
}

fn capabilities(template: &Template) -> (Option<Vec<String>>, Option<String>) {
    let (needed, kinds) = model::capabilities(template);
    let reason =
        needed.map(|_| format!("The following resource(s) require capabilities: [{}]", kinds.join(", ")));
    (needed.map(|needed| vec![needed.to_owned()]), reason)
}

pub(crate) async fn validate(
    _: State,
    permit: Permit<api::ValidateTemplate>,
) -> Result<api::ValidateTemplateOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let text = body(&call, input.template_body.as_ref(), input.template_url.as_ref(), None).await?;
    let parsed = parse(&call, &text, true).await?;
    parsed.template.check_references()?;
    prepare::check_types(&parsed.template, call.pipeline())?;
    let parameters = parsed.template.parameters.iter().map(|(key, parameter)| api::TemplateParameter {
        parameter_key: Some(key.clone()),
        default_value: parameter.default.clone(),
        no_echo: Some(parameter.no_echo),
        description: parameter.description.clone(),
    });
    let (capabilities, capabilities_reason) = capabilities(&parsed.template);
    Ok(api::ValidateTemplateOutput {
        parameters: Some(parameters.collect()),
        description: parsed.template.description.clone(),
        capabilities,
        capabilities_reason,
        declared_transforms: (!parsed.transforms.is_empty()).then_some(parsed.transforms),
    })
}

pub(crate) async fn summary(
    _: State,
    permit: Permit<api::GetTemplateSummary>,
) -> Result<api::GetTemplateSummaryOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    super::refuse(&[("StackSetName", input.stack_set_name.is_some())])?;
    let stored: Option<Content> = match &input.stack_name {
        Some(name) => {
            let stack = find(&call.view()?, &call, name)?.ok_or_else(|| no_stack_with_id(name))?;
            if stack.status == model::status::REVIEW_IN_PROGRESS {
                let message = "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.";
                return Err(Error::Validation(message.to_owned()));
            }
            Some(stack.content)
        }
        None => None,
    };
    let previous = stored.as_ref().map(|content| content.template.as_str());
    let text = body(&call, input.template_body.as_ref(), input.template_url.as_ref(), previous).await?;
    let is_new = input.template_body.is_some() || input.template_url.is_some();
    let parsed = parse(&call, &text, is_new).await?;
    let template = &parsed.template;
    let parameters = template.parameters.iter().map(|(key, parameter)| api::ParameterDeclaration {
        parameter_key: Some(key.clone()),
        default_value: parameter.default.clone(),
        parameter_type: Some(parameter.kind.as_str().to_owned()),
        no_echo: Some(parameter.no_echo),
        description: parameter.description.clone(),
        parameter_constraints: Some(api::ParameterConstraints {
            allowed_values: Some(parameter.allowed_values().to_vec()).filter(|values| !values.is_empty()),
        }),
    });
    let mut kinds: Vec<String> = template.resources.values().map(|resource| resource.kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    let (capabilities, capabilities_reason) = capabilities(template);
    let version = parsed.processed.get("AWSTemplateFormatVersion").and_then(Value::as_str).map(str::to_owned);
    Ok(api::GetTemplateSummaryOutput {
        parameters: Some(parameters.collect()),
        description: template.description.clone(),
        capabilities,
        capabilities_reason,
        resource_types: Some(kinds),
        version,
        metadata: template.metadata.as_ref().map(Value::to_string),
        declared_transforms: (!parsed.transforms.is_empty()).then_some(parsed.transforms.clone()),
        ..api::GetTemplateSummaryOutput::default()
    })
}
