//! GetAccountSettings: the limits in force and what is used of them.

use std::sync::atomic::Ordering;

use api::lambda::{AccountLimit, AccountUsage, GetAccountSettingsInput, GetAccountSettingsOutput};
use base::Cx;
use wire::Failure;

use crate::Lambda;

/// AWS's quota for all packages of an account; printed, not enforced.
const CODE_BYTES_MAX: i64 = 80_530_636_800;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    _: GetAccountSettingsInput,
) -> Result<GetAccountSettingsOutput, Failure> {
    let limits = &lambda.config.limits;
    let functions = lambda.catalogue.list(&cx.scope);
    let code: u64 =
        functions.iter().flat_map(|f| f.all_versions()).map(|version| version.record.code.zip_bytes).sum();
    let layers: u64 = lambda.layers.list(&cx.scope).iter().map(|layer| layer.code.zip_bytes).sum();
    let reserved = lambda.catalogue.account_load(&cx.scope).reserved.load(Ordering::Relaxed);
    Ok(GetAccountSettingsOutput {
        account_limit: Some(AccountLimit {
            total_code_size: Some(CODE_BYTES_MAX),
            code_size_unzipped: i64::try_from(limits.unzipped_bytes_max).ok(),
            code_size_zipped: i64::try_from(limits.zip_bytes_max).ok(),
            concurrent_executions: i32::try_from(limits.concurrency_max).ok(),
            unreserved_concurrent_executions: i32::try_from(limits.concurrency_max.saturating_sub(reserved))
                .ok(),
        }),
        account_usage: Some(AccountUsage {
            total_code_size: i64::try_from(code + layers).ok(),
            function_count: i64::try_from(functions.len()).ok(),
        }),
    })
}
