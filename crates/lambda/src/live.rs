//! Functions that are served from a folder of the host while they are being written: each invocation runs what was saved
//! before it. Knows how such a function is named in a request, and no watcher.

use std::path::Path;

use bytes::Bytes;
use ports::{InvokeError, InvokeReply, LogBatch, LogEvent};
use wire::Failure;
use wire::json::Writer;

use crate::catalogue::{Function, Version};
use crate::runner::{Run, Runner};
use crate::{Lambda, error};

/// A package in a bucket of this name is a folder of the host, whose path is its key: the form that users of other
/// emulators know.
const BUCKET: &str = "hot-reload";

/// Whoever looks at a function in a debugger takes as long as that takes.
pub(crate) const INSPECTED_TIMEOUT_MS: u64 = 24 * 3600 * 1000;

impl Lambda {
    /// The folder that a request names as its code, if it names one.
    ///
    /// # Errors
    /// The server serves no folders, or this is none.
    pub(crate) fn folder_of(
        &self,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let (Some(BUCKET), Some(path)) = (bucket, key) else { return Ok(None) };
        if self.config.live.is_none() {
            return Err(error::invalid(
                "This server serves no functions from folders: run `rushlight dev`, or start it with --hot-reload.",
            ));
        }
        if !Path::new(path).is_absolute() || !Path::new(path).is_dir() {
            return Err(error::invalid(format!(
                "{path} is not the absolute path of a folder on this machine."
            )));
        }
        Ok(Some(path.to_owned()))
    }
}

impl Runner {
    /// Sees to it that `run` gets the code as it is now. A reply is the end of it: what was saved cannot be run.
    pub(crate) async fn follow(&self, run: &Run) -> Result<Option<InvokeReply>, InvokeError> {
        let Some(folder) = &run.version.record.code.folder else { return Ok(None) };
        let Some(live) = &self.live else {
            return Err(InvokeError::Unavailable(format!(
                "The function is served from the folder {folder}: run `rushlight dev` there, or start the server with \
                 --hot-reload."
            )));
        };
        match live.generation(Path::new(folder)).await {
            Ok(generation) => {
                run.version.fleet.renew(generation);
                Ok(None)
            }
            Err(why) => Ok(Some(self.unbuilt(run, &why))),
        }
    }

    /// Where the debugger of the version's environment listens, if it does.
    pub(crate) fn inspect_port(&self, function: &Function, version: &Version) -> Option<u16> {
        version.record.code.folder.as_ref()?;
        self.live.as_ref()?.inspect_port(&function.name)
    }

    /// The answer and the log of a function that does not compile.
    fn unbuilt(&self, run: &Run, why: &str) -> InvokeReply {
        let mut json = Writer::new();
        json.begin_object();
        json.key("errorType");
        json.string("Runtime.UserCodeSyntaxError");
        json.key("errorMessage");
        json.string(why);
        json.end_object();
        let message = Bytes::from(format!("{} {why}\n", run.request_id));
        self.logs.write(LogBatch {
            scope: run.function.scope.clone(),
            group: run.version.log_group.clone(),
            stream: "build".into(),
            events: vec![LogEvent { timestamp: self.clock.now(), message: message.clone() }],
        });
        InvokeReply {
            payload: json.into_bytes(),
            function_error: Some("Unhandled"),
            executed_version: run.version.text.clone(),
            log_tail: message,
        }
    }
}
