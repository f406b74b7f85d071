//! The rate limit under load, with a manual clock.

use proptest::prelude::*;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(3600);

fn clock() -> Clock {
    Clock::manual("2026-11-24T10:00:00Z".parse().unwrap())
}

/// Lets every task run until all are blocked.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Runs calls of `durations` milliseconds, all requested at once. Returns when each started and ended, in request order.
async fn run(per_window: u32, max_concurrent: u32, durations: &[u16], step: u16) -> Vec<(i64, i64)> {
    let clock = clock();
    let budget = Budget::new(per_window, max_concurrent);
    let tasks: Vec<_> = durations
        .iter()
        .map(|&duration| {
            let (clock, budget) = (clock.clone(), Arc::clone(&budget));
            tokio::spawn(async move {
                let permit = budget.acquire(&clock, TIMEOUT).await.unwrap();
                let start = clock.millis();
                clock.sleep(Duration::from_millis(duration.into())).await;
                drop(permit);
                (start, clock.millis())
            })
        })
        .collect();
    while tasks.iter().any(|task| !task.is_finished()) {
        settle().await;
        clock.advance(Duration::from_millis(step.into()));
    }
    let mut spans = Vec::new();
    for task in tasks {
        spans.push(task.await.unwrap());
    }
    spans
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_20_second_window_exceeds_the_limit_whenever_marketo_counts_a_call(
        per_window in 1u32..8,
        max_concurrent in 1u32..10,
        durations in prop::collection::vec(0u16..9000, 1..25),
        step in 500u16..4000,
        counted_at in prop::collection::vec(0.0f64..=1.0, 25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let spans = runtime.block_on(run(per_window, max_concurrent, &durations, step));
        let limit = usize::try_from(per_window).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small numbers")]
        let moments: Vec<i64> =
            spans.iter().zip(counted_at).map(|((start, end), at)| start + ((end - start) as f64 * at) as i64).collect();
        for from in &moments {
            let counted = moments.iter().filter(|at| (*from..from + WINDOW).contains(at)).count();
            prop_assert!(counted <= limit, "{counted} in the 20 s from {from}");
        }
        for (start, _) in &spans {
            let running = spans.iter().filter(|(from, to)| from <= start && start < to).count();
            prop_assert!(running <= usize::try_from(max_concurrent).unwrap());
        }
        prop_assert!(spans.windows(2).all(|pair| pair[0].0 <= pair[1].0), "first come, first served");
    }
}

#[tokio::test]
async fn permit_counts_until_20_seconds_after_the_end_of_its_call() {
    let clock = clock();
    let budget = Budget::new(2, 5);
    let first = budget.acquire(&clock, TIMEOUT).await.unwrap();
    drop(budget.acquire(&clock, TIMEOUT).await.unwrap());
    let third = tokio::spawn({
        let (clock, budget) = (clock.clone(), Arc::clone(&budget));
        async move { budget.acquire(&clock, TIMEOUT).await.map(|_| clock.millis()) }
    });
    let start = clock.millis();
    clock.advance(Duration::from_secs(3));
    drop(first);
    clock.advance(Duration::from_millis(16_999));
    settle().await;
    assert!(!third.is_finished());
    clock.advance(Duration::from_millis(1));
    assert_eq!(third.await.unwrap().unwrap(), start + 20_000);
}

#[tokio::test]
async fn caller_that_times_out_leaves_its_turn_to_the_next() {
    let clock = clock();
    let budget = Budget::new(10, 1);
    let held = budget.acquire(&clock, TIMEOUT).await.unwrap();
    let waits = |timeout: u64| {
        let (clock, budget) = (clock.clone(), Arc::clone(&budget));
        tokio::spawn(async move { budget.acquire(&clock, Duration::from_secs(timeout)).await.map(drop) })
    };
    let (short, long) = (waits(5), waits(60));
    settle().await;
    clock.advance(Duration::from_secs(5));
    assert_eq!(short.await.unwrap(), Err(NoPermit::used_up(Duration::from_secs(1))));
    drop(held);
    assert_eq!(long.await.unwrap(), Ok(()));
}
