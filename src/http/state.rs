//! The state of the routes: verification, limits, and the handlers.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;

use super::{
    admission::AdmissionControl, client_cert::ExpectedClientCert, rate_limits::RateLimits, replay::Replays,
    signature::Keys,
};
use crate::{
    clock::Clock,
    config::{ClientCert, Limits},
    handlers::Handlers,
};

/// The settings of the routes.
#[derive(Debug)]
pub struct Settings {
    /// Wall clock and stopwatches.
    pub clock: Clock,
    /// The accepted signing secrets.
    pub signing_secrets: Vec<SecretString>,
    /// The limits on connections, bodies and rates.
    pub limits: Limits,
    /// The client certificate that a proxy in front must report; `None`: not checked.
    pub client_cert: Option<ClientCert>,
    /// The recorder that `/metrics` renders; empty until it is installed.
    pub metrics: &'static OnceLock<Option<PrometheusHandle>>,
}

/// The routes' state. Cheap to clone.
#[derive(Clone)]
pub(super) struct HttpState(Arc<Inner>);

pub(super) struct Inner {
    pub(super) handlers: Handlers,
    pub(super) clock: Clock,
    pub(super) keys: Keys,
    pub(super) replays: Replays,
    pub(super) admission: AdmissionControl,
    pub(super) rate_limits: RateLimits,
    pub(super) client_cert: Option<ExpectedClientCert>,
    pub(super) metrics: &'static OnceLock<Option<PrometheusHandle>>,
}

impl fmt::Debug for HttpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpState")
    }
}

impl std::ops::Deref for HttpState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl HttpState {
    pub(super) fn new(handlers: Handlers, settings: &Settings) -> Self {
        let expected = |cert: &ClientCert| ExpectedClientCert::new(&cert.header, &cert.name);
        Self(Arc::new(Inner {
            handlers,
            clock: settings.clock.clone(),
            keys: Keys::new(&settings.signing_secrets),
            replays: Replays::default(),
            admission: AdmissionControl::new(&settings.limits),
            rate_limits: RateLimits::new(&settings.limits),
            client_cert: settings.client_cert.as_ref().and_then(expected),
            metrics: settings.metrics,
        }))
    }
}
