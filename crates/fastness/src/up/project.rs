//! A template on disk: its document, its stack name, and the functions whose code lies beside it.
//!
//! It replaces local code paths by packages, and changes nothing else: the template itself is the platform's to judge.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use template::Document;

use crate::Error;

/// What `up` deploys.
pub(crate) struct Project {
    /// The template's file.
    pub(crate) template: PathBuf,
    /// The folder that relative code paths start from.
    pub(crate) folder: PathBuf,
    /// The stack's name.
    pub(crate) stack_name: String,
}

/// A function whose code is a folder or file on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalFunction {
    /// Its logical id.
    pub(crate) logical_id: String,
    /// Its code.
    pub(crate) code: PathBuf,
    /// Its runtime, from its own properties or `Globals`.
    pub(crate) runtime: String,
    property: &'static str,
    is_serverless: bool,
}

const NAMES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];

impl Project {
    /// Finds the template that a command line names.
    pub(crate) fn find(named: &Path, stack_name: Option<&str>) -> Result<Self, Error> {
        let template = if named.is_dir() {
            let found = NAMES.iter().map(|name| named.join(name)).find(|path| path.is_file());
            found.ok_or_else(|| format!("`{}` holds no {}", named.display(), NAMES.join(", ")))?
        } else {
            named.to_owned()
        };
        let template = template
            .canonicalize()
            .map_err(|error| format!("cannot read the template `{}`: {error}", named.display()))?;
        let folder = template.parent().map(Path::to_owned).unwrap_or_default();
        let stack_name = stack_name.map_or_else(|| stack_name_of(&folder), str::to_owned);
        Ok(Self { template, folder, stack_name })
    }

    /// Reads the template as it is now.
    pub(crate) fn read(&self) -> Result<Document, Error> {
        let unreadable = |error| format!("cannot read the template `{}`: {error}", self.template.display());
        let text = std::fs::read_to_string(&self.template).map_err(unreadable)?;
        Document::parse(&text).map_err(|error| format!("{}: {error}", self.template.display()).into())
    }

    /// The functions whose code lies on this machine.
    pub(crate) fn local_functions(&self, document: &Document) -> Vec<LocalFunction> {
        let global = |name: &str| document.root.pointer("/Globals/Function").and_then(|all| all.get(name));
        let Some(resources) = document.root.get("Resources").and_then(Value::as_object) else {
            return Vec::new();
        };
        let local = resources.iter().filter_map(|(logical_id, resource)| {
            let properties = resource.get("Properties")?;
            let (property, is_serverless) = match resource.get("Type")?.as_str()? {
                "AWS::Serverless::Function" if properties.get("InlineCode").is_some() => return None,
                // A function that is an image has no code here.
                _ if properties.get("PackageType").is_some_and(|kind| kind == "Image") => return None,
                "AWS::Serverless::Function" => ("CodeUri", true),
                "AWS::Lambda::Function" => ("Code", false),
                _ => return None,
            };
            let code = properties.get(property).or_else(|| global(property).filter(|_| is_serverless));
            let code = match code {
                None if is_serverless => ".",
                Some(Value::String(path)) if !path.starts_with("s3://") => path,
                _ => return None,
            };
            let runtime = properties.get("Runtime").or_else(|| global("Runtime").filter(|_| is_serverless));
            Some(LocalFunction {
                logical_id: logical_id.clone(),
                code: self.folder.join(code),
                runtime: runtime.and_then(Value::as_str).unwrap_or_default().to_owned(),
                property,
                is_serverless,
            })
        });
        local.collect()
    }
}

impl LocalFunction {
    /// Puts a package in the place of this function's local path.
    pub(crate) fn set_package(&self, document: &mut Value, bucket: &str, key: &str) {
        let packaged = if self.is_serverless {
            json!({"Bucket": bucket, "Key": key})
        } else {
            json!({"S3Bucket": bucket, "S3Key": key})
        };
        if let Some(properties) = document
            .pointer_mut(&format!("/Resources/{}/Properties", self.logical_id))
            .and_then(Value::as_object_mut)
        {
            properties.insert(self.property.to_owned(), packaged);
        }
    }
}

/// The folder's name as CloudFormation allows it: letters, digits and hyphens, a letter first.
fn stack_name_of(folder: &Path) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(100).collect();
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        format!("stack-{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_code_is_found_and_replaced() {
        let text = r#"
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.12}}
Resources:
  A: {Type: AWS::Serverless::Function, Properties: {CodeUri: a/, Handler: a.h}}
  B: {Type: AWS::Lambda::Function, Properties: {Code: b, Runtime: nodejs20.x}}
  C: {Type: AWS::Serverless::Function, Properties: {CodeUri: s3://x/y}}
  D: {Type: AWS::Serverless::Function, Properties: {InlineCode: "x = 1"}}
  E: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: "x = 1"}}}
  F: {Type: AWS::DynamoDB::Table, Properties: {}}
"#;
        let project =
            Project { template: "/x/t.yaml".into(), folder: "/x".into(), stack_name: String::new() };
        let mut document = Document::parse(text).unwrap();
        let found = project.local_functions(&document);
        let named: Vec<_> = found
            .iter()
            .map(|f| (f.logical_id.as_str(), f.code.to_str().unwrap(), f.runtime.as_str()))
            .collect();
        assert_eq!(named, [("A", "/x/a/", "python3.12"), ("B", "/x/b", "nodejs20.x")]);
        for function in &found {
            function.set_package(&mut document.root, "bucket", "key");
        }
        let a = &document.root["Resources"]["A"]["Properties"]["CodeUri"];
        assert_eq!(*a, json!({"Bucket": "bucket", "Key": "key"}));
        let b = &document.root["Resources"]["B"]["Properties"]["Code"];
        assert_eq!(*b, json!({"S3Bucket": "bucket", "S3Key": "key"}));
    }

    #[test]
    fn stack_names_follow_the_folder() {
        for (folder, name) in
            [("/x/orders", "orders"), ("/x/my app", "my-app"), ("/x/1st", "stack-1st"), ("/", "stack-")]
        {
            assert_eq!(stack_name_of(Path::new(folder)), name);
        }
    }
}
