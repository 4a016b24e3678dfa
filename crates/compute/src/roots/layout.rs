//! An OCI image layout on the disk: which blobs make the image of this machine, each checked against its digest.
//!
//! Follows no reference out of the layout and fetches nothing.
//! <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ImportError;

/// The largest index, manifest or configuration.
const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The most layers of an image.
const LAYERS_MAX: usize = 128;
/// Indexes within indexes.
const INDEXES_MAX: usize = 3;

const INDEX_TYPES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const MANIFEST_TYPES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// What a blob is.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<Platform>,
}

#[derive(Debug, Clone, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    config: Process,
}

/// What the image says of its process.
#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Process {
    #[serde(default, rename = "Env")]
    pub(super) variables: Option<Vec<String>>,
    #[serde(default, rename = "Entrypoint")]
    pub(super) entrypoint: Option<Vec<String>>,
}

/// An image: its layers, the lowest first, and its process.
pub(super) struct Image {
    pub(super) layers: Vec<Layer>,
    pub(super) process: Process,
    /// The manifest's digest.
    pub(super) digest: String,
}

/// A layer's blob, which has the digest that the manifest says.
pub(super) struct Layer {
    file: File,
    is_compressed: bool,
}

impl Layer {
    /// The layer's tar file, from its beginning.
    pub(super) fn open(&self) -> Result<Box<dyn Read>, ImportError> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let file = io::BufReader::with_capacity(64 * 1024, file);
        Ok(if self.is_compressed {
            Box::new(flate2::read::MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        })
    }
}

fn bad(why: impl Into<String>) -> ImportError {
    ImportError::Layout(why.into())
}

/// True where a folder is an OCI image layout.
pub(super) fn is_layout(folder: &Path) -> bool {
    folder.join("oci-layout").is_file() && folder.join("index.json").is_file()
}

/// The image of this machine's architecture.
pub(super) fn read(folder: &Path, architecture: &str) -> Result<Image, ImportError> {
    let blobs = Blobs(folder.join("blobs"));
    let mut index: Index = document(&bytes_of(&folder.join("index.json"))?)?;
    let mut digest = None;
    for _ in 0..INDEXES_MAX {
        let chosen = choose(&index.manifests, architecture)?;
        let bytes = blobs.document(chosen)?;
        if INDEX_TYPES.contains(&chosen.media_type.as_str()) {
            index = document(&bytes)?;
        } else {
            digest = Some((chosen.digest.clone(), bytes));
            break;
        }
    }
    let (digest, bytes) = digest.ok_or_else(|| bad("its indexes have no end"))?;
    let manifest: Manifest = document(&bytes)?;
    let configuration: Configuration = document(&blobs.document(&manifest.config)?)?;
    if !configuration.architecture.is_empty() && configuration.architecture != architecture {
        return Err(bad(format!(
            "the image is for {}, this machine is {architecture}",
            configuration.architecture
        )));
    }
    if manifest.layers.len() > LAYERS_MAX {
        return Err(bad(format!("the image has more than {LAYERS_MAX} layers")));
    }
    let layers = manifest.layers.iter().map(|layer| blobs.layer(layer)).collect::<Result<_, _>>()?;
    Ok(Image { layers, process: configuration.config, digest })
}

/// The one manifest, or the one for this machine.
fn choose<'m>(manifests: &'m [Descriptor], architecture: &str) -> Result<&'m Descriptor, ImportError> {
    let known = |one: &&Descriptor| {
        let kind = one.media_type.as_str();
        kind.is_empty() || INDEX_TYPES.contains(&kind) || MANIFEST_TYPES.contains(&kind)
    };
    let mut fitting = manifests.iter().filter(known).filter(|one| {
        one.platform.as_ref().is_none_or(|own| own.os == "linux" && own.architecture == architecture)
    });
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(bad(format!("it has no image for linux/{architecture}"))),
        (Some(_), Some(_)) => Err(bad("it has more than one image for this machine")),
    }
}

fn document<D: DeserializeOwned>(bytes: &[u8]) -> Result<D, ImportError> {
    serde_json::from_slice(bytes).map_err(|error| bad(format!("a document cannot be read: {error}")))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    let length = File::open(path)?.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if length as u64 > DOCUMENT_BYTES_MAX { Err(bad("a document is too large")) } else { Ok(bytes) }
}

/// The folder of blobs.
struct Blobs(PathBuf);

impl Blobs {
    // SECURITY: a digest becomes a path: it is 64 hexadecimal digits and nothing else.
    fn path<'d>(&self, descriptor: &'d Descriptor) -> Result<(PathBuf, &'d str), ImportError> {
        let of = || {
            bad(format!("a digest that is not SHA-256: {}", super::tarball::printable(&descriptor.digest)))
        };
        let digits = descriptor.digest.strip_prefix("sha256:").ok_or_else(of)?;
        let is_digest =
            digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_digest { Ok((self.0.join("sha256").join(digits), digits)) } else { Err(of()) }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ImportError> {
        let (path, digits) = self.path(descriptor)?;
        let bytes = bytes_of(&path)?;
        if bytes.len() as u64 != descriptor.size || crate::hex(&crypto::sha256(&bytes)) != *digits {
            return Err(bad(format!("blob {digits} is not what its digest says")));
        }
        Ok(bytes)
    }

    fn layer(&self, descriptor: &Descriptor) -> Result<Layer, ImportError> {
        let (path, digits) = self.path(descriptor)?;
        let kind = descriptor.media_type.as_str();
        let is_compressed = match kind {
            _ if kind.ends_with(".tar+gzip") || kind.ends_with(".tar.gzip") => true,
            _ if kind.ends_with(".tar") => false,
            _ => return Err(bad(format!("a layer of a kind that cannot be read here: {kind}"))),
        };
        let file = File::open(path)?;
        if file.metadata()?.len() != descriptor.size || digest_of(&file)? != *digits {
            return Err(bad(format!("blob {digits} is not what its digest says")));
        }
        Ok(Layer { file, is_compressed })
    }
}

fn digest_of(mut file: &File) -> Result<String, ImportError> {
    let mut digest = crypto::Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        digest.update(bytes);
    }
    Ok(crate::hex(&digest.finish()))
}
