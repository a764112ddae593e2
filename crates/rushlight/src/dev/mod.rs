//! Functions served from the folder in which they are written: which there are ([`template`], [`discovery`]), how a save
//! is noticed ([`watch`]) and built ([`build`]), and what `lambda` asks of it ([`live`]). Knows no request.

pub(crate) mod build;
mod discovery;
mod live;
mod template;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

pub(crate) use live::{Live, check};
pub(crate) use template::Function;
pub(crate) use watch::Watch;

/// The functions of a project and what has to be built for them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    /// With handlers as they stand after building.
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) build: Option<build::Build>,
    /// Whether the functions are those that `rushlight.toml` names, not those that were found.
    pub(crate) from_template: bool,
}

impl Project {
    /// Reads the template; without one, looks for handlers.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut functions = template::read(folder)?;
        let from_template = !functions.is_empty();
        if !from_template {
            functions = discovery::discover(folder);
        }
        let mut entries = Vec::new();
        for function in functions.values_mut() {
            let Some(source) = build::source_of(folder, &function.handler) else { continue };
            if !entries.contains(&source) {
                entries.push(source);
            }
            function.handler = format!("{}/{}", build::OUT, function.handler);
        }
        let build = if entries.is_empty() { None } else { Some(build::Build::new(folder, entries)?) };
        Ok(Self { folder: folder.to_owned(), functions, build, from_template })
    }
}
