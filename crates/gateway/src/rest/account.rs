//! The settings of an account. Pure; knows no store.

use base::Arn;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::rows::Record;

/// An account in a region has one.
pub(crate) const ID: &str = "account";

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct AccountRecord {
    #[n(0)]
    pub(crate) cloudwatch_role_arn: Option<String>,
}

impl Record for AccountRecord {}

impl Part for AccountRecord {
    const KIND: u8 = kind::ACCOUNT;

    fn id(&self) -> &str {
        ID
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("The account has no settings".into())
    }
}

impl AccountRecord {
    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["cloudwatchRoleArn"]) => {
                let role = patch.some_text();
                let is_role = |arn: &str| {
                    arn.parse::<Arn>()
                        .is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
                };
                if role.as_deref().is_some_and(|arn| !is_role(arn)) {
                    return Err(patch.bad_value());
                }
                self.cloudwatch_role_arn = role;
            }
            // Accounts that do not have them yet ask for usage plans so; here all have them.
            (PatchVerb::Add, ["features"]) if patch.text() == "UsagePlans" => {}
            (PatchVerb::Replace, _) => return Err(patch.none_of(&["/cloudwatchRoleArn"])),
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }
}
