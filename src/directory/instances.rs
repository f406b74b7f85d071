//! The Marketo instances together: which there are, in the order of the configuration, and what must hold across all
//! of them. What is known of each is its own matter.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::instance::Instance;
use crate::domain::{allowed_options::Catalog, text::Email};

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

    /// Each instance.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.0.iter()
    }

    /// The name of each instance.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|instance| instance.name()).collect()
    }

    /// Whether people must be told which instance is meant.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// The first instance that is known to have a user with this e-mail. Marketo wants an e-mail to be unique across
    /// all instances, sandboxes included.
    pub fn with_user(&self, email: &Email) -> Option<&Arc<Instance>> {
        self.0.iter().find(|instance| instance.has_user(email))
    }

    /// Whether everything was fetched at least once from every instance.
    pub fn are_loaded(&self) -> bool {
        self.0.iter().all(|instance| instance.is_loaded())
    }

    /// Asks the background for newer users of every instance, if they are not quite new: a modal is being opened.
    pub fn request_refresh(&self) {
        self.0.iter().for_each(|instance| instance.request_refresh());
    }

    /// The first instance whose roles and workspaces are known and pass `is_useful`; else the first that is known.
    pub fn first_with_catalog(
        &self,
        is_useful: impl Fn(&Catalog) -> bool,
    ) -> Option<(Arc<Instance>, Arc<Catalog>)> {
        let known = || self.0.iter().filter_map(|one| Some((Arc::clone(one), one.catalog()?)));
        known().find(|(_, catalog)| is_useful(catalog)).or_else(|| known().next())
    }

    /// The first instance whose roles and workspaces arrive; waits for the fetches that are under way, at most for
    /// `limit`.
    pub async fn wait_for_catalog(&self, limit: Duration) -> Option<(Arc<Instance>, Arc<Catalog>)> {
        let mut arriving = JoinSet::new();
        for instance in self.0.iter().map(Arc::clone) {
            arriving.spawn(async move {
                let catalog = instance.wait_for_catalog(limit).await?;
                Some((instance, catalog))
            });
        }
        while let Some(arrived) = arriving.join_next().await {
            if let Ok(Some(known)) = arrived {
                return Some(known);
            }
        }
        None
    }
}
