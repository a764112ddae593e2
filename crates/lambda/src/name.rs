//! How callers name a function: bare, with a qualifier, as a partial or a whole ARN. Pure; knows no catalogue.

use std::str::FromStr;

use base::{AccountId, Region, Scope};

/// A function as a request names it, with what its qualifier says.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#lambda-Invoke-request-FunctionName>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionRef<'a> {
    pub(crate) scope: Scope,
    pub(crate) name: &'a str,
    pub(crate) qualifier: Option<&'a str>,
}

/// Which version of a function is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qualifier<'a> {
    Latest,
    Number(u64),
    Alias(&'a str),
}

/// Longest name of a function.
pub(crate) const FUNCTION_NAME_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("{0} is not a function's name or ARN")]
    Malformed(String),
    /// The ARN's region is not the one that was asked.
    #[error("Functions from '{named}' are not reachable in this region ('{asked}')")]
    OtherRegion { named: String, asked: String },
    #[error("The derived qualifier from the function name does not match the specified qualifier.")]
    QualifierConflict,
}

impl<'a> FunctionRef<'a> {
    /// Reads `name[:q]`, `[account:]function:name[:q]` or `arn:aws:lambda:region:account:function:name[:q]`.
    pub(crate) fn parse(text: &'a str, asked: &Scope) -> Result<Self, NameError> {
        let malformed = || NameError::Malformed(text.to_owned());
        let mut scope = asked.clone();
        let mut rest = text;
        if let Some(arn) = rest.strip_prefix("arn:") {
            let mut parts = arn.splitn(5, ':');
            let mut next = || parts.next().ok_or_else(malformed);
            let (partition, service, region, account) = (next()?, next()?, next()?, next()?);
            if !partition.starts_with("aws") || service != "lambda" {
                return Err(malformed());
            }
            if region != scope.region.as_str() {
                scope.region = Region::new(region);
            }
            scope.account = AccountId::from_str(account).map_err(|_| malformed())?;
            rest = next()?.strip_prefix("function:").ok_or_else(malformed)?;
        } else {
            if let Some((account, tail)) = rest.split_once(':')
                && let Ok(account) = AccountId::from_str(account)
            {
                scope.account = account;
                rest = tail;
            }
            // A function may be called "function"; `function:x` is then its alias only without an account.
            rest = rest.strip_prefix("function:").unwrap_or(rest);
        }
        let (name, qualifier) = match rest.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (rest, None),
        };
        let whole = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let qualified = qualifier.is_none_or(|q| q == "$LATEST" || whole(q));
        if whole(name) && qualified { Ok(Self { scope, name, qualifier }) } else { Err(malformed()) }
    }

    /// As [`parse`](Self::parse), for an operation that has a `Qualifier` parameter and serves one region.
    pub(crate) fn with_qualifier(
        text: &'a str,
        parameter: Option<&'a str>,
        asked: &Scope,
    ) -> Result<Self, NameError> {
        let mut parsed = Self::parse(text, asked)?;
        if parsed.scope.region != asked.region {
            let named = parsed.scope.region.to_string();
            return Err(NameError::OtherRegion { named, asked: asked.region.to_string() });
        }
        if let (Some(derived), Some(given)) = (parsed.qualifier, parameter)
            && derived != given
        {
            return Err(NameError::QualifierConflict);
        }
        parsed.qualifier = parsed.qualifier.or(parameter);
        Ok(parsed)
    }

    pub(crate) fn qualifier(&self) -> Option<Qualifier<'a>> {
        self.qualifier.map(Qualifier::parse)
    }

    /// The ARN without the qualifier.
    pub(crate) fn arn(&self) -> String {
        function_arn(&self.scope, self.name)
    }

    /// The ARN with the qualifier, if there is one.
    pub(crate) fn qualified_arn(&self) -> String {
        match self.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.arn()),
            None => self.arn(),
        }
    }
}

impl<'a> Qualifier<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        match text {
            "$LATEST" => Self::Latest,
            _ => text.parse().map_or(Self::Alias(text), Self::Number),
        }
    }
}

/// `arn:aws:lambda:region:account:function:name`.
pub(crate) fn function_arn(scope: &Scope, name: &str) -> String {
    format!(
        "arn:{}:lambda:{}:{}:function:{name}",
        scope.region.partition(),
        scope.region.as_str(),
        scope.account
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Scope {
        Scope { account: "111122223333".parse().unwrap(), region: Region::new("eu-west-1") }
    }

    #[test]
    fn every_form_of_a_name() {
        for (text, arn) in [
            ("f", "arn:aws:lambda:eu-west-1:111122223333:function:f"),
            ("f:1", "arn:aws:lambda:eu-west-1:111122223333:function:f:1"),
            ("f:$LATEST", "arn:aws:lambda:eu-west-1:111122223333:function:f:$LATEST"),
            ("function:f:live", "arn:aws:lambda:eu-west-1:111122223333:function:f:live"),
            ("123456789012:function:f", "arn:aws:lambda:eu-west-1:123456789012:function:f"),
            ("123456789012:f", "arn:aws:lambda:eu-west-1:123456789012:function:f"),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:f:7",
                "arn:aws:lambda:us-east-1:123456789012:function:f:7",
            ),
        ] {
            assert_eq!(FunctionRef::parse(text, &asked()).unwrap().qualified_arn(), arn, "{text}");
        }
        for text in [
            "",
            ":",
            "f:",
            "a b",
            "f:1:2",
            "../f",
            "arn:aws:s3:::f",
            "arn:aws:lambda:r:1:function:f",
            "f:$OLD",
            "é",
        ] {
            assert!(FunctionRef::parse(text, &asked()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_qualifier_given_twice_must_agree() {
        let asked = asked();
        let parse =
            |text, parameter| FunctionRef::with_qualifier(text, parameter, &asked).map(|r| r.qualifier);
        assert_eq!(parse("f:1", Some("1")), Ok(Some("1")));
        assert_eq!(parse("f", Some("live")), Ok(Some("live")));
        assert_eq!(parse("f:1", Some("2")), Err(NameError::QualifierConflict));
        let other = parse("arn:aws:lambda:us-east-1:123456789012:function:f", None).unwrap_err();
        assert_eq!(
            other.to_string(),
            "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')"
        );
    }

    #[test]
    fn qualifiers() {
        assert_eq!(Qualifier::parse("$LATEST"), Qualifier::Latest);
        assert_eq!(Qualifier::parse("12"), Qualifier::Number(12));
        assert_eq!(Qualifier::parse("live"), Qualifier::Alias("live"));
    }
}
