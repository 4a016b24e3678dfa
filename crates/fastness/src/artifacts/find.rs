//! Finds what a template names on this machine: code, layers, nested templates, API definitions, included texts.
//!
//! It knows the properties that `aws cloudformation package` knows, of the services that are here. What is in S3 already, or
//! comes from a function of the template, it leaves alone; it reads no file.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Place;

/// Something on this machine that a template names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// The resource that names it; none for a text that the whole template includes.
    pub(crate) logical_id: Option<String>,
    /// The property that names it, for example `CodeUri`.
    pub(crate) property: &'static str,
    /// The file or folder.
    pub(crate) path: PathBuf,
    /// What it is, and so how it is packed.
    pub(super) what: What,
    /// Where the template names it.
    pointer: String,
    form: Form,
}

/// What something is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// A function's code, with its dependencies unless a tool has built it already.
    Code { runtime: String, is_built: bool },
    /// A layer: as it lies there, or built for a runtime.
    Layer { build_for: Option<String> },
    /// A text that is taken as it is: an API's definition, an included file.
    Text,
    /// A template of its own.
    Template,
}

/// How deep templates lie in a folder of `sam build`.
const BUILDS_NEST_MAX: usize = 6;

/// How a property names what is in S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `{Bucket, Key}`.
    Pair,
    /// `{S3Bucket, S3Key}`.
    LambdaPair,
    /// `s3://bucket/key`.
    Url,
}

/// Properties that hold a path, by resource type.
const PROPERTIES: [(&str, &str, Form); 10] = [
    ("AWS::Serverless::Function", "CodeUri", Form::Pair),
    ("AWS::Lambda::Function", "Code", Form::LambdaPair),
    ("AWS::Serverless::LayerVersion", "ContentUri", Form::Pair),
    ("AWS::Lambda::LayerVersion", "Content", Form::LambdaPair),
    ("AWS::Serverless::Api", "DefinitionUri", Form::Pair),
    ("AWS::Serverless::HttpApi", "DefinitionUri", Form::Pair),
    ("AWS::Serverless::StateMachine", "DefinitionUri", Form::Pair),
    ("AWS::ApiGateway::RestApi", "BodyS3Location", Form::Pair),
    ("AWS::CloudFormation::Stack", "TemplateURL", Form::Url),
    ("AWS::Serverless::Application", "Location", Form::Url),
];

/// All that the template in `folder` names on this machine, in the template's order.
pub(crate) fn find(root: &Value, folder: &Path) -> Vec<Local> {
    let mut found = Vec::new();
    let is_built = built_by_sam(folder);
    let mut resources = Vec::new();
    declared(root.get("Resources"), "/Resources", &mut resources);
    for (pointer, id, resource) in resources {
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        for (_, property, form) in PROPERTIES.iter().filter(|(of, _, _)| *of == kind) {
            let Some(path) = path_in(root, resource, kind, property) else { continue };
            found.push(Local {
                logical_id: Some(id.to_owned()),
                property,
                path: folder.join(path),
                what: what(root, resource, kind, is_built),
                pointer: format!("{pointer}/Properties/{property}"),
                form: *form,
            });
        }
    }
    includes(root, "", None, &mut |pointer, id, location| {
        found.push(Local {
            logical_id: id.map(str::to_owned),
            property: "Location",
            path: folder.join(location),
            what: What::Text,
            pointer,
            form: Form::Url,
        });
    });
    found
}

/// What opens a loop, before the loop's name.
const LOOP: &str = "Fn::ForEach::";

/// The resources of a template, those in loops as each loop says them once, with their places and ids.
///
/// The reader bounds the depth of every document.
fn declared<'a>(section: Option<&'a Value>, at: &str, found: &mut Vec<(String, &'a str, &'a Value)>) {
    for (id, resource) in section.and_then(Value::as_object).into_iter().flatten() {
        let place = format!("{at}/{}", escaped(id));
        match resource.get(2).filter(|_| id.starts_with(LOOP)) {
            Some(body) => declared(Some(body), &format!("{place}/2"), found),
            None => found.push((place, id, resource)),
        }
    }
}

/// The path that a resource's property holds, its own or that of `Globals`.
fn path_in<'a>(root: &'a Value, resource: &'a Value, kind: &str, property: &str) -> Option<&'a str> {
    let properties = resource.get("Properties")?;
    let own = properties.get(property);
    let value = match kind {
        // A function that is an image, or whose source stands in the template, has no code here.
        "AWS::Serverless::Function" if properties.get("InlineCode").is_some() => return None,
        "AWS::Serverless::Function" | "AWS::Lambda::Function"
            if properties.get("PackageType").is_some_and(|kind| kind == "Image") =>
        {
            return None;
        }
        "AWS::Serverless::Function" => match own.or_else(|| global(root, property)) {
            None => return Some("."),
            value => value,
        },
        _ => own,
    };
    value.and_then(Value::as_str).filter(|path| is_local(path))
}

fn global<'a>(root: &'a Value, property: &str) -> Option<&'a Value> {
    root.pointer("/Globals/Function").and_then(|all| all.get(property))
}

/// What `sam build` makes is complete. It leaves a record of it beside the folder that the templates are in, or nested in.
fn built_by_sam(folder: &Path) -> bool {
    folder.ancestors().skip(1).take(BUILDS_NEST_MAX).any(|above| above.join("build.toml").is_file())
}

fn what(root: &Value, resource: &Value, kind: &str, is_built: bool) -> What {
    let metadata = |name: &str| resource.pointer(&format!("/Metadata/{name}")).and_then(Value::as_str);
    // It notes for each resource what it built, too; that note alone is found in templates that were copied from a build's.
    let is_built = is_built && metadata("SamResourceId").is_some();
    match kind {
        "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
            let own = resource.pointer("/Properties/Runtime");
            let runtime = own.or_else(|| global(root, "Runtime").filter(|_| kind.contains("Serverless")));
            let runtime = metadata("BuildMethod").or_else(|| runtime.and_then(Value::as_str));
            What::Code { runtime: runtime.unwrap_or_default().to_owned(), is_built }
        }
        "AWS::Serverless::LayerVersion" | "AWS::Lambda::LayerVersion" => {
            let build_for = metadata("BuildMethod").filter(|_| !is_built);
            What::Layer { build_for: build_for.map(str::to_owned) }
        }
        "AWS::CloudFormation::Stack" | "AWS::Serverless::Application" => What::Template,
        _ => What::Text,
    }
}

/// Tells `note` the place of every include of a local file, and the resource that it stands in.
///
/// The reader bounds the depth of every document.
fn includes(value: &Value, at: &str, id: Option<&str>, note: &mut impl FnMut(String, Option<&str>, &str)) {
    match value {
        Value::Object(members) => {
            let is_include = members.get("Name").is_some_and(|name| name == "AWS::Include");
            let location = value.pointer("/Parameters/Location").and_then(Value::as_str);
            let is_transform = at.ends_with("/Fn::Transform") || at.starts_with("/Transform");
            if let Some(location) = location.filter(|text| is_include && is_transform && is_local(text)) {
                note(format!("{at}/Parameters/Location"), id, location);
            }
            for (name, member) in members {
                let id = if at == "/Resources" { Some(name.as_str()) } else { id };
                includes(member, &format!("{at}/{}", escaped(name)), id, note);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                includes(item, &format!("{at}/{index}"), id, note);
            }
        }
        _ => {}
    }
}

/// True for a path; an address of any kind has a scheme.
fn is_local(text: &str) -> bool {
    !text.is_empty() && !text.contains("://")
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl Local {
    /// What messages call it: `Hello`, or the file where no resource names it.
    pub(crate) fn label(&self) -> String {
        self.logical_id.clone().unwrap_or_else(|| self.path.display().to_string())
    }

    /// Puts a place in S3 where the template named a path.
    pub(super) fn set(&self, root: &mut Value, Place { bucket, key }: &Place) {
        let value = match self.form {
            Form::Pair => json!({ "Bucket": bucket, "Key": key }),
            Form::LambdaPair => json!({ "S3Bucket": bucket, "S3Key": key }),
            Form::Url => format!("s3://{bucket}/{key}").into(),
        };
        let Some((parent, name)) = self.pointer.rsplit_once('/') else { return };
        if let Some(members) = root.pointer_mut(parent).and_then(Value::as_object_mut) {
            members.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use template::Document;

    use super::*;

    fn place() -> Place {
        Place { bucket: "b".to_owned(), key: "k".to_owned() }
    }

    #[test]
    fn what_lies_here_is_found_and_replaced() {
        let text = r#"
Transform: [AWS::Serverless-2016-10-31, {Name: AWS::Include, Parameters: {Location: more.yaml}}]
Globals: {Function: {Runtime: python3.12}}
Resources:
  A: {Type: AWS::Serverless::Function, Properties: {CodeUri: a/, Handler: a.h}}
  B: {Type: AWS::Lambda::Function, Properties: {Code: b, Runtime: nodejs20.x}}
  C: {Type: AWS::Serverless::Function, Properties: {CodeUri: s3://x/y}}
  D: {Type: AWS::Serverless::Function, Properties: {InlineCode: "x = 1"}}
  E: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: "x = 1"}}}
  F: {Type: AWS::DynamoDB::Table, Properties: {CodeUri: none}}
  G: {Type: AWS::Serverless::Function, Properties: {Handler: a.h}, Metadata: {SamResourceId: G}}
  L: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}, Metadata: {BuildMethod: python3.12}}
  M: {Type: AWS::Lambda::LayerVersion, Properties: {Content: m.zip}}
  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: nested/t.yaml}}
  O: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://s3.amazonaws.com/b/k"}}
  P: {Type: AWS::Serverless::Application, Properties: {Location: nested/u.yaml}}
  Q: {Type: AWS::Serverless::Application, Properties: {Location: {ApplicationId: x, SemanticVersion: 1.0.0}}}
  R: {Type: AWS::Serverless::Api, Properties: {StageName: s, DefinitionUri: api.yaml}}
  S: {Type: AWS::ApiGateway::RestApi, Properties: {BodyS3Location: api.json}}
  T: {Type: AWS::ApiGateway::RestApi, Properties: {Body: {paths: {/a/b: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: i.yaml}}}}}}}
"#;
        let mut root = Document::parse(text).unwrap().root;
        let found = find(&root, Path::new("/x"));
        let named: Vec<_> = found
            .iter()
            .map(|local| {
                (local.logical_id.as_deref().unwrap_or("-"), local.path.to_str().unwrap(), local.what.clone())
            })
            .collect();
        let code = |runtime: &str, is_built| What::Code { runtime: runtime.to_owned(), is_built };
        let layer = |build_for: Option<&str>| What::Layer { build_for: build_for.map(str::to_owned) };
        assert_eq!(
            named,
            [
                ("A", "/x/a/", code("python3.12", false)),
                ("B", "/x/b", code("nodejs20.x", false)),
                ("G", "/x/.", code("python3.12", false)),
                ("L", "/x/layer", layer(Some("python3.12"))),
                ("M", "/x/m.zip", layer(None)),
                ("N", "/x/nested/t.yaml", What::Template),
                ("P", "/x/nested/u.yaml", What::Template),
                ("R", "/x/api.yaml", What::Text),
                ("S", "/x/api.json", What::Text),
                ("-", "/x/more.yaml", What::Text),
                ("T", "/x/i.yaml", What::Text),
            ]
        );
        for local in &found {
            local.set(&mut root, &place());
        }
        let pair = json!({ "Bucket": "b", "Key": "k" });
        for (pointer, expected) in [
            ("/Resources/A/Properties/CodeUri", pair.clone()),
            ("/Resources/B/Properties/Code", json!({ "S3Bucket": "b", "S3Key": "k" })),
            ("/Resources/G/Properties/CodeUri", pair.clone()),
            ("/Resources/L/Properties/ContentUri", pair.clone()),
            ("/Resources/N/Properties/TemplateURL", json!("s3://b/k")),
            ("/Resources/P/Properties/Location", json!("s3://b/k")),
            ("/Resources/S/Properties/BodyS3Location", pair),
            ("/Transform/1/Parameters/Location", json!("s3://b/k")),
            (
                "/Resources/T/Properties/Body/paths/~1a~1b/Fn::Transform/Parameters/Location",
                json!("s3://b/k"),
            ),
        ] {
            assert_eq!(root.pointer(pointer), Some(&expected), "{pointer}");
        }
        assert_eq!(find(&root, Path::new("/x")), []);
    }

    #[test]
    fn what_loops_name_is_found_once_and_replaced_in_them() {
        let text = "Resources:\n  Fn::ForEach::Outer: [X, [a], {'Fn::ForEach::Inner': [Y, [b], {'U${X}${Y}': {Type: \
                    AWS::Lambda::Function, Properties: {Code: u, Runtime: python3.12}}}]}]\n";
        let mut root = Document::parse(text).unwrap().root;
        let found = find(&root, Path::new("/x"));
        let [local] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((local.label().as_str(), local.path.to_str().unwrap()), ("U${X}${Y}", "/x/u"));
        local.set(&mut root, &place());
        let at = "/Resources/Fn::ForEach::Outer/2/Fn::ForEach::Inner/2/U${X}${Y}/Properties/Code";
        assert_eq!(root.pointer(at), Some(&json!({ "S3Bucket": "b", "S3Key": "k" })));
    }

    #[test]
    fn what_sam_has_built_is_complete_and_what_only_says_so_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let build = folder.path().join("build/Nested");
        std::fs::create_dir_all(&build).unwrap();
        let text = "Resources:\n  G: {Type: AWS::Serverless::Function, Metadata: {SamResourceId: G}, Properties: {CodeUri: G, \
                    Runtime: python3.12}}\n  H: {Type: AWS::Serverless::Function, Properties: {CodeUri: H, Runtime: python3.12}}\n";
        let root = Document::parse(text).unwrap().root;
        let built = || {
            let found = find(&root, &build).into_iter();
            found.map(|local| matches!(local.what, What::Code { is_built: true, .. })).collect::<Vec<_>>()
        };
        assert_eq!(built(), [false, false]);
        std::fs::write(folder.path().join("build.toml"), "").unwrap();
        assert_eq!(built(), [true, false]);
    }

    #[test]
    fn functions_of_a_template_and_images_are_left_alone() {
        let text = "Resources:\n  A: {Type: AWS::Serverless::Function, Properties: {CodeUri: !Ref Where}}\n  B: {Type: \
                    AWS::Serverless::Function, Properties: {PackageType: Image}}\n  C: {Type: AWS::CloudFormation::Stack, \
                    Properties: {TemplateURL: !Sub '${Where}/x.yaml'}}\n";
        assert_eq!(find(&Document::parse(text).unwrap().root, Path::new("/x")), []);
    }
}
