//! Functions served from a folder: what was saved before an invocation is what it runs.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use api::lambda::*;
use ports::{BoxFuture, InvokeError, LiveFolders};

use crate::fixture::{Answer, World, check_failure, function, settle};

/// A folder whose generation the test sets.
#[derive(Debug)]
struct FakeFolders(Mutex<Result<u64, String>>);

impl FakeFolders {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Ok(1))))
    }

    fn set(&self, generation: Result<u64, &str>) {
        *self.0.lock().unwrap() = generation.map_err(str::to_owned);
    }
}

impl LiveFolders for FakeFolders {
    fn generation<'a>(&'a self, _: &'a Path) -> BoxFuture<'a, Result<u64, String>> {
        let generation = self.0.lock().unwrap().clone();
        Box::pin(async move { generation })
    }

    fn inspect_port(&self, _: &str) -> Option<u16> {
        None
    }
}

fn served_from(folder: &str) -> CreateFunctionInput {
    let code = FunctionCode {
        s3_bucket: Some("hot-reload".to_owned()),
        s3_key: Some(folder.to_owned()),
        ..FunctionCode::default()
    };
    CreateFunctionInput { code, ..function("f") }
}

#[tokio::test]
async fn another_generation_is_another_environment() {
    let folders = FakeFolders::new();
    let world = World::with(|config| config.live = Some(folders.clone())).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    world.lambda.create_function(&world.cx, served_from(&path)).await.unwrap();
    let mounted = path.clone();
    world.executor.answer(move |spec, _| Answer::Json((spec.code_dir == Path::new(&mounted)).to_string()));
    for (generation, launched) in [(1, 1), (1, 1), (2, 2), (2, 2), (1, 3)] {
        folders.set(Ok(generation));
        assert_eq!(world.invoke("f", "{}").await.unwrap().payload, "true");
        assert_eq!((world.executor.launched(), world.executor.alive()), (launched, 1));
    }
    folders.set(Err("esbuild failed:\nindex.ts:1: \"no\""));
    let reply = world.invoke("f", "{}").await.unwrap();
    assert_eq!(reply.function_error, Some("Unhandled"));
    assert_eq!(
        reply.payload,
        r#"{"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"esbuild failed:\nindex.ts:1: \"no\""}"#
    );
    assert_eq!(world.executor.launched(), 3);
    folder.close().unwrap();
}

#[tokio::test]
async fn an_environment_that_was_busy_at_a_save_serves_no_more() {
    let folders = FakeFolders::new();
    let world = World::with(|config| config.live = Some(folders.clone())).await;
    let folder = tempfile::tempdir().unwrap();
    world.lambda.create_function(&world.cx, served_from(folder.path().to_str().unwrap())).await.unwrap();
    let (finish, waiting) = tokio::sync::mpsc::channel(1);
    let mut waiting = Some(waiting);
    world
        .executor
        .answer(move |_, _| waiting.take().map_or_else(|| Answer::Json("2".to_owned()), Answer::Later));
    let old = tokio::spawn({
        let (lambda, call) = (world.lambda.clone(), world.call("f", "{}"));
        async move { ports::Invoke::invoke(&*lambda, call).await }
    });
    settle().await;
    folders.set(Ok(2));
    assert_eq!(world.invoke("f", "{}").await.unwrap().payload, "2");
    drop(finish);
    old.await.unwrap().unwrap();
    assert_eq!(world.executor.alive(), 1, "the environment of the code before the save is kept");
}

#[tokio::test]
async fn only_a_server_that_serves_folders_takes_them() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let refused = world.lambda.create_function(&world.cx, served_from(path)).await;
    check_failure(
        refused,
        "InvalidParameterValueException",
        400,
        "This server serves no functions from folders: run `rushlight dev`, or start it with --hot-reload.",
    );
    let serving = World::with(|config| config.live = Some(FakeFolders::new())).await;
    for bad in ["relative/folder", "/no/such/folder"] {
        let refused = serving.lambda.create_function(&serving.cx, served_from(bad)).await;
        let said = format!("{bad} is not the absolute path of a folder on this machine.");
        check_failure(refused, "InvalidParameterValueException", 400, &said);
    }
    serving.lambda.create_function(&serving.cx, served_from(path)).await.unwrap();
    serving.lambda.stop(std::time::Duration::from_secs(2)).await;
    // What such a function answers on a server that serves none.
    let plain = serving.reopened().await;
    let error = plain.invoke("f", "{}").await.unwrap_err();
    assert!(matches!(&error, InvokeError::Unavailable(why) if why.contains("rushlight dev")), "{error:?}");
}
