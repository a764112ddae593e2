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
    check(
        &[("index.js", code)],
        r#"{"a":1}"#,
        expect![[r#"
        ok "2026/01/01/[$LATEST]abc"
        | T	ID	INFO	{"a":1}"#]],
    )
    .await;
}

#[tokio::test]
async fn the_second_handler_of_the_document() {
    let code = "exports.handler = async (event, context, callback) => { const name = event.name; context.succeed(`Hello ${name}`); };";
    check(&[("index.js", code)], r#"{ "name" : "sy" }"#, expect![[r#"ok "Hello sy""#]]).await;
}

#[tokio::test]
async fn handlers_answer_in_every_way() {
    for (code, expected) in [
        ("exports.handler = async () => {}", expect!["ok null"]),
        ("exports.handler = async (e) => e", expect![[r#"ok {"k":[1,"ü"]}"#]]),
        ("exports.handler = (e, c, cb) => cb(null, 1)", expect!["ok 1"]),
        (
            "exports.handler = (e, c, cb) => { setTimeout(() => console.log('late'), 5); cb(null, 1) }",
            expect![[r#"
                ok 1
                | T	ID	INFO	late"#]],
        ),
        (
            "exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => console.log('late'), 5); cb(null, 1) }",
            expect!["ok 1"],
        ),
        (
            "exports.handler = (e, c, cb) => cb(new TypeError('bad'))",
            expect![[r#"
            Handler {"errorType":"TypeError","errorMessage":"bad","trace":["TypeError: bad"..]}
            | T	ID	ERROR	Invoke Error 	{"errorType":"TypeError","errorMessage":"bad","stack":["TypeError: bad"..]}"#]],
        ),
        (
            "exports.handler = (e, c, cb) => cb('text')",
            expect![[r#"
                Handler {"errorType":"string","errorMessage":"text","trace":[]}
                | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"text","stack":["Error: text"..]}"#]],
        ),
        ("exports.handler = (e, c) => c.done(null, [1])", expect!["ok [1]"]),
        (
            "exports.handler = (e, c) => c.fail(new Error('no'))",
            expect![[r#"
            Handler {"errorType":"Error","errorMessage":"no","trace":["Error: no"..]}
            | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"no","stack":["Error: no"..]}"#]],
        ),
        (
            "exports.handler = (e, c) => c.fail()",
            expect![[r#"
                Handler {"errorType":"string","errorMessage":"handled","trace":[]}
                | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"handled","stack":["Error: handled"..]}"#]],
        ),
        ("exports.handler = (e, c) => 5", expect!["ok null"]),
        (
            "exports.handler = () => { throw new RangeError('far') }",
            expect![[r#"
            Handler {"errorType":"RangeError","errorMessage":"far","trace":["RangeError: far"..]}
            | T	ID	ERROR	Invoke Error 	{"errorType":"RangeError","errorMessage":"far","stack":["RangeError: far"..]}"#]],
        ),
        (
            "class MyError extends Error { constructor(m) { super(m); this.name = 'MyError'; this.code = 7 } }; exports.handler = async () => { throw new MyError('mine') }",
            expect![[r#"
                Handler {"errorType":"MyError","errorMessage":"mine","trace":["MyError: mine"..]}
                | T	ID	ERROR	Invoke Error 	{"errorType":"MyError","errorMessage":"mine","code":7,"name":"MyError","stack":["MyError: mine"..]}"#]],
        ),
        (
            "exports.handler = async () => { throw 'just text' }",
            expect![[r#"
                Handler {"errorType":"string","errorMessage":"just text","trace":[]}
                | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"just text","stack":["Error: just text"..]}"#]],
        ),
        (
            "exports.handler = async () => { throw { a: 1 } }",
            expect![[r#"
                Handler {"errorType":"object","errorMessage":"[object Object]","trace":[]}
                | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"[object Object]","stack":["Error: [object Object]"..]}"#]],
        ),
        (
            "exports.handler = () => new Promise((_, no) => setTimeout(no, 1, new Error('rejected')))",
            expect![[r#"
                Handler {"errorType":"Error","errorMessage":"rejected","trace":["Error: rejected"..]}
                | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"rejected","stack":["Error: rejected"..]}"#]],
        ),
        (
            "exports.handler = async () => 10n",
            expect![[r#"
            Handler {"errorType":"Error","errorMessage":"Unable to stringify response body","trace":["Error: Unable to stringify response body"..]}
            | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"Unable to stringify response body","stack":["Error: Unable to stringify response body"..]}"#]],
        ),
        (
            "exports.handler = async () => { const a = {}; a.a = a; return a }",
            expect![[r#"
            Handler {"errorType":"Error","errorMessage":"Unable to stringify response body","trace":["Error: Unable to stringify response body"..]}
            | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"Unable to stringify response body","stack":["Error: Unable to stringify response body"..]}"#]],
        ),
        (
            "exports.handler = async () => { await new Promise(() => {}) }",
            expect![[r#"
            Handler {"errorType":"Runtime.NodeJsExit","errorMessage":"The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes","trace":["Runtime.NodeJsExit: The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes"..]}
            | T	ID	ERROR	Invoke Error 	{"errorType":"Runtime.NodeJsExit","errorMessage":"The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes","stack":["Runtime.NodeJsExit: The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes"..]}"#]],
        ),
        (
            "exports.handler = async () => { Promise.reject(new Error('unseen')); await new Promise(r => setTimeout(r, 50)) }",
            expect![[r#"
                Handler {"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: unseen","trace":["Runtime.UnhandledPromiseRejection: Error: unseen"..]}
                | T	ID	ERROR	Unhandled Promise Rejection 	{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: unseen","reason":{"errorType":"Error","errorMessage":"unseen","stack":["Error: unseen"..]},"promise":{},"stack":["Runtime.UnhandledPromiseRejection: Error: unseen"..]}
                (ended)"#]],
        ),
        (
            "exports.handler = (e, c, cb) => { setTimeout(() => { throw new Error('thrown late') }, 1) }",
            expect![[r#"
                Handler {"errorType":"Error","errorMessage":"thrown late","trace":["Error: thrown late"..]}
                | T	ID	ERROR	Uncaught Exception 	{"errorType":"Error","errorMessage":"thrown late","stack":["Error: thrown late"..]}
                (ended)"#]],
        ),
        (
            "exports.handler = async () => process.exit(0)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}
                (ended)"#]],
        ),
        (
            "exports.handler = async () => process.exit(1)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 1"}
                (ended)"#]],
        ),
        (
            "exports.handler = async () => { process.kill(process.pid, 'SIGKILL'); await new Promise(r => setTimeout(r, 1000)) }",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}
                (ended)"#]],
        ),
    ] {
        check(&[("index.js", code)], r#"{"k":[1,"ü"]}"#, expected).await;
    }
}

#[tokio::test]
async fn handlers_that_cannot_be_loaded() {
    for (handler, name, code, expected) in [
        (
            "index.handler",
            "other.js",
            "",
            expect![[r#"
                Init {"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'index'\nRequire stack:\n- /var/runtime/index.mjs","trace":["Runtime.ImportModuleError: Error: Cannot find module 'index'"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'index'\nRequire stack:\n- /var/runtime/index.mjs","stack":["Runtime.ImportModuleError: Error: Cannot find module 'index'"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'index'\nRequire stack:\n- /var/runtime/index.mjs","stack":["Runtime.ImportModuleError: Error: Cannot find module 'index'"..]}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.js",
            "exports.other = 1",
            expect![[r#"
                Init {"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","trace":["Runtime.HandlerNotFound: index.handler is undefined or not exported"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","stack":["Runtime.HandlerNotFound: index.handler is undefined or not exported"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","stack":["Runtime.HandlerNotFound: index.handler is undefined or not exported"..]}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.js",
            "exports.handler = 1",
            expect![[r#"
                Init {"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is not a function","trace":["Runtime.HandlerNotFound: index.handler is not a function"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is not a function","stack":["Runtime.HandlerNotFound: index.handler is not a function"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is not a function","stack":["Runtime.HandlerNotFound: index.handler is not a function"..]}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.js",
            "exports.handler = async ( => {}",
            expect![[r#"
                Init {"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: Unexpected token '=>'","trace":["Runtime.UserCodeSyntaxError: SyntaxError: Unexpected token '=>'"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: Unexpected token '=>'","stack":["Runtime.UserCodeSyntaxError: SyntaxError: Unexpected token '=>'"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: Unexpected token '=>'","stack":["Runtime.UserCodeSyntaxError: SyntaxError: Unexpected token '=>'"..]}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.js",
            "require('not-there')",
            expect![[r#"
                Init {"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'not-there'\nRequire stack:\n- /var/task/index.js\n- /var/runtime/index.mjs","trace":["Runtime.ImportModuleError: Error: Cannot find module 'not-there'"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'not-there'\nRequire stack:\n- /var/task/index.js\n- /var/runtime/index.mjs","stack":["Runtime.ImportModuleError: Error: Cannot find module 'not-there'"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'not-there'\nRequire stack:\n- /var/task/index.js\n- /var/runtime/index.mjs","stack":["Runtime.ImportModuleError: Error: Cannot find module 'not-there'"..]}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.mjs",
            "import 'not-there'",
            expect![[r#"
                Init {"errorType":"Error","errorMessage":"Cannot find package 'not-there' imported from /var/task/index.mjs","trace":["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'not-there' imported from /var/task/index.mjs"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Error","errorMessage":"Cannot find package 'not-there' imported from /var/task/index.mjs","code":"ERR_MODULE_NOT_FOUND","stack":["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'not-there' imported from /var/task/index.mjs"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Error","errorMessage":"Cannot find package 'not-there' imported from /var/task/index.mjs","code":"ERR_MODULE_NOT_FOUND","stack":["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'not-there' imported from /var/task/index.mjs"..]}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.js",
            "throw new Error('at init')",
            expect![[r#"
                Init {"errorType":"Error","errorMessage":"at init","trace":["Error: at init"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Error","errorMessage":"at init","stack":["Error: at init"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Error","errorMessage":"at init","stack":["Error: at init"..]}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.js",
            "process.exit(3)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.js",
            "console.log('loading'); Promise.reject(new Error('later'))\nexports.handler = async () => new Promise(() => {})",
            expect![[r#"
                Init {"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: later","trace":["Runtime.UnhandledPromiseRejection: Error: later"..]}
                < T	undefined	INFO	loading
                < T	undefined	ERROR	Unhandled Promise Rejection 	{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: later","reason":{"errorType":"Error","errorMessage":"later","stack":["Error: later"..]},"promise":{},"stack":["Runtime.UnhandledPromiseRejection: Error: later"..]}
                < T	undefined	INFO	loading
                < T	undefined	ERROR	Unhandled Promise Rejection 	{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: later","reason":{"errorType":"Error","errorMessage":"later","stack":["Error: later"..]},"promise":{},"stack":["Runtime.UnhandledPromiseRejection: Error: later"..]}
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.mjs",
            "await new Promise(() => {})",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 13"}
                (ended)"#]],
        ),
        (
            "index",
            "index.js",
            "",
            expect![[r#"
                Init {"errorType":"Runtime.MalformedHandlerName","errorMessage":"Bad handler","trace":["Runtime.MalformedHandlerName: Bad handler"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.MalformedHandlerName","errorMessage":"Bad handler","stack":["Runtime.MalformedHandlerName: Bad handler"..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.MalformedHandlerName","errorMessage":"Bad handler","stack":["Runtime.MalformedHandlerName: Bad handler"..]}
                (ended)"#]],
        ),
        (
            "../index.handler",
            "index.js",
            "",
            expect![[r#"
                Init {"errorType":"Runtime.MalformedHandlerName","errorMessage":"'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names.","trace":["Runtime.MalformedHandlerName: '../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names."..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.MalformedHandlerName","errorMessage":"'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names.","stack":["Runtime.MalformedHandlerName: '../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names."..]}
                < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.MalformedHandlerName","errorMessage":"'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names.","stack":["Runtime.MalformedHandlerName: '../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names."..]}
                (ended)"#]],
        ),
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
            expect!["ok 4"],
        ),
        (
            "index.handler",
            &[
                ("index.js", "export const handler = async () => 'esm'"),
                ("package.json", r#"{"type":"module"}"#),
            ],
            expect![[r#"ok "esm""#]],
        ),
        (
            "src/app.handler",
            &[("src/app.js", "exports.handler = async () => __filename.split('/').pop()")],
            expect![[r#"ok "app.js""#]],
        ),
        (
            "index.a.b",
            &[("index.js", "exports.a = { b: async () => 'nested' }")],
            expect![[r#"ok "nested""#]],
        ),
        (
            "index.handler",
            &[("index.cjs", "module.exports.handler = async () => 'cjs'")],
            expect![[r#"ok "cjs""#]],
        ),
        (
            "index.handler",
            &[
                ("index.js", "exports.handler = async () => require('dep')"),
                ("node_modules/dep/index.js", "module.exports = 'dep'"),
            ],
            expect![[r#"ok "dep""#]],
        ),
        (
            "index.handler",
            &[("index.mjs", "export default 1; export const handler = async () => 'beside a default'")],
            expect![[r#"ok "beside a default""#]],
        ),
    ] {
        check_with(handler, "nodejs20.x", files, "{}", expected).await;
    }
}

#[tokio::test]
async fn three_arguments_are_refused_from_24_on() {
    let code = "exports.handler = (event, context, callback) => callback(null, 1)";
    check_with("index.handler", "nodejs24.x", &[("index.js", code)], "{}", expect![[r#"
        Init {"errorType":"Runtime.CallbackHandlerDeprecated","errorMessage":"ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.","trace":["Runtime.CallbackHandlerDeprecated: ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html."..]}
        < T	undefined	ERROR	Init Error 	{"errorType":"Runtime.CallbackHandlerDeprecated","errorMessage":"ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.","name":"Runtime.CallbackHandlerDeprecated","stack":["Runtime.CallbackHandlerDeprecated: ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html."..]}
        < T	undefined	ERROR	Init Error 	{"errorType":"Runtime.CallbackHandlerDeprecated","errorMessage":"ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.","name":"Runtime.CallbackHandlerDeprecated","stack":["Runtime.CallbackHandlerDeprecated: ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html."..]}
        (ended)"#]]).await;
}

#[tokio::test]
async fn what_cannot_be_loaded_is_told_as_each_semantics_tells_it() {
    for (runtime, handler, name, code, expected) in [
        (
            "nodejs22.x",
            "src/index.handler",
            "src/index.js",
            "exports.handler = 0",
            expect![[r#"
            Init {"errorType":"Runtime.HandlerNotFound","errorMessage":"src/index.handler is undefined or not exported","trace":["Runtime.HandlerNotFound: src/index.handler is undefined or not exported"..]}
            < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"src/index.handler is undefined or not exported","stack":["Runtime.HandlerNotFound: src/index.handler is undefined or not exported"..]}
            < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"src/index.handler is undefined or not exported","stack":["Runtime.HandlerNotFound: src/index.handler is undefined or not exported"..]}
            (ended)"#]],
        ),
        (
            "nodejs24.x",
            "src/index.handler",
            "src/index.js",
            "exports.handler = {}",
            expect![[r#"
            Init {"errorType":"Runtime.HandlerNotFound","errorMessage":"src/index.handler is not a function","trace":["Runtime.HandlerNotFound: src/index.handler is not a function"..]}
            < T	undefined	ERROR	Init Error 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"src/index.handler is not a function","name":"Runtime.HandlerNotFound","stack":["Runtime.HandlerNotFound: src/index.handler is not a function"..]}
            < T	undefined	ERROR	Init Error 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"src/index.handler is not a function","name":"Runtime.HandlerNotFound","stack":["Runtime.HandlerNotFound: src/index.handler is not a function"..]}
            (ended)"#]],
        ),
        (
            "nodejs22.x",
            "index.handler",
            "index.mjs",
            "export default { handler: () => 1 }",
            expect![[r#"
            Init {"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","trace":["Runtime.HandlerNotFound: index.handler is undefined or not exported"..]}
            < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","stack":["Runtime.HandlerNotFound: index.handler is undefined or not exported"..]}
            < T	undefined	ERROR	Uncaught Exception 	{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","stack":["Runtime.HandlerNotFound: index.handler is undefined or not exported"..]}
            (ended)"#]],
        ),
        ("nodejs24.x", "index.handler", "index.mjs", "export default { handler: () => 1 }", expect!["ok 1"]),
        (
            "nodejs24.x",
            "index.handler",
            "index.js",
            "exports.handler = async ( => {}",
            expect![[r#"
            Init {"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: Unexpected token '=>'","trace":["/var/task/index.js:1"..]}
            < T	undefined	ERROR	Init Error 	{"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: Unexpected token '=>'","name":"Runtime.UserCodeSyntaxError","stack":["/var/task/index.js:1"..]}
            < T	undefined	ERROR	Init Error 	{"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: Unexpected token '=>'","name":"Runtime.UserCodeSyntaxError","stack":["/var/task/index.js:1"..]}
            (ended)"#]],
        ),
        (
            "nodejs24.x",
            "index.handler",
            "index.js",
            "throw new TypeError('at init')",
            expect![[r#"
            Init {"errorType":"TypeError","errorMessage":"at init","trace":["TypeError: at init"..]}
            < T	undefined	ERROR	Init Error 	{"errorType":"TypeError","errorMessage":"at init","stack":["TypeError: at init"..]}
            < T	undefined	ERROR	Init Error 	{"errorType":"TypeError","errorMessage":"at init","stack":["TypeError: at init"..]}
            (ended)"#]],
        ),
    ] {
        check_with(handler, runtime, &[(name, code)], "{}", expected).await;
    }
}

/// The two semantics go by the function's runtime, whatever interpreter serves it.
#[tokio::test]
async fn from_24_on_only_what_is_returned_counts() {
    for (runtime, code, expected) in [
        (
            "nodejs24.x",
            "async () => { throw undefined }",
            expect![[r#"
                Handler {"errorType":"undefined","errorMessage":"undefined","trace":[]}
                | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"undefined","stack":["Error: undefined"..]}"#]],
        ),
        (
            "nodejs24.x",
            "() => { throw null }",
            expect![[r#"
            Handler {"errorType":"object","errorMessage":"null","trace":[]}
            | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"null","stack":["Error: null"..]}"#]],
        ),
        ("nodejs22.x", "() => 1", expect!["ok null"]),
        ("nodejs24.x", "() => 1", expect!["ok 1"]),
        ("nodejs26.x", "() => ({ then: (f) => setTimeout(f, 5, 'late') })", expect![[r#"ok "late""#]]),
        ("nodejs22.x", "(e, c) => { c.done(null, typeof c.succeed) }", expect![[r#"ok "function""#]]),
        (
            "nodejs24.x",
            "(e, c) => [typeof c.done, typeof c.succeed, typeof c.fail, 'callbackWaitsForEmptyEventLoop' in c, c.functionName]",
            expect![[r#"ok ["undefined","undefined","undefined",false,"fn"]"#]],
        ),
    ] {
        let code = format!("exports.handler = {code}");
        check_with("index.handler", runtime, &[("index.js", &code)], "{}", expected).await;
    }
}

/// A folder of the runtime's own version comes before that of all; ES modules find layers too.
#[tokio::test]
async fn modules_of_layers_are_found() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "const { createRequire } = await import('node:module');
        const { which } = createRequire(import.meta.url)('of-layer');
        export const handler = async () => [which, (await import('of-layer')).which];";
    let mut spec = world.function("nodejs22.x", &[("index.mjs", code)]);
    let module = |which: &str| format!("exports.which = '{which}'");
    let layer = world.function(
        "nodejs22.x",
        &[
            ("nodejs/node22/node_modules/of-layer/index.js", &module("22")),
            ("nodejs/node20/node_modules/of-layer/index.js", &module("20")),
            ("nodejs/node_modules/of-layer/index.js", &module("all")),
        ],
    );
    spec.layers = vec![layer.code_dir];
    expect![[r#"ok ["22","22"]"#]].assert_eq(&show(&world.once(spec, "{}").await));
}

#[tokio::test]
async fn the_context_and_the_environment() {
    let code = "
        const told = require('fs').existsSync('/proc/self') ? 1 : 0;
        exports.handler = async (event, context) => ({ ...context, remaining: context.getRemainingTimeInMillis() > 4000, told,
            env: Object.fromEntries(Object.entries(process.env).filter(([k]) => /^(AWS(?!_LAMBDA_RUNTIME_API)|_|TZ|MINE|LAMBDA_TASK)/.test(k))), offset: new Date().getTimezoneOffset() });";
    let world =
        World::with(SandboxMode::BestEffort, |c| c.endpoint_url = Some("http://127.0.0.1:4566".to_owned()))
            .await;
    let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
    spec.timeout_ms = 5000;
    spec.env = vec![("MINE".to_owned(), "yes".to_owned())];
    expect![[r#"ok {"callbackWaitsForEmptyEventLoop":true,"functionVersion":"$LATEST","functionName":"fn","memoryLimitInMB":"256","logGroupName":"/aws/lambda/fn","logStreamName":"2026/01/01/[$LATEST]abc","invokedFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:fn","awsRequestId":"ID","remaining":true,"told":1,"env":{"AWS_ACCESS_KEY_ID":"000000000000","AWS_DEFAULT_REGION":"us-east-1","AWS_ENDPOINT_URL":"http://127.0.0.1:4566","AWS_EXECUTION_ENV":"AWS_Lambda_nodejs20.x","AWS_LAMBDA_FUNCTION_MEMORY_SIZE":"256","AWS_LAMBDA_FUNCTION_NAME":"fn","AWS_LAMBDA_FUNCTION_VERSION":"$LATEST","AWS_LAMBDA_INITIALIZATION_TYPE":"on-demand","AWS_LAMBDA_LOG_GROUP_NAME":"/aws/lambda/fn","AWS_LAMBDA_LOG_STREAM_NAME":"2026/01/01/[$LATEST]abc","AWS_REGION":"us-east-1","AWS_SECRET_ACCESS_KEY":"rushlight","AWS_SESSION_TOKEN":"rushlight","LAMBDA_TASK_ROOT":"/var/task","MINE":"yes","TZ":":UTC","_HANDLER":"index.handler","_X_AMZN_TRACE_ID":"Root=1-2-3"},"offset":0}"#]].assert_eq(&show(&world.once(spec, "{}").await));
}

#[tokio::test]
async fn the_console_writes_as_on_aws() {
    let code = "
        console.log('at init %d', 1);
        exports.handler = async () => {
            console.log('a', { b: 1 }); console.info(); console.warn('w'); console.error(new Error('e').message); console.debug('%s', 'd');
            console.log('two\\nlines'); console.dir({ x: 1 }); console.trace('t'); console.fatal('f'); console.table([[1]]);
        }";
    check(
        &[("index.js", code)],
        "{}",
        expect![[r#"
            ok null
            < T	undefined	INFO	at init 1
            | T	ID	INFO	a { b: 1 }
            | T	ID	INFO	undefined
            | T	ID	WARN	w
            | T	ID	ERROR	e
            | T	ID	DEBUG	d
            | T	ID	INFO	two
            lines
            | { x: 1 }
            | T	ID	TRACE	t
            | T	ID	FATAL	f
            | T	ID	INFO	┌─────────┬───┐
            │ (index) │ 0 │
            ├─────────┼───┤
            │ 0       │ 1 │
            └─────────┴───┘"#]],
    )
    .await;
}

#[tokio::test]
async fn raw_output_is_cut_into_lines() {
    let code = "
        exports.handler = async () => {
            require('child_process').execSync('echo from a child', { stdio: 'inherit' });
            process.stdout.write('raw one\\nraw '); process.stdout.write('two\\n\\n'); process.stdout.write('no newline');
        }";
    check(
        &[("index.js", code)],
        "{}",
        expect![[r#"
            ok null
            | from a child
            | raw one
            | raw two
            | 
            | no newline"#]],
    )
    .await;
}

#[tokio::test]
async fn output_stands_in_the_order_in_which_it_was_made() {
    for (end, expected) in [
        (
            "throw new Error('x')",
            expect![[r#"
                Handler {"errorType":"Error","errorMessage":"x","trace":["Error: x"..]}
                | child
                | out 0
                | err 0
                | T	ID	INFO	log 0
                | out 1
                | err 1
                | T	ID	INFO	log 1
                | T	ID	ERROR	Invoke Error 	{"errorType":"Error","errorMessage":"x","stack":["Error: x"..]}
                | unfinished"#]],
        ),
        (
            "process.exit(3)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}
                | child
                | out 0
                | err 0
                | T	ID	INFO	log 0
                | out 1
                | err 1
                | T	ID	INFO	log 1
                | unfinished
                (ended)"#]],
        ),
    ] {
        let code = format!(
            "exports.handler = async () => {{
                require('child_process').execSync('echo child', {{ stdio: 'inherit' }});
                for (let n = 0; n < 2; n++) {{ process.stdout.write(`out ${{n}}\\n`); process.stderr.write(`err ${{n}}\\n`); console.log('log', n) }}
                process.stdout.write('unfinished');
                {end} }}"
        );
        check(&[("index.js", &code)], "{}", expected).await;
    }
}

#[tokio::test]
async fn an_environment_keeps_its_state_and_its_logs_apart() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "
        let n = 0;
        exports.handler = async (e) => {
            console.log('log ' + e);
            setTimeout(() => console.log('frozen ' + e), 20);
            if (e === 2) await new Promise((resolve) => setTimeout(resolve, 60));
            return ++n;
        }";
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", code)])).await;
    let mut all = Vec::new();
    for payload in ["1", "2"] {
        all.push(show(&environment.invoke(invocation(payload)).await));
    }
    assert!(environment.is_alive());
    expect![[r#"
        ok 1
        | T	ID	INFO	log 1
        ok 2
        | T	ID	INFO	log 2
        | T	ID	INFO	frozen 1
        | T	ID	INFO	frozen 2"#]]
    .assert_eq(&all.join("\n"));
}

#[tokio::test]
async fn a_debugger_is_let_in_at_the_port_it_was_promised() {
    let world = World::new(SandboxMode::BestEffort).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let files = [("index.js", "exports.handler = async () => require('inspector').url()")];
    // The second one finds the port that the first one leaves.
    for _ in 0..2 {
        let mut spec = world.function("nodejs22.x", &files);
        spec.inspect = Some(free.port());
        let mut environment = world.launch(spec).await;
        let answer = environment.invoke(invocation("{}")).await.result.unwrap();
        let expected = format!("\"ws://{free}/");
        assert!(String::from_utf8_lossy(&answer).starts_with(&expected), "{answer:?}");
        tokio::net::TcpStream::connect(free).await.unwrap();
    }
}

#[tokio::test]
async fn json_logs_are_as_aws_writes_them() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "exports.handler = async () => { console.debug('no'); console.log('a', 1); console.info({ b: 2 }); console.error('bad', new TypeError('t')) }";
    let one = "class Own extends Error { constructor() { super('m'); this.code = 7; this.name = 'N' } }; exports.handler = async () => { console.log(); console.trace('t'); console.error(new Own()); throw new Own() }";
    let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
    spec.env.push(("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned()));
    spec.env.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), "INFO".to_owned()));
    let text = show(&world.once(spec, "{}").await);
    let text = text.split("\\n    at ").next().unwrap();
    expect![[r#"
        ok null
        | {"timestamp":"T","level":"INFO","requestId":"ID","message":"a 1"}
        | {"timestamp":"T","level":"INFO","requestId":"ID","message":{"b":2}}
        | {"timestamp":"T","level":"ERROR","requestId":"ID","message":"bad TypeError: t"#]]
    .assert_eq(text);
    let mut spec = world.function("nodejs20.x", &[("index.js", one)]);
    spec.env.push(("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned()));
    expect![[r#"
        Handler {"errorType":"N","errorMessage":"m","trace":["N: m"..]}
        | {"timestamp":"T","level":"INFO","requestId":"ID"}
        | {"timestamp":"T","level":"TRACE","requestId":"ID","message":"t"}
        | {"timestamp":"T","level":"ERROR","requestId":"ID","message":{"errorType":"Own","errorMessage":"m","stackTrace":["N: m"..],"code":7,"name":"N"}}
        | {"timestamp":"T","level":"ERROR","requestId":"ID","message":{"errorType":"Own","errorMessage":"m","stackTrace":["N: m"..],"code":7,"name":"N"}}"#]].assert_eq(&show(&world.once(spec, "{}").await));
}
