//! The budget that processes share, with places that a test keeps.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use super::*;

/// Places that several budgets share.
#[derive(Debug, Default)]
struct Kept {
    /// Until when each place is held.
    held: Mutex<Vec<(String, Timestamp)>>,
    fails: AtomicBool,
}

impl SharedPermits for Kept {
    fn take<'a>(&'a self, ask: PermitRequest<'a>) -> BoxFuture<'a, PermitResponse> {
        let mut held = self.held.lock().unwrap();
        let answer = if self.fails.load(Ordering::SeqCst) {
            PermitResponse::Failed
        } else if held.iter().filter(|(_, until)| *until > ask.now).count() >= ask.at_once as usize {
            PermitResponse::Full(None)
        } else {
            held.push((ask.id.to_owned(), ask.now + ask.life));
            PermitResponse::Taken
        };
        Box::pin(std::future::ready(answer))
    }

    fn give_back(self: Arc<Self>, id: String, now: Timestamp) -> BoxFuture<'static, ()> {
        let mut held = self.held.lock().unwrap();
        held.iter_mut().filter(|(held, _)| *held == id).for_each(|(_, until)| *until = now);
        Box::pin(std::future::ready(()))
    }
}

fn budget(places: &Arc<Kept>) -> Arc<SharedBudget> {
    let places: Arc<dyn SharedPermits> = Arc::<Kept>::clone(places);
    let (life, turn) = (Duration::from_secs(25), tokio::sync::Mutex::new(()));
    Arc::new(SharedBudget { places, per_window: 50, at_once: 1, life, turn })
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_place_of_one_process_is_waited_for_by_another_and_then_given_up() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let places = Arc::new(Kept::default());
    let (here, there) = (budget(&places), budget(&places));
    let held = here.acquire(&clock, Duration::from_secs(20)).await.unwrap();
    let waits = |patience| {
        let (there, clock) = (Arc::clone(&there), clock.clone());
        tokio::spawn(async move { there.acquire(&clock, Duration::from_secs(patience)).await })
    };
    let (short, long) = (waits(2), waits(20));
    settle().await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(short.await.unwrap().unwrap_err(), NoPermit::used_up(Duration::from_secs(1)));
    drop(held);
    settle().await;
    clock.advance(Duration::from_secs(1));
    settle().await;
    drop(long.await.unwrap().unwrap());
    settle().await;
    assert!(here.acquire(&clock, Duration::ZERO).await.is_ok(), "a dropped place comes back");
}

#[tokio::test]
async fn places_that_cannot_be_asked_for_let_nothing_through() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let places = Arc::new(Kept::default());
    places.fails.store(true, Ordering::SeqCst);
    let error = budget(&places).acquire(&clock, Duration::from_secs(20)).await.unwrap_err();
    assert_eq!(error.retry_after, AFTER_FAILURE);
    assert_eq!(error.to_string(), "the budget of calls that replicas share cannot be asked");
}
