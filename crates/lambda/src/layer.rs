//! One version of a layer: what is kept of it, how AWS prints it, and how requests name layers. Pure; knows no store
//! and no function.

use std::str::FromStr;

use api::lambda as shapes;
use base::{AccountId, Region, Scope, Timestamp};
use minicbor::{Decode, Encode};

use crate::function::Code;
use crate::policy::Policy;

/// Never changed but for its policy.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct LayerVersion {
    #[n(0)]
    pub(crate) account: String,
    #[n(1)]
    pub(crate) region: String,
    #[n(2)]
    pub(crate) name: String,
    #[n(3)]
    pub(crate) number: u64,
    #[n(4)]
    pub(crate) description: String,
    #[n(5)]
    pub(crate) code: Code,
    #[n(6)]
    pub(crate) created_ms: i64,
    #[n(7)]
    pub(crate) runtimes: Vec<String>,
    #[n(8)]
    pub(crate) architectures: Vec<String>,
    #[n(9)]
    pub(crate) license: Option<String>,
    /// Who of other accounts may use it.
    #[n(10)]
    pub(crate) policy: Policy,
}

/// What a list operation wants of a layer.
#[derive(Debug, Default)]
pub(crate) struct Fit {
    pub(crate) runtime: Option<String>,
    pub(crate) architecture: Option<shapes::Architecture>,
}

impl LayerVersion {
    pub(crate) fn scope(&self) -> Scope {
        Scope { account: self.account.parse().unwrap_or_default(), region: Region::new(&self.region) }
    }

    pub(crate) fn arn(&self) -> String {
        format!("{}:{}", layer_arn(&self.scope(), &self.name), self.number)
    }

    /// A version that says nothing of runtimes fits no question for one; so does AWS answer.
    pub(crate) fn fits(&self, fit: &Fit) -> bool {
        let runtime = fit.runtime.as_ref().is_none_or(|wanted| self.runtimes.contains(wanted));
        let named = |wanted: &shapes::Architecture| self.architectures.iter().any(|a| a == wanted.as_str());
        runtime && fit.architecture.as_ref().is_none_or(named)
    }

    pub(crate) fn describe(&self, origin: &str) -> shapes::PublishLayerVersionOutput {
        let item = self.listed();
        shapes::PublishLayerVersionOutput {
            content: Some(self.content(origin)),
            layer_arn: Some(layer_arn(&self.scope(), &self.name)),
            layer_version_arn: item.layer_version_arn,
            description: item.description,
            created_date: item.created_date,
            version: item.version,
            compatible_architectures: item.compatible_architectures,
            compatible_runtimes: item.compatible_runtimes,
            license_info: item.license_info,
        }
    }

    /// What GetLayerVersion and GetLayerVersionByArn answer.
    pub(crate) fn found(&self, origin: &str) -> shapes::GetLayerVersionOutput {
        let all = self.describe(origin);
        shapes::GetLayerVersionOutput {
            content: all.content,
            layer_arn: all.layer_arn,
            layer_version_arn: all.layer_version_arn,
            description: all.description,
            created_date: all.created_date,
            version: all.version,
            compatible_architectures: all.compatible_architectures,
            compatible_runtimes: all.compatible_runtimes,
            license_info: all.license_info,
        }
    }

    pub(crate) fn listed(&self) -> shapes::LayerVersionsListItem {
        let architectures: Vec<_> =
            self.architectures.iter().filter_map(|a| shapes::Architecture::from_str(a).ok()).collect();
        shapes::LayerVersionsListItem {
            layer_version_arn: Some(self.arn()),
            version: i64::try_from(self.number).ok(),
            description: Some(self.description.clone()),
            created_date: Some(Timestamp(self.created_ms).iso8601().replace('Z', "+0000")),
            compatible_architectures: (!architectures.is_empty()).then_some(architectures),
            compatible_runtimes: (!self.runtimes.is_empty()).then(|| self.runtimes.clone()),
            license_info: self.license.clone(),
        }
    }

    fn content(&self, origin: &str) -> shapes::LayerVersionContentOutput {
        shapes::LayerVersionContentOutput {
            location: Some(self.code.location(origin)),
            code_sha256: Some(self.code.sha256_base64()),
            code_size: i64::try_from(self.code.zip_bytes).ok(),
            ..shapes::LayerVersionContentOutput::default()
        }
    }
}

/// `arn:aws:lambda:region:account:layer:name`.
pub(crate) fn layer_arn(scope: &Scope, name: &str) -> String {
    let (partition, region) = (scope.region.partition(), scope.region.as_str());
    format!("arn:{partition}:lambda:{region}:{}:layer:{name}", scope.account)
}

/// A layer as a request names it: by name, or by an ARN that may be another account's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerRef<'a> {
    pub(crate) scope: Scope,
    pub(crate) name: &'a str,
    pub(crate) number: Option<u64>,
}

impl<'a> LayerRef<'a> {
    /// The model has checked the text's pattern.
    pub(crate) fn parse(text: &'a str, asked: &Scope) -> Option<Self> {
        let Some(arn) = text.strip_prefix("arn:") else {
            return Some(Self { scope: asked.clone(), name: text, number: None });
        };
        let parts: Vec<&str> = arn.split(':').collect();
        let (&[_, "lambda", region, account, "layer", name], number) = parts.split_at_checked(6)? else {
            return None;
        };
        let number = match number {
            [] => None,
            [number] => Some(number.parse().ok()?),
            _ => return None,
        };
        let scope = Scope { account: AccountId::from_str(account).ok()?, region: Region::new(region) };
        Some(Self { scope, name, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_by_name_or_arn() {
        let asked = Scope { account: "111122223333".parse().unwrap(), region: Region::new("eu-west-1") };
        let parse = |text| LayerRef::parse(text, &asked).map(|r| (layer_arn(&r.scope, r.name), r.number));
        for (text, arn, number) in [
            ("l", "arn:aws:lambda:eu-west-1:111122223333:layer:l", None),
            (
                "arn:aws:lambda:us-east-1:000000000042:layer:l",
                "arn:aws:lambda:us-east-1:000000000042:layer:l",
                None,
            ),
            (
                "arn:aws:lambda:us-east-1:000000000042:layer:l:7",
                "arn:aws:lambda:us-east-1:000000000042:layer:l",
                Some(7),
            ),
        ] {
            assert_eq!(parse(text), Some((arn.to_owned(), number)), "{text}");
        }
        for text in
            ["arn:aws:lambda:us-east-1:000000000042:function:l", "arn:aws:lambda:::awslayer:AmazonLinux1803"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
