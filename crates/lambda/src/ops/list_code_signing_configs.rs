//! ListCodeSigningConfigs: by ARN.

use api::lambda::{ListCodeSigningConfigsInput, ListCodeSigningConfigsOutput};
use base::Cx;
use wire::Failure;

use crate::paging::Paging;
use crate::signing::{SigningConfig, arns};
use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListCodeSigningConfigsInput,
) -> Result<ListCodeSigningConfigsOutput, Failure> {
    let all = lambda.registry.list::<SigningConfig>(keys::signing_config(&arns(&cx.scope))).await;
    let all = all.map_err(|error| error::store(&error))?;
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let (page, next_marker) = paging.page(all, |config| config.arn.clone())?;
    let code_signing_configs = Some(page.iter().map(SigningConfig::describe).collect());
    Ok(ListCodeSigningConfigsOutput { next_marker, code_signing_configs })
}
