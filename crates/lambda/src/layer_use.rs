//! The layers that a function names: found, allowed, small enough together with its code, and their packages held.
//! Knows no operation.

use std::collections::HashMap;

use base::Scope;
use wire::Failure;

use crate::function::{LayerUse, VersionRecord};
use crate::layer::{LayerRef, LayerVersion, layer_arn};
use crate::{Lambda, error};

/// AWS's bound on the layers of a function.
const LAYERS_MAX: usize = 5;

pub(crate) const READ_LAYER: &str = "lambda:GetLayerVersion";

impl Lambda {
    /// The layers of these ARNs for a function of `scope`. The caller owns one reference to the package of each.
    pub(crate) async fn use_layers(&self, scope: &Scope, arns: &[String]) -> Result<Vec<LayerUse>, Failure> {
        if arns.len() > LAYERS_MAX {
            return Err(error::invalid(format!("Cannot reference more than {LAYERS_MAX} layers.")));
        }
        // No layer is deleted between being found and being held.
        let _turn = self.layers.turn.lock().await;
        let mut seen: HashMap<String, &String> = HashMap::new();
        let mut layers = Vec::with_capacity(arns.len());
        for arn in arns {
            let version = self.usable(scope, arn)?;
            let layer = layer_arn(&version.scope(), &version.name);
            if let Some(other) = seen.insert(layer, arn) {
                return Err(error::invalid(format!(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. \
                     {other} and {arn} are versions of the same layer."
                )));
            }
            layers.push(LayerUse { arn: arn.clone(), code: version.code.clone() });
        }
        let held = self.codes.hold_all(layers.iter().map(|layer| &layer.code)).await;
        held.map_err(|error| error::store(&error))?;
        Ok(layers)
    }

    fn usable(&self, scope: &Scope, arn: &str) -> Result<std::sync::Arc<LayerVersion>, Failure> {
        let missing = || error::invalid(format!("Layer version {arn} does not exist."));
        let layer = LayerRef::parse(arn, scope).ok_or_else(missing)?;
        let number = layer.number.ok_or_else(missing)?;
        let found = self.layers.get(&layer.scope, layer.name, number);
        if layer.scope.account != scope.account {
            let allowed = found.filter(|version| {
                layer.scope.region == scope.region && version.policy.lets_account_in(&scope.account)
            });
            return allowed.ok_or_else(|| error::access_denied(scope, READ_LAYER, arn));
        }
        if layer.scope.region != scope.region {
            return Err(error::invalid(format!(
                "Layers are not in the same region as the function. Layers are expected to be in region {}.",
                scope.region
            )));
        }
        found.ok_or_else(missing)
    }

    /// Code and layers together must not unzip to more than AWS allows.
    pub(crate) fn check_unzipped(&self, record: &VersionRecord) -> Result<(), Failure> {
        let max = self.config.limits.unzipped_bytes_max;
        let layers: u64 = record.settings.layers.iter().map(|layer| layer.code.unzipped_bytes).sum();
        if layers > max {
            return Err(error::invalid(format!(
                "Layers consume more than the available size of {max} bytes"
            )));
        }
        let all = layers + record.code.unzipped_bytes;
        if all > max {
            return Err(error::invalid(format!(
                "Function code combined with layers exceeds the maximum allowed size of {max} bytes. The actual size \
                 is {all} bytes."
            )));
        }
        Ok(())
    }
}
