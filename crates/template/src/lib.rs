//! CloudFormation and SAM templates: parse, transform, plan. Pure.
