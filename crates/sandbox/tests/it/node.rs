//! Node.js handlers: every form, every error, word for word.

use expect_test::{Expect, expect};
use sandbox::SandboxMode;

use crate::world::{World, invocation, show};

async fn check(files: &[(&str, &str)], payload: &str, expected: Expect) {
    check_with("index.handler", "nodejs20.x", files, payload, expected).await;
}

async fn check_with(handler: &str, runtime: &str, files: &[(&str, &str)], payload: &str, expected: Expect) {
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = world.function(runtime, files);
    spec.handler = handler.to_owned();
    spec.timeout_ms = 5000;
    expected.assert_eq(&show(&world.once(spec, payload).await));
}

#[tokio::test]
async fn the_first_handler_of_the_document() {
    let code = "exports.handler = async (event, context) => { console.log(JSON.stringify(event)); return context.logStreamName; };";
    check(&[("index.js", code)], r#"{"a":1}"#, expect![]).await;
}

#[tokio::test]
async fn the_second_handler_of_the_document() {
    let code = "exports.handler = async (event, context, callback) => { const name = event.name; context.succeed(`Hello ${name}`); };";
    check(&[("index.js", code)], r#"{ "name" : "sy" }"#, expect![]).await;
}

#[tokio::test]
async fn handlers_answer_in_every_way() {
    for (code, expected) in [
        ("exports.handler = async () => {}", expect![]),
        ("exports.handler = async (e) => e", expect![]),
        ("exports.handler = (e, c, cb) => cb(null, 1)", expect![]),
        (
            "exports.handler = (e, c, cb) => { setTimeout(() => console.log('late'), 5); cb(null, 1) }",
            expect![],
        ),
        (
            "exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => console.log('late'), 5); cb(null, 1) }",
            expect![],
        ),
        ("exports.handler = (e, c, cb) => cb(new TypeError('bad'))", expect![]),
        ("exports.handler = (e, c, cb) => cb('text')", expect![]),
        ("exports.handler = (e, c) => c.done(null, [1])", expect![]),
        ("exports.handler = (e, c) => c.fail(new Error('no'))", expect![]),
        ("exports.handler = (e, c) => c.fail()", expect![]),
        ("exports.handler = (e, c) => 5", expect![]),
        ("exports.handler = () => { throw new RangeError('far') }", expect![]),
        (
            "class MyError extends Error { constructor(m) { super(m); this.name = 'MyError'; this.code = 7 } }; exports.handler = async () => { throw new MyError('mine') }",
            expect![],
        ),
        ("exports.handler = async () => { throw 'just text' }", expect![]),
        ("exports.handler = async () => { throw { a: 1 } }", expect![]),
        (
            "exports.handler = () => new Promise((_, no) => setTimeout(no, 1, new Error('rejected')))",
            expect![],
        ),
        ("exports.handler = async () => 10n", expect![]),
        ("exports.handler = async () => { const a = {}; a.a = a; return a }", expect![]),
        ("exports.handler = async () => { await new Promise(() => {}) }", expect![]),
        (
            "exports.handler = async () => { Promise.reject(new Error('unseen')); await new Promise(r => setTimeout(r, 50)) }",
            expect![],
        ),
        (
            "exports.handler = (e, c, cb) => { setTimeout(() => { throw new Error('thrown late') }, 1) }",
            expect![],
        ),
        ("exports.handler = async () => process.exit(0)", expect![]),
        ("exports.handler = async () => process.exit(1)", expect![]),
        (
            "exports.handler = async () => { process.kill(process.pid, 'SIGKILL'); await new Promise(r => setTimeout(r, 1000)) }",
            expect![],
        ),
        ("exports.handler = async () => { process.abort() }", expect![]),
    ] {
        check(&[("index.js", code)], r#"{"k":[1,"ü"]}"#, expected).await;
    }
}

#[tokio::test]
async fn handlers_that_cannot_be_loaded() {
    for (handler, name, code, expected) in [
        ("index.handler", "other.js", "", expect![]),
        ("index.handler", "index.js", "exports.other = 1", expect![]),
        ("index.handler", "index.js", "exports.handler = 1", expect![]),
        ("index.handler", "index.js", "exports.handler = async ( => {}", expect![]),
        ("index.handler", "index.js", "require('not-there')", expect![]),
        ("index.handler", "index.mjs", "import 'not-there'", expect![]),
        ("index.handler", "index.js", "throw new Error('at init')", expect![]),
        ("index.handler", "index.js", "process.exit(3)", expect![]),
        (
            "index.handler",
            "index.js",
            "console.log('loading'); Promise.reject(new Error('later'))\nexports.handler = async () => new Promise(() => {})",
            expect![],
        ),
        ("index.handler", "index.mjs", "await new Promise(() => {})", expect![]),
        ("index", "index.js", "", expect![]),
        ("../index.handler", "index.js", "", expect![]),
    ] {
        check_with(handler, "nodejs20.x", &[(name, code)], "{}", expected).await;
    }
}

#[tokio::test]
async fn modules_are_found_in_every_form() {
    for (handler, files, expected) in [
        (
            "index.handler",
            &[("index.mjs", "const n = await Promise.resolve(4); export const handler = async () => n")][..],
            expect![],
        ),
        (
            "index.handler",
            &[
                ("index.js", "export const handler = async () => 'esm'"),
                ("package.json", r#"{"type":"module"}"#),
            ],
            expect![],
        ),
        (
            "src/app.handler",
            &[("src/app.js", "exports.handler = async () => __filename.split('/').pop()")],
            expect![],
        ),
        ("index.a.b", &[("index.js", "exports.a = { b: async () => 'nested' }")], expect![]),
        ("index.handler", &[("index.cjs", "module.exports.handler = async () => 'cjs'")], expect![]),
        (
            "index.handler",
            &[
                ("index.js", "exports.handler = async () => require('dep')"),
                ("node_modules/dep/index.js", "module.exports = 'dep'"),
            ],
            expect![],
        ),
        (
            "index.handler",
            &[("index.mjs", "export default { handler: async () => 'by default' }")],
            expect![],
        ),
    ] {
        check_with(handler, "nodejs20.x", files, "{}", expected).await;
    }
}

#[tokio::test]
async fn three_arguments_are_refused_from_24_on() {
    let code = "exports.handler = (event, context, callback) => callback(null, 1)";
    check_with("index.handler", "nodejs24.x", &[("index.js", code)], "{}", expect![]).await;
}

#[tokio::test]
async fn the_context_and_the_environment() {
    let code = "
        const told = require('fs').existsSync('/proc/self') ? 1 : 0;
        exports.handler = async (event, context) => ({ ...context, remaining: context.getRemainingTimeInMillis() > 4000, told,
            env: Object.fromEntries(Object.entries(process.env).filter(([k]) => /^(AWS|_|TZ|MINE|LAMBDA_TASK)/.test(k))), offset: new Date().getTimezoneOffset() });";
    let world =
        World::with(SandboxMode::BestEffort, |c| c.endpoint_url = Some("http://127.0.0.1:4566".to_owned()))
            .await;
    let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
    spec.timeout_ms = 5000;
    spec.env = vec![("MINE".to_owned(), "yes".to_owned())];
    expect![].assert_eq(&show(&world.once(spec, "{}").await));
}

#[tokio::test]
async fn the_console_writes_as_on_aws() {
    let code = "
        console.log('at init %d', 1);
        exports.handler = async () => {
            console.log('a', { b: 1 }); console.info(); console.warn('w'); console.error(new Error('e').message); console.debug('%s', 'd');
            process.stdout.write('raw one\\nraw '); process.stdout.write('two\\n'); process.stderr.write('no newline');
            console.log('two\\nlines'); console.dir({ x: 1 });
        }";
    check(&[("index.js", code)], "{}", expect![]).await;
}

#[tokio::test]
async fn an_environment_keeps_its_state_and_its_logs_apart() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "let n = 0; exports.handler = async (e) => { console.log('log ' + e); process.stdout.write('out ' + e); setTimeout(() => console.log('frozen ' + e), 1); return ++n }";
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", code)])).await;
    let mut all = Vec::new();
    for payload in ["1", "2", "3"] {
        all.push(show(&environment.invoke(invocation(payload)).await));
    }
    assert!(environment.is_alive());
    expect![].assert_eq(&all.join("\n"));
}
