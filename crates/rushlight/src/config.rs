//! The settings: each with its value and where it is from. Flags come before `RUSHLIGHT_*` variables, those before
//! `rushlight.toml`, that before the defaults. Knows no verb.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use base::Wording;
use sandbox::{FunctionNetwork, SandboxMode};
use store::{Durability, Target};
use toml::de::{DeTable, DeValue};
use tracing_subscriber::EnvFilter;

/// Every setting, in the order in which `rushlight config` prints them.
const NAMES: [&str; 23] = [
    "listen",
    "data",
    "memory",
    "store",
    "objects",
    "durability",
    "cache",
    "certificates",
    "auth",
    "credentials",
    "names",
    "sandbox",
    "pool",
    "function-network",
    "wording",
    "throttle",
    "hot-reload",
    "destination-endpoint",
    "quick-retries",
    "trace-memory",
    "trace-payloads",
    "otlp-endpoint",
    "log",
];

pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:4566";

/// Settings of one source, as text.
pub(crate) type Layer = BTreeMap<&'static str, (String, Origin)>;

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(String),
    /// With the line.
    File(PathBuf, usize),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    /// Nobody said: fine on loopback addresses only.
    Unset,
    Off,
    /// Whoever signs with a key pair that is known.
    Required,
}

/// All settings, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) memory: bool,
    /// The database that holds all instead of the data folder, which then has only what this node works with.
    pub(crate) store: Option<Target>,
    /// Where S3 objects are that tables are exported to and imported from; none with `memory` or `store`,
    /// unless it is given.
    pub(crate) objects: Option<PathBuf>,
    pub(crate) durability: Durability,
    /// What the store keeps in memory of what it has read from the disk; `None`: by the machine's memory.
    pub(crate) cache_mib: Option<u64>,
    /// With some the port speaks TLS too.
    pub(crate) certificates: Option<PathBuf>,
    pub(crate) auth: Auth,
    /// The key pairs that may sign. If it is not given, it need not be there.
    pub(crate) credentials: PathBuf,
    /// Names of this machine that the server answers to besides localhost.
    pub(crate) names: Vec<String>,
    pub(crate) sandbox: SandboxMode,
    /// Processes that wait for a function, of each runtime.
    pub(crate) pool: usize,
    pub(crate) function_network: FunctionNetwork,
    pub(crate) wording: Wording,
    /// Whether DynamoDB refuses what is beyond the capacity of a table.
    pub(crate) throttle: bool,
    /// Whether functions may be served from folders.
    pub(crate) hot_reload: bool,
    /// Where functions' records for queues, topics and buses are sent.
    pub(crate) destination_endpoint: Option<String>,
    /// Whether failed events are tried again after tenths of a second instead of minutes.
    pub(crate) quick_retries: bool,
    /// What records of requests may take; with 0 nothing is recorded.
    pub(crate) trace_memory_mib: usize,
    /// Of each payload in them.
    pub(crate) trace_payloads_kib: usize,
    /// Where records are sent to besides, as `http://HOST:PORT`.
    pub(crate) otlp_endpoint: Option<String>,
    pub(crate) log: String,
    /// As they were given, for `rushlight config`.
    texts: Layer,
}

impl Config {
    /// Where interpreters are that were brought for runtimes; kept also when nothing else is.
    pub(crate) fn runtimes_dir(&self) -> PathBuf {
        self.data.join("runtimes")
    }

    /// Reads all sources. `file` must be there if it is given; `rushlight.toml` in the working directory may be.
    pub(crate) fn read(file: Option<&Path>, flags: Layer) -> Result<Self> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let table = match file {
            Some(path) => Some((path.to_owned(), read_file(path)?)),
            None => {
                let path = Path::new("rushlight.toml");
                path.exists().then(|| read_file(path).map(|text| (path.to_owned(), text))).transpose()?
            }
        };
        let file = table.map_or(Ok(Layer::new()), |(path, text)| file_layer(&path, &text))?;
        Self::resolve([flags, variable_layer(variables)?, file])
    }

    /// Earlier layers win.
    fn resolve(layers: [Layer; 3]) -> Result<Self> {
        let mut texts = Layer::new();
        for name in NAMES {
            let given = layers.iter().find_map(|layer| layer.get(name).cloned());
            texts.insert(name, given.unwrap_or_else(|| (default(name), Origin::Default)));
        }
        if texts["credentials"].1 == Origin::Default {
            let file = Path::new(&texts["data"].0).join("credentials");
            texts.insert("credentials", (file.to_string_lossy().into_owned(), Origin::Default));
        }
        let mut config = Self {
            listen: parse(&texts, "listen", "ADDR:PORT, such as 127.0.0.1:4566", parse_listen)?,
            // What runs functions works in a folder of its own, where a relative path names something else.
            data: parse(&texts, "data", "a folder", |text| std::path::absolute(text).ok())?,
            memory: parse(&texts, "memory", "true or false", parse_switch)?,
            store: parse_store(&mut texts)?,
            objects: parse(&texts, "objects", "a folder", parse_folder)?,
            durability: parse(&texts, "durability", "strict or relaxed", parse_durability)?,
            cache_mib: parse(&texts, "cache", "a number of MiB, 1 to 1048576", |text| match text {
                "" => Some(None),
                text => text.parse().ok().filter(|mib| (1..=1 << 20).contains(mib)).map(Some),
            })?,
            certificates: parse(&texts, "certificates", "a folder", parse_folder)?,
            auth: parse(&texts, "auth", "off or required", parse_auth)?,
            credentials: parse(&texts, "credentials", "a file", |text| std::path::absolute(text).ok())?,
            names: parse(&texts, "names", "names of hosts, with commas between", parse_names)?,
            sandbox: parse(&texts, "sandbox", "required, best-effort or off", |text| match text {
                "required" => Some(SandboxMode::Required),
                "best-effort" => Some(SandboxMode::BestEffort),
                "off" => Some(SandboxMode::Off),
                _ => None,
            })?,
            pool: parse(&texts, "pool", "a number of processes, 0 to 64", up_to::<64>)?,
            function_network: parse(&texts, "function-network", "none, host or isolated", |text| {
                FunctionNetwork::ALL.into_iter().find(|network| network.name() == text)
            })?,
            wording: parse(&texts, "wording", "newer or older", |text| match text {
                "newer" => Some(Wording::Newer),
                "older" => Some(Wording::Older),
                _ => None,
            })?,
            throttle: parse(&texts, "throttle", "true or false", parse_switch)?,
            hot_reload: parse(&texts, "hot-reload", "true or false", parse_switch)?,
            destination_endpoint: parse(&texts, "destination-endpoint", "http://HOST:PORT", parse_endpoint)?,
            quick_retries: parse(&texts, "quick-retries", "true or false", parse_switch)?,
            trace_memory_mib: parse(&texts, "trace-memory", "a number of MiB, 0 to 65536", up_to::<65_536>)?,
            trace_payloads_kib: parse(
                &texts,
                "trace-payloads",
                "a number of KiB, 0 to 10240",
                up_to::<10_240>,
            )?,
            otlp_endpoint: parse(
                &texts,
                "otlp-endpoint",
                "http://HOST:PORT or https://HOST",
                parse_collector,
            )?,
            log: parse(&texts, "log", "a filter, such as info or access=debug", |text| {
                EnvFilter::builder().parse(text).ok().map(|_| text.to_owned())
            })?,
            texts,
        };
        config.check_store()?;
        // Nodes of one database must be given the same folder.
        if config.objects.is_none() && !config.memory && config.store.is_none() {
            let folder = config.data.join("objects");
            config.texts.insert("objects", (folder.to_string_lossy().into_owned(), Origin::Default));
            config.objects = Some(folder);
        }
        Ok(config)
    }

    /// A database leaves nothing to these settings.
    fn check_store(&self) -> Result<()> {
        if self.store.is_none() {
            return Ok(());
        }
        let store = self.origin("store");
        if self.memory {
            bail!("memory (from {}) and store (from {store}) contradict each other", self.origin("memory"));
        }
        for name in ["durability", "cache"] {
            let origin = self.origin(name);
            if *origin != Origin::Default {
                bail!(
                    "{name} (from {origin}) is for the data folder; with store (from {store}) the database decides"
                );
            }
        }
        Ok(())
    }

    /// Name, value and origin of every setting.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, &str, &Origin)> {
        NAMES.into_iter().map(|name| {
            let (value, origin) = &self.texts[name];
            (name, value.as_str(), origin)
        })
    }

    pub(crate) fn origin(&self, name: &str) -> &Origin {
        self.texts.get(name).map_or(&Origin::Default, |(_, origin)| origin)
    }

    /// Overrides one setting, for verbs that know better than the default.
    pub(crate) fn keep_nothing(&mut self) {
        self.memory = true;
        self.store = None;
        if *self.origin("objects") == Origin::Default {
            self.objects = None;
        }
    }
}

fn parse<T>(texts: &Layer, name: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let (text, origin) = &texts[name];
    read(text).with_context(|| format!("{name} = {text:?} (from {origin}) must be {expected}"))
}

/// The database's URL; what is shown of it from here on has no secret, and so has the error.
fn parse_store(texts: &mut Layer) -> Result<Option<Target>> {
    let Some((text, origin)) = texts.get_mut("store").filter(|(text, _)| !text.is_empty()) else {
        return Ok(None);
    };
    let target: Target = text.parse().with_context(|| format!("store (from {origin})"))?;
    *text = target.to_string();
    Ok(Some(target))
}

fn parse_switch(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn parse_durability(text: &str) -> Option<Durability> {
    match text {
        "strict" => Some(Durability::Strict),
        "relaxed" => Some(Durability::Relaxed),
        _ => None,
    }
}

fn parse_auth(text: &str) -> Option<Auth> {
    match text {
        "" => Some(Auth::Unset),
        "off" => Some(Auth::Off),
        "required" => Some(Auth::Required),
        _ => None,
    }
}

fn up_to<const MAX: usize>(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number <= MAX)
}

fn parse_names(text: &str) -> Option<Vec<String>> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let is_name =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    names.map(|name| is_name(name).then(|| name.to_owned())).collect()
}

fn parse_folder(text: &str) -> Option<Option<PathBuf>> {
    if text.is_empty() { Some(None) } else { std::path::absolute(text).ok().map(Some) }
}

/// Where an emulator of queues and topics listens; empty for none.
fn parse_endpoint(text: &str) -> Option<Option<String>> {
    match text.strip_prefix("http://") {
        Some(host) if !host.is_empty() => Some(Some(text.to_owned())),
        _ => text.is_empty().then_some(None),
    }
}

/// Where a collector of traces listens, without a slash at the end; empty for none.
fn parse_collector(text: &str) -> Option<Option<String>> {
    match text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) {
        Some(host) if !host.is_empty() => Some(Some(text.trim_end_matches('/').to_owned())),
        _ => text.is_empty().then_some(None),
    }
}

/// A port alone means loopback.
fn parse_listen(text: &str) -> Option<SocketAddr> {
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse()
        .ok()
        .or_else(|| Some(SocketAddr::from(([127, 0, 0, 1], text.trim_start_matches(':').parse().ok()?))))
}

fn default(name: &str) -> String {
    match name {
        "listen" => DEFAULT_LISTEN.to_owned(),
        "data" => default_data().to_string_lossy().into_owned(),
        "memory" | "throttle" | "hot-reload" | "quick-retries" => "false".to_owned(),
        "durability" => "strict".to_owned(),
        "sandbox" => "best-effort".to_owned(),
        "pool" => "2".to_owned(),
        "function-network" => FunctionNetwork::default().name().to_owned(),
        "wording" => "newer".to_owned(),
        "trace-memory" => "64".to_owned(),
        "trace-payloads" => "64".to_owned(),
        "log" => "info".to_owned(),
        _ => String::new(),
    }
}

/// The platform's folder for data of programs.
fn default_data() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME").unwrap_or_else(|| PathBuf::from("."));
    if cfg!(target_os = "macos") {
        return home.join("Library/Application Support/rushlight");
    }
    variable("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")).join("rushlight")
}

/// `RUSHLIGHT_LISTEN` and its kind.
fn variable_layer(variables: impl Iterator<Item = (String, String)>) -> Result<Layer> {
    let mut layer = Layer::new();
    for (variable, value) in variables {
        let Some(name) =
            variable.strip_prefix("RUSHLIGHT_").map(|name| name.to_ascii_lowercase().replace('_', "-"))
        else {
            continue;
        };
        // Variables of others (our test scripts' RUSHLIGHT_BIN) are none of our business: unlike a typing error in a
        // file, they may be meant for somebody else.
        let known = NAMES.into_iter().find(|known| **known == name);
        // An empty variable is one that was meant to be unset.
        if let Some(name) = known.filter(|_| !value.is_empty()) {
            layer.insert(name, (value, Origin::Variable(variable)));
        }
    }
    Ok(layer)
}

fn read_file(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn file_layer(path: &Path, text: &str) -> Result<Layer> {
    let file = path.display();
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text, span.start));
        anyhow!("{file}:{line} is not valid TOML: {}", error.message())
    })?;
    let mut layer = Layer::new();
    for (key, value) in table.into_inner() {
        let line = line_at(text, key.span().start);
        let key = key.into_inner();
        // Those are `rushlight dev`'s.
        if key == "functions" {
            continue;
        }
        let Some(name) = NAMES.into_iter().find(|name| **name == key) else {
            bail!("{file}:{line}: {key} is no setting; there are {}", NAMES.join(", "));
        };
        let text = match value.into_inner() {
            DeValue::String(text) => text.into_owned(),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Integer(number) => number.to_string(),
            _ => bail!("{file}:{line}: {key} must be a text, a number or true or false"),
        };
        layer.insert(name, (text, Origin::File(path.to_owned(), line)));
    }
    Ok(layer)
}

/// The number of the line that has the byte at `place`.
fn line_at(text: &str, place: usize) -> usize {
    let before = text.as_bytes().iter().take(place);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(flags: &[(&'static str, &str)], variables: &[(&str, &str)], file: &str) -> Result<Config> {
        let flags =
            flags.iter().map(|(name, value)| (*name, ((*value).to_owned(), Origin::Flag(name)))).collect();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::resolve([flags, variable_layer(variables)?, file_layer(Path::new("rushlight.toml"), file)?])
    }

    #[test]
    fn flags_come_before_variables_before_the_file_before_defaults() {
        let file = "listen = \"127.0.0.1:3\"\ndurability = \"relaxed\"\nmemory = true\n";
        let variables =
            [("RUSHLIGHT_LISTEN", "127.0.0.1:2"), ("RUSHLIGHT_MEMORY", "false"), ("RUSHLIGHT_BIN", "x")];
        let config = layers(&[("listen", "127.0.0.1:1")], &variables, file).unwrap();
        assert_eq!(config.listen.port(), 1);
        assert!(!config.memory);
        assert_eq!(config.durability, Durability::Relaxed);
        let origins: Vec<String> =
            config.rows().map(|(name, _, origin)| format!("{name} {origin}")).collect();
        assert_eq!(
            origins,
            [
                "listen --listen",
                "data default",
                "memory RUSHLIGHT_MEMORY",
                "store default",
                "objects default",
                "durability rushlight.toml:2",
                "cache default",
                "certificates default",
                "auth default",
                "credentials default",
                "names default",
                "sandbox default",
                "pool default",
                "function-network default",
                "wording default",
                "throttle default",
                "hot-reload default",
                "destination-endpoint default",
                "quick-retries default",
                "trace-memory default",
                "trace-payloads default",
                "otlp-endpoint default",
                "log default"
            ]
        );
    }

    #[test]
    fn a_wrong_value_is_told_with_its_origin_and_what_it_must_be() {
        for (flags, variables, file, expected) in [
            (
                &[("durability", "loose")][..],
                &[][..],
                "",
                "durability = \"loose\" (from --durability) must be strict or relaxed",
            ),
            (
                &[("cache", "0")][..],
                &[][..],
                "",
                "cache = \"0\" (from --cache) must be a number of MiB, 1 to 1048576",
            ),
            (
                &[],
                &[("RUSHLIGHT_LISTEN", "nowhere")],
                "",
                "listen = \"nowhere\" (from RUSHLIGHT_LISTEN) must be ADDR:PORT, such as 127.0.0.1:4566",
            ),
            (
                &[],
                &[],
                "\nport = 1",
                "rushlight.toml:2: port is no setting; there are listen, data, memory, store, objects, durability, cache, certificates, auth, credentials, names, sandbox, pool, function-network, wording, throttle, hot-reload, destination-endpoint, quick-retries, trace-memory, trace-payloads, otlp-endpoint, log",
            ),
            (&[], &[], "memory = [1]", "rushlight.toml:1: memory must be a text, a number or true or false"),
            (&[], &[], "# a\n\nmemory = 2", "memory = \"2\" (from rushlight.toml:3) must be true or false"),
            (
                &[],
                &[],
                "# a\nmemory = ",
                "rushlight.toml:2 is not valid TOML: string values must be quoted, expected literal string",
            ),
            (
                &[],
                &[("RUSHLIGHT_LOG", "a=b=c")],
                "",
                "log = \"a=b=c\" (from RUSHLIGHT_LOG) must be a filter, such as info or access=debug",
            ),
        ] {
            assert_eq!(layers(flags, variables, file).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn objects_are_beside_the_data_and_nowhere_without_data() {
        let objects = |flags: &[(&'static str, &str)]| layers(flags, &[], "").unwrap().objects;
        assert_eq!(objects(&[("data", "/d")]), Some(PathBuf::from("/d/objects")));
        assert_eq!(objects(&[("data", "/d"), ("objects", "/o")]), Some(PathBuf::from("/o")));
        assert_eq!(objects(&[("memory", "true")]), None);
        assert_eq!(objects(&[("memory", "true"), ("objects", "/o")]), Some(PathBuf::from("/o")));
    }

    #[test]
    fn a_store_is_shown_without_its_secret_and_leaves_no_choice() {
        let url = "postgres://ada:s3cret@db/app";
        let config = layers(&[], &[("RUSHLIGHT_STORE", url)], "").unwrap();
        assert_eq!(config.store.as_ref().unwrap().to_string(), "postgres://ada:***@db:5432/app");
        assert!(config.rows().all(|(_, value, _)| !value.contains("s3cret")));
        assert!(!format!("{config:?}").contains("s3cret"));
        for (flags, expected) in [
            (
                [("store", url), ("memory", "true")],
                "memory (from --memory) and store (from --store) contradict each other",
            ),
            (
                [("store", url), ("durability", "relaxed")],
                "durability (from --durability) is for the data folder; with store (from --store) the database decides",
            ),
            (
                [("store", url), ("cache", "64")],
                "cache (from --cache) is for the data folder; with store (from --store) the database decides",
            ),
            (
                [("store", "s3cret@db"), ("data", "d")],
                "store (from --store): a store's URL begins with postgres://",
            ),
        ] {
            assert_eq!(format!("{:#}", layers(&flags, &[], "").unwrap_err()), expected);
        }
    }

    #[test]
    fn the_data_folder_is_absolute_and_empty_variables_are_unset() {
        let config =
            layers(&[("data", "d")], &[("RUSHLIGHT_LISTEN", ""), ("RUSHLIGHT_MEMORY", "1")], "").unwrap();
        assert_eq!(config.data, std::env::current_dir().unwrap().join("d"));
        assert_eq!((config.listen.port(), config.memory), (4566, true));
    }

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("127.0.0.1:1", Some("127.0.0.1:1")),
            ("localhost:80", Some("127.0.0.1:80")),
            ("4567", Some("127.0.0.1:4567")),
            (":4567", Some("127.0.0.1:4567")),
            ("[::1]:1", Some("[::1]:1")),
            ("0.0.0.0:1", Some("0.0.0.0:1")),
            ("example.com:1", None),
            ("127.0.0.1", None),
            ("", None),
        ] {
            assert_eq!(parse_listen(text).map(|addr| addr.to_string()).as_deref(), expected, "{text}");
        }
    }
}
