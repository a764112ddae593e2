//! The settings: each with its value and where it is from. Flags come before `RUSHLIGHT_*` variables, those before
//! `rushlight.toml`, that before the defaults. Knows no verb.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sandbox::SandboxMode;
use store::Durability;

/// Every setting, in the order in which `rushlight config` prints them.
const NAMES: [&str; 7] = ["listen", "data", "memory", "durability", "auth", "sandbox", "log"];

/// Settings of one source, as text.
pub(crate) type Layer = BTreeMap<&'static str, (String, Origin)>;

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
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
}

/// All settings, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) memory: bool,
    pub(crate) durability: Durability,
    pub(crate) auth: Auth,
    pub(crate) sandbox: SandboxMode,
    pub(crate) log: String,
    /// As they were given, for `rushlight config`.
    texts: Layer,
}

impl Config {
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
        Ok(Self {
            listen: parse(&texts, "listen", "ADDR:PORT, such as 127.0.0.1:4566", parse_listen)?,
            data: parse(&texts, "data", "a folder", |text| (!text.is_empty()).then(|| PathBuf::from(text)))?,
            memory: parse(&texts, "memory", "true or false", |text| text.parse().ok())?,
            durability: parse(&texts, "durability", "strict or relaxed", |text| match text {
                "strict" => Some(Durability::Strict),
                "relaxed" => Some(Durability::Relaxed),
                _ => None,
            })?,
            auth: parse(&texts, "auth", "off (signatures are not verified yet)", |text| match text {
                "" => Some(Auth::Unset),
                "off" => Some(Auth::Off),
                _ => None,
            })?,
            sandbox: parse(&texts, "sandbox", "required, best-effort or off", |text| match text {
                "required" => Some(SandboxMode::Required),
                "best-effort" => Some(SandboxMode::BestEffort),
                "off" => Some(SandboxMode::Off),
                _ => None,
            })?,
            log: texts["log"].0.clone(),
            texts,
        })
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
    }
}

fn parse<T>(texts: &Layer, name: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let (text, origin) = &texts[name];
    read(text).with_context(|| format!("{name} = {text:?} (from {origin}) must be {expected}"))
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
        "listen" => "127.0.0.1:4566".to_owned(),
        "data" => default_data().to_string_lossy().into_owned(),
        "memory" => "false".to_owned(),
        "durability" => "strict".to_owned(),
        "sandbox" => "best-effort".to_owned(),
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
        let Some(name) = variable.strip_prefix("RUSHLIGHT_").map(str::to_ascii_lowercase) else { continue };
        // Variables of others (our test scripts' RUSHLIGHT_BIN) are none of our business: unlike a typing error in a
        // file, they may be meant for somebody else.
        if let Some(name) = NAMES.into_iter().find(|known| **known == name) {
            layer.insert(name, (value, Origin::Variable(variable)));
        }
    }
    Ok(layer)
}

fn read_file(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn file_layer(path: &Path, text: &str) -> Result<Layer> {
    let table: toml::Table = text.parse().with_context(|| format!("{} is not valid TOML", path.display()))?;
    let mut layer = Layer::new();
    for (key, value) in table {
        let Some(name) = NAMES.into_iter().find(|name| **name == key) else {
            bail!("{} has {key:?}, which is no setting; there are {}", path.display(), NAMES.join(", "));
        };
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Boolean(_) | toml::Value::Integer(_) => value.to_string(),
            _ => bail!("{}: {key} must be a text, a number or true or false", path.display()),
        };
        layer.insert(name, (text, Origin::File(path.to_owned())));
    }
    Ok(layer)
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
                "durability rushlight.toml",
                "auth default",
                "sandbox default",
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
                &[],
                &[("RUSHLIGHT_LISTEN", "nowhere")],
                "",
                "listen = \"nowhere\" (from RUSHLIGHT_LISTEN) must be ADDR:PORT, such as 127.0.0.1:4566",
            ),
            (
                &[],
                &[],
                "port = 1",
                "rushlight.toml has \"port\", which is no setting; there are listen, data, memory, durability, auth, sandbox, log",
            ),
            (&[], &[], "memory = [1]", "rushlight.toml: memory must be a text, a number or true or false"),
        ] {
            assert_eq!(layers(flags, variables, file).unwrap_err().to_string(), expected);
        }
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
