//! Directives and expressions.

use vtl::Data;

use crate::sample::{check, check_velocity};

#[test]
fn expressions() {
    check(
        r#"{"n":3,"f":2.5,"big":12345678901234567890,"t":true,"s":"3"}"#,
        &[
            ("#set($a = 1 + 2 * 3)$a", "7"),
            ("#set($a = (1 + 2) * 3)$a", "9"),
            ("#set($a = 7 / 2)$a, #set($b = 7 % 4)$b, #set($c = 7.0 / 2)$c", "3, 3, 3.5"),
            ("#set($a = -7 / 2)$a #set($a = 1 - 2)$a", "-3-1"),
            ("#set($a = 5)#set($a = 1 / 0)$a", "5"),
            ("#set($a = 4 > 2 + 5)$a", "false"),
            ("#set($a = 100.0 / 50)$a", "2.0"),
            ("#set($a = 'a' + 1 + 2)$a #set($b = 1 + 2 + 'a')$b", "a123a"),
            ("#set($r = $input.path('$'))#set($a = $r.n + 1)$a #set($a = $r.f * 2)$a", "45.0"),
            ("#set($a = $input.path('$.big') + 1)$a", "12345678901234567891"),
            ("#set($a = 9223372036854775807 + 1)$a", "9223372036854775808"),
            (
                "#if($input.path('$.n') == 3)y#end#if($input.path('$.n') == '3')y#end#if($input.path('$.n') == 3.0)y#end",
                "yyy",
            ),
            ("#if($input.path('$.s') == 3)y#end#if($input.path('$.t') == 'true')y#end", "yy"),
            ("#if('2' > 1)y#{else}n#end", "n"),
            ("#if(1 < 2 && 2 <= 2 and !(3 < 2) && not false)y#end", "y"),
            (
                "#if(false || 1 gt 2 or 2 ge 2)y#end#if(1 ne 1)n#end#if(1 eq 1)y#end#if(1 lt 2)y#end#if(1 le 0)n#end",
                "yyy",
            ),
            ("#if(1)n#{else}y#end#if('text')n#{else}y#end", "yy"),
            ("#set($x = 1)#if($x)y#end", "y"),
            ("#set($a = true && false)$a", "false"),
            (
                "#set($a = [1..3])$a #set($b = [2..-1])$b #set($n = 2)#set($c = [$n..3])$c",
                "[1, 2, 3][2, 1, 0, -1][2, 3]",
            ),
            ("#set($a = {\"dog\": \"cat\" , \"horse\":15, 'n': {}})$a.dog$a.horse$a.n", "cat15{}"),
            ("#set($n = 'x')#set($a = {\"$n\": \"<$n>\", 'y': '$n'})$a", "{x=<x>, y=$n}"),
            ("#set($a = 1.5e3)$a #set($a = 0.00001)$a #set($a = 1e10)$a", "1500.01.0E-51.0E10"),
            ("#set($a = \"#if(true)in#end$b\")$a", "in"),
            ("#set($a = 'it''s')$a", "it's"),
            ("#set($a = \"\\u0041\")$a", "A"),
            ("#set($a = [])$a.size()$a #set($a = {})$a", "0[]{}"),
        ],
    );
}

#[test]
fn loops() {
    check(
        r#"{"l":["a","b"],"m":{"k":1,"j":2},"e":[]}"#,
        &[
            (
                "#foreach($x in $input.path('$.l'))$foreach.index$foreach.count$velocityCount$x$foreach.first$foreach.last#end",
                "011atruefalse122bfalsetrue",
            ),
            ("#foreach($x in $input.path('$.m'))$x#end", "12"),
            (
                "#set($m = $input.path('$.m'))#foreach($k in $m.keySet())$k=$m.get($k)#if($foreach.hasNext),#end#end",
                "k=1,j=2",
            ),
            ("#foreach($e in $input.path('$.m').entrySet())$e.key=$e.value;$e #end", "k=1;k=1 j=2;j=2 "),
            (
                "#foreach($x in [1,2])#foreach($y in [3,4])$foreach.parent.index$foreach.index #end#end",
                "00 01 10 11 ",
            ),
            ("#foreach($x in [1..9])#if($x > 2)#break#end$x#end.", "12."),
            ("#foreach($x in [1..9])$x#if($x == 2)$foreach.stop()#end#end.", "12."),
            ("#set($i = 'out')#foreach($i in [1,2])$i#end$i", "12out"),
            ("#foreach($i in [1,2])$i#end[$i]", "12[]"),
            (
                "#foreach($x in 5)no#end#foreach($x in 'abc')no#end#foreach($x in $input.path('$.e'))no#end.",
                ".",
            ),
            ("#set($s = 0)#foreach($x in [1..2000])#set($s = $s + 1)#end$s", "1000"),
            (
                "#set($it = [1,2].iterator())$it.hasNext()",
                "ERROR Encountered \".\": was expecting \")\" at line 1, column 17",
            ),
            (
                "#set($l = [1,2])#set($it = $l.iterator())$it.next()#foreach($x in $it)<$x>#end$it.hasNext()",
                "1<2>false",
            ),
            (
                "#set($l = [1,2])#foreach($x in $l)#set($ignore = $l.add(3))#end",
                "ERROR Invocation of method 'next' threw exception java.util.ConcurrentModificationException at line 1, column 17",
            ),
        ],
    );
}

#[test]
fn blocks_and_stops() {
    check(
        "",
        &[
            ("#define($b)<$x>#end#set($x = 1)$b#set($x = 2)$b", "<1><2>"),
            ("#define($b)x$b#end$b.", "xx."),
            ("#define($b)y#end#set($s = \"[$b]\")$s", "[y]"),
            ("a#if(true)b#stop c#end d", "ab"),
            (
                "#literal()$x #set($y)#end.",
                "ERROR Encountered \")\": was expecting \"=\" at line 1, column 21",
            ),
            ("#literal()$x #if(true)y#end#end.", "$x #if(true)y#end."),
        ],
    );
}

#[test]
fn macros_of_plain_velocity() {
    check_velocity(
        &[("name", Data::from("Steve"))],
        &[
            ("#macro(hi $who)Hi $who#end#hi('you') #hi($name)", "Hi you Hi Steve"),
            ("#macro(add $a $b)$a+$b#end#add(1 2) #add(1, 2)", "1+2 1+2"),
            ("#macro(recur $n)#if($n > 0)#set($n = $n - 1)#recur($n)X#end#end#recur(5)", "XXXXX"),
            ("#macro(byname $x)#set($y = 2)$x#end#set($y = 1)#byname($y)", "2"),
            ("#macro(less $a $b)[$a$!b]#end#less(1)", "[1]"),
            ("#later()#macro(later)done#end", "done"),
            ("#nothing($name) #nothing", "#nothing($name) #nothing"),
            ("#macro(wrap)<$bodyContent>#end#@wrap()in $name#end", "<in Steve>"),
            ("#set($s = 'abc')#evaluate('$s$name')", "abcSteve"),
            ("#evaluate('#set($fresh = 1)')$fresh", "1"),
            (
                "#macro(deep)#deep()#end#deep()",
                "ERROR the depth of macros is more than the limit of 20 at line 1, column 13",
            ),
            ("#macro(if)x#end", "ERROR #if is a directive and no name for a macro at line 1, column 7"),
            (
                "#parse('x.vm')",
                "ERROR #parse is not available: there are no other templates at line 1, column 1",
            ),
        ],
    );
}
