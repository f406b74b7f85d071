//! Tests of the client against the simulated Marketo, over real HTTP.

mod errors;
mod paging;
mod token;
mod traffic;
mod wire;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{Client, DEFAULT_TIMEOUT, InviteUser, Settings};
use crate::{
    clock::Clock,
    sim::marketo::{CLIENT_ID, CLIENT_SECRET, MarketoSim, Setup},
};

pub(super) fn noon() -> Clock {
    Clock::manual("2026-11-24T18:00:00Z".parse().unwrap())
}

pub(crate) fn tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

pub(crate) fn settings(url: &str) -> Settings {
    Settings {
        name: "production".to_owned(),
        base_url: url.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: SecretString::from(CLIENT_SECRET),
        calls_per_20s: 50,
        max_concurrent: 5,
        timeout: DEFAULT_TIMEOUT,
    }
}

pub(super) fn client(url: &str, clock: &Clock) -> Client {
    Client::new(settings(url), clock.clone(), tls()).unwrap()
}

/// A client with a short timeout, for responses that never come.
pub(super) fn impatient_client(url: &str, clock: &Clock) -> Client {
    let settings = Settings { timeout: Duration::from_millis(400), ..settings(url) };
    Client::new(settings, clock.clone(), tls()).unwrap()
}

pub(super) async fn instance(setup: Setup) -> (Arc<MarketoSim>, Client, Clock) {
    let clock = noon();
    let sim = MarketoSim::start(clock.clone(), setup).await.unwrap();
    let client = client(&sim.url(), &clock);
    (sim, client, clock)
}

pub(super) fn count(sim: &MarketoSim, name: &str) -> usize {
    sim.calls().iter().filter(|call| call.name == name).count()
}

pub(super) fn svc() -> InviteUser {
    InviteUser {
        email: "svc.orders@example.com".into(),
        first_name: "Orders".into(),
        last_name: "Sync".into(),
        reason: Some("nightly order export".into()),
        expires_at: Some("2027-01-31T23:59:59-08:00".into()),
        role_id: 101,
        workspace_id: 1,
    }
}
