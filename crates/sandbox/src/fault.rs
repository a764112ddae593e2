//! Faults in AWS's words: the JSON bodies of what ends an environment. Knows no process.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;

use crate::outcome::{FaultKind, FunctionFault};

/// How AWS names the end of a runtime's process.
pub(crate) fn exit_reason(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "Runtime exited without providing a reason".to_owned() };
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(signal)) => format!("Runtime exited with error: signal: {}", signal_name(signal)),
        (None, None) => "Runtime exited without providing a reason".to_owned(),
    }
}

/// As Go prints signals, because AWS's supervisor is written in it.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

pub(crate) fn exited(request_id: &str, reason: &str, kind: FaultKind) -> FunctionFault {
    FunctionFault {
        kind,
        body: body("Runtime.ExitError", &format!("RequestId: {request_id} Error: {reason}")),
    }
}

/// The runtime's program is not there, or cannot be run.
pub(crate) fn invalid_entrypoint(request_id: &str, reason: &str) -> FunctionFault {
    let message = format!("RequestId: {request_id} Error: {reason}");
    FunctionFault { kind: FaultKind::Exit, body: body("Runtime.InvalidEntrypoint", &message) }
}

/// An extension could not be started, gave up, or ended while it was needed.
pub(crate) fn extension(request_id: &str, error_type: &str, reason: &str) -> FunctionFault {
    let message = format!("RequestId: {request_id} Error: {reason}");
    FunctionFault { kind: FaultKind::Exit, body: body(error_type, &message) }
}

/// How AWS names the end of an extension's process.
pub(crate) fn extension_exit(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "exit code 0".to_owned(),
        (Some(code), _) => format!("exit status {code}"),
        (None, signal) => format!("signal: {}", signal_name(signal.unwrap_or_default())),
    }
}

/// Why a program could not be started, as Go says it.
pub(crate) fn start_error(program: &str, errno: u32) -> String {
    let errno = i32::try_from(errno).unwrap_or(0);
    let why = match errno {
        libc::EACCES => "permission denied".to_owned(),
        libc::ENOENT => "no such file or directory".to_owned(),
        libc::ENOEXEC => "exec format error".to_owned(),
        libc::ENOTDIR => "not a directory".to_owned(),
        libc::ELOOP => "too many levels of symbolic links".to_owned(),
        libc::E2BIG => "argument list too long".to_owned(),
        libc::ENOMEM => "cannot allocate memory".to_owned(),
        other => std::io::Error::from_raw_os_error(other).to_string(),
    };
    format!("fork/exec {program}: {why}")
}

pub(crate) fn timed_out(request_id: &str, timeout: Duration) -> FunctionFault {
    let seconds = timeout.as_secs_f64();
    let message = format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
    FunctionFault { kind: FaultKind::Timeout, body: body("Sandbox.Timedout", &message) }
}

pub(crate) fn response_too_large(max: usize) -> FunctionFault {
    let message = format!("Response payload size exceeded maximum allowed payload size ({max} bytes).");
    FunctionFault { kind: FaultKind::ResponseTooLarge, body: body("Function.ResponseSizeTooLarge", &message) }
}

pub(crate) fn body(error_type: &str, message: &str) -> Bytes {
    let mut text = String::with_capacity(64 + message.len());
    text.push_str("{\"errorType\":");
    push_json_text(&mut text, error_type);
    text.push_str(",\"errorMessage\":");
    push_json_text(&mut text, message);
    text.push('}');
    Bytes::from(text)
}

/// `errorType` of a fault's JSON; what has none is `Unknown`.
pub(crate) fn error_type(body: &[u8]) -> String {
    let read = || -> Result<Option<String>, wire::json::JsonError> {
        let mut reader = wire::json::Reader::new(body, base::Limits::default().json_depth_max)?;
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            if key == "errorType" {
                return Ok(Some(reader.string()?.into_owned()));
            }
            reader.skip()?;
        }
        Ok(None)
    };
    read().ok().flatten().unwrap_or_else(|| "Unknown".to_owned())
}

pub(crate) fn push_json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a String cannot fail"),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_as_aws_does() {
        for (raw_status, reason) in [
            (0, "Runtime exited without providing a reason"),
            (1 << 8, "Runtime exited with error: exit status 1"),
            (9, "Runtime exited with error: signal: killed"),
            (64, "Runtime exited with error: signal: signal 64"),
        ] {
            assert_eq!(exit_reason(Some(ExitStatus::from_raw(raw_status))), reason);
        }
        assert_eq!(
            timed_out("id", Duration::from_secs(3)).body,
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}"#
        );
        assert_eq!(body("a\"b", "c\\\n"), r#"{"errorType":"a\"b","errorMessage":"c\\\u000a"}"#);
    }
}
