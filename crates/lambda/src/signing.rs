//! Code signing configurations: kept and told. No package here carries a signature, so none is looked at.

use std::collections::BTreeMap;
use std::str::FromStr;

use api::lambda as shapes;
use base::{Scope, Timestamp, random_hex};
use minicbor::{Decode, Encode};
use wire::Failure;

use crate::{Lambda, error, keys};

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct SigningConfig {
    #[n(0)]
    pub(crate) arn: String,
    #[n(1)]
    pub(crate) description: Option<String>,
    #[n(2)]
    pub(crate) publishers: Vec<String>,
    /// `Warn` or `Enforce`.
    #[n(3)]
    pub(crate) untrusted: String,
    #[n(4)]
    pub(crate) modified_ms: i64,
    #[n(5)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// The ARN of a new configuration.
pub(crate) fn new_arn(scope: &Scope) -> String {
    format!("{}csc-{}", arns(scope), random_hex(17))
}

/// What all ARNs of configurations of `scope` begin with.
pub(crate) fn arns(scope: &Scope) -> String {
    let (partition, region) = (scope.region.partition(), scope.region.as_str());
    format!("arn:{partition}:lambda:{region}:{}:code-signing-config:", scope.account)
}

impl SigningConfig {
    pub(crate) fn describe(&self) -> shapes::CodeSigningConfig {
        let id = self.arn.rsplit(':').next().unwrap_or_default();
        shapes::CodeSigningConfig {
            code_signing_config_id: id.to_owned(),
            code_signing_config_arn: self.arn.clone(),
            description: self.description.clone(),
            allowed_publishers: shapes::AllowedPublishers {
                signing_profile_version_arns: self.publishers.clone(),
            },
            code_signing_policies: shapes::CodeSigningPolicies {
                untrusted_artifact_on_deployment: shapes::CodeSigningPolicy::from_str(&self.untrusted).ok(),
            },
            last_modified: Timestamp(self.modified_ms).iso8601().replace('Z', "+0000"),
        }
    }
}

impl Lambda {
    /// A configuration that a request names.
    pub(crate) async fn signing_config(&self, scope: &Scope, arn: &str) -> Result<SigningConfig, Failure> {
        let found = self.find_signing_config(scope, arn).await?;
        found.ok_or_else(|| {
            error::missing(format!("The Lambda code signing configuration {arn} can not be found."))
        })
    }

    /// A configuration that a function is to have.
    pub(crate) async fn signing_config_for_function(&self, scope: &Scope, arn: &str) -> Result<(), Failure> {
        match self.find_signing_config(scope, arn).await? {
            Some(_) => Ok(()),
            None => Err(error::signing_config_not_found(arn)),
        }
    }

    async fn find_signing_config(&self, scope: &Scope, arn: &str) -> Result<Option<SigningConfig>, Failure> {
        if !arn.starts_with(&arns(scope)) {
            return Ok(None);
        }
        self.registry.get(&keys::signing_config(arn)).await.map_err(|error| error::store(&error))
    }
}
