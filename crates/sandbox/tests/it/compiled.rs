//! A package is compiled once, in a jail, nobody can change what came of it, and it changes nothing of what a function sees.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sandbox::{FunctionSpec, SandboxMode};

use crate::needs::needs;
use crate::world::{World, invocation, show, write_files};

const CODE: &str = "
import lib.part, os
place = '/var/runtime/compiled/var/task'
def handler(e, c):
    found = [(f, names) for f, _, names in os.walk(place) if names]
    return [lib.part.VALUE, os.access(place, os.W_OK), len(found), lib.part.__file__.rpartition('/lib/')[2]]
";

async fn is_jailed(world: &World) -> bool {
    let report = world.sandbox.report().await;
    !report.layers.iter().any(|layer| layer.missing.is_some() && layer.layer.is_required())
}

/// Waits until the package of the function is kept, and gives its folder.
async fn compiled(world: &World, spec: &FunctionSpec) -> PathBuf {
    let folder = world.folder.path().join("scratch/compiled");
    let name = spec.package.clone().unwrap();
    for _ in 0..200 {
        let mut kept = fs::read_dir(&folder).unwrap().flatten();
        if let Some(found) = kept.find(|entry| entry.file_name().to_string_lossy().starts_with(&name)) {
            return found.path();
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
    if !needs("jail", is_jailed(&world).await, "see what `rushlight doctor` says of its layers") {
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

/// Everything by which a source could find out that somebody else than Node.js loaded it; its first line throws.
const BIG: &str = "exports.fail = () => { throw new Error('here'); };
exports.VALUE = 'old';
exports.seen = async () => {
  let place;
  try { exports.fail(); } catch (error) { place = error.stack.split('\\n')[1].trim(); }
  return [
    place, (await import('./part.mjs')).default, (await import /* far */ ('./part.mjs', { })).default, __filename,
    'import(\"a\")', `import(b)${typeof (await import('node:os')).EOL}`, /import\\(c/u.source, new Function('a', 'return import(a)').name, __dirname, require.resolve('./part.mjs'), this === exports,
    module.parent.filename, require.main === process.mainModule, Object.keys(require).sort().join(), arguments.length,
    require.cache[__filename] === module, module.paths[0], require('./part.json').a, process.env._HANDLER,
  ];
};
";

const LOADER: &str = "
const fs = require('fs'), big = require('./lib/big.js');
const place = '/var/runtime/compiled/var/task';
let writable = true;
try { fs.writeFileSync(place + '/x', ''); } catch { writable = false; }
exports.handler = async () => [big.VALUE, fs.existsSync(place), writable, ...await big.seen()];
";

#[tokio::test(flavor = "multi_thread")]
async fn node_loads_what_v8_had_compiled() {
    let world = World::new(SandboxMode::BestEffort).await;
    let big = format!("{BIG}{}", "// a source that is worth it\n".repeat(6000));
    let files = [
        ("index.js", LOADER),
        ("lib/big.js", big.as_str()),
        ("lib/part.mjs", "export default 'part';"),
        ("lib/part.json", r#"{"a": 7}"#),
        ("lib/unused.js", "function ("),
    ];
    let mut spec = world.function("nodejs20.x", &files);
    spec.package = Some("cc".to_owned());
    let mut first = world.launch(spec.clone()).await;
    let plain = show(&first.invoke(invocation("{}")).await);
    assert!(plain.starts_with(r#"ok ["old",false,false,"at exports.fail (/var/task/lib/big.js:1:30)","part","part","/var/task/lib/big.js","#), "{plain}");
    if !needs("jail", is_jailed(&world).await, "see what `rushlight doctor` says of its layers") {
        return; // without a jail nothing is compiled
    }
    let kept = compiled(&world, &spec).await;
    // A package that is named never changes; here it does, to show what is loaded.
    write_files(&spec.code_dir, &[("lib/big.js", &big.replacen("old", "new", 1))]);
    let second = show(&world.once(spec.clone(), "{}").await);
    assert_eq!(second, plain.replacen("false", "true", 1));
    // Another function of the same package, and one of other layers, see nothing of it.
    let fresh = plain.replacen("old", "new", 1);
    let other = FunctionSpec { name: "other".to_owned(), package: Some("dd".to_owned()), ..spec.clone() };
    assert_eq!(show(&world.once(other, "{}").await), fresh);
    // What is not what was kept is not read, nor is what V8 would not take.
    let file = kept.join("var/task/lib/big.js.v8");
    let whole = fs::read(&file).unwrap();
    for damaged in [&whole[..whole.len() / 2], &[0; 4000], &[]] {
        fs::write(&file, damaged).unwrap();
        let third = show(&world.once(spec.clone(), "{}").await);
        assert_eq!(third, fresh.replacen("false", "true", 1));
    }
}
