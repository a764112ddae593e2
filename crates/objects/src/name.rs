//! Which names of buckets and objects a folder can have. Pure.

use ports::ObjectError;

/// What names of objects that are being written begin with.
pub(crate) const UNFINISHED: &str = ".rushlight-";

/// The longest name of a file on common file systems.
const PART_BYTES_MAX: usize = 255;

pub(crate) fn check_bucket(bucket: &str) -> Result<(), ObjectError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bucket.is_empty() || bucket.len() > PART_BYTES_MAX || !bucket.chars().all(fits) || is_dots(bucket) {
        return Err(ObjectError::Refused(format!("{bucket:?} cannot be the name of a bucket")));
    }
    Ok(())
}

/// The folders of an object and its name in the last.
pub(crate) fn parts(key: &str) -> Result<(Vec<&str>, &str), ObjectError> {
    let mut parts: Vec<&str> = key.split('/').collect();
    match parts.iter().find(|part| !is_part(part)) {
        Some(_) => Err(ObjectError::Refused(format!("{key:?} cannot be the key of an object in a folder"))),
        None => {
            let name = parts.pop().unwrap_or_default();
            Ok((parts, name))
        }
    }
}

/// The folders that a prefix names whole, and what follows.
pub(crate) fn split_prefix(prefix: &str) -> Result<(Vec<&str>, &str), ObjectError> {
    let (folders, rest) = match prefix.rsplit_once('/') {
        Some((folders, rest)) => (folders.split('/').collect::<Vec<&str>>(), rest),
        None => (Vec::new(), prefix),
    };
    match folders.iter().find(|part| !is_part(part)) {
        Some(_) => Err(ObjectError::Refused(format!("{prefix:?} cannot be a prefix of keys in a folder"))),
        None => Ok((folders, rest)),
    }
}

fn is_part(part: &str) -> bool {
    let fits = !part.is_empty() && part.len() <= PART_BYTES_MAX && !part.contains(['\0', '\\']);
    fits && !is_dots(part) && !part.starts_with(UNFINISHED)
}

fn is_dots(part: &str) -> bool {
    part == "." || part == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_elsewhere() {
        for key in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "a\0b",
            "a\\b",
            ".rushlight-x",
        ] {
            assert!(parts(key).is_err(), "{key:?}");
        }
        assert_eq!(parts("a/b.c/d").unwrap(), (vec!["a", "b.c"], "d"));
        for bucket in ["", ".", "..", "a/b", "a b", "ä", "a\0"] {
            assert!(check_bucket(bucket).is_err(), "{bucket:?}");
        }
        assert!(check_bucket("my-bucket.2_x").is_ok());
        for prefix in ["/", "../", "a/../b", "/etc/", "a//"] {
            assert!(split_prefix(prefix).is_err(), "{prefix:?}");
        }
        assert_eq!(split_prefix("a/b/da").unwrap(), (vec!["a", "b"], "da"));
        assert_eq!(split_prefix("..").unwrap(), (vec![], ".."));
    }
}
