//! What the host allows: the layers of the jail in force, and what serves each runtime, for `doctor` and the banner.

use std::fmt;
use std::path::PathBuf;

use crate::config::{FunctionNetwork, SandboxMode};

/// What protects the host from functions here, and what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JailReport {
    pub mode: SandboxMode,
    /// As it was asked for.
    pub network: FunctionNetwork,
    pub layers: Vec<LayerState>,
}

impl JailReport {
    /// The layers that are not in force.
    pub fn missing(&self) -> impl Iterator<Item = &LayerState> {
        self.layers.iter().filter(|layer| layer.missing.is_some())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerState {
    pub layer: Layer,
    /// Why it is not in force; `None` when it is.
    pub missing: Option<String>,
}

/// A layer of the jail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// User, mount, pid, ipc and uts namespaces: own processes, own file system view.
    Namespaces,
    /// No capabilities, `no_new_privs`, a user id of its own.
    Privileges,
    Seccomp,
    Landlock,
    /// Memory and processes limited by the kernel. Without it memory is only watched from outside.
    Cgroup,
    /// A network of its own, as [`crate::FunctionNetwork`] says. Without it functions have the host's.
    Network,
}

impl Layer {
    pub const ALL: [Self; 6] =
        [Self::Namespaces, Self::Privileges, Self::Seccomp, Self::Landlock, Self::Cgroup, Self::Network];

    pub fn name(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Privileges => "privileges",
            Self::Seccomp => "seccomp",
            Self::Landlock => "landlock",
            Self::Cgroup => "cgroup",
            Self::Network => "network",
        }
    }

    /// Whether [`SandboxMode::Required`] insists on it. A cgroup is not among them: memory is enforced without it.
    pub fn is_required(self) -> bool {
        self != Self::Cgroup
    }

    /// The way out, for a person.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Namespaces => {
                "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, \
                 kernel.apparmor_restrict_unprivileged_userns=0), or run as root"
            }
            Self::Privileges => "Linux is needed",
            Self::Seccomp => "a Linux kernel with CONFIG_SECCOMP_FILTER is needed",
            Self::Landlock => "Linux 5.13 or later with landlock among its security modules is needed",
            Self::Network => {
                "functions have the host's network: allow network namespaces (sysctl user.max_net_namespaces) and \
                 seccomp user notification (Linux 5.14), or say --function-network host"
            }
            Self::Cgroup => {
                "memory is enforced without it, within 25 ms; for the kernel to enforce it run as root, or as a systemd \
                 service with Delegate=yes"
            }
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One of AWS's runtimes and what serves it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeFound {
    /// Such as `nodejs22.x`.
    pub runtime: &'static str,
    /// `node`, `python`, `java`, `ruby`, `dotnet` or `provided`.
    pub family: &'static str,
    pub served: Served,
    pub program: Option<PathBuf>,
    /// Such as `20.20.2`.
    pub version: Option<String>,
    /// Where the AWS SDK is that another of the host's interpreters lends it.
    pub lent_sdk: Option<PathBuf>,
    /// How to bring it, for a person.
    pub hint: String,
}

/// How a runtime is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// By what `rushlight runtimes add` brought.
    Added,
    /// By the host's interpreter of that version.
    Host,
    /// By the host's interpreter of another version.
    OtherVersion,
    /// Functions bring their own program.
    Itself,
    None,
}

impl Served {
    /// As `runtimes list` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Host => "host",
            Self::OtherVersion => "other-version",
            Self::Itself => "itself",
            Self::None => "none",
        }
    }
}

impl RuntimeFound {
    pub(crate) fn by_itself(runtime: &'static str) -> Self {
        Self {
            runtime,
            family: "provided",
            served: Served::Itself,
            program: None,
            version: None,
            lent_sdk: None,
            hint: "functions bring a program named bootstrap".to_owned(),
        }
    }
}
