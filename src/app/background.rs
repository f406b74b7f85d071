//! The loops that run beside the server and the workers: they refresh the directory, check the Slack token, delete what
//! is old, log the configuration and maintain the metrics. Each ends when the process stops.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::SignedDuration;

use super::App;
use crate::{
    clock::Clock,
    directory::membership::{MembershipCache, ServedTeams},
    health::Health,
    slack::{client::Client, error::Class},
    store::{self, Store},
};

/// How often a good Slack token is checked.
const TOKEN_CHECK_INTERVAL: Duration = Duration::from_secs(300);
/// The first and the longest pause before a token that never worked is checked again.
const TOKEN_RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// The first pause before a token that worked before is checked again.
const TOKEN_RETRY_AFTER_SUCCESS: Duration = Duration::from_secs(5);
const CLEANUP_INTERVAL: Duration = Duration::from_secs(3600);
/// How long is kept what is settled, such as deliveries from Slack: people may submit a modal or click a card after days.
const RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The pause between two batches of deletions.
const BATCH_PAUSE: Duration = Duration::from_millis(200);
/// How often minutes with too many refusals are logged.
const REFUSALS_INTERVAL: Duration = Duration::from_secs(20);
/// The exporter's histograms grow until they are drained.
const METRICS_UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

impl App {
    /// Starts every loop but that of the workers.
    pub(super) fn start_background_loops(&self) {
        let people = Arc::clone(&self.people);
        self.spawn_until_stopped(async move { people.keep_fresh().await });
        for instance in self.instances.iter().map(Arc::clone) {
            self.spawn_until_stopped(async move { instance.keep_fresh().await });
        }
        let (slack, teams, health) = (self.slack.clone(), Arc::clone(&self.teams), Arc::clone(&self.health));
        let (people, clock) = (Arc::clone(&self.people), self.clock.clone());
        self.spawn_until_stopped(async move { check_token(&slack, &teams, &people, &health, &clock).await });
        let (store, clock) = (self.store.clone(), self.clock.clone());
        self.spawn_until_stopped(async move { delete_what_is_old(&store, &clock).await });
        let (workflow, clock) = (self.workflow.clone(), self.clock.clone());
        self.spawn_until_stopped(async move {
            loop {
                clock.sleep(REFUSALS_INTERVAL).await;
                if let Err(error) = workflow.log_excess_refusals().await {
                    tracing::warn!(%error, "the number of refused actions was not logged");
                }
            }
        });
        if let Some(unlogged) = self.unlogged_configuration.clone() {
            let clock = self.clock.clone();
            self.spawn_until_stopped(async move { unlogged.log_when_possible(&clock).await });
        }
        let metrics = self.metrics;
        self.spawn_until_stopped(async move {
            let clock = Clock::system();
            loop {
                clock.sleep(METRICS_UPKEEP_INTERVAL).await;
                if let Some(recorder) = metrics.get().and_then(Option::as_ref) {
                    recorder.run_upkeep();
                }
            }
        });
    }

    /// Runs `work` in the background until it ends or the process stops.
    pub(super) fn spawn_until_stopped(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(work).await });
    }
}

/// Checks the Slack token until it is good, learns the served workspace from it, and keeps checking.
async fn check_token(
    slack: &Client,
    teams: &ServedTeams,
    people: &MembershipCache,
    health: &Health,
    clock: &Clock,
) {
    let mut pause = TOKEN_RETRY.0;
    let mut was_good = false;
    loop {
        match slack.auth_test().await {
            Ok(identity) => {
                // Fails if the configuration names the workspaces.
                let _ = teams.set(vec![identity.team_id]);
                if identity.enterprise_id.is_some_and(|id| !id.is_empty()) {
                    people.set_in_organization();
                }
                health.set_slack_problem(None);
                (was_good, pause) = (true, TOKEN_CHECK_INTERVAL);
            }
            Err(error) => {
                tracing::error!(%error, "the Slack token could not be checked");
                // A single failed check says nothing about a good token, unless Slack revoked it.
                if !was_good || matches!(error.class, Class::Revoked) {
                    health.set_slack_problem(Some(format!("SLACK_BOT_TOKEN: {error}")));
                }
                pause = if was_good { TOKEN_RETRY_AFTER_SUCCESS } else { (pause * 2).min(TOKEN_RETRY.1) };
                was_good = false;
            }
        }
        clock.sleep(pause).await;
    }
}

async fn delete_what_is_old(store: &Store, clock: &Clock) {
    loop {
        let before = clock.now() - RETENTION;
        if let Err(error) = store::with_timeout(store.forget_deliveries(before)).await {
            tracing::warn!(%error, "old deliveries were not deleted");
        }
        loop {
            match store::with_timeout(store.delete_settled(before)).await {
                Ok(0) => break,
                Ok(_) => clock.sleep(BATCH_PAUSE).await,
                Err(error) => {
                    tracing::warn!(%error, "what is settled was not deleted");
                    break;
                }
            }
        }
        clock.sleep(CLEANUP_INTERVAL).await;
    }
}
