//! Java's methods, one row each.

use crate::sample::check;

#[test]
fn strings() {
    check(
        r#"{"s":"Grüße 🦀!","t":" a,b,,c,, "}"#,
        &[
            ("$input.path('$.s').length()", "9"),
            ("$input.path('$.s').substring(6)", "🦀!"),
            ("$input.path('$.s').substring(0, 3)", "Grü"),
            ("$input.path('$.s').indexOf('!')", "8"),
            ("$input.path('$.s').charAt(2)", "ü"),
            ("$input.path('$.s').toUpperCase()", "GRÜSSE 🦀!"),
            ("$input.path('$.t').trim().split(',')", "[a, b, , c]"),
            ("$input.path('$.t').trim().split(',', 2)", "[a, b,,c,,]"),
            ("$input.path('$.t').trim().split(',', -1).size()", "6"),
            ("#set($s = 'foobar')$s.length()$s.isEmpty()$s.empty", "6falsefalse"),
            (
                "#set($s = 'foobar')$s.indexOf('o') $s.indexOf('o', 2) $s.lastIndexOf('o') $s.lastIndexOf('o', 1) $s.indexOf('z')",
                "1 2 2 1 -1",
            ),
            (
                "#set($s = 'foobar')$s.contains('oba')$s.startsWith('foo')$s.startsWith('bar', 3)$s.endsWith('bar')",
                "truetruetruetrue",
            ),
            (
                "#set($s = 'foobar')$s.equals('foobar')$s.equals(1)$s.equalsIgnoreCase('FooBar')",
                "truefalsetrue",
            ),
            ("#set($s = 'foobar')$s.replace('o', '0') $s.replace('', '-')", "f00bar -f-o-o-b-a-r-"),
            (
                "#set($s = 'foobar')$s.replaceAll('o+', '<$0>') $s.replaceAll('(f)(o)', '$2$1') $s.replaceFirst('o', '0')",
                "f<oo>bar ofobar f0obar",
            ),
            (
                "#set($s = 'foobar')$s.matches('foo.*') $s.matches('foo') $s.matches(\"^f[a-z]+$\")",
                "true false true",
            ),
            ("#set($s = 'FooBar')$s.toLowerCase() $s.toUpperCase() $s.concat('!')", "foobar FOOBAR FooBar!"),
            (
                "#set($s = 'foobar')$s.hashCode() $s.compareTo('foo') $s.compareTo('fooz') $s.compareToIgnoreCase('FOOBAR')",
                "-1268878963 3 -24 0",
            ),
            (
                "#set($s = 'abc')$s.toCharArray() $s.valueOf(5) $s.codePointAt(0) $s.toString()",
                "[a, b, c] 5 97 abc",
            ),
            (
                "#set($s = '')$s.format('%s-%05d-%.2f-%x-%-4s|%%', 'a', 42, 1.5, 255, 'b')",
                "a-00042-1.50-ff-b   |%",
            ),
            ("#set($s = '-')$s.join('-', ['a', 'b'])", "a-b"),
            ("$util.escapeJavaScript(\"it's\").replaceAll(\"\\\\'\", \"'\")", "it's"),
            (
                "#set($s = 'x')$s.substring('1')",
                "ERROR Invocation of method 'substring' threw exception java.lang.StringIndexOutOfBoundsException: begin -1, end 1, length 1 at line 1, column 15",
            ),
            (
                "#set($s = 'x')$s.substring(2)",
                "ERROR Invocation of method 'substring' threw exception java.lang.StringIndexOutOfBoundsException: begin 2, end 1, length 1 at line 1, column 15",
            ),
            (
                "#set($s = 'x')$s.replaceAll('(', '')",
                "ERROR Invocation of method 'replaceAll' threw exception java.util.regex.PatternSyntaxException: Unclosed group near index 1 at line 1, column 15",
            ),
            (
                "#set($s = 'x')$s.replaceAll('x', '$1')",
                "ERROR Invocation of method 'replaceAll' threw exception java.lang.IllegalArgumentException: No group 1 at line 1, column 15",
            ),
        ],
    );
}

#[test]
fn strings_as_sequences() {
    check(
        "",
        &[
            (
                "#set($s = 'foobar')$s.subSequence(1, 3) $s.contentEquals('foobar') $s.contentEquals('foo') $s.copyValueOf('x') $s.intern()",
                "oo true false x foobar",
            ),
            (
                "#set($s = 'x')$s.subSequence(1, 5)",
                "ERROR Invocation of method 'subSequence' threw exception java.lang.StringIndexOutOfBoundsException: begin 1, end 5, length 1 at line 1, column 15",
            ),
        ],
    );
}

#[test]
fn lists() {
    check(
        "",
        &[
            (
                "#set($l = [1,2,3])$l.size() $l.get(1) $l.isEmpty() $l.empty $l.contains(1) $l.contains('1')",
                "3 2 false false true false",
            ),
            ("#set($l = [1])$l.add('x') $l.add(0, 'y') $l", "true  [y, 1, x]"),
            ("#set($l = [1,2,3])$l.remove(0) $l.remove('x') $l", "1 false [2, 3]"),
            (
                "#set($l = ['a','b','a'])$l.indexOf('a') $l.lastIndexOf('a') $l.indexOf('z') $l.remove('a') $l",
                "0 2 -1 true [b, a]",
            ),
            (
                "#set($l = [1,2])$l.set(0, 5) $l $l.addAll([7,8]) $l $l.subList(1, 3)",
                "1 [5, 2] true [5, 2, 7, 8] [2, 7]",
            ),
            (
                "#set($l = [1,2,3])$l.containsAll([1,3]) $l.removeAll([1]) $l $l.retainAll([3]) $l",
                "true true [2, 3] true [3]",
            ),
            ("#set($l = [1,2])$l.toArray() #foreach($n in $l.listIterator())<$n>#end", "[1, 2] <1><2>"),
            (
                "#foreach($n in [1,2,3])$n:$foreach.isFirst():$foreach.isLast() #end",
                "1:true:false 2:false:false 3:false:true ",
            ),
            ("#set($l = [1])$l.clear()$l $l.equals([]) $l.hashCode() $l.toString()", "[] true 1 []"),
            (
                "#set($l = [1])$l.get(1)",
                "ERROR Invocation of method 'get' threw exception java.lang.IndexOutOfBoundsException: Index: 1, Size: 1 at line 1, column 15",
            ),
            (
                "#set($l = [1])$l[3]",
                "ERROR Invocation of method 'get' threw exception java.lang.IndexOutOfBoundsException: Index: 3, Size: 1 at line 1, column 15",
            ),
            ("#set($l = [1])$l.size $l.nothing() $l.getClass() $l.class", "   "),
        ],
    );
}

#[test]
fn maps() {
    check(
        "",
        &[
            (
                "#set($m = {'a': 1})$m.get('a') $m.get('b') $m.getOrDefault('b', 2) $m.size() $m.isEmpty()",
                "1  2 1 false",
            ),
            ("#set($m = {'a': 1})$m.put('a', 2) $m.put('b', 3) $m", "1  {a=2, b=3}"),
            (
                "#set($m = {'a': 1})$m.putAll({'c': 3, 'a': 0}) $m $m.remove('a') $m $m.containsKey('c') $m.containsValue(3)",
                " {a=0, c=3} 0 {c=3} true true",
            ),
            (
                "#set($m = {'a': 1, 'b': [2]})$m.keySet() $m.values() $m.entrySet()",
                "[a, b] [1, [2]] [a=1, b=[2]]",
            ),
            ("#set($m = {'a': 1})$m.equals({'a': 1}) $m.hashCode() $m.toString()", "true 96 {a=1}"),
            ("#set($m = {1: 'one', true: 'yes'})$m.get(1)$m.get('1')$m.get(true)", "oneyes"),
            ("#set($m = {'a': 1})$m.putIfAbsent('a', 5) $m.putIfAbsent('b', 6) $m", "1  {a=1, b=6}"),
            (
                "#set($m = {})#foreach($i in [1..30])#set($m.i$i = 1)#end$m.size()",
                "ERROR Encountered \"$\": was expecting \"=\" at line 1, column 46",
            ),
            (
                "#set($m = {})#foreach($i in [1..30])#set($m[\"k$i\"] = $i)#end$m.size() $m.k30 $m.remove('k3') $m.k4 $m.k3",
                "30 30 3 4 ",
            ),
        ],
    );
}

#[test]
fn numbers_and_truths() {
    check(
        "",
        &[
            (
                "#set($n = 0)$n.parseInt('12') $n.valueOf('7') $n.parseLong('99999999999') $n.parseDouble('1.5')",
                "12 7 99999999999 1.5",
            ),
            ("#set($n = 7.9)$n.intValue() $n.longValue() $n.doubleValue() $n.toString()", "7 7 7.9 7.9"),
            (
                "#set($n = 5)$n.compareTo(6) $n.equals(5) $n.equals('5') $n.hashCode() $n.max(3, 9) $n.toHexString(255)",
                "-1 true false 5 9 ff",
            ),
            (
                "#set($n = 5)$n.compare(1, 2) $n.compare(2, 2) $n.compare(3, 2) $n.toBinaryString(5) $n.toOctalString(8) $n.toBinaryString(-1).length()",
                "-1 0 1 101 10 32",
            ),
            ("#set($n = 65736)$n.shortValue() $n.byteValue() $n.floatValue()", "200 -56 65736.0"),
            ("#set($n = 1.5)$n.isNaN() $n.isInfinite() $n.parseFloat('2.5')", "false false 2.5"),
            (
                "#set($n = 1.5)$n.parseFloat('x')",
                "ERROR Invocation of method 'parseFloat' threw exception java.lang.NumberFormatException: For input string: \"x\" at line 1, column 15",
            ),
            (
                "#set($b = true)$b.booleanValue() $b.equals(true) $b.toString() $b.parseBoolean('TRUE') $b.compareTo(false)",
                "true true true true 1",
            ),
            (
                "#set($n = 0)$n.parseInt('x')",
                "ERROR Invocation of method 'parseInt' threw exception java.lang.NumberFormatException: For input string: \"x\" at line 1, column 13",
            ),
        ],
    );
}

#[test]
fn util() {
    check(
        r#"{"j":"{\"a\":{\"b\":[1,2]}}"}"#,
        &[
            ("$util.escapeJavaScript('it''s \"q\" \\ /')", "it\\'s \\\"q\\\" \\\\ \\/"),
            ("$util.escapeJavaScript($input.path('$.nothing'))", ""),
            ("$util.urlEncode('x=a+b ü*') $util.urlDecode('x%3Da%2Bb+%C3%BC')", "x%3Da%2Bb+%C3%BC* x=a+b ü"),
            ("$util.base64Encode('hé') $util.base64Decode('aMOp')", "aMOp hé"),
            ("$util.parseJson($input.path('$.j')).a.b[1]", "2"),
            ("$util.parseJson('[1, 2]')[0] $util.parseJson('5') $util.parseJson('\"x\"')", "1 5 x"),
            ("$util.escapeJavaScript($util.parseJson('[\"ü\"]').get(0))", "\\u00FC"),
            (
                "$util.urlDecode('%zz')",
                "ERROR Invocation of method 'urlDecode' threw exception java.lang.IllegalArgumentException: URLDecoder: Illegal hex characters in escape (%) pattern at line 1, column 1",
            ),
        ],
    );
}
