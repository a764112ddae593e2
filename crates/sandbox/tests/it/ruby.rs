//! Ruby handlers: results, every error word for word, output.

use std::process::Command;

use expect_test::{Expect, expect};
use sandbox::{Outcome, SandboxMode};

use crate::needs::needs;
use crate::world::{World, invocation, show};

fn has_ruby() -> bool {
    needs("ruby", Command::new("ruby").arg("-v").output().is_ok(), "apt-get install ruby")
}

/// Ruby 3.4 quotes names of methods in another way, and writes empty lists shorter.
fn shown(outcome: &Outcome) -> String {
    show(outcome).replace('`', "'").replace("Object#", "").replace("[\n\n  ]", "[]")
}

async fn check(handler: &str, code: &str, payload: &str, expected: Expect) {
    if !has_ruby() {
        return;
    }
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = world.function("ruby3.3", &[("app.rb", code)]);
    spec.handler = handler.to_owned();
    spec.memory_mib = 128;
    expected.assert_eq(&shown(&world.once(spec, payload).await));
}

#[tokio::test]
async fn handlers_answer() {
    for (handler, code, payload, expected) in [
        ("app.handler", "def handler(event:, context:) = event", r#"{"k":[1,2.5,"ü",null]}"#, expect![[r#"ok {"k":[1,2.5,"ü",null]}"#]]),
        ("app.handler", "def handler(event:, context:); end", "{}", expect!["ok null"]),
        (
            "app.A::B.run",
            "module A; class B; def self.run(event:, context:) = \"#{self} #{event}\"; end; end",
            "1",
            expect![[r#"ok "A::B 1""#]],
        ),
        (
            "app.handler",
            "require 'stringio'; def handler(event:, context:) = StringIO.new('raw')",
            "{}",
            expect!["ok raw"],
        ),
        (
            "app.handler",
            "def handler(event:, context:)
  c = context
  [c.aws_request_id, c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb, c.log_group_name,
   c.log_stream_name, c.identity, c.client_context, c.get_remaining_time_in_millis > 5000, ENV['AWS_EXECUTION_ENV'],
   ENV['GEM_PATH'], Dir.pwd, ENV['_X_AMZN_TRACE_ID']]
end",
            "{}",
            expect![[r#"ok ["ID","fn","$LATEST","arn:aws:lambda:us-east-1:000000000000:function:fn","128","/aws/lambda/fn","2026/01/01/[$LATEST]abc",null,null,true,"AWS_Lambda_ruby3.3","/var/task/vendor/bundle/ruby/3.3.0:/opt/ruby/gems/3.3.0","/var/task","Root=1-2-3"]"#]],
        ),
        (
            "app.handler",
            "require 'logger'
LOG = Logger.new($stdout, formatter: ->(s, _t, _p, m) { \"#{s} #{m}\\n\" })
def handler(event:, context:)
  puts 'one', 'two'
  LOG.info('three')
  line = Logger.new($stdout).instance_variable_get(:@default_formatter)
  puts line.call('WARN', Time.at(0).utc, nil, 'four').sub(/#\\d+/, '#')
end",
            "{}",
            expect![[r#"
                ok null
                | one
                two
                | INFO three
                | W, [1970-01-01T00:00:00.000000 #]  WARN ID -- : four"#]],
        ),
        (
            "app.handler",
            "def handler(event:, context:) = $stdout.print(\"one\\ntwo\")",
            "{}",
            expect![[r#"
                ok null
                | one
                | two"#]],
        ),
    ] {
        check(handler, code, payload, expected).await;
    }
}

#[tokio::test]
async fn failures_are_told_as_on_aws() {
    for (handler, code, expected) in [
        (
            "app.handler",
            "def handler(event:, context:) = raise(ArgumentError, 'bad')",
            expect![[r#"
            Handler {"errorMessage":"bad","errorType":"Function<ArgumentError>","stackTrace":["/var/task/app.rb:1:in 'handler'"]}
            | Error raised from handler method
            | {
              "errorMessage": "bad",
              "errorType": "Function<ArgumentError>",
              "stackTrace": [
                "/var/task/app.rb:1:in 'handler'"
              ]
            }"#]],
        ),
        (
            "app.handler",
            "def handler(event:, context:) = exit(3)",
            expect![[r#"
            Handler {"errorMessage":"exit","errorType":"Function<SystemExit>","stackTrace":["/var/task/app.rb:1:in 'exit'"..]}
            | Critical exception from handler
            | {
              "errorMessage": "exit",
              "errorType": "Function<SystemExit>",
              "stackTrace": [
                "/var/task/app.rb:1:in 'exit'"..]
            }
            (ended)"#]],
        ),
        (
            "app.handler",
            "def handler(event:, context:) = raise(NoMethodError, 'no')",
            expect![[r#"
                Handler {"errorMessage":"no\n\ndef handler(event:, context:) = raise(NoMethodError, 'no')\n                                ^^^^^","errorType":"Function<NoMethodError>","stackTrace":["/var/task/app.rb:1:in 'handler'"]}
                | Critical exception from handler
                | {
                  "errorMessage": "no\n\ndef handler(event:, context:) = raise(NoMethodError, 'no')\n                                ^^^^^",
                  "errorType": "Function<NoMethodError>",
                  "stackTrace": [
                    "/var/task/app.rb:1:in 'handler'"
                  ]
                }
                (ended)"#]],
        ),
        (
            "app.handler",
            "def handler(event:, context:) = 'x' * (7 << 20)",
            expect![[
                r#"ResponseTooLarge {"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
            ]],
        ),
        (
            "app.handler",
            "raise SyntaxError, 'bad'",
            expect![[r#"
                Init {"errorMessage":"bad","errorType":"Init<SyntaxError>","stackTrace":["/var/task/app.rb:1:in '<top (required)>'"]}
                < Init error when loading handler 
                < {
                  "errorMessage": "bad",
                  "errorType": "Init<SyntaxError>",
                  "stackTrace": [
                    "/var/task/app.rb:1:in '<top (required)>'"
                  ]
                }
                < Init error when loading handler 
                < {
                  "errorMessage": "bad",
                  "errorType": "Init<SyntaxError>",
                  "stackTrace": [
                    "/var/task/app.rb:1:in '<top (required)>'"
                  ]
                }
                (ended)"#]],
        ),
        (
            "app.handler",
            "raise 'early'",
            expect![[r#"
                Init {"errorMessage":"early","errorType":"Init<RuntimeError>","stackTrace":["/var/task/app.rb:1:in '<top (required)>'"]}
                < Init error when loading handler 
                < {
                  "errorMessage": "early",
                  "errorType": "Init<RuntimeError>",
                  "stackTrace": [
                    "/var/task/app.rb:1:in '<top (required)>'"
                  ]
                }
                < Init error when loading handler 
                < {
                  "errorMessage": "early",
                  "errorType": "Init<RuntimeError>",
                  "stackTrace": [
                    "/var/task/app.rb:1:in '<top (required)>'"
                  ]
                }
                (ended)"#]],
        ),
        (
            "missing.handler",
            "",
            expect![[r#"
                Init {"errorMessage":"cannot load such file -- missing","errorType":"Init<LoadError>","stackTrace":[]}
                < Init error when loading handler 
                < {
                  "errorMessage": "cannot load such file -- missing",
                  "errorType": "Init<LoadError>",
                  "stackTrace": []
                }
                < Init error when loading handler 
                < {
                  "errorMessage": "cannot load such file -- missing",
                  "errorType": "Init<LoadError>",
                  "stackTrace": []
                }
                (ended)"#]],
        ),
        (
            "handler",
            "",
            expect![[r#"
                Init {"errorMessage":"Invalid handler [\"handler\"], must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a class-level method.","errorType":"Init<ArgumentError>","stackTrace":[]}
                < Init error when loading handler 
                < {
                  "errorMessage": "Invalid handler [\"handler\"], must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a class-level method.",
                  "errorType": "Init<ArgumentError>",
                  "stackTrace": []
                }
                < Init error when loading handler 
                < {
                  "errorMessage": "Invalid handler [\"handler\"], must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a class-level method.",
                  "errorType": "Init<ArgumentError>",
                  "stackTrace": []
                }
                (ended)"#]],
        ),
    ] {
        check(handler, code, "{}", expected).await;
    }
}

#[tokio::test]
async fn gems_of_the_package_and_of_layers_are_found() {
    if !has_ruby() {
        return;
    }
    let world = World::with(SandboxMode::BestEffort, |config| config.pool_size = 1).await;
    let code = "require 'of_layer'\nrequire 'beside'\n$n = 0\ndef handler(event:, context:) = [OF_LAYER, BESIDE, $n += 1]";
    let mut spec = world.function("ruby3.3", &[("app.rb", code), ("beside.rb", "BESIDE = 2")]);
    let layer = world.function("ruby3.3", &[("ruby/lib/of_layer.rb", "OF_LAYER = 1")]).code_dir;
    spec.handler = "app.handler".to_owned();
    spec.layers = vec![layer];
    for _ in 0..2 {
        let mut environment = world.launch(spec.clone()).await;
        for n in 1..3 {
            let outcome = environment.invoke(invocation("{}")).await;
            assert_eq!(shown(&outcome), format!("ok [1,2,{n}]"));
        }
    }
}
