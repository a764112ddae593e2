//! Amazon Resource Names, as printed and as parsed. Knows no service's resource grammar.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, Region, Scope};

/// `arn:partition:service:region:account:resource`.
///
/// Region and account may be empty (IAM, API Gateway, S3).
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account: String,
    pub resource: String,
}

/// A text that is not an ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnError(pub String);

impl Arn {
    /// An ARN in `scope`'s account and region.
    pub fn new(service: &str, scope: &Scope, resource: impl Into<String>) -> Self {
        Self {
            partition: scope.region.partition().to_owned(),
            service: service.to_owned(),
            region: scope.region.to_string(),
            account: scope.account.to_string(),
            resource: resource.into(),
        }
    }

    /// The account and region this ARN names, or `fallback`'s where a part is empty.
    pub fn scope(&self, fallback: &Scope) -> Scope {
        let account = AccountId::from_str(&self.account).unwrap_or(fallback.account);
        let region = if self.region.is_empty() { fallback.region.clone() } else { Region::new(&self.region) };
        Scope { account, region }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned).ok_or_else(|| ArnError(text.to_owned()));
        if next()? != "arn" {
            return Err(ArnError(text.to_owned()));
        }
        Ok(Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        })
    }
}

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an ARN: {}", self.0)
    }
}

impl std::error::Error for ArnError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parsed() {
        for text in [
            "arn:aws:lambda:us-east-1:000000000000:function:f:1",
            "arn:aws:apigateway:eu-west-1::/restapis/a",
            "arn:aws:iam::123456789012:role/r",
        ] {
            assert_eq!(text.parse::<Arn>().unwrap().to_string(), text);
        }
        for text in ["", "arn:aws", "urn:aws:a:b:c:d", "arn:aws:s3:r:a"] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }
}
