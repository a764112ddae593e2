//! The AWS SDK for Python of another interpreter of this host, for one that has none. It is pure Python, so that any
//! version runs it. Looks at files, runs nothing.

use std::path::Path;
use std::sync::Arc;

use super::{Family, Interpreter, probe, search};

/// boto3 and what it needs. Nothing else of the other interpreter is shown: its packages may hold compiled code.
const PACKAGES: [&str; 7] = ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"];

/// The interpreter, which finds the SDK of another one if it is Python and has none.
pub(super) fn with_sdk(interpreter: Arc<Interpreter>) -> Arc<Interpreter> {
    let has = |folder: &Path| folder.join("boto3/__init__.py").is_file();
    let own = interpreter.packages.iter().any(|folder| has(Path::new(folder)));
    if interpreter.family != Family::Python || own {
        return interpreter;
    }
    let whole = |folder: &Path| PACKAGES.iter().all(|name| folder.join(name).exists());
    let Some(folder) = search::python_packages().into_iter().find(|folder| whole(folder)) else {
        return interpreter;
    };
    let mut lending = (*interpreter).clone();
    lending.needs.extend(PACKAGES.iter().map(|name| folder.join(name)));
    lending.needs = probe::outermost(lending.needs);
    lending.sdk = Some(folder);
    Arc::new(lending)
}

/// For the bootstrap: the folder, and the modules it may take of it.
pub(crate) fn variable(folder: &Path) -> String {
    let modules = PACKAGES.map(|name| name.trim_end_matches(".py"));
    format!("{}:{}", folder.display(), modules.join(","))
}
