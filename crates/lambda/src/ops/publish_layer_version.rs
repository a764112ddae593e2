//! PublishLayerVersion: one more version of a layer, and the layer with it if it is the first.

use api::lambda::{PublishLayerVersionInput, PublishLayerVersionOutput};
use base::Cx;
use wire::Failure;

use super::get_layer_version::layer;
use crate::layer::{LayerVersion, layer_arn};
use crate::policy::Policy;
use crate::settings::check_compatible_runtimes;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PublishLayerVersionInput,
) -> Result<PublishLayerVersionOutput, Failure> {
    let reference = layer(cx, &input.layer_name)?;
    let (scope, name) = (reference.scope.clone(), reference.name.to_owned());
    if scope != cx.scope {
        let arn = layer_arn(&scope, &name);
        return Err(error::access_denied(&cx.scope, "lambda:PublishLayerVersion", &arn));
    }
    let runtimes = input.compatible_runtimes.unwrap_or_default();
    check_compatible_runtimes(&runtimes)?;
    let code = lambda.take_package("PublishLayerVersion", input.content.into()).await?;
    let sha256 = code.sha256;
    let _turn = lambda.layers.turn.lock().await;
    let architectures = input.compatible_architectures.unwrap_or_default();
    let published = async {
        let version = LayerVersion {
            account: scope.account.to_string(),
            region: scope.region.to_string(),
            number: lambda.layers.next_number(&scope, &name).await?,
            name,
            description: input.description.unwrap_or_default(),
            code,
            created_ms: lambda.config.clock.now().0,
            runtimes,
            architectures: architectures.iter().map(|a| a.as_str().to_owned()).collect(),
            license: input.license_info,
            policy: Policy::default(),
        };
        lambda.layers.put(version).await
    };
    match published.await {
        Ok(version) => Ok(version.describe(&cx.origin())),
        Err(error) => {
            lambda.codes.release(&sha256).await;
            Err(error::store(&error))
        }
    }
}
