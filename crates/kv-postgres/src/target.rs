//! The URL of a database: what the driver takes of it, the schema that is ours, and how it may be shown.
//! Knows no connection.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// Where the tables are when the URL does not say so.
const SCHEMA: &str = "rushlight";
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// `postgres://user:password@host:port/database?schema=name`, and the parameters that libpq knows.
#[derive(Clone)]
pub struct Target {
    pub(crate) config: Config,
    pub(crate) schema: String,
    /// The URL with its secret masked.
    shown: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("a store's URL begins with postgres://")]
    Scheme,
    #[error("the schema of a store's URL is 1 to 63 letters, digits and underscores, not {0:?}")]
    Schema(String),
    #[error(
        "sslmode={0} is not supported yet: use a tunnel or a private network, and sslmode=disable or prefer"
    )]
    Tls(&'static str),
    #[error("the store's URL names no {0}")]
    Missing(&'static str),
    #[error("the store's URL: {0}")]
    Malformed(String),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme)).ok_or(TargetError::Scheme)?;
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (own, others): (Vec<&str>, Vec<&str>) = parameters
            .split('&')
            .filter(|parameter| !parameter.is_empty())
            .partition(|parameter| parameter.starts_with("schema="));
        let schema = match own.last() {
            None => SCHEMA.to_owned(),
            Some(parameter) => decode(&parameter["schema=".len()..]),
        };
        if !is_name(&schema) {
            return Err(TargetError::Schema(schema));
        }
        if others.iter().any(|parameter| parameter.starts_with("sslmode=verify")) {
            return Err(TargetError::Tls("verify"));
        }
        let driver = format!("postgres://{place}?{}", others.join("&"));
        // The driver's text may repeat what it was given, but never the password.
        let config: Config = driver
            .parse()
            .map_err(|error: tokio_postgres::Error| TargetError::Malformed(error.to_string()))?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(TargetError::Tls("require"));
        }
        if config.get_hosts().is_empty() {
            return Err(TargetError::Missing("host"));
        }
        let shown = show(&config, &schema);
        Ok(Self { config, schema, shown })
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn is_name(schema: &str) -> bool {
    (1..=63).contains(&schema.len())
        && schema.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn show(config: &Config, schema: &str) -> String {
    let user = match (config.get_user(), config.get_password()) {
        (None, _) => String::new(),
        (Some(user), None) => format!("{user}@"),
        (Some(user), Some(_)) => format!("{user}:***@"),
    };
    let ports = config.get_ports();
    let place = |(at, host): (usize, &Host)| {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(place).collect();
    let database = config.get_dbname().unwrap_or_default();
    let schema = if schema == SCHEMA { String::new() } else { format!("?schema={schema}") };
    format!("postgres://{user}{}/{database}{schema}", hosts.join(","))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown_without_their_secret() {
        let cases = [
            ("postgres://ada:s3cret@db.example:6000/app", Ok("postgres://ada:***@db.example:6000/app")),
            ("postgresql://ada@db/app?connect_timeout=3", Ok("postgres://ada@db:5432/app")),
            ("postgres://ada@a,b:7/app?schema=one", Ok("postgres://ada@a:5432,b:7/app?schema=one")),
            ("postgres://ada@db/app?sslmode=disable&schema=x_1", Ok("postgres://ada@db:5432/app?schema=x_1")),
            ("mysql://ada@db/app", Err(TargetError::Scheme)),
            ("postgres://ada@db/app?schema=a%22b", Err(TargetError::Schema("a\"b".to_owned()))),
            ("postgres://ada@db/app?sslmode=require", Err(TargetError::Tls("require"))),
            ("postgres://ada@db/app?sslmode=verify-full", Err(TargetError::Tls("verify"))),
            ("postgres:///app", Err(TargetError::Missing("host"))),
        ];
        for (url, expected) in cases {
            let shown = url.parse::<Target>().map(|target| target.to_string());
            assert_eq!(shown, expected.map(str::to_owned), "{url}");
        }
        let error = "postgres://ada:s3cret@db/app?what=1".parse::<Target>().unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
