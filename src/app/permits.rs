//! Joins the Marketo client, which wants places for its calls, to the store, which keeps them for all replicas.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    marketo::{BoxFuture, PermitRequest, PermitResponse, SharedPermits},
    store::{Permit, PermitRequest, Store},
};

/// The places of one instance in the database.
#[derive(Debug)]
struct Stored {
    store: Store,
    instance: String,
}

/// Where the calls to `instance` count together with those of other replicas; absent where there are none.
pub(super) fn of(store: &Store, instance: &str) -> Option<Arc<dyn SharedPermits>> {
    store.is_shared().then(|| {
        let places: Arc<dyn SharedPermits> =
            Arc::new(Stored { store: store.clone(), instance: instance.to_owned() });
        places
    })
}

impl SharedPermits for Stored {
    fn take<'a>(&'a self, ask: PermitRequest<'a>) -> BoxFuture<'a, PermitResponse> {
        Box::pin(async move {
            let PermitRequest { id, now, life, window, per_window, at_once } = ask;
            let instance = &self.instance;
            let wanted = PermitRequest { instance, id, now, life, window, per_window, at_once };
            match self.store.acquire_permit(&wanted).await {
                Ok(Permit::Taken) => PermitResponse::Taken,
                Ok(Permit::AllHeld) => PermitResponse::Full(None),
                Ok(Permit::AllCount(until)) => PermitResponse::Full(until),
                Err(error) => {
                    tracing::error!(%error, "no call to Marketo can be made: the shared budget is not to be had");
                    PermitResponse::Failed
                }
            }
        })
    }

    fn give_back(self: Arc<Self>, id: String, now: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(error) = self.store.release_permit(&id, now).await {
                tracing::warn!(%error, "a place in the shared budget comes free only when its time is over");
            }
        })
    }
}
