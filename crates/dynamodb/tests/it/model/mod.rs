//! Histories of random operations against a reference of plain maps: what is written is what is got, queried, scanned
//! and streamed, in the table and its indexes, in pages of any size. A history that fails is made smaller until no
//! operation of it can be left out, and told as requests.
//!
//! `RUSHLIGHT_MODEL_SECONDS` and `RUSHLIGHT_MODEL_SEED` make `soak` run longer and elsewhere: `cargo xtask soak`.

pub(crate) mod dice;
mod expression;
mod reference;
mod replay;
mod step;
mod value;

use std::time::{Duration, Instant};

use store::{Durability, Store};
use testkit::Cluster;

use self::dice::Dice;
use self::replay::Failure;
use self::step::Step;

/// Operations of one history.
const STEPS: usize = 60;
/// How often a failing history is run again to make it smaller.
const SHRINKS_MAX: usize = 3_000;

#[tokio::test]
async fn the_table_behaves_as_a_map() {
    for seed in 0..800 {
        check(seed, in_memory).await;
    }
}

#[tokio::test]
async fn the_table_on_the_disk_behaves_as_a_map() {
    for seed in 1_000..1_060 {
        check(seed, on_disk).await;
    }
}

#[tokio::test]
async fn the_table_in_postgres_behaves_as_a_map() {
    for seed in 2_000..2_040 {
        check(seed, in_postgres).await;
    }
}

/// Runs until its time is over: started by `cargo xtask soak`.
#[tokio::test]
#[ignore = "runs as long as it is told to"]
async fn soak() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("RUSHLIGHT_MODEL_SECONDS").unwrap_or(10);
    let first = number("RUSHLIGHT_MODEL_SEED").unwrap_or(1_000_000);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed = first;
    while Instant::now() < end {
        check(seed, in_memory).await;
        match seed % 16 {
            0 => check(seed, on_disk).await,
            8 => check(seed, in_postgres).await,
            _ => {}
        }
        seed += 1;
    }
    eprintln!("{} histories of {STEPS} operations, seeds from {first}", seed - first);
}

async fn in_memory() -> (Store, ()) {
    (Store::memory(), ())
}

async fn in_postgres() -> (Store, ()) {
    (Cluster::shared().store().await, ())
}

async fn on_disk() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Store::open(folder.path(), Durability::Relaxed).unwrap(), folder)
}

async fn check<G>(seed: u64, make: impl AsyncFn() -> (Store, G)) {
    let mut dice = Dice::new(seed);
    let steps: Vec<Step> = (0..STEPS).map(|_| Step::random(&mut dice)).collect();
    let Err(failure) = run(&make, &steps).await else { return };
    let (steps, failure) = shrink(&make, steps, failure).await;
    let told: Vec<String> = steps.iter().map(|step| format!("  {}", replay::told(step))).collect();
    panic!("seed {seed}, operation {}: {}\n{}", failure.step, failure.text, told.join("\n"));
}

async fn run<G>(make: &impl AsyncFn() -> (Store, G), steps: &[Step]) -> Result<(), Failure> {
    let (store, _kept) = make().await;
    let checked = replay::run(store.clone(), steps).await;
    // A database has only so many connections.
    store.close().await.expect("nothing is under way");
    checked
}

/// Leaves out halves, quarters and single operations, then simplifies what is left, as long as it still fails.
async fn shrink<G>(
    make: &impl AsyncFn() -> (Store, G),
    mut steps: Vec<Step>,
    mut failure: Failure,
) -> (Vec<Step>, Failure) {
    let mut runs = 0;
    let mut chunk = steps.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        while at < steps.len() && runs < SHRINKS_MAX {
            let fewer: Vec<Step> = steps
                .iter()
                .enumerate()
                .filter(|(i, _)| !(at..at + chunk).contains(i))
                .map(|(_, step)| step.clone())
                .collect();
            runs += 1;
            match run(make, &fewer).await {
                Err(found) => (steps, failure) = (fewer, found),
                Ok(()) => at += chunk,
            }
        }
        chunk /= 2;
    }
    let mut at = 0;
    while at < steps.len() && runs < SHRINKS_MAX {
        let mut simplified = false;
        for simpler in steps[at].simpler() {
            let mut candidate = steps.clone();
            candidate[at] = simpler;
            runs += 1;
            if let Err(found) = run(make, &candidate).await {
                (steps, failure, simplified) = (candidate, found, true);
                break;
            }
        }
        if !simplified {
            at += 1;
        }
    }
    (steps, failure)
}
