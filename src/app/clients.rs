//! The clients of Slack and Marketo, built from the settings. Building them sends nothing.

use std::{fmt, sync::Arc, time::Duration};

use super::{BuildError, permits::shared_permits};
use crate::{
    clock::Clock,
    config::{self, Config},
    marketo, slack,
    store::Store,
};

/// How long a call to Slack may take.
const SLACK_TIMEOUT: Duration = Duration::from_secs(10);

/// The clients of the outside world.
pub struct Clients {
    /// Slack's Web API.
    pub slack: slack::client::Client,
    /// The Marketo instances, in the order of the configuration.
    pub marketo: Vec<marketo::Client>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

impl Clients {
    /// Builds the clients. If replicas share `store`, they share Marketo's rate limits, too.
    ///
    /// # Errors
    /// If a client cannot be built from the settings.
    pub fn new(config: &Config, clock: &Clock, store: Option<&Store>) -> Result<Self, BuildError> {
        let tls = tls_config()?;
        let settings = slack::client::Settings {
            api_url: config.slack.api_url.clone(),
            token: config.slack.bot_token.clone(),
            timeout: SLACK_TIMEOUT,
        };
        let slack = slack::client::Client::new(settings, clock.clone(), tls.clone());
        let marketo = config.instances.iter().map(|instance| marketo_client(instance, clock, store, &tls));
        Ok(Self { slack, marketo: marketo.collect::<Result<_, _>>()? })
    }
}

fn marketo_client(
    instance: &config::Instance,
    clock: &Clock,
    store: Option<&Store>,
    tls: &rustls::ClientConfig,
) -> Result<marketo::Client, BuildError> {
    let settings = marketo::Settings {
        name: instance.name.clone(),
        base_url: instance.base_url.clone(),
        client_id: instance.client_id.clone(),
        client_secret: instance.client_secret.clone(),
        calls_per_20s: instance.calls_per_20s,
        max_concurrent: instance.max_concurrent,
        timeout: marketo::DEFAULT_TIMEOUT,
    };
    let permits = store.and_then(|store| shared_permits(store, &instance.base_url));
    let client = marketo::Client::with_shared_permits(settings, clock.clone(), tls.clone(), permits);
    client.map_err(|source| BuildError::Marketo { set_at: instance.set_at.base_url.clone(), source })
}

/// TLS with the CA certificates of this machine, for both clients.
fn tls_config() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        tracing::warn!("this machine has no CA certificates: no https:// address can be reached");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
