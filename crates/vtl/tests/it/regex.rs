//! Java's regular expressions.

use vtl::{JavaRegex, MatchError};

#[test]
fn whole_matches() {
    let table = [
        ("", "", true),
        ("", "a", false),
        ("abc", "abc", true),
        ("a|b", "b", true),
        ("a|ab", "ab", true),
        (".*", "a\nb", false),
        ("(?s).*", "a\nb", true),
        (".*Error.*", "an Error here", true),
        ("4\\d{2}", "404", true),
        ("4\\d{2}", "4040", false),
        ("[45]\\d\\d", "503", true),
        ("^(?!2..).*$", "500", true),
        ("^(?!2..).*$", "200", false),
        ("(?i)bad.*", "BAD request", true),
        ("(?i:b)ad", "Bad", true),
        ("(?i:b)ad", "BAD", false),
        ("\\[BadRequest\\].*", "[BadRequest] x", true),
        ("\\Q[x]\\E+", "[x]]", true),
        ("(a)(b)?\\1", "aa", true),
        ("(?<n>a+)-\\k<n>", "aa-aa", true),
        ("(?<n>a+)-\\k<n>", "aa-a", false),
        ("a++a", "aaa", false),
        ("a*+b", "aaab", true),
        ("(?>a|ab)c", "abc", false),
        ("a{2,3}?", "aaa", true),
        ("(ab){2}", "abab", true),
        ("(?:a|b)+", "abba", true),
        ("(a*)*", "aaa", true),
        ("(a*)+b", "aab", true),
        ("[a-z&&[^aeiou]]+", "xyz", true),
        ("[a-z&&[^aeiou]]+", "xaz", false),
        ("[^a-z]+", "ABC", true),
        ("[a-c[x-z]]+", "axc", true),
        ("[]a]+", "]a", true),
        ("[a-]+", "a-", true),
        ("\\p{Alpha}\\p{Digit}\\p{Punct}", "a1!", true),
        ("\\p{Lu}\\p{L}+", "Ärger", true),
        ("\\P{Upper}+", "abc", true),
        ("\\w+@\\w+\\.com", "me@example.com", true),
        ("(?<=a)b", "b", false),
        ("a(?<=a)b", "ab", true),
        ("ab(?<!ab)c", "abc", false),
        ("(?x) a b # comment\n c", "abc", true),
        ("a\\tb\\x41\\u0042\\0101", "a\tbABA", true),
        ("a$\\n", "a\n", true),
        ("(?m)^a$\\n^b$", "a\nb", true),
        ("\\bfoo\\b.*", "foo bar", true),
        ("\\Aa\\z", "a", true),
        ("a\\Rb", "a\r\nb", true),
        ("\\h+\\S", " \tx", true),
        ("ü+", "üü", true),
        ("🦀{2}", "🦀🦀", true),
        (".", "🦀", true),
        ("(?iu)ä", "Ä", true),
        ("(?i)ä", "Ä", false),
        ("a{0}b", "b", true),
        ("(|a)+", "aa", true),
    ];
    for (pattern, text, expected) in table {
        let regex = JavaRegex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        assert_eq!(regex.matches(text), Ok(expected), "{pattern} on {text:?}");
    }
}

#[test]
fn broken_patterns_are_told() {
    for pattern in [
        "(",
        ")",
        "[a",
        "a**",
        "*a",
        "a{",
        "a{2,1}",
        "\\",
        "\\y",
        "(?<n",
        "(?z)",
        "[b-a]",
        "\\p{Nope}",
        "(?<=a*)b",
        "\\k<x>",
        "{2}",
    ] {
        assert!(JavaRegex::new(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn finds_the_first_place() {
    let regex = JavaRegex::new("o(b)?").expect("a pattern");
    let found = regex.find("foobar", 0).expect("few steps").expect("there");
    assert_eq!((found.range(), found.group(1)), (1..2, None));
    let found = regex.find("foobar", 2).expect("few steps").expect("there");
    assert_eq!((found.range(), found.group(1)), (2..4, Some(3..4)));
    assert_eq!(regex.find("foobar", 4), Ok(None));
}

#[test]
fn splits_as_java_does() {
    let table: [(&str, &str, i64, &[&str]); 10] = [
        (",", "a,b", 0, &["a", "b"]),
        (",", ",a,,b,,", 0, &["", "a", "", "b"]),
        (",", "a,b,c", 2, &["a", "b,c"]),
        (",", "a,,", -1, &["a", "", ""]),
        ("", "abc", 0, &["a", "b", "c"]),
        (",", "", 0, &[""]),
        (",", ",", 0, &[]),
        ("\\s*,\\s*", "a , b,c", 0, &["a", "b", "c"]),
        ("x", "abc", 0, &["abc"]),
        ("(?=b)", "abab", 0, &["a", "ba", "b"]),
    ];
    for (pattern, text, limit, expected) in table {
        let regex = JavaRegex::new(pattern).expect("a pattern");
        assert_eq!(regex.split(text, limit).expect("few steps"), expected, "{pattern} {text:?} {limit}");
    }
}

#[test]
fn bombs_run_out_of_steps() {
    let text = "a".repeat(40);
    for pattern in ["(a+)+$b", "(a|aa)+b", "(a|a)*b", "(.*)*\\1b", "(?:(?:a*)*)*b"] {
        let regex = JavaRegex::new(pattern).expect("a pattern");
        assert_eq!(regex.matches(&text), Err(MatchError::Steps), "{pattern}");
    }
    assert!(JavaRegex::new("((a{1000}){1000}){1000}").is_err());
    assert!(JavaRegex::new(&"(".repeat(10_000)).is_err());
    assert!(JavaRegex::new(&"a".repeat(100_000)).is_err());
    // Long texts are no bombs.
    let long = "ab".repeat(500_000);
    assert_eq!(JavaRegex::new(".*b").expect("a pattern").matches(&long), Ok(true));
    assert_eq!(JavaRegex::new("[ab]*+").expect("a pattern").matches(&long), Ok(true));
}
