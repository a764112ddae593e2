//! The folder as its users see it, with what others may have put there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::symlink;

use objects::FolderObjects;
use ports::{ObjectError, Objects};

async fn put(objects: &FolderObjects, bucket: &str, key: &str, text: &str) -> Result<(), ObjectError> {
    let mut writer = objects.create(bucket, key).await?;
    writer.write(text.to_owned().into()).await?;
    writer.finish().await
}

async fn get(objects: &FolderObjects, bucket: &str, key: &str) -> Result<String, ObjectError> {
    let mut reader = objects.open(bucket, key).await?;
    let mut text = Vec::new();
    while let Some(piece) = reader.read().await? {
        text.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(text).unwrap())
}

async fn keys(objects: &FolderObjects, bucket: &str, prefix: &str) -> Result<Vec<String>, ObjectError> {
    let found = objects.list(bucket, prefix, 100).await?;
    Ok(found.into_iter().map(|entry| entry.key).collect())
}

#[tokio::test]
async fn objects_come_back_and_are_listed_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let objects = FolderObjects::new(folder.path().join("new"));
    assert_eq!(objects.list("b", "", 9).await, Err(ObjectError::NoSuchBucket));
    for key in ["data/2", "data/1/x", "data.bak", "data2", "z"] {
        put(&objects, "b", key, key).await.unwrap();
    }
    put(&objects, "b", "z", "replaced").await.unwrap();
    assert_eq!(get(&objects, "b", "data/1/x").await.unwrap(), "data/1/x");
    assert_eq!(get(&objects, "b", "z").await.unwrap(), "replaced");
    assert_eq!(keys(&objects, "b", "data").await.unwrap(), ["data.bak", "data/1/x", "data/2", "data2"]);
    assert_eq!(keys(&objects, "b", "data/").await.unwrap(), ["data/1/x", "data/2"]);
    assert_eq!(keys(&objects, "b", "none/").await.unwrap(), Vec::<String>::new());
    assert_eq!(objects.list("b", "", 2).await, Err(ObjectError::TooMany(2)));
    let missing = objects.open("b", "data").await.unwrap_err();
    assert_eq!(missing, ObjectError::NoSuchKey);
}

#[tokio::test]
async fn an_object_that_is_not_finished_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let objects = FolderObjects::new(folder.path());
    let mut writer = objects.create("b", "k").await.unwrap();
    writer.write("half".into()).await.unwrap();
    assert_eq!(keys(&objects, "b", "").await.unwrap(), Vec::<String>::new());
    drop(writer);
    assert_eq!(fs::read_dir(folder.path().join("b")).unwrap().count(), 0);
}

#[tokio::test]
async fn nothing_leads_out_of_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("b/real")).unwrap();
    symlink(&outside, root.join("b/link")).unwrap();
    symlink(outside.join("secret"), root.join("b/file")).unwrap();
    symlink(&outside, root.join("c")).unwrap();
    let objects = FolderObjects::new(&root);

    assert_eq!(keys(&objects, "b", "").await.unwrap(), Vec::<String>::new());
    assert_eq!(keys(&objects, "b", "link/").await.unwrap(), Vec::<String>::new());
    assert_eq!(objects.list("c", "", 9).await, Err(ObjectError::NoSuchBucket));
    for key in ["file", "link/secret"] {
        assert_eq!(get(&objects, "b", key).await.unwrap_err(), ObjectError::NoSuchKey, "{key}");
    }
    for key in ["../outside/secret", "real/../../../outside/secret", "/etc/passwd", ".."] {
        let refused = get(&objects, "b", key).await.unwrap_err();
        assert!(matches!(refused, ObjectError::Refused(_)), "{key}: {refused:?}");
        assert!(put(&objects, "b", key, "x").await.is_err(), "{key}");
    }
    assert!(put(&objects, "b", "link/new", "x").await.is_err());
    assert!(put(&objects, "..", "new", "x").await.is_err());
    // The link itself is replaced, and not what it leads to.
    put(&objects, "b", "file", "mine").await.unwrap();
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}
