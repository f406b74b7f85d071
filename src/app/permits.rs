//! The adapter between the Marketo client, which needs permits for its calls, and the store, which keeps the permits of
//! all replicas.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    marketo::{BoxFuture, PermitRequest, PermitResponse, SharedPermits},
    store::{self, Permit, Store},
};

/// The permits of one instance in the database.
#[derive(Debug)]
struct StoredPermits {
    store: Store,
    base_url: String,
}

/// The permits that the instance at `base_url` grants to all replicas together; `None` if there can only be one process.
pub(super) fn shared_permits(store: &Store, base_url: &str) -> Option<Arc<dyn SharedPermits>> {
    store.is_shared().then(|| {
        let permits: Arc<dyn SharedPermits> =
            Arc::new(StoredPermits { store: store.clone(), base_url: base_url.to_owned() });
        permits
    })
}

impl SharedPermits for StoredPermits {
    fn acquire<'a>(&'a self, request: PermitRequest<'a>) -> BoxFuture<'a, PermitResponse> {
        Box::pin(async move {
            let PermitRequest { id, now, expires_after, window, per_window, max_concurrent } = request;
            let request = store::PermitRequest {
                instance: &self.base_url,
                id,
                now,
                expires_after,
                window,
                per_window,
                max_concurrent,
            };
            match self.store.acquire_permit(&request).await {
                Ok(Permit::Granted) => PermitResponse::Granted,
                Ok(Permit::ConcurrencyReached) => PermitResponse::Full(None),
                Ok(Permit::WindowFull(until)) => PermitResponse::Full(until),
                Err(error) => {
                    tracing::error!(%error, "Marketo was not called: the shared rate limit is unavailable");
                    PermitResponse::Failed
                }
            }
        })
    }

    fn release(self: Arc<Self>, id: String, now: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(error) = self.store.release_permit(&id, now).await {
                tracing::warn!(%error, "a permit of the shared rate limit was not released; it will expire");
            }
        })
    }
}
