//! All Marketo instances, in the order of the configuration, and the questions about all of them. [`Instance`] caches the
//! data of one.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::instance::{AddressUse, Instance};
use crate::domain::{catalog::Catalog, text::Email};

/// The configured instances. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Instances(Arc<[Arc<Instance>]>);

impl Instances {
    /// The instances in the order of the configuration.
    pub fn new(instances: impl IntoIterator<Item = Arc<Instance>>) -> Self {
        Self(instances.into_iter().collect())
    }

    /// The instance of this name, if it is configured.
    pub fn get(&self, name: &str) -> Option<&Arc<Instance>> {
        self.0.iter().find(|instance| instance.name() == name)
    }

    /// All instances.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.0.iter()
    }

    /// The names of all instances.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|instance| instance.name()).collect()
    }

    /// Whether there is more than one, so that texts must name the instance.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// The first instance whose users are known to use this email, and what for. Marketo requires emails to be unique
    /// across all instances, sandboxes included.
    pub fn with_user(&self, email: &Email) -> Option<(&Arc<Instance>, AddressUse)> {
        self.0.iter().find_map(|instance| Some((instance, instance.address_use(email)?)))
    }

    /// Whether the catalog and the users of every instance were fetched at least once.
    pub fn are_loaded(&self) -> bool {
        self.0.iter().all(|instance| instance.is_loaded())
    }

    /// Requests a refresh of each instance's users unless they are recent. For when a modal opens.
    pub fn request_refresh(&self) {
        self.0.iter().for_each(|instance| instance.request_refresh());
    }

    /// The first instance whose catalog is known and passes `is_useful`; else the first whose catalog is known.
    pub fn first_with_catalog(
        &self,
        is_useful: impl Fn(&Catalog) -> bool,
    ) -> Option<(Arc<Instance>, Arc<Catalog>)> {
        let known = || self.0.iter().filter_map(|instance| Some((Arc::clone(instance), instance.catalog()?)));
        known().find(|(_, catalog)| is_useful(catalog)).or_else(|| known().next())
    }

    /// Waits up to `limit` for the first catalog to arrive, and returns it with its instance.
    pub async fn wait_for_catalog(&self, limit: Duration) -> Option<(Arc<Instance>, Arc<Catalog>)> {
        let mut pending = JoinSet::new();
        for instance in self.0.iter().map(Arc::clone) {
            pending.spawn(async move {
                let catalog = instance.wait_for_catalog(limit).await?;
                Some((instance, catalog))
            });
        }
        while let Some(arrived) = pending.join_next().await {
            if let Ok(Some(first)) = arrived {
                return Some(first);
            }
        }
        None
    }
}
