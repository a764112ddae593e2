//! References: how far they go, and how they print.

use vtl::Data;

use crate::sample::{check, check_velocity, map};

#[test]
fn references_end_where_velocity_ends_them() {
    check(
        r#"{"a":{"b-c":1,"d_e":[10,20,30],"k y":"v"},"s":"text"}"#,
        &[
            ("#set($x = 1)$x $x. $x.5 $x, ${x}y $!x $!{x}y $x[0]", "1 1. 1.5 1, 1y 1 1y "),
            ("#set($x-y = 1)$x-y", "1"),
            (
                "#set($r = $input.path('$'))$r.a.b-c $r.a.d_e[1] $r.a.d_e[-1] $r.a['k y'] $r.a[\"k y\"]",
                "1 20 30 v v",
            ),
            ("#set($r = $input.path('$'))#set($i = 2)$r.a.d_e[$i]$r.a.d_e.get(0)", "3010"),
            ("$input.path('$').a.d_e.size()", "3"),
            ("$$ $5 $ x $-", "$$ $5 $ x $-"),
            ("#set($x = 1)$$x #$x", "$1 #1"),
            ("${ x} $[0] ${}", "${ x} $[0] ${}"),
            ("$input.path('$.s').class.name", ""),
            ("#set($x = 'a')$x.toUpperCase().length()", "1"),
            ("#set($x = {'a': {'b': 'c'}})$x.a.b $x.get('a').get('b') ${x.a.b}d", "c c cd"),
            ("#set($x = {})#set($x.y = 'z')#set($x['q r'] = 1)$x", "{y=z, q r=1}"),
            ("#set($x = [1,2])#set($x[0] = 'z')$x", "[z, 2]"),
            ("#set($x = 1)\\$x \\\\$x \\\\\\$x", "$x \\1 \\$x"),
            ("#set($x = 1)\\#if \\\\#if(true)y#end \\#nope", "#if \\y \\#nope"),
            ("\"#set($x = 'in')${x}side\"", "\"inside\""),
        ],
    );
}

#[test]
fn what_is_broken_tells_line_and_column() {
    check(
        "",
        &[
            ("Hello ${name.", "ERROR Encountered \".\": was expecting \"}\" at line 1, column 13"),
            ("Hello $", "ERROR Encountered the end of the template behind a \"$\" at line 1, column 7"),
            ("a\n #", "ERROR Encountered the end of the template behind a \"#\" at line 2, column 2"),
            (
                "#if($x)\n  y",
                "ERROR Encountered the end of the template: was expecting #end at line 2, column 4",
            ),
            ("x #end", "ERROR Encountered End without a directive to belong to at line 1, column 7"),
            ("#set($x = )", "ERROR Encountered \")\": was expecting a value at line 1, column 11"),
            ("#set(x = 1)", "ERROR Encountered \"x\": was expecting a reference to set at line 1, column 6"),
            ("#set($x = 1 + )", "ERROR Encountered \")\": was expecting a value at line 1, column 15"),
            ("$x[y]", "ERROR Encountered \"y\": was expecting a value at line 1, column 4"),
            ("#foreach($x on)y#end", "ERROR Too few arguments to the #foreach directive at line 1, column 1"),
            ("#set($x = \"a)", "ERROR The string is not closed at line 1, column 11"),
            (
                "#set ($n = \"\\\"batman\\\"\")$n",
                "ERROR Encountered \"b\": was expecting \")\" at line 1, column 15",
            ),
            ("#* open", "ERROR \"*#\" is missing at line 1, column 1"),
            ("\n\n$x.substring(1,)", "ERROR Encountered \")\": was expecting a value at line 3, column 16"),
            ("#set($s = \"$x[y]\")", "ERROR Encountered \"y\": was expecting a value at line 1, column 15"),
        ],
    );
}

#[test]
fn plain_velocity_shows_what_has_no_value() {
    let variables =
        [("s", Data::from("text")), ("m", map(&[("k", "v")])), ("no", Data::Null), ("f", Data::Bool(false))];
    check_velocity(
        &variables,
        &[
            ("Hello $name ${name} $!name $!{name}.", "Hello $name ${name}  ."),
            ("$m.k $m.nothing $m.nothing.size() $s.foo('x')", "v $m.nothing $m.nothing.size() $s.foo('x')"),
            ("#if($name)yes#{else}no#end", "no"),
            ("#if($f)yes#{else}no#end#if(!$f)yes#end", "noyes"),
            ("\\$name \\\\$name \\$s \\\\$s \\$!name", "\\$name \\\\$name $s \\text \\$!name"),
            ("#set($x = 1)#set($x = $no)$x", "1"),
            ("#set($y = $no)$y", "$y"),
            ("#if($no == $name)same#end", "same"),
            ("$s.class.name $s.getClass()", "$s.class.name $s.getClass()"),
        ],
    );
}
