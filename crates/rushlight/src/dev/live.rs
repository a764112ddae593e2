//! The folders that functions are served from while they are written: watched, and built where they have to be.
//! What `lambda` asks before each invocation.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use ports::{BoxFuture, LiveFolders};
use tokio::sync::Mutex;

use super::watch::Watch;
use super::{Project, build};

/// Of a folder's mode: everybody may list and search it.
const OTHERS_READ: u32 = 0o005;

#[derive(Debug, Default)]
pub(crate) struct Live {
    folders: RwLock<HashMap<PathBuf, Arc<Mutex<Folder>>>>,
    /// Ports of debuggers by function.
    inspected: RwLock<HashMap<String, u16>>,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    watch: Watch,
    generation: u64,
    /// Whether it is built before it is run.
    is_project: bool,
    /// Of the last build; what it was not yet told of is built at the next question.
    built: Result<(), String>,
    stale: bool,
}

impl Folder {
    fn new(path: &Path) -> Result<Self, String> {
        let watch = Watch::new(path).map_err(|error| error.to_string())?;
        Ok(Self {
            path: path.to_owned(),
            watch,
            generation: 0,
            is_project: false,
            built: Ok(()),
            stale: true,
        })
    }

    async fn refresh(&mut self) -> Result<u64, String> {
        let changed = self.watch.has_changed().map_err(|error| error.to_string())?;
        if changed || self.stale {
            self.generation += 1;
            // A build that is given up in the middle is begun again by the next question.
            self.stale = true;
            if self.is_project {
                self.built = built(&self.path).await;
            }
            self.stale = false;
        }
        self.built.clone().map(|()| self.generation)
    }
}

impl Live {
    /// From now on what has to be built of `folder` is, whenever it has changed.
    pub(crate) async fn build(&self, folder: &Path) -> Result<(), String> {
        let folder = self.folder(folder)?;
        let mut folder = folder.lock().await;
        if !folder.is_project {
            folder.is_project = true;
            folder.stale = true;
        }
        Ok(())
    }

    /// The debugger of `function` listens on `port`.
    pub(crate) fn inspect(&self, function: &str, port: u16) {
        self.inspected.write().unwrap_or_else(PoisonError::into_inner).insert(function.to_owned(), port);
    }

    fn folder(&self, path: &Path) -> Result<Arc<Mutex<Folder>>, String> {
        if let Some(folder) = self.folders.read().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Arc::clone(folder));
        }
        let mut folders = self.folders.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folders.get(path) {
            return Ok(Arc::clone(folder));
        }
        let folder = Arc::new(Mutex::new(Folder::new(path)?));
        folders.insert(path.to_owned(), Arc::clone(&folder));
        Ok(folder)
    }
}

/// Builds what the project needs as it is now. What that is must be read anew each time: in the middle of a save a
/// source is empty and looks like none, and who knew it from that moment would not build the rest of the save.
async fn built(folder: &Path) -> Result<(), String> {
    let project = Project::read(folder).map_err(|error| format!("{error:#}"))?;
    match project.build {
        Some(build) => build.run().await,
        None => build::clear(folder),
    }
}

impl LiveFolders for Live {
    fn generation<'a>(&'a self, folder: &'a Path) -> BoxFuture<'a, Result<u64, String>> {
        Box::pin(async move {
            check(folder)?;
            let folder = self.folder(folder)?;
            let mut folder = folder.lock().await;
            folder.refresh().await
        })
    }

    fn inspect_port(&self, function: &str) -> Option<u16> {
        self.inspected.read().unwrap_or_else(PoisonError::into_inner).get(function).copied()
    }
}

/// Whether functions can be served from `folder`.
pub(crate) fn check(folder: &Path) -> Result<(), String> {
    let shown = folder.display();
    let Some(found) = std::fs::metadata(folder).ok().filter(Metadata::is_dir) else {
        return Err(format!("the folder {shown} is not there"));
    };
    // A server that is root runs functions as users of their own.
    if rustix::process::geteuid().is_root() && found.mode() & OTHERS_READ != OTHERS_READ {
        return Err(format!(
            "functions run as another user than root, who may not read {shown}: chmod o+rx {shown}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn half_a_save_hides_nothing_of_the_other_half() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("node_modules/.bin")).unwrap();
        std::fs::write(at("node_modules/.bin/tsc"), "#!/bin/sh\ncp a.ts .rushlight/next/a.js\n").unwrap();
        std::fs::set_permissions(at("node_modules/.bin/tsc"), std::fs::Permissions::from_mode(0o755))
            .unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let live = Live::default();
        live.build(folder.path()).await.unwrap();
        for (text, built) in [
            ("export const handler = 1", Some("export const handler = 1")),
            ("", None),
            ("export const handler = 2", Some("export const handler = 2")),
        ] {
            std::fs::write(at("a.ts"), text).unwrap();
            live.generation(folder.path()).await.unwrap();
            assert_eq!(std::fs::read_to_string(at(build::OUT).join("a.js")).ok().as_deref(), built);
        }
    }

    #[tokio::test]
    async fn a_generation_lasts_until_something_is_saved() {
        let folder = tempfile::tempdir().unwrap();
        let mode =
            |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let live = Live::default();
        mode(0o700);
        let private = live.generation(folder.path()).await;
        assert_eq!(private.is_err(), rustix::process::geteuid().is_root(), "{private:?}");
        mode(0o755);
        let first = live.generation(folder.path()).await.unwrap();
        assert_eq!(live.generation(folder.path()).await, Ok(first));
        std::fs::write(folder.path().join("a.js"), "1").unwrap();
        let second = live.generation(folder.path()).await.unwrap();
        assert_ne!(second, first);
        assert_eq!(live.generation(folder.path()).await, Ok(second));
        let gone = folder.path().to_owned();
        drop(folder);
        assert!(live.generation(&gone).await.unwrap_err().contains("is not there"));
    }
}
