//! The rate limit that processes share, with permits in memory.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use super::*;

/// Permits that several budgets share.
#[derive(Debug, Default)]
struct MemoryPermits {
    /// When each permit expires.
    taken: Mutex<Vec<(String, Timestamp)>>,
    is_failing: AtomicBool,
}

impl SharedPermits for MemoryPermits {
    fn acquire<'a>(&'a self, request: PermitRequest<'a>) -> BoxFuture<'a, PermitResponse> {
        let mut taken = self.taken.lock().unwrap();
        let response = if self.is_failing.load(Ordering::SeqCst) {
            PermitResponse::Failed
        } else if taken.iter().filter(|(_, until)| *until > request.now).count()
            >= request.max_concurrent as usize
        {
            PermitResponse::Full(None)
        } else {
            taken.push((request.id.to_owned(), request.now + request.expires_after));
            PermitResponse::Granted
        };
        Box::pin(std::future::ready(response))
    }

    fn release(self: Arc<Self>, id: String, now: Timestamp) -> BoxFuture<'static, ()> {
        let mut taken = self.taken.lock().unwrap();
        taken.iter_mut().filter(|(taken, _)| *taken == id).for_each(|(_, until)| *until = now);
        Box::pin(std::future::ready(()))
    }
}

fn budget(permits: &Arc<MemoryPermits>) -> Arc<SharedBudget> {
    let permits: Arc<dyn SharedPermits> = Arc::<MemoryPermits>::clone(permits);
    let (expires_after, turn) = (Duration::from_secs(25), tokio::sync::Mutex::new(()));
    Arc::new(SharedBudget { permits, per_window: 50, max_concurrent: 1, expires_after, turn })
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn permit_of_one_process_blocks_another_until_its_release_or_a_timeout() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let permits = Arc::new(MemoryPermits::default());
    let (here, there) = (budget(&permits), budget(&permits));
    let held = here.acquire(&clock, Duration::from_secs(20)).await.unwrap();
    let wait = |timeout| {
        let (there, clock) = (Arc::clone(&there), clock.clone());
        tokio::spawn(async move { there.acquire(&clock, Duration::from_secs(timeout)).await })
    };
    let (short, long) = (wait(2), wait(20));
    settle().await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(short.await.unwrap().unwrap_err(), NoPermit::used_up(Duration::from_secs(1)));
    drop(held);
    settle().await;
    clock.advance(Duration::from_secs(1));
    settle().await;
    drop(long.await.unwrap().unwrap());
    settle().await;
    assert!(here.acquire(&clock, Duration::ZERO).await.is_ok(), "a dropped permit is released");
}

#[tokio::test]
async fn unavailable_permits_let_no_call_through() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let permits = Arc::new(MemoryPermits::default());
    permits.is_failing.store(true, Ordering::SeqCst);
    let error = budget(&permits).acquire(&clock, Duration::from_secs(20)).await.unwrap_err();
    assert_eq!(error.retry_after, RETRY_AFTER_FAILURE);
    assert_eq!(error.to_string(), UNAVAILABLE);
}
