//! Joins the Marketo client, which wants places for its calls, to the store, which keeps them for all replicas.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    marketo::{Ask, Asked, Later, Places},
    store::{Place, Store, Wanted},
};

/// The places of one instance in the database.
#[derive(Debug)]
struct Stored {
    store: Store,
    instance: String,
}

/// Where the calls to `instance` count together with those of other replicas; absent where there are none.
pub(super) fn of(store: &Store, instance: &str) -> Option<Arc<dyn Places>> {
    store.is_shared().then(|| {
        let places: Arc<dyn Places> =
            Arc::new(Stored { store: store.clone(), instance: instance.to_owned() });
        places
    })
}

impl Places for Stored {
    fn take<'a>(&'a self, ask: Ask<'a>) -> Later<'a, Asked> {
        Box::pin(async move {
            let Ask { id, now, life, window, per_window, at_once } = ask;
            let instance = &self.instance;
            let wanted = Wanted { instance, id, now, life, window, per_window, at_once };
            match self.store.take_place(&wanted).await {
                Ok(Place::Taken) => Asked::Taken,
                Ok(Place::AllHeld) => Asked::Full(None),
                Ok(Place::AllCount(until)) => Asked::Full(until),
                Err(error) => {
                    tracing::error!(%error, "no call to Marketo can be made: the shared budget is not to be had");
                    Asked::Failed
                }
            }
        })
    }

    fn give_back(self: Arc<Self>, id: String, now: Timestamp) -> Later<'static, ()> {
        Box::pin(async move {
            if let Err(error) = self.store.give_place_back(&id, now).await {
                tracing::warn!(%error, "a place in the shared budget comes free only when its time is over");
            }
        })
    }
}
