//! DeleteCorsConfiguration: the gateway says nothing of origins any more.

use api::apigatewayv2::{DeleteCorsConfigurationInput, DeleteCorsConfigurationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteCorsConfigurationInput,
) -> Result<DeleteCorsConfigurationOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let edit = rows::edit_api(&gateway.store, &api, |api| {
        api.cors = None;
        Ok(())
    });
    edit.await?;
    gateway.forget_v2(&api.id);
    Ok(DeleteCorsConfigurationOutput {})
}
