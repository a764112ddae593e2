//! AWS's names in Rust's letter cases.

const KEYWORDS: [&str; 39] = [
    "as", "async", "await", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move",
    "mut", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "use", "where",
    "while", "yield",
];

/// `functionName`, `KMSKeyArn`, `SSESpecification` -> `function_name`, `kms_key_arn`, `sse_specification`.
pub(crate) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, &letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            if !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        let before = i.checked_sub(1).and_then(|i| letters.get(i)).copied().unwrap_or('_');
        let after = letters.get(i + 1).copied().unwrap_or('_');
        let begins = letter.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit()
                || (before.is_ascii_uppercase() && after.is_ascii_lowercase() && !plural(&letters, i)));
        if begins && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The last letter of an abbreviation with a plural s: the `N` of `ARNs`.
fn plural(letters: &[char], i: usize) -> bool {
    letters.get(i + 1) == Some(&'s') && letters.get(i + 2).is_none_or(|c| c.is_ascii_uppercase())
}

/// A snake-case name that Rust takes as an identifier.
pub(crate) fn field(name: &str) -> String {
    let name = snake(name);
    match name.as_str() {
        word if KEYWORDS.contains(&word) => format!("r#{word}"),
        "self" | "super" => format!("{name}_"),
        _ => name,
    }
}

/// A type's name: the shape's, with a capital, without underscores in front.
pub(crate) fn type_name(name: &str) -> String {
    let name = name.trim_start_matches('_');
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

/// `ALL_OLD`, `nodejs20.x`, `RequestResponse` -> `AllOld`, `Nodejs20X`, `RequestResponse`.
pub(crate) fn variant(value: &str) -> String {
    let mut out = String::new();
    for word in value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let shouted = !word.chars().any(|c| c.is_ascii_lowercase());
        let mut letters = word.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.extend(letters.map(|c| if shouted { c.to_ascii_lowercase() } else { c }));
    }
    match out.chars().next() {
        None => "Empty".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("N{out}"),
        _ if out == "Self" => "Self_".to_owned(),
        _ => out,
    }
}

/// `ResourceNotFoundException` -> `resource_not_found`.
pub(crate) fn error_function(code: &str) -> String {
    field(code.strip_suffix("Exception").unwrap_or(code))
}

/// How violation texts name a member: with a small first letter.
pub(crate) fn violation(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        for (name, expected) in [
            ("FunctionName", "function_name"),
            ("KMSKeyArn", "kms_key_arn"),
            ("SSESpecification", "sse_specification"),
            ("S3Bucket", "s3_bucket"),
            ("CodeSha256", "code_sha256"),
            ("SecurityGroupIds", "security_group_ids"),
            ("BOOL", "bool"),
            ("TargetARNs", "target_arns"),
            ("restApiId", "rest_api_id"),
            ("type", "r#type"),
            ("Self", "self_"),
        ] {
            assert_eq!(field(name), expected);
        }
    }

    #[test]
    fn variants() {
        for (value, expected) in [
            ("ALL_OLD", "AllOld"),
            ("nodejs20.x", "Nodejs20X"),
            ("RequestResponse", "RequestResponse"),
            ("PAY_PER_REQUEST", "PayPerRequest"),
            ("", "Empty"),
            ("2xx", "N2xx"),
            ("Self", "Self_"),
        ] {
            assert_eq!(variant(value), expected);
        }
    }
}
