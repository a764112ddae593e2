//! The verbs, one a file. Here: their words and flags, and what all of them share.

mod completions;
mod config;
mod demo;
mod dev;
mod doctor;
mod env;
mod invoke;
mod logs;
mod run;
mod runtimes;
mod start;
mod status;
mod stop;
mod urls;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, DEFAULT_LISTEN, Layer, Origin};

/// A self-hosted serverless platform: Lambda, DynamoDB and API Gateway in one program.
#[derive(Debug, Parser)]
#[command(name = "rushlight", version, max_term_width = 110, disable_help_subcommand = true)]
struct Words {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Flags of every verb. A flag comes before RUSHLIGHT_<NAME>, that before rushlight.toml, that before the default.
#[derive(Debug, Args)]
struct Flags {
    /// Where the server listens, or where a verb finds it [default: 127.0.0.1:4566]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Folder for all that is kept [default: the platform's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep nothing
    #[arg(long, global = true)]
    memory: bool,
    /// Keep all in a database that several nodes share, such as postgres://user@host:port/database
    #[arg(long, global = true, value_name = "URL")]
    store: Option<String>,
    /// Folder of the S3 objects that tables are exported to and imported from [default: objects in the data folder]
    #[arg(long, global = true, value_name = "DIR")]
    objects: Option<PathBuf>,
    /// When a write counts as done: on the disk, or in the system's cache [default: strict]
    #[arg(long, global = true, value_name = "strict|relaxed")]
    durability: Option<String>,
    /// What the store keeps in memory of what it has read from the disk [default: an eighth of the memory, 64 to 1024]
    #[arg(long, global = true, value_name = "MIB")]
    cache: Option<String>,
    /// A folder of certificates, NAME.pem with NAME.key: the port then speaks https too [default: none]
    #[arg(long, global = true, value_name = "DIR")]
    certificates: Option<PathBuf>,
    /// Who may call: everybody, or whoever signs with a key pair of the credentials. One of both must be said to listen on
    /// other than loopback addresses [default: off]
    #[arg(long, global = true, value_name = "off|required")]
    auth: Option<String>,
    /// Key pairs that may sign, in the form of AWS's shared credentials file; once it is there, signatures for AWS_IAM are
    /// verified [default: credentials in the data folder, made when signatures are required]
    #[arg(long, global = true, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Names by which this machine is called besides localhost: on a loopback address the server answers to no other, so that
    /// no web page can pass for it [default: none]
    #[arg(long, global = true, value_name = "NAME,..")]
    names: Option<String>,
    /// What to do when the host does not allow a layer of the jail [default: best-effort]
    #[arg(long, global = true, value_name = "required|best-effort|off")]
    sandbox: Option<String>,
    /// Processes kept ready for functions to come, of each runtime in use; more while many start; 0 keeps none [default: 2]
    #[arg(long, global = true, value_name = "COUNT")]
    pool: Option<String>,
    /// What functions reach beside the server: nothing; all that this host does; or other hosts, and nothing of this one
    /// [default: isolated]
    #[arg(long, global = true, value_name = "none|host|isolated")]
    function_network: Option<String>,
    /// How DynamoDB words its errors: as since June 2026, or as before [default: newer]
    #[arg(long, global = true, value_name = "newer|older")]
    wording: Option<String>,
    /// Let DynamoDB refuse what is beyond the throughput of a table, as AWS does
    #[arg(long, global = true)]
    throttle: bool,
    /// Let functions be served from folders of this machine: code in the S3 bucket `hot-reload`, its key being the path
    #[arg(long, global = true)]
    hot_reload: bool,
    /// Where functions' destinations and dead-letter queues are: an endpoint of SQS, SNS and EventBridge
    #[arg(long, global = true, value_name = "http://HOST:PORT")]
    destination_endpoint: Option<String>,
    /// Try failed asynchronous events again after 0.1 and 0.2 seconds instead of 1 and 2 minutes: for tests
    #[arg(long, global = true)]
    quick_retries: bool,
    /// Memory for the records of what happened lately, which the console shows; 0 records nothing [default: 64]
    #[arg(long, global = true, value_name = "MIB")]
    trace_memory: Option<String>,
    /// How much of each payload they keep; 0 keeps none of any [default: 64]
    #[arg(long, global = true, value_name = "KIB")]
    trace_payloads: Option<String>,
    /// Send them to an OpenTelemetry collector too, as JSON to URL/v1/traces; payloads stay here [default: none]
    #[arg(long, global = true, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// What the log says, as in RUST_LOG; `access=debug` adds a line for every request [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Configuration file [default: rushlight.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server in the foreground (the same as no verb)
    Start,
    /// Run the server with a sample app deployed, and call it once
    Demo,
    /// Run the server and serve the functions of a folder from it, as they are saved
    Dev(dev::Dev),
    /// Say which runtimes, jail layers and ports are there, and how to mend what is not
    Doctor,
    /// Say what serves each runtime, and bring interpreters
    Runtimes(runtimes::Runtimes),
    /// Say whether a server runs, and how it is
    Status,
    /// Stop the running server
    Stop,
    /// Invoke a function and print what it answers
    Invoke(invoke::Invoke),
    /// Print the log of a function, or of all
    Logs(logs::Logs),
    /// Print the URLs of all deployed stages
    Urls,
    /// Print the variables that AWS clients read, for `eval "$(rushlight env)"`
    Env,
    /// Run a command with those variables
    Run(run::Run),
    /// Print every setting and where it is from
    Config,
    /// Print the completions of a shell
    Completions(completions::Completions),
}

/// Flags that only a server and `config` look at: the others take them, and do not show them.
const OF_SERVERS: [&str; 19] = [
    "memory",
    "store",
    "durability",
    "cache",
    "certificates",
    "auth",
    "names",
    "sandbox",
    "pool",
    "function_network",
    "wording",
    "throttle",
    "hot_reload",
    "destination_endpoint",
    "quick_retries",
    "trace_memory",
    "trace_payloads",
    "otlp_endpoint",
    "log",
];
const OTHERS: [&str; 8] = ["status", "stop", "invoke", "logs", "urls", "env", "run", "runtimes"];

/// The command line, with the help of each verb cut down to what the verb looks at.
fn command() -> Command {
    let mut command = Words::command();
    let shown: Vec<Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let hidden = |names: &[&str]| -> Vec<Arg> {
        let wanted = shown.iter().filter(|arg| names.contains(&arg.get_id().as_str()));
        wanted.map(|arg| arg.clone().hide(true)).collect()
    };
    for verb in OTHERS {
        command = command.mut_subcommand(verb, |verb| verb.args(hidden(&OF_SERVERS)));
    }
    let all: Vec<&str> = shown.iter().map(|arg| arg.get_id().as_str()).collect();
    command.mut_subcommand("completions", |verb| verb.args(hidden(&all)))
}

/// What every verb gets.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) json: bool,
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> ExitCode {
    let words = Words::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    let json = words.flags.json;
    match words.run() {
        Ok(code) => code,
        Err(error) => {
            let said = format!("{error:#}");
            if json {
                eprintln!("{}", serde_json::json!({ "error": said }));
            } else {
                eprintln!("error: {said}");
            }
            ExitCode::FAILURE
        }
    }
}

impl Words {
    fn run(self) -> Result<ExitCode> {
        if let Some(Verb::Completions(completions)) = &self.verb {
            return Ok(completions.run(&mut command()));
        }
        let json = self.flags.json;
        let file = self.flags.config.clone().or_else(|| self.project_file());
        let config = Config::read(file.as_deref(), self.flags.layer())?;
        let context = Context { config, json };
        match self.verb.unwrap_or(Verb::Start) {
            Verb::Start => start::run(context),
            Verb::Dev(dev) => dev.run(&context),
            Verb::Demo => demo::run(context),
            Verb::Doctor => doctor::run(&context),
            Verb::Runtimes(runtimes) => runtimes.run(&context),
            Verb::Status => status::run(&context),
            Verb::Stop => stop::run(&context),
            Verb::Invoke(invoke) => invoke.run(&context),
            Verb::Logs(logs) => logs.run(&context),
            Verb::Urls => urls::run(&context),
            Verb::Env => env::run(&context),
            Verb::Run(run) => run.run(&context),
            Verb::Config => config::run(&context),
            Verb::Completions(_) => unreachable!("answered above"),
        }
    }
}

impl Words {
    /// The configuration of the project that is served.
    fn project_file(&self) -> Option<PathBuf> {
        let Some(Verb::Dev(dev)) = &self.verb else { return None };
        Some(dev.folder.join("rushlight.toml")).filter(|file| file.is_file())
    }
}

impl Flags {
    fn layer(&self) -> Layer {
        let mut layer = Layer::new();
        let mut set = |name: &'static str, value: Option<String>| {
            if let Some(value) = value {
                layer.insert(name, (value, Origin::Flag(name)));
            }
        };
        set("listen", self.listen.clone());
        set("data", self.data.as_ref().map(|path| path.to_string_lossy().into_owned()));
        set("objects", self.objects.as_ref().map(|path| path.to_string_lossy().into_owned()));
        set("memory", self.memory.then(|| "true".to_owned()));
        set("store", self.store.clone());
        set("durability", self.durability.clone());
        set("cache", self.cache.clone());
        set("certificates", self.certificates.as_ref().map(|path| path.to_string_lossy().into_owned()));
        set("auth", self.auth.clone());
        set("credentials", self.credentials.as_ref().map(|path| path.to_string_lossy().into_owned()));
        set("names", self.names.clone());
        set("sandbox", self.sandbox.clone());
        set("pool", self.pool.clone());
        set("function-network", self.function_network.clone());
        set("wording", self.wording.clone());
        set("throttle", self.throttle.then(|| "true".to_owned()));
        set("hot-reload", self.hot_reload.then(|| "true".to_owned()));
        set("destination-endpoint", self.destination_endpoint.clone());
        set("quick-retries", self.quick_retries.then(|| "true".to_owned()));
        set("trace-memory", self.trace_memory.clone());
        set("trace-payloads", self.trace_payloads.clone());
        set("otlp-endpoint", self.otlp_endpoint.clone());
        set("log", self.log.clone());
        layer
    }
}

/// What a hint needs so that the verb in it finds the server at `address`.
fn at(address: std::net::SocketAddr) -> String {
    if address.to_string() == DEFAULT_LISTEN { String::new() } else { format!(" --listen {address}") }
}

/// Verbs that talk to the server need little: one thread.
fn small_runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// One line of JSON, or nothing more to say than that it could not be written.
fn print_json(value: &serde_json::Value) {
    print_line(&value.to_string());
}

/// A line on the standard output. A reader that left (`| head`) ends the program quietly.
fn print_line(line: &str) {
    use std::io::Write as _;

    let mut out = std::io::stdout().lock();
    let written =
        out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    if let Err(error) = written {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("error: cannot write to the standard output: {error}");
        std::process::exit(1);
    }
}
