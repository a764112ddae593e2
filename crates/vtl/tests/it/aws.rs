//! What API Gateway is known to answer: where it differs from Velocity, and what everybody writes.

use vtl::{Data, Limits, Overrides, Template};

use crate::sample::{Sample, check, render};

#[test]
fn a_reference_without_a_value_is_an_empty_text() {
    check(
        r#"{"a":{"b":false},"n":null,"t":true}"#,
        &[
            ("Hello $name", "Hello "),
            ("Hello $!name", "Hello "),
            ("#if($nothing)yes#end", "yes"),
            ("#if(${a.b.c})yes#end", "yes"),
            ("#if($!a.b.c('x'))yes#end", "yes"),
            ("#if(!$nothing)yes#end", ""),
            ("#if($nothing == '')yes#end", "yes"),
            ("#foreach($x in $nothing)x#end", ""),
            ("#set($a = $input.path('$'))#if($a.a.b)yes#{else}no#end", "no"),
            ("#set($a = $input.path('$'))#if($a.t)yes#end", "yes"),
            ("#set($a = $input.path('$'))[$a.n][$a.x.y]", "[][]"),
            (" $util.nothing ", "  "),
            ("$a.b.size()", ""),
            ("#set($x = $nothing)[$x]", "[]"),
        ],
    );
}

#[test]
fn macros_are_read_and_forgotten() {
    check(
        "",
        &[
            ("#macro(tryme)$values#end#tryme()", "#tryme()"),
            ("\n#macro ( blah )\nhello##\n#end\n#blah()", "\n#blah()"),
            ("\n#set($s = \"abc\")\n#evaluate($s)", "\n#evaluate($s)"),
            ("#set($v = {})#set($ignore = $v.put('foo', 'bar'))#return($v)", "#return($v)"),
        ],
    );
}

#[test]
fn escapes_are_velocitys() {
    let template = "\n#set( $email = \"foo\" )\n$email\n\\$email\n\\\\$email\n\\\n\\\\ \\# \\$\n\\#end\n\\# end\n\\#set( $email = \"foo\" )\n";
    let made = "\nfoo\n$email\n\\foo\n\\\n\\\\ \\# \\$\n#end\n\\# end\n#set( foo = \"foo\" )\n";
    assert_eq!(render(template, ""), made);
}

#[test]
fn blanks_in_front_of_set_stay_behind_a_line_of_their_own() {
    check(
        "",
        &[
            (
                "\n    #set( $o = {\n  \"a\": \"u\",\n  \"b\": \"d\"\n } )\n    { \"k\": \"$o.a\" }\n",
                "\n        { \"k\": \"u\" }\n",
            ),
            ("#set($a = 1)\n  #set($b = 2)\n$a$b", "12"),
            ("Stuff#*\n more *#\n and more", "Stuff\n and more"),
            ("## comment\nStuff\nMore stuff## more", "Stuff\nMore stuff"),
            ("\n#if(true)\nhello##\n#end", "\nhello"),
            ("#set ($n = \"\\\\batman\\nand robin\")$n", "\\\\batman\\nand robin"),
            ("#set($d = \"{\"\"a\"\": 2}\")$d", "{\"a\": 2}"),
            ("#set($d = \"1\\\\\"\"2\"\"3\")$d", "1\\\\\"2\"3"),
            ("#set($d = '{\"a\": 2}')$d", "{\"a\": 2}"),
            (
                "blah\n#set($l = [\"Hello \", $x, \", \", 7])\n#foreach($v in $l)$v#end\n\nblah",
                "blah\nHello , 7\nblah",
            ),
            ("#define ( $hello)hi#end$hello()$hello()", "hi()hi()"),
            ("#define ( $i )$foreach.index#end#foreach($x in [1,2,3])$i#end", "012"),
            ("hello #stop world", "hello "),
            ("<a href=\"#\">bob</a> #13ff93", "<a href=\"#\">bob</a> #13ff93"),
            ("Hello $ ", "Hello $ "),
        ],
    );
}

#[test]
fn lists_of_json_print_as_json_and_maps_as_java() {
    check(
        r#"{"a":1,"b":[{"c":5},"x/y",1.50],"d":{"e":null,"f":true}}"#,
        &[
            ("$input.path('$')", "{a=1, b=[{\"c\":5},\"x\\/y\",1.5], d={e=null, f=true}}"),
            ("$input.path('$').b", "[{\"c\":5},\"x\\/y\",1.5]"),
            ("$input.path('$.b[0]')", "{c=5}"),
            ("$input.json('$')", r#"{"a":1,"b":[{"c":5},"x/y",1.5],"d":{"e":null,"f":true}}"#),
            ("$input.json('$.b')", r#"[{"c":5},"x/y",1.5]"#),
            ("$input.json('$.b[1]')", r#""x/y""#),
            ("$input.json('$.nothing')", "\"\""),
            ("[$input.path('$.nothing')]", "[]"),
            ("$input.json('$.d.e')", "null"),
            ("#set($l = ['a', {'b': 2}])$l", "[a, {b=2}]"),
            ("#set($b = $input.path('$'))#set($b.a = 'new')$input.json('$.a')", "\"new\""),
        ],
    );
}

/// The template that the console offers.
const PASS_THROUGH: &str = r#"#set($allParams = $input.params())
{
"body-json" : $input.json('$'),
"params" : {
#foreach($type in $allParams.keySet())
    #set($params = $allParams.get($type))
"$type" : {
    #foreach($paramName in $params.keySet())
    "$paramName" : "$util.escapeJavaScript($params.get($paramName))"
        #if($foreach.hasNext),#end
    #end
}
    #if($foreach.hasNext),#end
#end
},
"stage-variables" : {
#foreach($key in $stageVariables.keySet())
"$key" : "$util.escapeJavaScript($stageVariables.get($key))"
    #if($foreach.hasNext),#end
#end
},
"context" : {
    "stage" : "$context.stage",
    "source-ip" : "$context.identity.sourceIp",
    "user" : "$context.identity.user",
    "epoch" : $context.requestTimeEpoch
    }
}
"#;

#[test]
fn the_console_s_template_passes_everything() {
    let made: String = render(PASS_THROUGH, "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        made,
        "{ \"body-json\" : {}, \"params\" : { \"path\" : { \"id\" : \"p1\" , \"both\" : \"of path\" } ,\
         \"querystring\" : { \"q\" : \"a b\" , \"both\" : \"of query\" , \"quote\" : \"it\\'s \\\"so\\\"\" } ,\
         \"header\" : { \"Accept\" : \"*\\/*\" , \"X-Both\" : \"h\" , \"both\" : \"of header\" } }, \
         \"stage-variables\" : { \"color\" : \"blue\" ,\"host\" : \"example.com\" }, \"context\" : { \
         \"stage\" : \"dev\", \"source-ip\" : \"127.0.0.1\", \"user\" : \"\", \"epoch\" : 1700000000000 } }"
    );
}

#[test]
fn what_a_template_overrides_comes_out_and_goes_into_the_next() {
    let request = Template::compile(
        "#set($context.requestOverride.header.one = \"1\")\
         #set($context.requestOverride.header['X-Two'] = [\"a\", \"b\"])\
         #set($name = \"q\")#set($context.requestOverride.querystring[$name] = $input.path('$.n'))\
         #set($context.requestOverride.path.id = $input.params('id'))\
         #set($context.responseOverride.status = 444)\
         #set($context.responseOverride.header.foo = \"bar\")x",
    )
    .expect("compiles");
    let limits = Limits::default();
    let rendered = request.render(&Sample(r#"{"n":5}"#), &Overrides::default(), &limits).expect("renders");
    let text = |name: &str, value: &str| (name.to_owned(), Data::from(value));
    let expected = Overrides {
        request_headers: vec![
            text("one", "1"),
            ("X-Two".to_owned(), Data::List(vec!["a".into(), "b".into()])),
        ],
        request_querystring: vec![("q".to_owned(), Data::Int(5))],
        request_path: vec![text("id", "p1")],
        response_status: Some(Data::Int(444)),
        response_headers: vec![text("foo", "bar")],
    };
    assert_eq!(rendered.overrides, expected);
    let response = Template::compile(
        "#set($context.responseOverride.header.foo = $context.requestOverride.header.one)\
         $context.responseOverride.status $context.requestOverride.path.id",
    )
    .expect("compiles");
    let rendered = response.render(&Sample(""), &expected, &limits).expect("renders");
    assert_eq!(rendered.text, "444 p1");
    assert_eq!(rendered.overrides.response_headers, vec![text("foo", "1")]);
    assert_eq!(rendered.overrides.request_headers, expected.request_headers);
    // A template that does not name the context leaves them as they are.
    let silent = Template::compile("x").expect("compiles");
    assert_eq!(silent.render(&Sample(""), &expected, &limits).expect("renders").overrides, expected);
}

#[test]
fn a_body_that_is_not_json_is_told_in_the_gateway_s_words() {
    let said = |body| render("$input.json('$.a')", body);
    assert_eq!(
        said("{\"a\":1,}"),
        "ERROR Could not parse request body into json: Unexpected character ('}' (code 125)): was expecting \
         double-quote to start field name\n at [Source: (String); line: 1, column: 8] at line 1, column 1"
    );
    assert!(
        said("nothing")
            .starts_with("ERROR Could not parse request body into json: Unrecognized token 'nothing'")
    );
    assert!(said("{\"a\": \"b\nc\"}").contains("Illegal unquoted character ((CTRL-CHAR, code 10))"));
    // Who does not ask for JSON may send anything.
    assert_eq!(render("$input.body", "a=b&c=d"), "a=b&c=d");
}
