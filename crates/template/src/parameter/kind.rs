//! The types of parameters: plain, AWS-specific, and those whose value is the name of a value in Parameter Store.
//!
//! Knows the names of types only: what exists in an account, and what Parameter Store holds, the caller says.

use serde_json::Value;

use crate::error::TemplateError;

/// The type whose values name parameters of Parameter Store.
pub const PARAMETER_NAME: &str = "AWS::SSM::Parameter::Name";

/// The things of AWS that a parameter can be declared to name.
const AWS: [&str; 10] = [
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
];

/// The type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterKind {
    name: String,
    list: bool,
    source: Source,
}

/// What a value of a type is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Text,
    Number,
    /// Values name things of this type in the account.
    Aws(String),
    /// The value is the name of a Parameter Store parameter, and stands for what that holds.
    Stored(Box<Source>),
}

impl ParameterKind {
    /// The name in a template.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// True where `Ref` gives a list.
    pub fn is_list(&self) -> bool {
        self.list
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn parse(parameter: &str, value: Option<&Value>) -> Result<Self, TemplateError> {
        let name = match value {
            Some(Value::String(name)) => name,
            Some(_) => {
                return Err(TemplateError::format(format_args!(
                    "Every Type member of Parameters must be a string. (parameter {parameter})"
                )));
            }
            None => {
                return Err(TemplateError::format(format_args!(
                    "Every Parameters object must contain a Type member. (parameter {parameter})"
                )));
            }
        };
        let (list, source) = read(name).ok_or_else(|| {
            TemplateError::format(format_args!("Unrecognized parameter type: {name} (parameter {parameter})"))
        })?;
        Ok(Self { name: name.clone(), list, source })
    }
}

fn read(name: &str) -> Option<(bool, Source)> {
    if let Some(held) = within(name, "AWS::SSM::Parameter::Value") {
        let (list, source) = read(held)?;
        return match source {
            // Parameter Store has no numbers, and no value there names another.
            Source::Number | Source::Stored(_) => None,
            source => Some((list, Source::Stored(source.into()))),
        };
    }
    match name {
        "String" => Some((false, Source::Text)),
        "Number" => Some((false, Source::Number)),
        "CommaDelimitedList" => Some((true, Source::Text)),
        "List<Number>" => Some((true, Source::Number)),
        "List<String>" => Some((true, Source::Text)),
        PARAMETER_NAME => Some((false, Source::Aws(name.to_owned()))),
        _ => {
            let item = within(name, "List");
            let aws = item.unwrap_or(name);
            let single_only = aws == "AWS::EC2::KeyPair::KeyName" && item.is_some();
            (AWS.contains(&aws) && !single_only).then(|| (item.is_some(), Source::Aws(aws.to_owned())))
        }
    }
}

/// `x` of `outer<x>`.
fn within<'a>(name: &'a str, outer: &str) -> Option<&'a str> {
    name.strip_prefix(outer)?.strip_prefix('<')?.strip_suffix('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_name() {
        let table = [
            ("String", Some((false, Source::Text))),
            ("List<Number>", Some((true, Source::Number))),
            ("List<AWS::EC2::Subnet::Id>", Some((true, Source::Aws("AWS::EC2::Subnet::Id".to_owned())))),
            ("AWS::SSM::Parameter::Value<String>", Some((false, Source::Stored(Source::Text.into())))),
            ("AWS::SSM::Parameter::Value<List<String>>", Some((true, Source::Stored(Source::Text.into())))),
            (
                "AWS::SSM::Parameter::Value<CommaDelimitedList>",
                Some((true, Source::Stored(Source::Text.into()))),
            ),
            (
                "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
                Some((false, Source::Stored(Source::Aws("AWS::EC2::Image::Id".to_owned()).into()))),
            ),
            ("AWS::SSM::Parameter::Value<Number>", None),
            ("AWS::SSM::Parameter::Value<AWS::SSM::Parameter::Value<String>>", None),
            ("List<AWS::EC2::KeyPair::KeyName>", None),
            ("List<String>", Some((true, Source::Text))),
            ("Text", None),
        ];
        for (name, expected) in table {
            assert_eq!(read(name), expected, "{name}");
        }
    }
}
