//! The file system that a jailed process sees: built from read-only views of the host, private /tmp, /proc and /dev;
//! and the function's code, mounted into it later. Runs as pid 1 of the jail.
//!
//! Two mount namespaces: the outer is a copy of the host's, where paths of the server mean what they mean to it; the
//! inner one is the jail's. What is mounted late is cloned in the outer one and attached in the inner one.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use rustix::thread::LinkNameSpaceType;

use super::sys::{self, Protect};
use crate::control::{Assign, Setup};
use crate::view::COMPILED_DIR;

/// Size of /tmp until a function asks for another.
const TMP_MIB_DEFAULT: u32 = 512;

/// What is most in /tmp: one file for each 4 KiB of its size.
const FILES_PER_MIB: u64 = 256;

/// Watched folders and files, and who watches: what the jail has of each is taken from what the server's user has.
const WATCHES_MAX: [(&str, &str); 2] = [("max_inotify_instances", "16"), ("max_inotify_watches", "4096")];

/// Both mount namespaces, kept until the code is mounted.
#[derive(Debug)]
pub(super) struct Root {
    outer: OwnedFd,
    inner: OwnedFd,
    tmp_mib: u32,
}

/// Builds the root over `setup.root` and moves this process into it.
pub(super) fn build(setup: &Setup) -> io::Result<Root> {
    rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    let root = setup.root.as_path();
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("tmpfs", root, "tmpfs", plain, c"mode=755,size=1m")?;
    for folder in ["etc", "proc", "dev", "tmp", "opt", "var/task", "var/runtime", "var/lang/bin"] {
        fs::create_dir_all(root.join(folder))?;
    }
    for (source, target) in &setup.binds {
        let at = inside(root, target);
        view(source, &at).map_err(|error| named(error, source))?;
    }
    for (target, name) in &setup.links {
        symlink(target, inside(root, name)).map_err(|error| named(error, name))?;
    }
    write_users(root)?;
    write_hosts(root)?;
    make_devices(root, !setup.groups.is_empty())?;
    mount_proc(&root.join("proc")).map_err(|error| named(error.into(), Path::new("/proc")))?;
    limit_watches(&root.join("proc"));
    let tmp = tmp_options(TMP_MIB_DEFAULT);
    rustix::mount::mount("tmpfs", root.join("tmp"), "tmpfs", plain, tmp.as_c_str())?;
    enter(root)
}

/// Leaves the host's view. The outer namespace stays reachable for this process through its descriptor.
fn enter(root: &Path) -> io::Result<Root> {
    let outer = open_namespace()?;
    sys::unshare_mounts()?;
    rustix::process::chdir(root)?;
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")?;
    let top = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    sys::protect_mount(top.as_fd(), Protect::ReadOnly)?;
    Ok(Root { outer, inner: open_namespace()?, tmp_mib: TMP_MIB_DEFAULT })
}

impl Root {
    /// Mounts a function's code and layers, and sizes /tmp.
    pub(super) fn assign(&mut self, assign: &Assign) -> io::Result<()> {
        rustix::thread::move_into_link_name_space(self.outer.as_fd(), Some(LinkNameSpaceType::Mount))?;
        let code = clone_tree(&assign.code_dir).map_err(|error| named(error, &assign.code_dir));
        let layers = layer_tree(&assign.layers);
        // It may have made room for another package's: then the function compiles for itself.
        let compiled = assign.compiled.as_deref().and_then(|folder| clone_tree(folder).ok());
        rustix::thread::move_into_link_name_space(self.inner.as_fd(), Some(LinkNameSpaceType::Mount))?;
        rustix::process::chdir("/")?;
        attach(&code?, Path::new("/var/task"))?;
        if let Some(layers) = layers? {
            attach(&layers, Path::new("/opt"))?;
        }
        if let Some(compiled) = compiled {
            attach(&compiled, Path::new(COMPILED_DIR))?;
        }
        if assign.tmp_mib != self.tmp_mib {
            let flags = MountFlags::NOSUID | MountFlags::NODEV;
            rustix::mount::mount_remount("/tmp", flags, tmp_options(assign.tmp_mib).as_c_str())?;
            self.tmp_mib = assign.tmp_mib;
        }
        Ok(())
    }
}

/// With the function's own processes alone: of pid 1 even the folder would tell, for it is in the host's network.
fn mount_proc(at: &Path) -> rustix::io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // Before Linux 5.8 there is no such option, and no network of a function's own either.
    rustix::mount::mount("proc", at, "proc", flags, c"hidepid=ptraceable")
        .or_else(|_| rustix::mount::mount("proc", at, "proc", flags, None))
}

/// Where the users are the jail's own; else the limits were the host's.
fn limit_watches(proc: &Path) {
    let users = fs::read_to_string(proc.join("self/uid_map")).unwrap_or_default();
    let own = !users.is_empty() && users.lines().all(|line| line.split_whitespace().nth(2) == Some("1"));
    for (name, limit) in WATCHES_MAX.iter().filter(|_| own) {
        // A kernel that does not count them for each jail has no such file.
        let _ = fs::write(proc.join("sys/user").join(name), limit);
    }
}

/// A file takes memory of the kernel's own, however little is in it.
fn tmp_options(mib: u32) -> std::ffi::CString {
    let files = u64::from(mib) * FILES_PER_MIB;
    std::ffi::CString::new(format!("mode=1777,size={mib}m,nr_inodes={files}")).unwrap_or_default()
}

fn open_namespace() -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open("/proc/self/ns/mnt", flags, Mode::empty())?)
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    let relative = path.components().filter(|c| matches!(c, Component::Normal(_)));
    root.join(relative.collect::<PathBuf>())
}

/// Shows `source` at `at`, read-only. What the host does not have is left out.
fn view(source: &Path, at: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(source) else { return Ok(()) };
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent)?;
    }
    let is_folder = source.is_dir();
    if metadata.is_symlink() && is_folder && source.parent() == Some(Path::new("/")) {
        // /lib -> usr/lib: the link does as well, for its target is shown too.
        return symlink(fs::read_link(source)?, at);
    }
    if is_folder {
        fs::create_dir_all(at)?;
    } else if source.exists() {
        fs::write(at, "")?;
    } else {
        return Ok(());
    }
    attach(&clone_tree(source)?, at)
}

/// A read-only clone of the mounts at `source`, not attached anywhere yet.
fn clone_tree(source: &Path) -> io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(CWD, source, flags)?;
    sys::protect_mount(tree.as_fd(), Protect::All)?;
    Ok(tree)
}

/// One layer as it is; several as an overlay, the last one on top.
fn layer_tree(layers: &[PathBuf]) -> io::Result<Option<OwnedFd>> {
    // Two layers may have the same content, which is kept once; an overlay refuses to have a folder twice.
    let mut from_top: Vec<&Path> = Vec::new();
    for layer in layers.iter().rev().map(PathBuf::as_path) {
        if !from_top.contains(&layer) {
            from_top.push(layer);
        }
    }
    match from_top.as_slice() {
        [] => Ok(None),
        [layer] => clone_tree(layer).map(Some).map_err(|error| named(error, layer)),
        several @ [top, ..] => {
            let lower: Vec<String> = several.iter().map(|layer| escape_overlay(layer)).collect();
            let options = std::ffi::CString::new(format!("lowerdir={}", lower.join(":")))?;
            let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
            // Over one of the folders, in this process's own copy of the host's mounts: fsconfig, which needs no place,
            // takes no text over 255 bytes, and paths soon have that together; mount takes a page.
            rustix::mount::mount("overlay", *top, "overlay", flags, options.as_c_str())?;
            let tree = clone_tree(top);
            rustix::mount::unmount(*top, UnmountFlags::DETACH)?;
            tree.map(Some).map_err(|error| named(error, top))
        }
    }
}

/// A colon would end the path, a comma the option; a backslash escapes.
fn escape_overlay(path: &Path) -> String {
    let escaped = path.display().to_string().replace('\\', "\\\\");
    escaped.replace(':', "\\:").replace(',', "\\,")
}

fn attach(tree: &OwnedFd, at: &Path) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(tree.as_fd(), "", CWD, at, flags).map_err(|error| named(error.into(), at))
}

fn write_users(root: &Path) -> io::Result<()> {
    let id = super::INNER_ID;
    fs::write(
        root.join("etc/passwd"),
        format!("root:x:0:0::/root:/sbin/nologin\nsbx_user:x:{id}:{id}::/tmp:/sbin/nologin\n"),
    )?;
    fs::write(root.join("etc/group"), format!("root:x:0:\nsbx_user:x:{id}:\n"))
}

/// The host's names, and AWS's for the environment itself.
fn write_hosts(root: &Path) -> io::Result<()> {
    let mut hosts = fs::read_to_string("/etc/hosts").unwrap_or_else(|_| "127.0.0.1 localhost\n".to_owned());
    hosts.push_str("\n127.0.0.1 sandbox.localdomain sandbox.local sandbox\n");
    fs::write(root.join("etc/hosts"), hosts)
}

/// `counted`: the kernel counts memory. A shared mapping of zeros is memory that nobody else could count.
fn make_devices(root: &Path, counted: bool) -> io::Result<()> {
    for name in
        ["null", "zero", "full", "random", "urandom"].into_iter().filter(|name| counted || *name != "zero")
    {
        let at = root.join("dev").join(name);
        fs::write(&at, "")?;
        fs::set_permissions(&at, fs::Permissions::from_mode(0o666))?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let device = rustix::mount::open_tree(CWD, Path::new("/dev").join(name), flags)?;
        attach(&device, &at)?;
    }
    for (target, name) in [
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ] {
        symlink(target, root.join("dev").join(name))?;
    }
    Ok(())
}

fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
