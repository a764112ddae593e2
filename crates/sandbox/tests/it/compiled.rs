//! A package is compiled once, in a jail, and nobody can change what came of it.

use std::fs;
use std::time::Duration;

use sandbox::{FunctionSpec, SandboxMode};

use crate::world::{World, invocation, show, write_files};

const CODE: &str = "
import lib.part, os
place = '/var/runtime/compiled/var/task'
def handler(e, c):
    found = [(f, names) for f, _, names in os.walk(place) if names]
    return [lib.part.VALUE, os.access(place, os.W_OK), len(found), lib.part.__file__.rpartition('/lib/')[2]]
";

/// Waits until the package of the function is kept.
async fn compiled(world: &World, spec: &FunctionSpec) {
    let folder = world.folder.path().join("scratch/compiled");
    let name = spec.package.clone().unwrap();
    let kept = |name: &str| {
        let names = fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.file_name());
        names.into_iter().any(|found| found.to_string_lossy().starts_with(name))
    };
    for _ in 0..200 {
        if kept(&name) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn later_environments_load_what_the_first_had_compiled() {
    let world = World::new(SandboxMode::BestEffort).await;
    let long = "# a source that is worth it\n".repeat(800);
    let files = [
        ("index.py", CODE),
        ("lib/__init__.py", long.as_str()),
        ("lib/part.py", "VALUE = 'old'"),
        ("bad.py", "def ("),
    ];
    let mut spec = world.function("python3.11", &files);
    spec.package = Some("aa".to_owned());
    let mut first = world.launch(spec.clone()).await;
    assert_eq!(show(&first.invoke(invocation("{}")).await), r#"ok ["old", false, 0, "part.py"]"#);
    if world
        .sandbox
        .report()
        .await
        .layers
        .iter()
        .any(|layer| layer.missing.is_some() && layer.layer.is_required())
    {
        return; // without a jail nothing is compiled
    }
    compiled(&world, &spec).await;
    // A package that is named never changes; here it does, to show what is loaded.
    write_files(&spec.code_dir, &[("lib/part.py", "VALUE = 'new'")]);
    let second = world.once(spec.clone(), "{}").await;
    assert_eq!(show(&second), r#"ok ["old", false, 2, "part.py"]"#);
    // Another package, and one that may change, see nothing of it.
    for package in [Some("bb".to_owned()), None] {
        let other = world.once(FunctionSpec { package, ..spec.clone() }, "{}").await;
        assert_eq!(show(&other), r#"ok ["new", false, 0, "part.py"]"#);
    }
}
