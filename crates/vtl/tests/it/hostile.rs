//! Templates and bodies that are meant to do harm: each ends in an error, soon, and in little memory.

use vtl::{Limits, TEMPLATE_BYTES_MAX, Template};

use crate::sample::render;

fn fails(template: &str, body: &str, with: &str) {
    let made = render(template, body);
    let shown: String = made.chars().take(200).collect();
    let of: String = template.chars().take(80).collect();
    assert!(made.starts_with("ERROR") && made.contains(with), "{of}: {shown}");
}

#[test]
fn nesting_is_bounded() {
    let many = 50_000;
    fails(&"#if(true)".repeat(many / 2), "", "nests deeper");
    fails(&format!("#set($x = {}1)", "(".repeat(many)), "", "nests deeper");
    fails(&format!("#set($x = {}1)", "[".repeat(many)), "", "nests deeper");
    fails(&format!("#set($x = {}1)", "{1:".repeat(many)), "", "nests deeper");
    fails(&format!("#if({}true)x#end", "!".repeat(many)), "", "nests deeper");
    fails(&"$a.b(".repeat(many), "", "nests deeper");
    fails(&"$a[".repeat(many), "", "nests deeper");
    fails(&format!("#set($x = {})", "\"$a.b(".repeat(1_000)), "", "ERROR");
    fails("$input.path('$')", &"[".repeat(100_000), "nests too deep");
    fails("$input.path('$')", &"{\"a\":".repeat(100_000), "nests too deep");
    fails(&format!("$input.path('$.a{}')", "[?(!(@.a".repeat(5_000)), "{}", "nests too deep");
    // Wide is not deep.
    assert_eq!(render(&format!("#set($x = 1{})$x", " + 1".repeat(50_000)), ""), "50001");
    assert_eq!(render(&format!("#if(true{})y#end", " && true".repeat(30_000)), ""), "y");
    let branches = "#elseif(false)x".repeat(10_000);
    assert_eq!(render(&format!("#if(false){branches}#{{else}}y#end"), ""), "y");
}

#[test]
fn work_is_bounded() {
    let nested = "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])$c#end#end#end";
    fails(nested, "", "the number of steps");
    let doubling = "#set($s = 'ab')#foreach($i in [1..1000])#set($s = $s + $s)#end$s";
    fails(doubling, "", "the length of the output");
    let replacing = "#set($s = 'aa')#foreach($i in [1..1000])#set($s = $s.replace('a', $s))#end$s";
    fails(replacing, "", "the length of the output");
    fails("#set($r = [1..2000000000])$r", "", "the number of steps");
    fails("#set($r = [-9223372036854775807..9223372036854775807])$r", "", "the number of steps");
    let lists = "#foreach($a in [1..1000])#foreach($b in [1..1000])#set($x = [1..500])#end#end";
    fails(lists, "", "limit");
    fails("#foreach($a in [1..1000])#foreach($b in [1..1000])1234567890#end#end", "", "limit");
    let bomb = "#set($s = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')$s.matches('(a+)+$b')";
    fails(bomb, "", "too many steps");
    // Each of these calls does much and says little: what it does is what counts.
    let compiling = "#set($p = '(ab){6000}')#foreach($a in [1..1000])#foreach($b in [1..1000])#if($p.matches($p))x#end#end#end";
    fails(compiling, "", "the number of steps");
    let paths = "#set($p = '$[?(@ =~ /(ab){6000}/)]')#foreach($a in [1..1000])#foreach($b in [1..1000])$!input.path($p)#end#end";
    fails(paths, "{}", "the number of steps");
    let copying = "#set($l = [1..100000])#foreach($a in [1..1000])#foreach($b in [1..1000])#if($l.removeAll([]))x#end#end#end";
    fails(copying, "", "the number of steps");
    fails("#set($l = [])#foreach($i in [1..100])#set($l = [$l, $l])#end$l", "", "limit");
    fails("#set($l = [])#foreach($i in [1..100])#set($l = [$l, $l])#end$l.hashCode()", "", "limit");
    fails(
        "#set($s = '%1000s%1000s')$s.format('%0999999999999s', 1)#foreach($i in [1..9])#set($t = \"$t$t$t$t$t$t$t$t$t$t\")#end$s.format($t, 1)$util.nothing(1)$s.substring(99)",
        "",
        "ERROR",
    );
}

#[test]
fn what_holds_itself_is_no_trap() {
    fails("#set($m = {})#set($m.m = $m)$m", "", "the depth of lists and maps");
    fails("#set($l = [])$l.add($l)$l.hashCode()", "", "the depth of lists and maps");
    assert_eq!(render("#set($m = {})#set($m.m = $m)$m.equals({'m': {'m': $m}})", ""), "true");
    fails("#set($b = $input.path('$'))#set($b.b = $b)$input.json('$')", "{}", "the depth of lists and maps");
    fails("#set($b = $input.path('$'))#set($b.b = $b)$input.json('$..b')", "{}", "limit");
    assert_eq!(render("#define($a)$b#end#define($b)$a#end$a.", ""), ".");
}

#[test]
fn size_is_bounded() {
    let long = "x".repeat(TEMPLATE_BYTES_MAX + 1);
    assert!(Template::compile(&long).is_err());
    assert!(Template::compile(&long[1..]).is_ok());
    let entries: Vec<String> = (0..200_000).map(|number| format!("\"k{number}\":{number}")).collect();
    let body = format!("{{{}}}", entries.join(","));
    assert_eq!(render("$input.path('$.k199999') $input.path('$').size()", &body), "199999 200000");
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let template = Template::compile("$input.path('$.k1')").expect("compiles");
    assert!(template.render(&crate::sample::Sample(&body), &vtl::Overrides::default(), &limits).is_err());
}
