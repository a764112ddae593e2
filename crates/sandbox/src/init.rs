//! What a runtime is told when it gets its function: the INIT frame with the handler's place and the environment
//! variables of <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::SandboxConfig;
use crate::control::Setup;
use crate::frame::{self, FrameWriter};
use crate::interpreter::Family;
use crate::spec::FunctionSpec;
use crate::stem::Program;
use crate::view;

/// Where the process stands.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) jailed: bool,
    pub(crate) config: &'a SandboxConfig,
    pub(crate) family: Family,
    /// Address of the environment's own API.
    pub(crate) runtime_api: &'a str,
}

/// Whether the function's process cannot come from the pool.
pub(crate) fn starts_fresh(spec: &FunctionSpec, family: Family) -> bool {
    spec.inspect.is_some() || spec.env.iter().any(|(name, _)| view::early(family).contains(&name.as_str()))
}

/// `keeps_env`: the process has its variables already, as a wrapper may have changed them.
pub(crate) fn write_frame(out: &mut Vec<u8>, spec: &FunctionSpec, place: &Place<'_>, keeps_env: bool) {
    let task_root = place.task_root(spec);
    let variables = variables(spec, place, &task_root);
    let mut w = FrameWriter::new(out, frame::INIT);
    w.text(&task_root)
        .text(&spec.handler)
        .text(&spec.runtime)
        .text(&spec.name)
        .text(&spec.version)
        .text(&spec.memory_mib.to_string())
        .text(&spec.log_group)
        .text(&spec.log_stream)
        .u32(u32::try_from(place.config.response_bytes_max).unwrap_or(u32::MAX))
        .u32(if keeps_env { u32::MAX } else { u32::try_from(variables.len()).unwrap_or(u32::MAX - 1) });
    if keeps_env {
        return;
    }
    for (name, value) in &variables {
        w.text(name).text(value);
    }
}

/// The program of a runtime that speaks the Runtime API; the error says that there is none, as AWS does.
pub(crate) fn program(spec: &FunctionSpec, place: &Place<'_>) -> Result<Program, String> {
    let task_root = place.task_root(spec);
    let in_layers = spec.layers.iter().rev().map(PathBuf::as_path);
    let outside = std::iter::once(spec.code_dir.as_path()).chain(in_layers);
    // Both the jail's path and the host's: only the host's can be looked at from here.
    let found = outside.enumerate().find(|(_, folder)| is_program(&folder.join(BOOTSTRAP)));
    let Some((at, folder)) = found else {
        return Err(format!("Couldn't find valid bootstrap(s): [/var/task/{BOOTSTRAP} /opt/{BOOTSTRAP}]"));
    };
    let path = match (place.jailed, at) {
        (false, _) => folder.join(BOOTSTRAP),
        (true, 0) => Path::new("/var/task").join(BOOTSTRAP),
        (true, _) => Path::new("/opt").join(BOOTSTRAP),
    };
    let env = variables(spec, place, &task_root).into_iter().collect();
    Ok(Program { path, args: Vec::new(), env, folder: PathBuf::from(task_root), speaks_frames: false })
}

/// AWS keeps these from extensions.
const NOT_FOR_EXTENSIONS: [&str; 7] = [
    "_HANDLER",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// The external extensions of a function, by name: every file in `extensions/` of its layers.
pub(crate) fn extensions(spec: &FunctionSpec, place: &Place<'_>) -> Vec<(String, Program)> {
    let mut found = BTreeMap::new();
    for layer in &spec.layers {
        for file in programs_in(&layer.join("extensions")) {
            let name = file.file_name();
            let inside = if place.jailed { Path::new("/opt/extensions").join(&name) } else { file.path() };
            // A higher layer's file hides a lower one's.
            found.insert(name.to_string_lossy().into_owned(), inside);
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let mut env = variables(spec, place, &place.task_root(spec));
    env.retain(|name, _| !NOT_FOR_EXTENSIONS.contains(&name.as_str()));
    let env: Vec<_> = env.into_iter().collect();
    let program = |path| Program { path, env: env.clone(), folder: PathBuf::from("/"), ..Program::default() };
    found.into_iter().map(|(name, path)| (name, program(path))).collect()
}

/// Whether the function has extensions: its processes come from no pool of interpreters.
pub(crate) fn has_extensions(spec: &FunctionSpec) -> bool {
    spec.layers.iter().any(|layer| programs_in(&layer.join("extensions")).next().is_some())
}

/// A link may lead to one; where it leads is known in the jail, and here it would be to something of the host's.
fn is_program(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir())
}

fn programs_in(folder: &Path) -> impl Iterator<Item = std::fs::DirEntry> {
    let is_folder = std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    let entries = is_folder.then(|| std::fs::read_dir(folder).ok()).flatten();
    entries.into_iter().flatten().flatten().filter(|entry| is_program(&entry.path()))
}

/// A script that starts the runtime, as the function's variables name it.
pub(crate) fn wrapper(spec: &FunctionSpec) -> Option<&str> {
    let named = spec.env.iter().find(|(name, _)| name == "AWS_LAMBDA_EXEC_WRAPPER");
    named.map(|(_, path)| path.as_str()).filter(|path| !path.is_empty())
}

/// The interpreter with our bootstrap, started late: under a wrapper, or beside extensions.
pub(crate) fn speaker(
    spec: &FunctionSpec,
    place: &Place<'_>,
    setup: &Setup,
    command: Vec<String>,
) -> Program {
    let task_root = place.task_root(spec);
    let mut env: BTreeMap<String, String> = setup.env.iter().cloned().collect();
    env.extend(variables(spec, place, &task_root));
    let mut args = command;
    let path = match wrapper(spec) {
        Some(wrapper) => PathBuf::from(wrapper),
        None => PathBuf::from(args.remove(0)),
    };
    let env = env.into_iter().collect();
    Program { path, args, env, folder: PathBuf::from(task_root), speaks_frames: true }
}

/// The program of a `provided` runtime.
const BOOTSTRAP: &str = "bootstrap";

impl Place<'_> {
    fn task_root(&self, spec: &FunctionSpec) -> String {
        if self.jailed { "/var/task".to_owned() } else { spec.code_dir.display().to_string() }
    }

    fn runtime_dir(&self) -> String {
        if self.jailed {
            view::RUNTIME_DIR.to_owned()
        } else {
            view::runtime_dir(&self.config.scratch_dir, self.family).display().to_string()
        }
    }

    /// The layers as seen by the process, the one that wins first.
    fn layers(&self, spec: &FunctionSpec) -> Vec<String> {
        if self.jailed {
            vec!["/opt".to_owned()]
        } else {
            spec.layers.iter().rev().map(|layer| layer.display().to_string()).collect()
        }
    }
}

fn variables(spec: &FunctionSpec, place: &Place<'_>, task_root: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: String| {
        all.insert(name.to_owned(), value);
    };
    set("LANG", "en_US.UTF-8".to_owned());
    set("TZ", ":UTC".to_owned());
    let layers = place.layers(spec);
    let bins = layers.iter().map(|layer| format!("{layer}/bin:")).collect::<String>();
    set("PATH", format!("/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:{}", bins.trim_end_matches(':')));
    let libs = layers.iter().map(|layer| format!(":{layer}/lib")).collect::<String>();
    set("LD_LIBRARY_PATH", format!("{task_root}:{task_root}/lib{libs}"));
    match place.family {
        Family::Node => set("NODE_PATH", node_path(spec, place, &layers, task_root)),
        Family::Python => set("PYTHONPATH", python_path(place, &layers)),
        Family::Ruby => {
            set("GEM_PATH", gem_path(spec, &layers, task_root));
            set("RUBYLIB", ruby_path(place, &layers, task_root));
        }
        Family::Java => set("RUSHLIGHT_CLASSPATH", java_path(&layers, task_root)),
        Family::Dotnet | Family::Provided => {}
    }
    if let Some(url) = &place.config.endpoint_url {
        set("AWS_ENDPOINT_URL", url.clone());
    }
    for (name, value) in &spec.env {
        set(name, value.clone());
    }
    set("_HANDLER", spec.handler.clone());
    set("LAMBDA_TASK_ROOT", task_root.to_owned());
    set("LAMBDA_RUNTIME_DIR", place.runtime_dir());
    set("AWS_LAMBDA_RUNTIME_API", place.runtime_api.to_owned());
    set("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", spec.runtime));
    set("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone());
    set("AWS_LAMBDA_FUNCTION_VERSION", spec.version.clone());
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mib.to_string());
    set("AWS_LAMBDA_LOG_GROUP_NAME", spec.log_group.to_string());
    set("AWS_LAMBDA_LOG_STREAM_NAME", spec.log_stream.to_string());
    set("AWS_LAMBDA_INITIALIZATION_TYPE", spec.init_type.name().to_owned());
    set("AWS_REGION", spec.scope.region.to_string());
    set("AWS_DEFAULT_REGION", spec.scope.region.to_string());
    match &spec.credentials {
        Some(credentials) => {
            set("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone());
            set("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone());
            set("AWS_SESSION_TOKEN", credentials.session_token.clone());
        }
        None => {
            set("AWS_ACCESS_KEY_ID", spec.scope.account.to_string());
            set("AWS_SECRET_ACCESS_KEY", "rushlight".to_owned());
            set("AWS_SESSION_TOKEN", "rushlight".to_owned());
        }
    }
    all
}

/// `/opt/nodejs/node22/node_modules` comes before the folder of all versions.
fn node_path(spec: &FunctionSpec, place: &Place<'_>, layers: &[String], task_root: &str) -> String {
    let major = spec.runtime.trim_start_matches("nodejs").split('.').next().unwrap_or_default();
    let of_layer = |layer: &String| {
        [format!("{layer}/nodejs/node{major}/node_modules"), format!("{layer}/nodejs/node_modules")]
    };
    let mut folders: Vec<String> = layers.iter().flat_map(of_layer).collect();
    folders.push(format!("{}/node_modules", place.runtime_dir()));
    folders.push(place.runtime_dir());
    folders.push(task_root.to_owned());
    folders.join(":")
}

/// Bundler and layers keep gems by the version of Ruby's library, which is the runtime's with a zero.
fn gem_path(spec: &FunctionSpec, layers: &[String], task_root: &str) -> String {
    let version = spec.runtime.trim_start_matches("ruby");
    let of_layers = layers.iter().map(|layer| format!("{layer}/ruby/gems/{version}.0"));
    let mut folders = vec![format!("{task_root}/vendor/bundle/ruby/{version}.0")];
    folders.extend(of_layers);
    folders.join(":")
}

fn ruby_path(place: &Place<'_>, layers: &[String], task_root: &str) -> String {
    let mut folders = vec![task_root.to_owned(), place.runtime_dir()];
    folders.extend(layers.iter().map(|layer| format!("{layer}/ruby/lib")));
    folders.join(":")
}

/// For the bootstrap, which lists the archives in the folders and takes the variable away.
fn java_path(layers: &[String], task_root: &str) -> String {
    let mut folders = vec![format!("{task_root}/"), format!("{task_root}/lib/*")];
    folders.extend(layers.iter().map(|layer| format!("{layer}/java/lib/*")));
    folders.join(":")
}

fn python_path(place: &Place<'_>, layers: &[String]) -> String {
    let folders =
        layers.iter().flat_map(|layer| [site_packages(Path::new(layer)), format!("{layer}/python")]);
    folders.chain([place.runtime_dir()]).collect::<Vec<_>>().join(":")
}

/// `*` stands for the interpreter's own version, which the bootstrap puts in.
fn site_packages(layer: &Path) -> String {
    layer.join("python/lib/python*/site-packages").display().to_string()
}
