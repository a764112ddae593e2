//! What the compiler does not check about the tree: the arrows between crates, the header of every file, names that
//! are not used here, and that every operation served is told of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::{command, root};

/// Every Rust source file that people write, with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for top in ["bench", "crates", "fuzz", "xtask"] {
        walk(&root().join(top), &mut files);
    }
    assert!(files.len() > 30, "the walk found only {} files", files.len());
    files
}

fn walk(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            walk(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
}

fn crate_arrows() -> BTreeMap<String, BTreeSet<String>> {
    let output = command("", "cargo metadata --format-version 1 --no-deps --offline").output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let inside = |package: &&Value| package["manifest_path"].as_str().unwrap().contains("/crates/");
    let packages: Vec<&Value> = packages.iter().filter(inside).collect();
    let ours: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap().to_owned(), arrows(package, &ours)))
        .collect()
}

/// The crates of ours that `package` uses other than in its tests.
fn arrows(package: &Value, ours: &BTreeSet<&str>) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    let used = dependencies.filter(|d| d["kind"].as_str() != Some("dev"));
    used.filter_map(|d| d["name"].as_str()).filter(|name| ours.contains(name)).map(str::to_owned).collect()
}

/// The code map of ARCHITECTURE.md: `| `crate` | what | may know |`, where "all" allows everything.
fn code_map() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let known = cells[2].split(',').map(|name| name.trim().trim_matches('`').to_owned());
        (cells[0].trim_matches('`').to_owned(), known.filter(|name| name != "-").collect())
    })
    .collect()
}

#[test]
fn the_code_map_is_what_cargo_says() {
    let (map, arrows) = (code_map(), crate_arrows());
    assert_eq!(
        map.keys().collect::<Vec<_>>(),
        arrows.keys().collect::<Vec<_>>(),
        "ARCHITECTURE.md lists other crates than there are"
    );
    for (name, known) in &map {
        if known.contains("all") {
            continue;
        }
        assert_eq!(known, &arrows[name], "what `{name}` may know, in ARCHITECTURE.md and in its Cargo.toml");
    }
}

#[test]
fn every_file_says_what_it_is() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//! ") || text.starts_with("// @generated"),
            "{} has no header",
            path.display()
        );
    }
}

#[test]
fn no_file_is_a_drawer() {
    for (path, _) in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        for word in ["helper", "util", "common", "misc", "manager", "legacy"] {
            assert!(!stem.contains(word), "{} says nothing of what it holds", path.display());
        }
    }
}

#[test]
fn unsafe_code_is_in_the_sandbox_alone() {
    let word = ["unsafe", " {"].concat();
    for (path, text) in sources() {
        let inside = path.starts_with(root().join("crates/sandbox"));
        assert!(inside || !text.contains(&word), "{} has unsafe code", path.display());
    }
}

/// The text of all tests: the crates' own and the official clients'.
fn test_text() -> String {
    let mut text = String::new();
    let mut folders = vec![root().join("crates"), root().join("conformance")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let skipped = ["node_modules", ".venv", "target", "api"].iter().any(|name| path.ends_with(name));
            if path.is_dir() && !skipped {
                folders.push(path);
            } else if path
                .components()
                .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "conformance")
            {
                text += &fs::read_to_string(&path).unwrap_or_default();
            }
        }
    }
    text
}

/// `PutItem` as boto3 and Rust name it.
fn in_snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[test]
fn every_operation_served_is_tested() {
    let served = fs::read_to_string(root().join("codegen/served.toml")).unwrap();
    let served: toml::Table = served.parse().unwrap();
    let tests = test_text();
    let untested: Vec<String> = served
        .iter()
        .filter_map(|(service, names)| Some((service, names.as_array()?)))
        .flat_map(|(service, names)| names.iter().filter_map(move |name| Some((service, name.as_str()?))))
        .filter(|(_, name)| !tests.contains(*name) && !tests.contains(&in_snake_case(name)))
        .map(|(service, name)| format!("{service}: {name}"))
        .collect();
    assert!(untested.is_empty(), "served, and no test names them: {untested:#?}");
}
