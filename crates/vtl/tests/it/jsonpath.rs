//! Paths and what they find.

use crate::sample::render;

const STORE: &str = r#"{"store":{"book":[
 {"category":"reference","author":"Rees","title":"Sayings","price":8.95},
 {"category":"fiction","author":"Waugh","title":"Sword","price":12.99},
 {"category":"fiction","author":"Melville","title":"Moby","isbn":"0-553","price":8.99},
 {"category":"fiction","author":"Tolkien","title":"Lord","isbn":"0-395","price":22.99,"tags":["a","b"]}],
 "bicycle":{"color":"red","price":19.95}},"expensive":10,"numbers":[1,2,3.5],"empty":[],"odd key":{"a.b":1},"nul":null}"#;

#[test]
fn paths() {
    let table = [
        ("$.expensive", "10"),
        ("expensive", "10"),
        ("$['expensive']", "10"),
        ("$[\"odd key\"]['a.b']", "1"),
        ("$.store.book[0].title", r#""Sayings""#),
        ("$.store.book[-1].title", r#""Lord""#),
        ("$.store.book[9].title", "\"\""),
        ("$.store.book.title", "\"\""),
        ("$.nothing.at.all", "\"\""),
        ("$.nul", "null"),
        ("$.store.book[*].author", r#"["Rees","Waugh","Melville","Tolkien"]"#),
        ("$..author", r#"["Rees","Waugh","Melville","Tolkien"]"#),
        ("$.store..price", "[8.95,12.99,8.99,22.99,19.95]"),
        ("$..book[2].title", r#"["Moby"]"#),
        ("$.store.book[0,2].title", r#"["Sayings","Moby"]"#),
        ("$.store.book[:2].title", r#"["Sayings","Sword"]"#),
        ("$.store.book[1:3].title", r#"["Sword","Moby"]"#),
        ("$.store.book[-2:].title", r#"["Moby","Lord"]"#),
        ("$.store.bicycle['color','price']", r#"{"color":"red","price":19.95}"#),
        ("$.store.book[*]['author','isbn']", r#"["Rees","Waugh","Melville","0-553","Tolkien","0-395"]"#),
        ("$.store.bicycle.*", r#"["red",19.95]"#),
        ("$.numbers[*]", "[1,2,3.5]"),
        ("$.store.book[?(@.isbn)].title", r#"["Moby","Lord"]"#),
        ("$.store.book[?(!@.isbn)].title", r#"["Sayings","Sword"]"#),
        ("$.store.book[?(@.price < 10)].title", r#"["Sayings","Moby"]"#),
        ("$.store.book[?(@.price > $.expensive && @.category == 'fiction')].title", r#"["Sword","Lord"]"#),
        ("$.store.book[?(@.author =~ /.*xLLE/i || @.price >= 22.99)].title", r#"["Lord"]"#),
        ("$.store.book[?(@.author =~ /m.*LLE/i)].title", r#"["Moby"]"#),
        ("$.store.book[?(@.author in ['Rees', 'Waugh'])].price", "[8.95,12.99]"),
        ("$.store.book[?(@.author nin ['Rees', 'Waugh'])].price", "[8.99,22.99]"),
        ("$.store.book[?(@.tags size 2)].title", r#"["Lord"]"#),
        ("$.store.book[?(@.tags contains 'a')].title", r#"["Lord"]"#),
        ("$.store.book[?(@.tags empty false)].title", r#"["Lord"]"#),
        ("$.store.book[?(@['title'] != 'Lord')].price", "[8.95,12.99,8.99]"),
        ("$.numbers[?(@ > 1)]", "[2,3.5]"),
        ("$..[?(@.color)].price", "[19.95]"),
        ("$.numbers.length()", "3"),
        ("$.numbers.sum()", "6.5"),
        ("$.numbers.min()", "1.0"),
        ("$.numbers.max()", "3.5"),
        ("$.numbers.avg()", "2.1666666666666665"),
        ("$..price.max()", "22.99"),
        ("$.store.keys()", r#"["book","bicycle"]"#),
        ("$.numbers.first()", "1"),
        ("$.numbers.last()", "3.5"),
        ("$.numbers.index(1)", "2"),
        ("$.concat($.store.bicycle.color, '-', \"x\")", r#""red-x""#),
        ("$.store.book[*].length()", "4"),
        ("$.empty", "[]"),
        ("$.empty[*].x", "[]"),
        ("$..nothing", "[]"),
    ];
    let wrong: Vec<String> = table
        .iter()
        .map(|(path, expected)| {
            let quoted = path.replace('\'', "''");
            (path, expected, render(&format!("$input.json('{quoted}')"), STORE))
        })
        .filter(|(_, expected, made)| made != *expected)
        .map(|(path, expected, made)| format!("{path}\n  expected {expected}\n  made     {made}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn broken_paths_are_told() {
    for path in [
        "",
        "$..",
        "$.a[",
        "$.a[?]",
        "$.a[?(@.b]",
        "$.a['b]",
        "$.a.nope()",
        "$.a[1:2:3:4]",
        "$[?(@ =~ /(/)]",
        "$ x",
    ] {
        let made = render(&format!("$input.path('{}')", path.replace('\'', "''")), "{}");
        assert!(made.contains("InvalidPathException"), "{path}: {made}");
    }
}

#[test]
fn values_of_parameter_mappings() {
    let found = |path| vtl::select(STORE, path);
    assert_eq!(found("$.store.bicycle.color").as_deref(), Some("red"));
    assert_eq!(found("store.bicycle").as_deref(), Some(r#"{"color":"red","price":19.95}"#));
    assert_eq!(found("expensive").as_deref(), Some("10"));
    assert_eq!(found("nothing"), None);
    assert_eq!(vtl::select("no json", "$.a"), None);
}
