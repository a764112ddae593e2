//! Whether a package uses the AWS SDK that the runtime brings: what decides which process its environments get. A guess
//! by the text of its files; being wrong costs milliseconds and nothing else. Synchronous file work; knows no zip.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A deployment shall not wait for more than this being read; a handler stands near the top.
const READ_BYTES_MAX: u64 = 8 << 20;

/// What names the SDK in JavaScript, and in Python.
const NODE_WORDS: [&str; 3] = ["'@aws-sdk/", "\"@aws-sdk/", "`@aws-sdk/"];
const PYTHON_WORDS: [&str; 4] = ["import boto3", "from boto3", "import botocore", "from botocore"];

/// What boto3 loads: a package with one of them wants its own.
const PYTHON_LIBRARIES: [&str; 14] = [
    "awscrt",
    "boto3",
    "botocore",
    "brotli",
    "brotli.py",
    "brotlicffi",
    "certifi",
    "dateutil",
    "jmespath",
    "s3transfer",
    "six.py",
    "socks.py",
    "urllib3",
    "zstandard",
];

/// Whether the code in `folder` names the SDK and does not bring it.
pub(crate) fn uses_runtimes_sdk(folder: &Path) -> bool {
    // No link is followed: it leads where it does in the jail, not here.
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let modules = folder.join("node_modules");
    let node = is_folder(&modules) && modules.join("@aws-sdk").symlink_metadata().is_ok();
    let python = PYTHON_LIBRARIES.iter().any(|name| folder.join(name).symlink_metadata().is_ok());
    let mut left = READ_BYTES_MAX;
    let mut folders = VecDeque::from([folder.to_owned()]);
    while let Some(next) = folders.pop_front() {
        for path in entries(&next) {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() && !is_of_others(&path) {
                folders.push_back(path);
            } else if metadata.is_file()
                && let Some(words) = words(&path, node, python)
            {
                let Some(rest) = left.checked_sub(metadata.len()) else { return false };
                left = rest;
                if names(&path, words) {
                    return true;
                }
            }
        }
    }
    false
}

/// In the order of their names, so that the answer depends on the package alone.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    paths
}

/// What installers put there; a library that uses the SDK is used by code that rarely names it, and not worth the
/// reading of all libraries.
fn is_of_others(folder: &Path) -> bool {
    let name = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name == "node_modules" || name.ends_with(".dist-info")
}

fn words(file: &Path, brings_node: bool, brings_python: bool) -> Option<&'static [&'static str]> {
    match file.extension()?.to_str()? {
        "js" | "mjs" | "cjs" if !brings_node => Some(&NODE_WORDS),
        "py" if !brings_python => Some(&PYTHON_WORDS),
        _ => None,
    }
}

fn names(file: &Path, words: &[&str]) -> bool {
    let mut text = Vec::new();
    let read = File::open(file).and_then(|mut file| file.read_to_end(&mut text));
    read.is_ok() && words.iter().any(|word| memchr::memmem::find(&text, word.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_is_found_by_its_name() {
        let require = "const { S3 } = require('@aws-sdk/client-s3')";
        for (files, uses) in [
            (&[("index.js", require)][..], true),
            (&[("src/deep/index.mjs", "import d from \"@aws-sdk/client-dynamodb\"")], true),
            (&[("index.js", "exports.handler = e => e // @aws-sdk")], false),
            (&[("index.js", require), ("node_modules/@aws-sdk/client-s3/index.js", "")], false),
            (&[("index.js", ""), ("node_modules/x/index.js", require)], false),
            (&[("index.py", "import json\nimport boto3\n")], true),
            (&[("index.py", "import boto3"), ("boto3/__init__.py", "")], false),
            (&[("index.py", "import boto3"), ("urllib3/__init__.py", "")], false),
            (&[("data.txt", "import boto3")], false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let file = folder.path().join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            assert_eq!(uses_runtimes_sdk(folder.path()), uses, "{files:?}");
        }
    }
}
