//! Where interpreters are on hosts: `PATH`, the folders of package systems, and those of version managers. Gives
//! places to ask, runs nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Family;
use super::name::Version;

/// Folders of version managers and of the system, `~` for the user's home; `*` stands for one name.
fn places(family: Family) -> &'static [&'static str] {
    match family {
        Family::Node => &[
            "/usr/bin/node*",
            "/usr/local/bin/node*",
            "/usr/lib/nodejs*/bin/node",
            "/usr/local/lib/nodejs/*/bin/node",
            "/usr/local/n/versions/node/*/bin/node",
            "/opt/node*/bin/node",
            "/opt/nodejs/*/bin/node",
            "/opt/homebrew/opt/node*/bin/node",
            "~/.nvm/versions/node/*/bin/node",
            "~/.local/share/fnm/node-versions/*/installation/bin/node",
            "~/.local/share/mise/installs/node/*/bin/node",
            "~/.asdf/installs/nodejs/*/bin/node",
            "~/.volta/tools/image/node/*/bin/node",
        ],
        Family::Python => &[
            "/usr/bin/python3*",
            "/usr/local/bin/python3*",
            "/opt/python*/bin/python3",
            "/opt/python/*/bin/python3",
            "/opt/homebrew/opt/python@*/bin/python3*",
            "~/.pyenv/versions/*/bin/python",
            "~/.local/share/uv/python/*/bin/python3",
            "~/.local/share/mise/installs/python/*/bin/python3",
            "~/.asdf/installs/python/*/bin/python3",
        ],
        Family::Ruby => &[
            "/usr/bin/ruby*",
            "/usr/local/bin/ruby*",
            "/opt/rubies/*/bin/ruby",
            "/opt/homebrew/opt/ruby*/bin/ruby",
            "~/.rbenv/versions/*/bin/ruby",
            "~/.rvm/rubies/*/bin/ruby",
            "~/.local/share/mise/installs/ruby/*/bin/ruby",
            "~/.asdf/installs/ruby/*/bin/ruby",
        ],
        Family::Java => &[
            "/usr/lib/jvm/*/bin/java",
            "/opt/java/*/bin/java",
            "/opt/jdk*/bin/java",
            "/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java",
            "~/.sdkman/candidates/java/*/bin/java",
            "~/.local/share/mise/installs/java/*/bin/java",
            "~/.asdf/installs/java/*/bin/java",
        ],
        Family::Dotnet | Family::Provided => &[],
    }
}

/// Variables that name a folder with an interpreter.
fn homes(family: Family) -> &'static [(&'static str, &'static str)] {
    match family {
        Family::Java => &[("JAVA_HOME", "bin/java")],
        Family::Python => &[("VIRTUAL_ENV", "bin/python"), ("PYENV_ROOT", "versions/*/bin/python")],
        Family::Node => &[("NVM_DIR", "versions/node/*/bin/node")],
        Family::Ruby | Family::Dotnet | Family::Provided => &[],
    }
}

/// Files that may be interpreters of `family`, the likeliest for `wanted` first, none twice.
pub(super) fn candidates(family: Family, wanted: Option<Version>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut add = |path: PathBuf| {
        if is_program(family, &path) && !found.contains(&path) {
            found.push(path);
        }
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for name in names(family, wanted) {
        folders.iter().for_each(|folder| add(folder.join(&name)));
    }
    for (variable, rest) in homes(family) {
        if let Some(home) = std::env::var_os(variable).filter(|home| !home.is_empty()) {
            expand(&Path::new(&home).join(rest)).into_iter().for_each(&mut add);
        }
    }
    for place in places(family).iter().filter_map(|place| in_home(place)) {
        expand(&place).into_iter().for_each(&mut add);
    }
    if let Some(wanted) = wanted {
        // Stable: what does not say a version keeps its place after what says the right one.
        found.sort_by_key(|path| !says(family, path, wanted));
    }
    found
}

/// Folders with packages of the host's Pythons, `~` for the user's home.
const PYTHON_PACKAGES: [&str; 9] = [
    "/usr/lib/python3/dist-packages",
    "/usr/local/lib/python3*/dist-packages",
    "/usr/lib/python3*/site-packages",
    "/usr/local/lib/python3*/site-packages",
    "~/.local/lib/python3*/site-packages",
    "~/.pyenv/versions/3*/lib/python3*/site-packages",
    "~/.local/share/uv/python/*/lib/python3*/site-packages",
    "~/.local/share/mise/installs/python/*/lib/python3*/site-packages",
    "~/.asdf/installs/python/*/lib/python3*/site-packages",
];

/// Those that exist, in their order; of one place the newest Python's first.
pub(super) fn python_packages() -> Vec<PathBuf> {
    let variables = [
        ("VIRTUAL_ENV", "lib/python3*/site-packages"),
        ("PYENV_ROOT", "versions/3*/lib/python3*/site-packages"),
    ];
    let of_variables = variables.iter().filter_map(|(variable, rest)| {
        let home = std::env::var_os(variable).filter(|home| !home.is_empty())?;
        Some(Path::new(&home).join(rest))
    });
    let places = of_variables.chain(PYTHON_PACKAGES.iter().filter_map(|place| in_home(place)));
    places.flat_map(|place| expand(&place).into_iter().rev()).collect()
}

/// The place itself, `~/` taken for the user's home; nothing where there is none.
fn in_home(place: &str) -> Option<PathBuf> {
    match place.strip_prefix("~/") {
        Some(rest) => Some(PathBuf::from(std::env::var_os("HOME")?).join(rest)),
        None => Some(PathBuf::from(place)),
    }
}

/// As programs are called on `PATH`: the exact version first.
fn names(family: Family, wanted: Option<Version>) -> Vec<String> {
    let plain = family.programs().iter().map(|&name| name.to_owned());
    let exact = wanted.map(|v| match family {
        Family::Python | Family::Ruby => format!("{}{}.{}", family.name(), v.major, v.minor),
        Family::Node | Family::Java | Family::Dotnet | Family::Provided => {
            format!("{}{}", family.name(), v.major)
        }
    });
    exact.into_iter().chain(plain).collect()
}

/// Whether the path itself tells the version: `python3.11`, `versions/3.11.7`, `java-17-openjdk`.
fn says(family: Family, path: &Path, wanted: Version) -> bool {
    path.components().rev().take(4).any(|part| {
        let text = part.as_os_str().to_string_lossy();
        let digits = text.find(|c: char| c.is_ascii_digit()).map(|at| &text[at..]);
        digits.and_then(|text| Version::parse(family, text)) == Some(wanted)
    })
}

/// `python3-config` and `nodemon` are none.
fn is_program(family: Family, path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let version = |rest: &str| rest.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    family.programs().iter().any(|program| name.strip_prefix(program).is_some_and(version)) && path.is_file()
}

/// The paths that match, `*` being a part of one name. In the order of their names, newest (highest) last.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        let Some((before, after)) = part.to_str().and_then(|text| text.split_once('*')) else {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        };
        let inside = |folder: &PathBuf| {
            let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name());
            let fits = |name: &OsString| {
                name.to_str().is_some_and(|n| {
                    n.len() >= before.len() + after.len() && n.starts_with(before) && n.ends_with(after)
                })
            };
            let mut names: Vec<OsString> = names.filter(fits).collect();
            names.sort();
            names.into_iter().map(|name| folder.join(name)).collect::<Vec<_>>()
        };
        found = found.iter().flat_map(inside).collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["versions/3.11.7/bin", "versions/3.9.18/bin"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("python"), "").unwrap();
        }
        std::fs::write(folder.path().join("versions/3.9.18/bin/python-config"), "").unwrap();
        let found = expand(&folder.path().join("versions/*/bin/python*"));
        let programs: Vec<_> = found.iter().filter(|path| is_program(Family::Python, path)).collect();
        assert_eq!(found.len(), 3);
        assert_eq!(programs.len(), 2);
        assert!(says(Family::Python, programs[0], Version { major: 3, minor: 11 }));
        assert!(!says(Family::Python, programs[1], Version { major: 3, minor: 11 }));
    }
}
