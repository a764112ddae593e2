//! What functions reach over the network, looked at from inside; as root and as an ordinary user.

use sandbox::{FunctionNetwork, SandboxMode};

use crate::world::{World, show};

async fn world(network: FunctionNetwork) -> World {
    World::with(SandboxMode::BestEffort, |c| c.network = network).await
}

#[tokio::test]
async fn a_network_of_ones_own_has_a_loopback_and_the_runtime_api() {
    let code = "const os = require('os'), net = require('net'); exports.handler = async () => [
        Object.keys(os.networkInterfaces()),
        await new Promise((done) => net.connect(9001, '127.0.0.1', () => done('open')).on('error', (e) => done(e.code)))]";
    for network in [FunctionNetwork::Isolated, FunctionNetwork::None] {
        let world = world(network).await;
        let spec = world.function("nodejs20.x", &[("index.js", code)]);
        assert_eq!(show(&world.once(spec, "1").await), r#"ok [["lo"],"open"]"#);
    }
}
