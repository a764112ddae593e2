//! Which blanks and line ends belong to a directive.

use crate::sample::check;

#[test]
fn directives_take_the_rest_of_their_line() {
    check(
        "",
        &[
            ("a\n#set($x = 1)\nb", "a\nb"),
            ("a  #set($x = 1)  \nb", "a  b"),
            ("a#set($x = 1)b", "ab"),
            ("$x   #set($x = 1)b", "b"),
            ("a\n  #set($x = 1) b", "a\n   b"),
            ("#if(true)\nyes\n#end\nafter", "yes\nafter"),
            ("#if(true)  \r\nyes\r\n#end\r\nafter", "yes\r\nafter"),
            ("#if(true) yes #end after", " yes  after"),
            ("  #if(true)\n  yes\n  #end\nafter", "    yes\n  after"),
            ("#if(false)\nno\n#else\nyes\n#end\n.", "yes\n."),
            ("#if(false)\nno\n#elseif(true)\nyes\n#end\n.", "yes\n."),
            ("#if(false)no#{else}yes#{end}.", "yes."),
            ("#foreach($x in [1,2])\n$x\n#end\n.", "1\n2\n."),
            ("#foreach($x in [1..3])$x#if($foreach.hasNext), #end#end", "1, 2, 3"),
            ("a ## comment\nb", "a b"),
            ("a #* x\ny *# b", "a  b"),
            ("#[[ $x #set($y) ]]# $x", " $x #set($y)  "),
            ("#set( $x = [\n 1,\n 2\n] )\n$x", "[1, 2]"),
            ("#set($x =\n1)$x", "1"),
            ("#{set}($x = 1)$x", "1"),
        ],
    );
}
