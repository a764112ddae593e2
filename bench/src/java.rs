//! A Java function, compiled with the host's JDK when it is measured. Knows no server.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::function::zipped;

/// The interfaces that handlers are compiled against are in it; from the repository's root.
const BOOTSTRAP: &str = "runtimes/java/bootstrap.jar";
pub(crate) const RUNTIME: &str = "java17";

/// Package and class are named so that the handler is `index.handler`, as in the other languages.
const ECHO: &str = "package index;
public class handler implements com.amazonaws.services.lambda.runtime.RequestHandler<
        java.util.Map<String, Object>, java.util.Map<String, Object>> {
    public java.util.Map<String, Object> handleRequest(
            java.util.Map<String, Object> event, com.amazonaws.services.lambda.runtime.Context context) {
        return event;
    }
}
";

/// The zip of a function that answers its event.
///
/// # Errors
/// The host has no JDK.
pub(crate) fn echo() -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("handler.java");
    std::fs::write(&source, ECHO)?;
    let done = Command::new("javac")
        .args(["--release", "17", "-cp", BOOTSTRAP, "-d"])
        .args([folder.path(), source.as_path()])
        .output()
        .context("no javac on the PATH")?;
    if !done.status.success() {
        bail!("javac failed: {}", String::from_utf8_lossy(&done.stderr).trim_end());
    }
    zipped("index/handler.class", &std::fs::read(folder.path().join("index/handler.class"))?)
}
