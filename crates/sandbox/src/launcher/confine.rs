//! What the interpreter's process takes on before it becomes the interpreter: limits, identity, no privileges, file
//! access by landlock, system calls by seccomp. Each can fail alone; what fails is named.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use rustix::process::{Gid, Resource, Rlimit, Signal, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};

use crate::report::Layer;

/// AWS gives a function 1,024 descriptors, and as many processes and threads.
const FILES_MAX: u64 = 1024;
const PROCESSES_MAX: u64 = 1024;

/// Signals that wait and timers that send them.
const SIGNALS_MAX: u64 = 1024;

/// Where and as whom the process will run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Identity {
    /// In a jail, where this user must be taken on (an ordinary user's server has only its own).
    Jailed { change_to: Option<u32> },
    /// On the host, as the server's own user.
    Host,
}

/// Who sees how much memory the function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// The kernel, all of it.
    Group,
    /// The server, from outside, and what processes have mapped alone.
    FromOutside,
}

/// Applies everything; gives what could not be.
pub(super) fn confine(
    identity: Identity,
    own_network: bool,
    counting: Counting,
) -> io::Result<Vec<(Layer, String)>> {
    let mut missing = Vec::new();
    let mut note = |layer: Layer, done: Result<(), Box<dyn Error>>| {
        if let Err(error) = done {
            missing.push((layer, error.to_string()));
        }
    };
    set_limits(identity)?;
    let jailed = matches!(identity, Identity::Jailed { .. });
    note(Layer::Privileges, drop_privileges(identity));
    // Changing the user clears this, so it comes after.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if jailed {
        note(Layer::Landlock, restrict_access(own_network));
    } else {
        note(Layer::Landlock, Err("needs the namespaces layer".into()));
    }
    note(Layer::Seccomp, restrict_calls(counting));
    Ok(missing)
}

fn set_limits(identity: Identity) -> io::Result<()> {
    let same = |n| Rlimit { current: Some(n), maximum: Some(n) };
    // Not 0: that does not keep the kernel from starting the host's own program for cores, as root and with what a function
    // chose to put into it; 1 does.
    rustix::process::setrlimit(Resource::Core, same(1))?;
    rustix::process::setrlimit(Resource::Nofile, same(FILES_MAX))?;
    rustix::process::setrlimit(Resource::Memlock, same(64 * 1024))?;
    rustix::process::setrlimit(Resource::Msgqueue, same(0))?;
    // Counted for the server's user, too.
    rustix::process::setrlimit(Resource::Sigpending, same(SIGNALS_MAX))?;
    if matches!(identity, Identity::Jailed { .. }) {
        // Counted for the jail's own user in its own user namespace; on the host it would count the server's processes.
        rustix::process::setrlimit(Resource::Nproc, same(PROCESSES_MAX))?;
    }
    Ok(())
}

fn drop_privileges(identity: Identity) -> Result<(), Box<dyn Error>> {
    if let Identity::Jailed { change_to } = identity {
        drop_bounding_set();
        if let Some(id) = change_to {
            let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
            rustix::thread::set_thread_groups(&[])?;
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        }
    }
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?;
    rustix::thread::set_no_new_privs(true)?;
    match identity {
        Identity::Jailed { .. } => Ok(()),
        Identity::Host => Err("functions run as the server's own user".into()),
    }
}

fn drop_bounding_set() {
    for capability in CapabilitySet::all().iter() {
        // A kernel may not know the newest ones.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
}

/// Gives up what pid 1 of the jail needed for mounting, and what makes it another user than the function. It stays able to
/// see every process of the function; `has_door`: also to look at its calls and to answer for other addresses in its network.
pub(super) fn drop_supervisor_privileges(identity: Option<Identity>, has_door: bool) -> io::Result<()> {
    let kept = if has_door {
        CapabilitySet::SYS_PTRACE | CapabilitySet::SYS_ADMIN | CapabilitySet::NET_BIND_SERVICE
    } else {
        CapabilitySet::SYS_PTRACE
    };
    if let Some(Identity::Jailed { change_to: Some(id) }) = identity {
        rustix::thread::set_keep_capabilities(true)?;
        let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        // The change of user clears both.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: none },
    )?;
    Ok(())
}

/// Reading everywhere in the jail's view, writing in /tmp and to the harmless devices; no signal and no abstract
/// socket to the outside.
fn restrict_access(own_network: bool) -> Result<(), Box<dyn Error>> {
    let abi = ABI::V4;
    let write_file = AccessFs::WriteFile | AccessFs::ReadFile | AccessFs::Truncate;
    let mut rules = Ruleset::default().handle_access(AccessFs::from_all(abi))?;
    if own_network {
        // The supervisor binds for the function, so that what it binds is never a socket of the host's network.
        rules = rules.handle_access(AccessNet::BindTcp)?;
    }
    let mut rules = rules
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new("/")?, AccessFs::from_read(abi)))?
        .add_rule(PathBeneath::new(PathFd::new("/tmp")?, AccessFs::from_all(abi)))?;
    let devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
    for device in devices.into_iter().filter(|device| std::path::Path::new(device).exists()) {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(device)?, write_file))?;
    }
    match rules.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Err("the kernel has no landlock".into()),
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => Ok(()),
    }
}

/// Calls that no function needs and that reach far into the kernel.
const DENIED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_migrate_pages,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Doors to the processor's tables and ports.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[libc::c_long] = &[libc::SYS_ioperm, libc::SYS_iopl, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[libc::c_long] = &[];

/// Calls that programs try and do without when the kernel does not have them. `clone3` is among them because its
/// flags cannot be seen by a filter: the C library then uses `clone`; `io_setup` because the host has so many contexts
/// and no more, for all users together.
const ABSENT: &[libc::c_long] = &[
    libc::SYS_clone3,
    libc::SYS_io_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
];

/// Make memory that no process need have mapped, so that only the kernel could count it.
const UNCOUNTED: &[libc::c_long] =
    &[libc::SYS_memfd_create, libc::SYS_memfd_secret, libc::SYS_msgget, libc::SYS_semget, libc::SYS_shmget];

/// Pages of a shared mapping stay where they are when a process lets go of them, as long as it keeps any of them.
const SHARED_AND_NAMELESS: libc::c_int = libc::MAP_SHARED | libc::MAP_ANONYMOUS;

/// The first call that is newer than these lists (Linux 6.14 has the one before): nobody has judged it and those after it.
/// The x32 numbering of all calls, which must not be a way around, is far above.
const UNJUDGED: u32 = 467;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn restrict_calls(counting: Counting) -> Result<(), Box<dyn Error>> {
    let mut denied: Rules = DENIED.iter().chain(DENIED_HERE).map(|&call| (call, Vec::new())).collect();
    denied.insert(libc::SYS_clone, clone_rules()?);
    denied.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![is_given(0)?, is_given(2)?])?]);
    denied.insert(libc::SYS_socket, socket_rules()?);
    denied.insert(
        libc::SYS_socketpair,
        vec![SeccompRule::new(vec![family(SeccompCmpOp::Ne, libc::AF_UNIX)?])?],
    );
    let mut absent: Rules = ABSENT.iter().map(|&call| (call, Vec::new())).collect();
    if counting == Counting::FromOutside {
        absent.extend(UNCOUNTED.iter().map(|&call| (call, Vec::new())));
        absent.insert(libc::SYS_mmap, vec![SeccompRule::new(vec![has_flag(3, SHARED_AND_NAMELESS)?])?]);
    }
    absent.insert(libc::SYS_close_range, vec![SeccompRule::new(vec![has_flag(2, CLOSE_RANGE_UNSHARE)?])?]);
    for (rules, errno) in [(absent, libc::ENOSYS), (denied, libc::EPERM)] {
        let refuse = SeccompAction::Errno(errno.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, target_arch()?)?;
        let program: BpfProgram = filter.try_into()?;
        seccompiler::apply_filter(&program)?;
    }
    seccompiler::apply_filter(&KNOWN_CALLS)?;
    Ok(())
}

/// Every call from [`UNJUDGED`] on is as unknown as it is to an older kernel. Of other architectures the filters before
/// let none pass.
const KNOWN_CALLS: [sock_filter; 4] = [
    // The number is what the record begins with.
    sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k: 0 },
    sock_filter { code: (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16, jt: 0, jf: 1, k: UNJUDGED },
    sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned(),
    },
    sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW },
];

fn target_arch() -> Result<TargetArch, Box<dyn Error>> {
    Ok(TargetArch::try_from(std::env::consts::ARCH)?)
}

/// Not 0. Of `prlimit64`: a process by its number, which may be the supervisor, the same user; and a new limit.
fn is_given(argument: u8) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)
}

/// Makes descriptors of its own for the thread that calls.
const CLOSE_RANGE_UNSHARE: libc::c_int = 2;

/// `clone` with any flag that makes a namespace, or a thread with descriptors of its own: the supervisor, asked about a
/// descriptor of the one, would look at the other's.
fn clone_rules() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let flags = [
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
    ];
    let rule = |flag: libc::c_int| SeccompRule::new(vec![has_flag(0, flag)?]);
    let mut rules = flags.into_iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let mask = u64::from((libc::CLONE_THREAD | libc::CLONE_FILES).unsigned_abs());
    let alone = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let masked = SeccompCmpOp::MaskedEq(mask);
    rules.push(SeccompRule::new(vec![SeccompCondition::new(0, SeccompCmpArgLen::Qword, masked, alone)?])?);
    Ok(rules)
}

fn has_flag(argument: u8, flag: libc::c_int) -> Result<SeccompCondition, seccompiler::BackendError> {
    let flag = u64::from(flag.unsigned_abs());
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flag), flag)
}

fn family(
    compared: SeccompCmpOp,
    family: libc::c_int,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, compared, u64::from(family.unsigned_abs()))
}

/// Of the address families only those that programs need (unix, internet, routes), for each of the others is a door
/// into the kernel; and of the internet's transports only TCP and UDP.
fn socket_rules() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    use SeccompCmpOp::{Eq, Gt, Lt, MaskedEq, Ne};

    let kind = |mask: u64, kind: u64| SeccompCondition::new(1, SeccompCmpArgLen::Dword, MaskedEq(mask), kind);
    let other_than = |protocol: libc::c_int| {
        SeccompCondition::new(2, SeccompCmpArgLen::Dword, Ne, u64::from(protocol.unsigned_abs()))
    };
    let mut rules = vec![
        SeccompRule::new(vec![family(Gt, libc::AF_INET)?, family(Lt, libc::AF_INET6)?])?,
        SeccompRule::new(vec![family(Gt, libc::AF_INET6)?, family(Ne, libc::AF_NETLINK)?])?,
        SeccompRule::new(vec![family(Eq, libc::AF_NETLINK)?, other_than(libc::NETLINK_ROUTE)?])?,
    ];
    for internet in [libc::AF_INET, libc::AF_INET6] {
        // Of the four bits of a kind: 1 is a stream, 2 are datagrams.
        for (mask, closed) in [(0xf, 0), (3, 3), (4, 4), (8, 8)] {
            rules.push(SeccompRule::new(vec![family(Eq, internet)?, kind(mask, closed)?])?);
        }
        for (open, protocol) in [(1, libc::IPPROTO_TCP), (2, libc::IPPROTO_UDP)] {
            rules.push(SeccompRule::new(vec![
                family(Eq, internet)?,
                kind(0xf, open)?,
                other_than(0)?,
                other_than(protocol)?,
            ])?);
        }
    }
    Ok(rules)
}
