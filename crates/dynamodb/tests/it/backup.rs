//! Backups, recovery, exports, imports and bulk operations, while others write and over restarts.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use store::{Durability, Store};

use crate::world::World;

const ITEMS: usize = 450;

async fn create(world: &World, name: &str) {
    let table = json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "N"}],
        "GlobalSecondaryIndexes": [{"IndexName": "byg", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "KEYS_ONLY"}}]});
    world.ok("CreateTable", table).await;
}

async fn recover(world: &World, name: &str) {
    let on =
        json!({"TableName": name, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    world.ok("UpdateContinuousBackups", on).await;
}

async fn put(world: &World, table: &str, pk: usize, g: usize) {
    let item = json!({"pk": {"S": format!("i{pk}")}, "g": {"N": g.to_string()}});
    world.ok("PutItem", json!({"TableName": table, "Item": item})).await;
}

/// All items, `pk` to `g`, and as many entries in the index.
async fn scan(world: &World, table: &str) -> BTreeMap<String, String> {
    let mut items = BTreeMap::new();
    for index in [None, Some("byg")] {
        let mut found = BTreeMap::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({"TableName": table});
            if let Some(index) = index {
                request["IndexName"] = index.into();
            }
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let page = world.ok("Scan", request).await;
            for item in page["Items"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                found.insert(text(&item["pk"]["S"]), text(&item["g"]["N"]));
            }
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                break;
            }
        }
        match index {
            None => items = found,
            Some(_) => assert_eq!(items, found, "the index of {table}"),
        }
    }
    items
}

/// Changes items until it is told to stop: puts, deletes, and pairs that must stay equal.
async fn churn(world: Arc<World>, table: &'static str, stop: Arc<AtomicBool>) {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        put(&world, table, n * 7 % ITEMS, 1_000 + n).await;
        let key = json!({"pk": {"S": format!("i{}", n * 11 % ITEMS)}});
        world.ok("DeleteItem", json!({"TableName": table, "Key": key})).await;
        let pair = |pk: &str| {
            let item = json!({"pk": {"S": pk}, "g": {"N": n.to_string()}});
            json!({"Put": {"TableName": table, "Item": item}})
        };
        let writes = json!({"TransactItems": [pair("pair-a"), pair("pair-b")]});
        world.ok("TransactWriteItems", writes).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_is_what_the_table_was_however_it_changes_meanwhile() {
    let world = Arc::new(World::new().await);
    create(&world, "src").await;
    recover(&world, "src").await;
    for n in 0..ITEMS {
        put(&world, "src", n, n).await;
    }
    world.clock.advance(Duration::from_secs(5));
    for n in 0..ITEMS / 3 {
        put(&world, "src", n * 2, n + 5_000).await;
    }
    let then = scan(&world, "src").await;
    world.clock.advance(Duration::from_secs(10));

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2).map(|_| tokio::spawn(churn(world.clone(), "src", stop.clone()))).collect();
    for round in 0..3 {
        let name = format!("copy{round}");
        let at = json!({"SourceTableName": "src", "TargetTableName": name, "RestoreDateTime": 1_795_368_068});
        world.ok("RestoreTableToPointInTime", at).await;
        let name = format!("latest{round}");
        let latest =
            json!({"SourceTableName": "src", "TargetTableName": name, "UseLatestRestorableTime": true});
        world.ok("RestoreTableToPointInTime", latest).await;
        world.ok("CreateBackup", json!({"TableName": "src", "BackupName": format!("backup{round}")})).await;
        world.db.quiet().await;
        assert_eq!(scan(&world, &format!("copy{round}")).await, then, "round {round}");
        // Of a transaction there is all or nothing.
        let latest = scan(&world, &format!("latest{round}")).await;
        assert_eq!(latest.get("pair-a"), latest.get("pair-b"), "round {round}");
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let listed = world.ok("ListBackups", json!({"TableName": "src"})).await;
    for (round, backup) in listed["BackupSummaries"].as_array().unwrap().iter().enumerate() {
        let name = format!("from{round}");
        world
            .ok("RestoreTableFromBackup", json!({"TargetTableName": name, "BackupArn": backup["BackupArn"]}))
            .await;
        world.db.quiet().await;
        let copy = scan(&world, &name).await;
        assert_eq!(copy.get("pair-a"), copy.get("pair-b"), "backup {round}");
        assert!(copy.len() > ITEMS / 2);
    }
}

#[tokio::test]
async fn a_table_that_is_being_restored_is_nobodys_yet() {
    let world = World::new().await;
    create(&world, "src").await;
    recover(&world, "src").await;
    for n in 0..ITEMS {
        put(&world, "src", n, n).await;
    }
    let latest =
        json!({"SourceTableName": "src", "TargetTableName": "copy", "UseLatestRestorableTime": true});
    let made = world.ok("RestoreTableToPointInTime", latest).await;
    assert_eq!(made["TableDescription"]["TableStatus"], "CREATING");
    let described = world.ok("DescribeTable", json!({"TableName": "copy"})).await;
    assert_eq!(described["Table"]["TableStatus"], "CREATING");
    assert_eq!(described["Table"]["RestoreSummary"]["RestoreInProgress"], true);
    for (operation, request) in [
        ("PutItem", json!({"TableName": "copy", "Item": {"pk": {"S": "x"}}})),
        ("UpdateTable", json!({"TableName": "copy", "DeletionProtectionEnabled": true})),
        ("DescribeContinuousBackups", json!({"TableName": "copy"})),
        ("CreateBackup", json!({"TableName": "copy", "BackupName": "early"})),
        ("DeleteTable", json!({"TableName": "copy"})),
        (
            "CreateTable",
            json!({"TableName": "copy", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}),
        ),
        (
            "RestoreTableToPointInTime",
            json!({"SourceTableName": "src", "TargetTableName": "copy", "UseLatestRestorableTime": true}),
        ),
    ] {
        let refusal = world.refused(operation, request).await;
        let code = refusal.split(':').next().unwrap();
        assert!(
            [
                "ResourceNotFoundException",
                "TableNotFoundException",
                "ResourceInUseException",
                "TableInUseException"
            ]
            .contains(&code),
            "{operation}: {refusal}"
        );
    }
    // The source may go: what is being copied of it stays until it is.
    world.ok("DeleteTable", json!({"TableName": "src"})).await;
    world.db.quiet().await;
    let described = world.ok("DescribeTable", json!({"TableName": "copy"})).await;
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE");
    assert!(described["Table"].get("RestoreSummary").is_none());
    assert_eq!(scan(&world, "copy").await.len(), ITEMS);
    world.db.sweep().await.unwrap();
    world.ok("PutItem", json!({"TableName": "copy", "Item": {"pk": {"S": "x"}}})).await;
}

/// Runs `begin` on a server that is killed some steps after, as long as jobs take, and `check` on the last.
fn killed_again_and_again(objects: &Path, begin: impl AsyncFn(&World), check: impl AsyncFn(&World)) {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        // Dropped with all its tasks, wherever they are.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(async {
            let store = Store::open(folder.path(), Durability::Relaxed).unwrap();
            let world = World::with_objects(store.clone(), objects).await;
            match round {
                0 => begin(&world).await,
                _ => world.db.resume().await.unwrap(),
            }
            let quiet = tokio::time::timeout(Duration::from_millis(2 + round * round), world.db.quiet());
            let ended = quiet.await.is_ok() && round > 0;
            if ended {
                check(&world).await;
                drop(world);
                store.close().await.unwrap();
            }
            ended
        });
        drop(runtime);
        if ended {
            return;
        }
    }
    panic!("the jobs have not come to an end");
}

#[test]
fn jobs_go_on_where_a_server_was_killed() {
    let objects = tempfile::tempdir().unwrap();
    let begin = async |world: &World| {
        create(world, "src").await;
        recover(world, "src").await;
        for n in 0..ITEMS {
            put(world, "src", n, n).await;
        }
        let latest =
            json!({"SourceTableName": "src", "TargetTableName": "copy", "UseLatestRestorableTime": true});
        world.ok("RestoreTableToPointInTime", latest).await;
        world.ok("CreateBackup", json!({"TableName": "src", "BackupName": "kept"})).await;
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/src";
        world.ok("ExportTableToPointInTime", json!({"TableArn": arn, "S3Bucket": "bucket"})).await;
        for n in 0..ITEMS {
            put(world, "src", n, n + 9_000).await;
        }
    };
    let check = async |world: &World| {
        let copy = scan(world, "copy").await;
        assert_eq!(copy.len(), ITEMS);
        let backups = world.ok("ListBackups", json!({})).await;
        assert_eq!(backups["BackupSummaries"][0]["BackupStatus"], "AVAILABLE");
        let arn = &backups["BackupSummaries"][0]["BackupArn"];
        let backup = world.ok("DescribeBackup", json!({"BackupArn": arn})).await;
        assert_eq!(backup["BackupDescription"]["SourceTableDetails"]["ItemCount"], ITEMS);
        let exports = world.ok("ListExports", json!({})).await;
        assert_eq!(exports["ExportSummaries"][0]["ExportStatus"], "COMPLETED", "{exports}");
        world.db.sweep().await.unwrap();
    };
    killed_again_and_again(objects.path(), begin, check);
    let lines: usize = data_files(objects.path()).iter().map(|path| unpacked(path).lines().count()).sum();
    assert_eq!(lines, ITEMS);
}

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(data_files(&path)),
            false => found.extend(path.to_string_lossy().ends_with(".json.gz").then_some(path)),
        }
    }
    found
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn packed(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn import(name: &str, prefix: &str, format: &str, compression: &str) -> Value {
    json!({"S3BucketSource": {"S3Bucket": "bucket", "S3KeyPrefix": prefix}, "InputFormat": format, "InputCompressionType": compression,
        "TableCreationParameters": {"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "N"}],
            "GlobalSecondaryIndexes": [{"IndexName": "byg", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "KEYS_ONLY"}}]}})
}

async fn imported(world: &World, request: Value) -> Value {
    let arn = world.ok("ImportTable", request).await["ImportTableDescription"]["ImportArn"].clone();
    world.db.quiet().await;
    world.ok("DescribeImport", json!({"ImportArn": arn})).await["ImportTableDescription"].clone()
}

#[tokio::test]
async fn what_is_exported_can_be_imported() {
    let objects = tempfile::tempdir().unwrap();
    let world = World::with_objects(Store::memory(), objects.path()).await;
    create(&world, "src").await;
    recover(&world, "src").await;
    for n in 0..ITEMS {
        put(&world, "src", n, n).await;
    }
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/src";
    let export = json!({"TableArn": arn, "S3Bucket": "bucket", "S3Prefix": "exp", "ClientToken": "once"});
    let made = world.ok("ExportTableToPointInTime", export.clone()).await;
    let described = &made["ExportDescription"];
    assert_eq!(described["ExportStatus"], "IN_PROGRESS");
    world.db.quiet().await;
    let again = world.ok("ExportTableToPointInTime", export.clone()).await;
    assert_eq!(again["ExportDescription"]["ExportArn"], described["ExportArn"]);
    let mut other = export;
    other["S3Prefix"] = "other".into();
    let conflict = world.refused("ExportTableToPointInTime", other).await;
    assert_eq!(
        conflict,
        "ExportConflictException: Export conflict: Duplicate request detected with conflicting parameters"
    );

    let told = world.ok("DescribeExport", json!({"ExportArn": described["ExportArn"]})).await;
    let told = &told["ExportDescription"];
    assert_eq!((&told["ExportStatus"], &told["ItemCount"]), (&json!("COMPLETED"), &json!(ITEMS)), "{told}");
    let manifest = objects.path().join("bucket").join(told["ExportManifest"].as_str().unwrap());
    let summary: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    assert_eq!(summary["exportArn"], told["ExportArn"]);
    assert_eq!(summary["itemCount"], ITEMS);
    let folder = manifest.parent().unwrap();
    for name in ["_started", "manifest-files.json", "manifest-files.md5", "manifest-summary.md5"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    let files = std::fs::read_to_string(folder.join("manifest-files.json")).unwrap();
    let file: Value = serde_json::from_str(files.lines().next().unwrap()).unwrap();
    let data = unpacked(&objects.path().join("bucket").join(file["dataFileS3Key"].as_str().unwrap()));
    assert_eq!(data.lines().count(), ITEMS);
    assert!(data.starts_with("{\"Item\":{"), "{data:.40}");

    let prefix =
        format!("exp/AWSDynamoDB/{}/data/", told["ExportArn"].as_str().unwrap().rsplit('/').next().unwrap());
    let done = imported(&world, import("copy", &prefix, "DYNAMODB_JSON", "GZIP")).await;
    assert_eq!(
        (&done["ImportStatus"], &done["ImportedItemCount"]),
        (&json!("COMPLETED"), &json!(ITEMS)),
        "{done}"
    );
    assert_eq!(scan(&world, "copy").await, scan(&world, "src").await);
    let listed = world.ok("ListImports", json!({"TableArn": done["TableArn"]})).await;
    assert_eq!(listed["ImportSummaryList"][0]["ImportArn"], done["ImportArn"]);
    // Packed data that is read as it is, and names that are taken.
    let plain = imported(&world, import("plain", &prefix, "DYNAMODB_JSON", "NONE")).await;
    assert_eq!(plain["FailureCode"], "ItemValidationError");
    let taken = world.refused("ImportTable", import("copy", &prefix, "DYNAMODB_JSON", "GZIP")).await;
    assert_eq!(taken, "ResourceInUseException: Table already exists: copy");
}

#[tokio::test]
async fn an_incremental_export_has_what_changed_between_its_times() {
    let objects = tempfile::tempdir().unwrap();
    let world = World::with_objects(Store::memory(), objects.path()).await;
    create(&world, "src").await;
    recover(&world, "src").await;
    for n in 0..4 {
        put(&world, "src", n, n).await;
    }
    let minutes = |n: u64| Duration::from_secs(n * 60);
    world.clock.advance(minutes(10));
    put(&world, "src", 1, 10).await;
    put(&world, "src", 1, 11).await;
    put(&world, "src", 5, 50).await;
    world.ok("DeleteItem", json!({"TableName": "src", "Key": {"pk": {"S": "i2"}}})).await;
    put(&world, "src", 6, 60).await;
    world.ok("DeleteItem", json!({"TableName": "src", "Key": {"pk": {"S": "i6"}}})).await;
    world.clock.advance(minutes(10));
    put(&world, "src", 1, 99).await;
    put(&world, "src", 3, 99).await;
    put(&world, "src", 7, 99).await;
    let from = 1_795_368_060 + 300;
    let export = json!({"TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/src", "S3Bucket": "bucket", "ExportType": "INCREMENTAL_EXPORT",
        "IncrementalExportSpecification": {"ExportFromTime": from, "ExportToTime": from + 900 - 60, "ExportViewType": "NEW_AND_OLD_IMAGES"}});
    let short = world.refused("ExportTableToPointInTime", export.clone()).await;
    assert!(short.ends_with("is less than 15 minutes"), "{short}");
    world.clock.advance(minutes(10));
    put(&world, "src", 5, 99).await;
    let mut export = export;
    // The changes of the second ten minutes are in it, those of the last are not.
    export["IncrementalExportSpecification"]["ExportToTime"] = json!(from + 900 + 300);
    world.ok("ExportTableToPointInTime", export).await;
    world.db.quiet().await;
    let files = data_files(objects.path());
    let mut lines: Vec<String> = unpacked(&files[0]).lines().map(str::to_owned).collect();
    lines.sort();
    let at = |minutes: u64| (1_795_368_060_123 + minutes * 60_000) * 1_000;
    let item = |n: u64, g: u64| json!({"pk": {"S": format!("i{n}")}, "g": {"N": g.to_string()}});
    let mut expected: Vec<Value> = [
        (1, at(20), Some(1), Some(99)),
        (2, at(10), Some(2), None),
        (3, at(20), Some(3), Some(99)),
        (5, at(10), None, Some(50)),
        (6, at(10), None, None),
        (7, at(20), None, Some(99)),
    ]
    .into_iter()
    .map(|(n, at, old, new)| {
        let mut line = json!({"Metadata": {"WriteTimestampMicros": {"N": at.to_string()}}, "Keys": {"pk": {"S": format!("i{n}")}}});
        if let Some(old) = old {
            line["OldImage"] = item(n, old);
        }
        if let Some(new) = new {
            line["NewImage"] = item(n, new);
        }
        line
    })
    .collect();
    let mut found: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let by_key = |line: &Value| line["Keys"]["pk"]["S"].as_str().unwrap().to_owned();
    expected.sort_by_key(by_key);
    found.sort_by_key(by_key);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn bad_objects_are_counted_and_nothing_else_suffers() {
    let objects = tempfile::tempdir().unwrap();
    let bucket = objects.path().join("bucket");
    std::fs::create_dir(&bucket).unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(bucket.join(name), content).unwrap();
    let line = |pk: usize| format!("{{\"Item\":{{\"pk\":{{\"S\":\"p{pk}\"}},\"g\":{{\"N\":\"{pk}\"}}}}}}\n");
    let good: String = (0..5).map(line).collect();
    let whole = packed(&good);
    write("gz-1-broken", &whole[..whole.len() - 9]);
    write("gz-2-none", good.as_bytes());
    write("gz-3-good", &packed(&line(9)));
    write("gz-4-empty", b"");
    write("gz-5-twice", &[packed(&line(10)), packed(&line(11))].concat());
    write("json-1", format!("{}{{\"Item\":{{\"g\":{{\"N\":\"1\"}}}}}}\n{}", line(0), line(1)).as_bytes());
    write("json-2-garbage", format!("{}garbage\n{}", line(2), line(3)).as_bytes());
    write("json-3-type", "{\"Item\":{\"pk\":{\"S\":\"x\"},\"g\":{\"S\":\"no number\"}}}\n{}\n\n".as_bytes());
    write("json-4-nested", format!("{}{}", "{\"Item\":".repeat(10_000), "\n").as_bytes());
    write("huge", format!("{}{}", line(1), "x".repeat(6 << 20)).as_bytes());
    write("csv", "pk,g,note\nc1,1,\"a, \"\"b\"\"\nc\"\nc2,2,\nc3,x,z\nc4,1\n".as_bytes());
    write("list", "c1;7\nc2;8".as_bytes());
    std::fs::write(objects.path().join("secret"), line(1)).unwrap();
    std::os::unix::fs::symlink(objects.path().join("secret"), bucket.join("json-9-link")).unwrap();

    let world = World::with_objects(Store::memory(), objects.path()).await;
    let counts = |done: &Value| {
        ["ProcessedItemCount", "ImportedItemCount", "ErrorCount"].map(|name| done[name].as_i64().unwrap())
    };
    for (table, prefix, format, compression, expected) in [
        ("gzt", "gz", "DYNAMODB_JSON", "GZIP", [5, 3, 2]),
        ("jsn", "json", "DYNAMODB_JSON", "NONE", [8, 3, 5]),
        ("hug", "huge", "DYNAMODB_JSON", "NONE", [2, 1, 1]),
        ("cst", "csv", "CSV", "NONE", [4, 2, 2]),
    ] {
        let done = imported(&world, import(table, prefix, format, compression)).await;
        assert_eq!(counts(&done), expected, "{table}: {done}");
        assert_eq!(done["FailureCode"], "ItemValidationError");
        assert_eq!(scan(&world, table).await.len(), usize::try_from(expected[1]).unwrap());
    }
    let note = world.ok("GetItem", json!({"TableName": "cst", "Key": {"pk": {"S": "c1"}}})).await;
    assert_eq!(note["Item"]["note"]["S"], "a, \"b\"\nc");
    let mut listed = import("lst", "list", "CSV", "NONE");
    listed["InputFormatOptions"] = json!({"Csv": {"Delimiter": ";", "HeaderList": ["pk", "g"]}});
    assert_eq!(counts(&imported(&world, listed).await), [2, 2, 0]);
    assert_eq!(imported(&world, import("emp", "none/", "CSV", "NONE")).await["ImportStatus"], "COMPLETED");
    for prefix in ["../", "../secret", "a/../../", "/"] {
        let done = imported(&world, import("out", prefix, "DYNAMODB_JSON", "NONE")).await;
        assert_eq!(
            (&done["ImportedItemCount"], &done["ImportStatus"]),
            (&json!(0), &json!("FAILED")),
            "{prefix}: {done}"
        );
    }
    let mut nowhere = import("out", "", "DYNAMODB_JSON", "NONE");
    nowhere["S3BucketSource"]["S3Bucket"] = "nowhere".into();
    assert_eq!(imported(&world, nowhere).await["FailureCode"], "S3NoSuchBucket");
    assert!(
        world.refused("DescribeTable", json!({"TableName": "out"})).await.starts_with("ResourceNotFound")
    );
    let ion = world.refused("ImportTable", import("ion", "", "ION", "NONE")).await;
    assert!(ion.contains("does not support InputFormat ION"), "{ion}");
}

#[tokio::test]
async fn without_a_folder_of_objects_that_is_said() {
    let world = World::new().await;
    let refusal = world.refused("ImportTable", import("new", "", "CSV", "NONE")).await;
    assert_eq!(
        refusal,
        "ValidationException: Rushlight has no folder for the objects of S3: start it with --objects DIR"
    );
}

#[tokio::test]
async fn bulk_puts_keep_conditions_and_report_what_was_not_put() {
    let objects = tempfile::tempdir().unwrap();
    let bucket = objects.path().join("bucket");
    std::fs::create_dir(&bucket).unwrap();
    let world = World::with_objects(Store::memory(), objects.path()).await;
    create(&world, "dst").await;
    put(&world, "dst", 1, 1).await;
    let lines: String = (0..300)
        .map(|n| {
            format!(
                "{{\"Item\":{{\"pk\":{{\"S\":\"i{n}\"}},\"g\":{{\"N\":\"7\"}}}},\"ConditionExpression\":\"attribute_not_exists(pk)\"}}\n"
            )
        })
        .collect();
    std::fs::write(bucket.join("in"), format!("{lines}{{\"Item\":{{}}}}\n")).unwrap();
    let start = |token: &str| {
        json!({"TableName": "dst", "ClientToken": token, "InputS3Configuration": {"S3Bucket": "bucket", "S3KeyPrefix": "in", "InputFormat": "DYNAMODB_JSON"},
            "OutputS3Configuration": {"S3Bucket": "bucket", "S3KeyPrefix": "out", "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"]}})
    };
    let made = world.ok("StartBulkPutItems", start("a")).await["BulkOperationDescription"].clone();
    assert_eq!(made["BulkOperationStatus"], "IN_PROGRESS");
    let again = world.ok("StartBulkPutItems", start("a")).await;
    assert_eq!(again["BulkOperationDescription"]["BulkOperationArn"], made["BulkOperationArn"]);
    world.db.quiet().await;
    let arn = json!({"BulkOperationArn": made["BulkOperationArn"]});
    let done = world.ok("DescribeBulkOperation", arn.clone()).await["BulkOperationDescription"].clone();
    assert_eq!(done["BulkOperationStatus"], "COMPLETED_WITH_ERRORS", "{done}");
    assert_eq!((&done["ProcessedItemCount"], &done["FailedItemCount"]), (&json!(301), &json!(1)));
    let items = scan(&world, "dst").await;
    assert_eq!((items.len(), items["i1"].as_str(), items["i2"].as_str()), (300, "1", "7"));
    let reports: Vec<String> = data_files(objects.path()).iter().map(|path| unpacked(path)).collect();
    assert_eq!(reports.iter().map(|report| report.lines().count()).sum::<usize>(), 2, "{reports:?}");
    assert!(reports.iter().any(|report| report.contains("\"ExistingItem\"")), "{reports:?}");

    // All have their items now.
    world.clock.advance(Duration::from_secs(1));
    let second = world.ok("StartBulkPutItems", start("b")).await["BulkOperationDescription"].clone();
    let arn = json!({"BulkOperationArn": second["BulkOperationArn"]});
    let cancelled = world.ok("CancelBulkOperation", arn.clone()).await;
    assert_eq!(cancelled["BulkOperationStatus"], "CANCELLING");
    world.db.quiet().await;
    let done = world.ok("DescribeBulkOperation", arn.clone()).await["BulkOperationDescription"].clone();
    assert_eq!(done["BulkOperationStatus"], "CANCELLED", "{done}");
    assert_eq!(world.ok("CancelBulkOperation", arn).await["BulkOperationStatus"], "CANCELLED");
    let page = world.ok("ListBulkOperations", json!({"MaxResults": 1})).await;
    assert_eq!(page["BulkOperationsSummaryList"][0]["BulkOperationArn"], second["BulkOperationArn"]);
    let rest = world.ok("ListBulkOperations", json!({"NextToken": page["NextToken"]})).await;
    assert_eq!(rest["BulkOperationsSummaryList"][0]["BulkOperationArn"], made["BulkOperationArn"]);
}
