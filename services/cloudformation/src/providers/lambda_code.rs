//! A function's code: inline source as a package, or a place in S3 that Lambda is to read.

use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use zip::write::SimpleFileOptions;

use super::{Failure, Work, text};

/// The characters that inline source may have.
const INLINE_CHARS_MAX: usize = 4 * 1_024 * 1_024;

/// Modules by which functions answer for custom resources, with AWS's names and members.
const PYTHON_RESPONSE: &str = include_str!("cfnresponse.py");
const NODE_RESPONSE: &str = include_str!("cfn-response.js");

/// The `Code` of a call, from the `Code` of a template.
pub(super) fn to_call(work: &Work) -> Result<Map<String, Value>, Failure> {
    let code = work.get("Code").and_then(Value::as_object).cloned().unwrap_or_default();
    let known = ["ZipFile", "S3Bucket", "S3Key", "S3ObjectVersion"];
    if let Some(unknown) = code.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::new(format!(
            "Properties validation failed: Code has no member {unknown} that is supported here"
        )));
    }
    if let Some(source) = code.get("ZipFile") {
        let package = package(&text(Some(source)), &work.text("Runtime"))?;
        return Ok(Map::from_iter([("ZipFile".to_owned(), STANDARD.encode(package).into())]));
    }
    Ok(code)
}

/// One file with the name that CloudFormation gives inline source.
fn package(source: &str, runtime: &str) -> Result<Vec<u8>, Failure> {
    let name = match runtime {
        _ if runtime.starts_with("nodejs") => "index.js",
        _ if runtime.starts_with("python") => "index.py",
        _ => {
            return Err(Failure::new(format!(
                "ZipFile can only be used when Runtime is set to either of nodejs, python, not {runtime}."
            )));
        }
    };
    if source.len() > INLINE_CHARS_MAX {
        return Err(Failure::new(format!("Inline source has more than {INLINE_CHARS_MAX} bytes.")));
    }
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(format!("The inline source cannot be packed: {error}"));
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // A fixed date: the same source is the same package, and so the same CodeSha256.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    // As on AWS, inline source finds the module that answers for custom resources.
    let module = match name {
        "index.py" => ("cfnresponse", "cfnresponse.py", PYTHON_RESPONSE),
        _ => ("cfn-response", "node_modules/cfn-response/index.js", NODE_RESPONSE),
    };
    let mut files = vec![(name, source)];
    files.extend(source.contains(module.0).then_some((module.1, module.2)));
    for (name, text) in files {
        archive.start_file(name, options).map_err(|error| failed(&error))?;
        archive.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    }
    Ok(archive.finish().map_err(|error| failed(&error))?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_source_is_packed_under_the_name_of_its_runtime() {
        for (runtime, name) in [("python3.12", "index.py"), ("nodejs20.x", "index.js")] {
            let bytes = package("x = 1", runtime).unwrap();
            let mut archive = zip::ZipArchive::new(Cursor::new(bytes.clone())).unwrap();
            assert_eq!(archive.by_index(0).unwrap().name().unwrap(), name);
            assert_eq!(package("x = 1", runtime).unwrap(), bytes);
        }
        for (runtime, source, name) in [
            ("python3.12", "import cfnresponse", "cfnresponse.py"),
            ("nodejs20.x", "require('cfn-response')", "node_modules/cfn-response/index.js"),
        ] {
            let mut archive = zip::ZipArchive::new(Cursor::new(package(source, runtime).unwrap())).unwrap();
            assert!(archive.by_name(name).is_ok(), "{name}");
        }
        assert!(package("x", "provided.al2023").is_err());
    }
}
