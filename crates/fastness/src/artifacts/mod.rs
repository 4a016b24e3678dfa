//! Packs what a template names on this machine, and puts it where the platform reads it: what `sam build` and
//! `aws cloudformation package` do, for `up` and `deploy`.
//!
//! It replaces paths in the template by places in S3, and changes nothing else: the template itself is the platform's to judge.
//! A place is named by what lies there, so that what did not change is the same.

mod build;
mod find;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use template::Document;
use template::limits::DOCUMENT_BYTES_MAX;

use crate::Error;
use crate::install::Install;
use build::Build;
use find::What;
pub(crate) use find::{Local, find};

/// Where something is for the platform to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

/// Where what was packed is put.
pub(crate) trait Shelf {
    /// Puts `bytes` where the platform reads them; `extension` is `zip` for packages.
    ///
    /// # Errors
    /// It cannot be put there, or the caller may not.
    fn put(&self, bytes: Vec<u8>, extension: &str) -> Result<Place, Error>;
}

/// A file's name by its content: the same bytes have the same name.
pub(crate) fn key_of(bytes: &[u8], extension: &str) -> String {
    format!("{}.{extension}", hex::encode(crypto::sha256(bytes)))
}

/// Templates in templates in templates: what CloudFormation takes, too.
const NESTING_MAX: usize = 5;

/// What was packed already, and where it is.
#[derive(Clone, Default)]
pub(crate) struct Packed(HashMap<(PathBuf, What), Place>);

impl Packed {
    /// Forgets what is at these paths, and every template: what stands in it may have changed.
    pub(crate) fn forget(&mut self, changed: &[PathBuf]) {
        self.0.retain(|(path, what), _| *what != What::Template && !changed.contains(path));
    }
}

/// Packs and puts; what several resources name is packed once.
pub(crate) struct Packer<'a> {
    shelf: &'a dyn Shelf,
    /// Installed dependencies are kept here; no package holds any of it.
    data_dir: &'a Path,
    /// Installs them.
    installer: &'a dyn Install,
    /// Is told what is being packed.
    tell: &'a dyn Fn(&str),
    packed: RefCell<Packed>,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(
        shelf: &'a dyn Shelf,
        data_dir: &'a Path,
        installer: &'a dyn Install,
        tell: &'a dyn Fn(&str),
    ) -> Self {
        Self { shelf, data_dir, installer, tell, packed: RefCell::default() }
    }

    /// The same, sparing what was packed before and has not changed.
    pub(crate) fn knowing(self, packed: Packed) -> Self {
        Self { packed: RefCell::new(packed), ..self }
    }

    /// What is packed now.
    pub(crate) fn into_packed(self) -> Packed {
        self.packed.into_inner()
    }

    /// Packs all that the template in `file` names on this machine, and names its places in `document`.
    ///
    /// # Errors
    /// Something is not there or cannot be built or put: with the line of the template that names it.
    pub(crate) fn pack(&self, document: &mut Document, file: &Path) -> Result<(), Error> {
        self.pack_at(document, file, 0)
    }

    fn pack_at(&self, document: &mut Document, file: &Path, depth: usize) -> Result<(), Error> {
        if depth > NESTING_MAX {
            return Err(format!("{}: templates nest more than {NESTING_MAX} deep", file.display()).into());
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        for local in find(&document.root, folder) {
            let place = self.place_of(&local, depth).map_err(|error| {
                let line = local.logical_id.as_ref().and_then(|id| document.line(&format!("Resources/{id}")));
                let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
                format!("{}{line}: {}", file.display(), base::Chain(error.as_ref()))
            })?;
            local.set(&mut document.root, &place);
        }
        Ok(())
    }

    fn place_of(&self, local: &Local, depth: usize) -> Result<Place, Error> {
        let known = (local.path.clone(), local.what.clone());
        if let Some(place) = self.packed.borrow().0.get(&known) {
            return Ok(place.clone());
        }
        if !local.path.exists() {
            let (property, path, label) = (local.property, local.path.display(), local.label());
            return Err(format!(
                "Parameter {property} of resource {label} refers to a file or folder that does not exist: `{path}`"
            )
            .into());
        }
        (self.tell)(&format!("packaging {}", local.label()));
        let (bytes, extension) = match &local.what {
            What::Template => (self.template(&local.path, depth)?, "template"),
            What::Text => (read(&local.path, DOCUMENT_BYTES_MAX as u64)?, "text"),
            What::Code { .. } | What::Layer { .. } if local.path.is_file() => {
                (build::of_file(&local.path)?, "zip")
            }
            What::Code { runtime, is_built } => (self.built(local, runtime, !is_built, "")?, "zip"),
            What::Layer { build_for: None } => (self.built(local, "", false, "")?, "zip"),
            What::Layer { build_for: Some(runtime) } => {
                let prefix = if runtime.starts_with("python") { "python" } else { "nodejs" };
                (self.built(local, runtime, true, prefix)?, "zip")
            }
        };
        let place = self.shelf.put(bytes, extension)?;
        self.packed.borrow_mut().0.insert(known, place.clone());
        Ok(place)
    }

    fn built(&self, local: &Local, runtime: &str, installs: bool, prefix: &str) -> Result<Vec<u8>, Error> {
        let (cache, installer, tell) = (self.data_dir, self.installer, self.tell);
        let built = build::package(&local.path, Build { runtime, installs, prefix, cache, installer, tell });
        Ok(built.map_err(|error| format!("{} cannot be packaged: {}", local.label(), base::Chain(&error)))?)
    }

    /// A nested template with its own places.
    fn template(&self, file: &Path, depth: usize) -> Result<Vec<u8>, Error> {
        let mut document = parse(file)?;
        self.pack_at(&mut document, file, depth + 1)?;
        Ok(document.root.to_string().into_bytes())
    }
}

/// Reads a template.
///
/// # Errors
/// It cannot be read, is too long, or is no template.
pub(crate) fn parse(file: &Path) -> Result<Document, Error> {
    let unreadable =
        |error: &dyn std::fmt::Display| format!("cannot read the template `{}`: {error}", file.display());
    let bytes = read(file, DOCUMENT_BYTES_MAX as u64).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| unreadable(&error))?;
    Document::parse(&text).map_err(|error| format!("{}: {error}", file.display()).into())
}

/// Every file and folder that the template, and those in it, name here: for whoever watches them.
pub(crate) fn watched(root: &serde_json::Value, file: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    watch_at(root, file, 0, &mut paths);
    paths
}

fn watch_at(root: &serde_json::Value, file: &Path, depth: usize, paths: &mut Vec<PathBuf>) {
    for local in find(root, file.parent().unwrap_or(Path::new("."))) {
        paths.push(local.path.clone());
        // What cannot be read now is told when it is deployed.
        if local.what == What::Template
            && depth < NESTING_MAX
            && let Ok(nested) = parse(&local.path)
        {
            watch_at(&nested.root, &local.path, depth + 1, paths);
        }
    }
}

fn read(file: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(std::io::Error::other(format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::install::OnHost;

    #[derive(Default)]
    struct Heap(RefCell<HashMap<String, Vec<u8>>>);

    impl Shelf for Heap {
        fn put(&self, bytes: Vec<u8>, extension: &str) -> Result<Place, Error> {
            let key = key_of(&bytes, extension);
            self.0.borrow_mut().insert(key.clone(), bytes);
            Ok(Place { bucket: "b".to_owned(), key })
        }
    }

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn templates_are_packed_from_the_inside_and_shared_code_once() {
        let folder = tempfile::tempdir().unwrap();
        let function = |name: &str, code: &str| {
            format!(
                "  {name}: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: {code}, Runtime: provided.al2023}}}}\n"
            )
        };
        let outer = format!(
            "Resources:\n{}{}  N: {{Type: AWS::Serverless::Application, Properties: {{Location: in/t.yaml}}}}\n",
            function("A", "code"),
            function("B", "code")
        );
        let nested = format!("Resources:\n{}", function("C", "../code"));
        write(folder.path(), &[("t.yaml", &outer), ("in/t.yaml", &nested), ("code/x", "1")]);
        let (heap, told) = (Heap::default(), RefCell::new(Vec::new()));
        let tell = |step: &str| told.borrow_mut().push(step.to_owned());
        let data = folder.path().join("data");
        let file = folder.path().join("t.yaml");
        let mut document = parse(&file).unwrap();
        let packer = Packer::new(&heap, &data, &OnHost, &tell);
        packer.pack(&mut document, &file).unwrap();
        let mut packed = packer.into_packed();
        let root = &document.root;
        let key = root.pointer("/Resources/A/Properties/CodeUri/Key").unwrap();
        assert_eq!(root.pointer("/Resources/B/Properties/CodeUri/Key"), Some(key));
        let url = root.pointer("/Resources/N/Properties/Location").unwrap().as_str().unwrap();
        let inner = heap.0.borrow()[url.strip_prefix("s3://b/").unwrap()].clone();
        let inner: serde_json::Value = serde_json::from_slice(&inner).unwrap();
        assert_eq!(inner.pointer("/Resources/C/Properties/CodeUri/Key"), Some(key));
        assert_eq!(*told.borrow(), ["packaging A", "packaging N", "packaging C"]);
        // What has not changed is not packed again; a template is, for what is in it.
        packed.forget(&[]);
        told.borrow_mut().clear();
        Packer::new(&heap, &data, &OnHost, &tell)
            .knowing(packed)
            .pack(&mut parse(&file).unwrap(), &file)
            .unwrap();
        assert_eq!(*told.borrow(), ["packaging N"]);
        let watched = watched(&parse(&file).unwrap().root, &file);
        assert!(watched.contains(&folder.path().join("in/t.yaml")), "{watched:?}");
        assert!(watched.contains(&folder.path().join("in/../code")), "{watched:?}");
    }

    #[test]
    fn what_is_not_there_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[(
                "t.yaml",
                "Resources:\n  A:\n    Type: AWS::Lambda::Function\n    Properties: {Code: nope}\n",
            )],
        );
        let file = folder.path().join("t.yaml");
        let mut document = parse(&file).unwrap();
        let (heap, data) = (Heap::default(), folder.path().join("data"));
        let error =
            Packer::new(&heap, &data, &OnHost, &|_| ()).pack(&mut document, &file).unwrap_err().to_string();
        assert!(error.contains("t.yaml, line 2: Parameter Code of resource A refers to a file"), "{error}");
    }

    #[test]
    fn a_template_in_itself_ends() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[(
                "t.yaml",
                "Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: t.yaml}}\n",
            )],
        );
        let file = folder.path().join("t.yaml");
        let mut document = parse(&file).unwrap();
        let (heap, data) = (Heap::default(), folder.path().join("data"));
        let error =
            Packer::new(&heap, &data, &OnHost, &|_| ()).pack(&mut document, &file).unwrap_err().to_string();
        assert!(error.contains("more than 5 deep"), "{error}");
        assert_eq!(watched(&document.root, &file).len(), 6);
    }
}
