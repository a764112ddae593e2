//! Groups of processes whose memory and number the kernel limits: cgroup v2 where its controllers are handed down to
//! this process, else v1, else none. Knows folders and files of cgroup file systems; no jail and no environment.
//!
//! One folder for each process, below one of this server's beneath the group that the server itself is in, so that
//! whatever limits the server limits its functions with it. It holds the launcher and all that comes of it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Begins the names of servers' folders; the server's process id follows.
const PREFIX: &str = "rushlight-";

/// How long a group is waited for whose processes are ending.
const REMOVE_TRIES: u32 = 50;
const REMOVE_PAUSE: Duration = Duration::from_millis(20);

/// A hierarchy and what is done in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    V1Memory,
    V1Pids,
    V1Cpu,
    V2,
}

/// What a group may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupLimits {
    /// Everything of the group that stays in memory, its files in /tmp included.
    pub(crate) memory_bytes: u64,
    /// Processes and threads.
    pub(crate) tasks: u64,
    /// Its part of the processors while others want them too; one that nobody else wants is its own.
    pub(crate) cpu_mib: u32,
}

/// The server's own folders, one in each hierarchy. Dropping removes them if no group is left.
#[derive(Debug)]
pub(crate) struct Cgroups {
    places: Vec<(Kind, PathBuf)>,
    made: AtomicU32,
}

/// The group of one process. [`Group::remove`] ends it.
#[derive(Debug)]
pub(crate) struct Group {
    folders: Vec<(Kind, PathBuf)>,
}

impl Cgroups {
    /// Makes the server's folders and removes those of servers that have gone; or says why there can be none.
    pub(crate) fn find() -> Result<Self, String> {
        let read = |name: &str| fs::read_to_string(name).map_err(|error| format!("{name}: {error}"));
        Self::find_in(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?)
    }

    fn find_in(mounts: &str, own: &str) -> Result<Self, String> {
        let candidates = [v2_place(mounts, own).map(|place| vec![place]), v1_places(mounts, own)];
        let mut reasons = Vec::new();
        for candidate in candidates {
            match candidate.and_then(|bases| Self::settle(&bases)) {
                Ok(cgroups) => return Ok(cgroups),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join("; "))
    }

    fn settle(bases: &[(Kind, PathBuf)]) -> Result<Self, String> {
        static SERVERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("{PREFIX}{}-{}", std::process::id(), SERVERS.fetch_add(1, Ordering::Relaxed));
        let mut cgroups = Self { places: Vec::new(), made: AtomicU32::new(0) };
        for (kind, base) in bases {
            sweep(base);
            let folder = base.join(&name);
            fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            cgroups.places.push((*kind, folder.clone()));
            let _ = share(*kind, &folder, all_functions_mib());
            if *kind == Kind::V2 {
                // What is limited below must be handed down.
                write(&folder, "cgroup.subtree_control", "+memory +pids")
                    .map_err(|error| format!("{}: {error}", folder.display()))?;
                let _ = write(&folder, "cgroup.subtree_control", "+cpu");
            }
        }
        Ok(cgroups)
    }

    /// An empty group without limits.
    pub(crate) fn make(&self) -> io::Result<Group> {
        let name = self.made.fetch_add(1, Ordering::Relaxed).to_string();
        let mut group = Group { folders: Vec::with_capacity(self.places.len()) };
        for (kind, place) in &self.places {
            let folder = place.join(&name);
            if let Err(error) = fs::create_dir(&folder) {
                group.try_remove();
                return Err(error);
            }
            // Until it has a function it has no more than the smallest.
            let _ = share(*kind, &folder, SMALLEST_MIB);
            group.folders.push((*kind, folder));
        }
        Ok(group)
    }

    /// Whether all groups have gone, and with them now the server's folders.
    pub(crate) fn try_remove(&self) -> bool {
        self.places.iter().all(|(_, folder)| is_gone(fs::remove_dir(folder)))
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        self.try_remove();
    }
}

impl Group {
    /// The files to which a process writes `0` to enter.
    pub(crate) fn doors(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|(_, folder)| folder.join("cgroup.procs")).collect()
    }

    pub(crate) fn limit(&self, limits: GroupLimits) -> io::Result<()> {
        let (memory, tasks) = (limits.memory_bytes.to_string(), limits.tasks.to_string());
        for (kind, folder) in &self.folders {
            // Without it functions share as threads of one program do.
            let _ = share(*kind, folder, limits.cpu_mib);
            match kind {
                Kind::V1Cpu => {}
                Kind::V1Pids => write(folder, "pids.max", &tasks)?,
                Kind::V1Memory => {
                    write(folder, "memory.limit_in_bytes", &memory)?;
                    // Not there without swap accounting; the same limit again means: no swap.
                    let _ = write(folder, "memory.memsw.limit_in_bytes", &memory);
                }
                Kind::V2 => {
                    write(folder, "memory.max", &memory)?;
                    write(folder, "pids.max", &tasks)?;
                    let _ = write(folder, "memory.swap.max", "0");
                    // A function without one of its processes is not that function any more.
                    let _ = write(folder, "memory.oom.group", "1");
                }
            }
        }
        Ok(())
    }

    /// Whether the kernel has killed a process of the group for its memory.
    pub(crate) fn has_run_out(&self) -> bool {
        self.folders.iter().any(|(kind, folder)| {
            let name = match kind {
                Kind::V1Memory => "memory.oom_control",
                Kind::V2 => "memory.events",
                Kind::V1Pids | Kind::V1Cpu => return false,
            };
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
        })
    }

    /// Removes the folders once every process has gone, which is waited for, for a second at most.
    pub(crate) async fn remove(self) {
        for _ in 0..REMOVE_TRIES {
            if self.try_remove() {
                return;
            }
            tokio::time::sleep(REMOVE_PAUSE).await;
        }
        tracing::warn!(folders = ?self.folders, "a control group is still in use; the next start removes it");
    }

    fn try_remove(&self) -> bool {
        // Not `all`: each goes as soon as it can.
        self.folders.iter().filter(|(_, folder)| !is_gone(fs::remove_dir(folder))).count() == 0
    }
}

fn is_gone(removed: io::Result<()>) -> bool {
    removed.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
}

/// A function of this memory has one whole processor on AWS; others in proportion.
const ONE_PROCESSOR_MIB: u64 = 1769;
const SMALLEST_MIB: u32 = 128;

/// All functions together weigh as much as four programs on every processor: more than the server's own threads, for
/// each of them alone weighed as much as one before they had groups, and not so much that it cannot answer.
fn all_functions_mib() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    u32::try_from(4 * processors * ONE_PROCESSOR_MIB).unwrap_or(u32::MAX)
}

/// The weight of a group beside others, not a limit: a limit of 128 MB's part would make every cold start as slow.
fn share(kind: Kind, folder: &Path, mib: u32) -> io::Result<()> {
    let of = |ordinary: u64| (ordinary * u64::from(mib) / ONE_PROCESSOR_MIB).to_string();
    match kind {
        Kind::V1Cpu => write(folder, "cpu.shares", &of(1024)),
        // 1 to 10,000.
        Kind::V2 => write(folder, "cpu.weight", &of(100)),
        Kind::V1Memory | Kind::V1Pids => Ok(()),
    }
}

/// Without creating, which `fs::write` would try where a controller is missing.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    File::options().write(true).open(folder.join(name))?.write_all(text.as_bytes())
}

/// Removes what a killed server has left: its processes have ended with it, its folders have not.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let pid = rest.split('-').next().unwrap_or_default();
        let is_pid = !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
        if !is_pid || Path::new("/proc").join(pid).exists() {
            continue;
        }
        let within = fs::read_dir(entry.path()).into_iter().flatten().flatten();
        for group in within.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let _ = fs::remove_dir(group.path());
        }
        let _ = fs::remove_dir(entry.path());
    }
}

/// The nearest group at or above the server's own that hands memory and pids down and takes new ones.
fn v2_place(mounts: &str, own: &str) -> Result<(Kind, PathBuf), String> {
    let mount = Mount::find(mounts, |m| m.kind == "cgroup2").ok_or("cgroup v2 is not mounted")?;
    let inside = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let own = mount.folder(inside);
    vacate(&own);
    for folder in own.ancestors().take_while(|folder| folder.starts_with(&mount.at)) {
        let mut handed = String::new();
        let read =
            File::open(folder.join("cgroup.subtree_control")).and_then(|mut f| f.read_to_string(&mut handed));
        let has = |name| handed.split_whitespace().any(|controller| controller == name);
        if read.is_ok() && has("memory") && has("pids") && is_writable(folder) {
            return Ok((Kind::V2, folder.to_owned()));
        }
    }
    Err("cgroup v2 hands down no writable group with memory and pids".to_owned())
}

/// A group with processes hands nothing down. One that holds this server alone (a systemd service with Delegate=yes)
/// can: the server steps into a group of its own beneath it.
fn vacate(own: &Path) {
    let read = |name: &str| fs::read_to_string(own.join(name)).unwrap_or_default();
    let offered = read("cgroup.controllers");
    let offers = |name| offered.split_whitespace().any(|controller| controller == name);
    let alone = read("cgroup.procs").trim() == std::process::id().to_string();
    if alone && offers("memory") && offers("pids") && is_writable(own) {
        let beneath = own.join("server");
        let moved = fs::create_dir_all(&beneath).and_then(|()| write(&beneath, "cgroup.procs", "0"));
        // What fails here shows in what the group hands down.
        let _ = moved.and_then(|()| write(own, "cgroup.subtree_control", "+memory +pids"));
        let _ = write(own, "cgroup.subtree_control", "+cpu");
    }
}

fn v1_places(mounts: &str, own: &str) -> Result<Vec<(Kind, PathBuf)>, String> {
    let place = |kind: Kind, controller: &str| {
        let missing = || format!("cgroup v1 has no {controller} controller");
        let named = |list: &str| list.split(',').any(|name| name == controller);
        let mount = Mount::find(mounts, |m| m.kind == "cgroup" && named(m.options)).ok_or_else(missing)?;
        let inside = own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            named(controllers).then_some(path)
        });
        let folder = mount.folder(inside.ok_or_else(missing)?);
        if is_writable(&folder) {
            Ok((kind, folder))
        } else {
            Err(format!("{} is not writable", folder.display()))
        }
    };
    let mut places = vec![place(Kind::V1Memory, "memory")?, place(Kind::V1Pids, "pids")?];
    places.extend(place(Kind::V1Cpu, "cpu").ok());
    Ok(places)
}

fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

/// A line of mountinfo (proc(5)).
struct Mount<'a> {
    /// The folder of the file system that is mounted.
    root: &'a str,
    at: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn find(mounts: &'a str, wanted: impl Fn(&Self) -> bool) -> Option<Self> {
        mounts.lines().filter_map(Self::parse).find(wanted)
    }

    fn parse(line: &'a str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, at) = (mount.next()?, mount.next()?);
        let mut file_system = file_system.split(' ');
        let (kind, options) = (file_system.next()?, file_system.nth(1)?);
        Some(Self { root, at: PathBuf::from(at), kind, options })
    }

    /// Where the group `inside` of the hierarchy is seen.
    fn folder(&self, inside: &str) -> PathBuf {
        let seen = Path::new(inside).strip_prefix(self.root).unwrap_or(Path::new(""));
        let normal = seen.components().filter(|part| matches!(part, Component::Normal(_)));
        self.at.join(normal.collect::<PathBuf>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that looks like a cgroup file system; nothing in it has an effect.
    fn world(files: &[(&str, &str)]) -> tempfile::TempDir {
        let world = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = world.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        world
    }

    #[test]
    fn the_nearest_group_that_hands_down_is_taken() {
        let handed = "cpu memory pids\n";
        for (files, own, found) in [
            (
                vec![("own/leaf/cgroup.subtree_control", ""), ("own/cgroup.subtree_control", handed)],
                "/own/leaf",
                Some("own"),
            ),
            (vec![("own/leaf/cgroup.subtree_control", handed)], "/own/leaf", Some("own/leaf")),
            (
                vec![("own/leaf/cgroup.subtree_control", "memory\n"), ("cgroup.subtree_control", handed)],
                "/own/leaf",
                Some(""),
            ),
            (vec![("own/leaf/cgroup.subtree_control", "")], "/own/leaf", None),
            (vec![("cgroup.subtree_control", handed)], "/../../elsewhere", Some("")),
        ] {
            let world = world(&files);
            let at = world.path().display();
            let mounts = format!(
                "1 2 0:1 / /proc rw - proc proc rw\n30 23 0:26 / {at} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
            );
            let place = v2_place(&mounts, &format!("0::{own}\n")).ok();
            assert_eq!(
                place,
                found.map(|f| (Kind::V2, world.path().join(f).components().collect())),
                "{files:?}"
            );
        }
    }

    #[test]
    fn v1_is_found_where_a_container_shows_it() {
        let world = world(&[("memory/sub/x", ""), ("pids/x", "")]);
        let at = world.path().display();
        let mounts = format!(
            "31 25 0:28 /docker/abc {at}/memory rw - cgroup cgroup rw,memory\n32 25 0:29 / {at}/pids rw - cgroup cgroup rw,pids\n"
        );
        let own = "4:memory:/docker/abc/sub\n8:pids:/\n";
        let places = v1_places(&mounts, own).unwrap();
        let expected =
            [(Kind::V1Memory, world.path().join("memory/sub")), (Kind::V1Pids, world.path().join("pids"))];
        assert_eq!(places, expected);
        let missing = v1_places(&mounts, "8:pids:/\n").unwrap_err();
        assert_eq!(missing, "cgroup v1 has no memory controller");
        let none = Cgroups::find_in("", "").unwrap_err();
        assert_eq!(none, "cgroup v2 is not mounted; cgroup v1 has no memory controller");
    }

    #[test]
    fn leftovers_of_servers_that_have_gone_are_swept() {
        let alive = format!("rushlight-{}-0/0", std::process::id());
        // No process id is as large.
        for (name, stays) in
            [("rushlight-99999999-0/7", false), (&*alive, true), ("rushlight-x/7", true), ("other/7", true)]
        {
            let world = tempfile::tempdir().unwrap();
            fs::create_dir_all(world.path().join(name)).unwrap();
            sweep(world.path());
            assert_eq!(world.path().join(name).exists(), stays, "{name}");
            assert_eq!(fs::read_dir(world.path()).unwrap().count(), usize::from(stays), "{name}");
        }
    }
}
