//! The jail, looked at from inside.

use sandbox::SandboxMode;

use crate::world::World;

#[tokio::test]
async fn every_layer_is_in_force() {
    let world = World::new(SandboxMode::BestEffort).await;
    let report = world.sandbox.report().await;
    let missing: Vec<_> = report.missing().map(|state| (state.layer, state.missing.clone())).collect();
    assert!(missing.iter().all(|(layer, _)| !layer.is_required()), "{missing:?}");
}
