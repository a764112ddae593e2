//! Leases: one holder at a time, and one after a holder that has died.

use std::time::Duration;

use store::{Batch, Leases, Store};

/// Long enough for a machine that is busy with other tests.
const SILENCE: Duration = Duration::from_millis(600);

async fn node(store: &Store) -> Leases {
    Leases::open(store.clone(), "leases/", true).await.unwrap().with_silence(SILENCE)
}

#[tokio::test]
async fn a_lease_has_one_holder_and_goes_on_when_it_is_released() {
    let store = Store::memory();
    let (here, there) = (node(&store).await, node(&store).await);
    let held = here.take(b"fill").await.unwrap();
    assert!(there.try_take(b"fill").await.unwrap().is_none());
    assert!(there.try_take(b"other").await.unwrap().is_some());
    assert!(held.note("half").await.unwrap());
    assert_eq!(held.progress(), "half");
    let waiting = tokio::spawn(async move { there.take(b"fill").await.unwrap() });
    held.release().await.unwrap();
    let next = waiting.await.unwrap();
    assert!(next.is_held());
    assert_eq!(next.progress(), "");
}

#[tokio::test]
async fn a_holder_that_is_silent_is_succeeded_and_finds_out() {
    let store = Store::memory();
    let (here, there) = (node(&store).await, node(&store).await);
    let held = here.take(b"fill").await.unwrap();
    held.note("half").await.unwrap();
    let guarded = held.guard(Batch::new().put("late", "x"));
    // As if the process had been killed: nobody renews.
    drop(held);
    let next = there.take(b"fill").await.unwrap();
    assert_eq!(next.progress(), "half");
    assert!(store.commit(guarded).await.is_err());
    store.commit(next.guard(Batch::new().put("late", "y"))).await.unwrap();
    assert!(next.note("all").await.unwrap());
}

#[tokio::test]
async fn a_lease_that_is_renewed_is_not_taken() {
    let store = Store::memory();
    let (here, there) = (node(&store).await, node(&store).await);
    let held = here.take(b"fill").await.unwrap();
    let early = tokio::time::timeout(SILENCE * 2, there.take(b"fill")).await;
    assert!(early.is_err() && held.is_held());
}

#[tokio::test]
async fn what_a_process_left_in_its_own_store_is_free_at_once() {
    let store = Store::memory();
    let before = Leases::open(store.clone(), "leases/", false).await.unwrap();
    let held = before.take(b"fill").await.unwrap();
    held.note("half").await.unwrap();
    drop(held);
    let after = Leases::open(store.clone(), "leases/", false).await.unwrap();
    let taken = after.try_take(b"fill").await.unwrap().unwrap();
    assert_eq!(taken.progress(), "half");
    assert!(after.try_take(b"fill").await.unwrap().is_none());
}
