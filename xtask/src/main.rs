//! The project's automation: `cargo xtask <task>`. It must never be needed to build the binary.

fn main() -> anyhow::Result<()> {
    let task = std::env::args().nth(1);
    anyhow::bail!("unknown task {task:?}")
}
