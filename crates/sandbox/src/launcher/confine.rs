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
    TargetArch,
};

use crate::report::Layer;

/// AWS gives a function 1,024 descriptors, and as many processes and threads.
const FILES_MAX: u64 = 1024;
const PROCESSES_MAX: u64 = 1024;

/// Where and as whom the process will run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Identity {
    /// In a jail, where this user must be taken on (an ordinary user's server has only its own).
    Jailed { change_to: Option<u32> },
    /// On the host, as the server's own user.
    Host,
}

/// Applies everything; gives what could not be.
pub(super) fn confine(identity: Identity, own_network: bool) -> io::Result<Vec<(Layer, String)>> {
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
    note(Layer::Seccomp, restrict_calls());
    Ok(missing)
}

fn set_limits(identity: Identity) -> io::Result<()> {
    let same = |n| Rlimit { current: Some(n), maximum: Some(n) };
    rustix::process::setrlimit(Resource::Core, same(0))?;
    rustix::process::setrlimit(Resource::Nofile, same(FILES_MAX))?;
    rustix::process::setrlimit(Resource::Memlock, same(64 * 1024))?;
    rustix::process::setrlimit(Resource::Msgqueue, same(0))?;
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

/// Gives up what pid 1 of the jail needed for mounting, and what makes it another user than the function. `has_door`:
/// it stays able to look at the function's calls and to answer for other addresses in the function's network.
pub(super) fn drop_supervisor_privileges(identity: Option<Identity>, has_door: bool) -> io::Result<()> {
    let kept = if has_door {
        CapabilitySet::SYS_PTRACE | CapabilitySet::SYS_ADMIN | CapabilitySet::NET_BIND_SERVICE
    } else {
        CapabilitySet::empty()
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
    for device in ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"] {
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
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
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

/// Calls that programs try and do without when the kernel does not have them. `clone3` is among them because its
/// flags cannot be seen by a filter: the C library then uses `clone`.
const ABSENT: &[libc::c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_enter, libc::SYS_io_uring_register, libc::SYS_io_uring_setup];

/// Bit of the x32 numbering of the same calls, which must not be a way around.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn restrict_calls() -> Result<(), Box<dyn Error>> {
    let mut denied: Rules = DENIED.iter().map(|&call| (call, Vec::new())).collect();
    denied.insert(libc::SYS_clone, clone_rules()?);
    denied.insert(libc::SYS_socket, socket_rules()?);
    let absent: Rules = ABSENT.iter().map(|&call| (call, Vec::new())).collect();
    for (rules, errno) in [(absent, libc::ENOSYS), (denied, libc::EPERM)] {
        let refuse = SeccompAction::Errno(errno.unsigned_abs());
        let filter =
            SeccompFilter::new(with_other_numbers(rules), SeccompAction::Allow, refuse, target_arch()?)?;
        let program: BpfProgram = filter.try_into()?;
        seccompiler::apply_filter(&program)?;
    }
    Ok(())
}

#[cfg(target_arch = "x86_64")]
fn with_other_numbers(mut rules: Rules) -> Rules {
    let other: Rules = rules.iter().map(|(call, rule)| (call | X32, rule.clone())).collect();
    rules.extend(other);
    rules
}

#[cfg(not(target_arch = "x86_64"))]
fn with_other_numbers(rules: Rules) -> Rules {
    rules
}

fn target_arch() -> Result<TargetArch, Box<dyn Error>> {
    Ok(TargetArch::try_from(std::env::consts::ARCH)?)
}

/// `clone` with any flag that makes a namespace.
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
    let rule = |flag: libc::c_int| {
        let flag = u64::from(flag.unsigned_abs());
        SeccompRule::new(vec![SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(flag),
            flag,
        )?])
    };
    flags.into_iter().map(rule).collect()
}

/// Raw packets, and address families that are doors into the kernel.
fn socket_rules() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let family = |family: libc::c_int| {
        let value = u64::from(family.unsigned_abs());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let raw = || {
        let value = u64::from(libc::SOCK_RAW.unsigned_abs());
        SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(0xf), value)
    };
    let mut rules = vec![
        SeccompRule::new(vec![family(libc::AF_INET)?, raw()?])?,
        SeccompRule::new(vec![family(libc::AF_INET6)?, raw()?])?,
    ];
    for closed in
        [libc::AF_PACKET, libc::AF_ALG, libc::AF_VSOCK, libc::AF_KEY, libc::AF_BLUETOOTH, libc::AF_TIPC]
    {
        rules.push(SeccompRule::new(vec![family(closed)?])?);
    }
    Ok(rules)
}
