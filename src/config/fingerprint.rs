//! The settings as the ledger records them: digests that reveal a change, and in which part it is. Secrets are left out,
//! and so are settings that may differ between replicas.

use serde_json::{Value, json};

use super::{Config, Instance, Slack};
use crate::{domain::digest::of_json, marketo::Identity};

impl Config {
    /// The program's version, a digest of all settings, and one of each part.
    pub fn fingerprint(&self) -> Value {
        // Without `..`, so that a new field does not compile until somebody decides whether it belongs here.
        let Self {
            bind: _,
            database_url: _,
            log: _,
            slack,
            policy,
            instances,
            lease,
            anchor_channel,
            limits,
            client_cert,
        } = self;
        let Slack { signing_secrets: _, bot_token: _, api_url, team_ids, app_id } = slack;
        let parts = json!({
            "slack": of_json(&json!({ "api_url": api_url, "team_ids": team_ids, "app_id": app_id })),
            "policy": of_json(&json!(policy)),
            "marketo": of_json(&instances.iter().map(instance).collect()),
            "replicas": of_json(&json!({ "lease": lease })),
            "ledger": of_json(&json!({ "anchor_channel": anchor_channel })),
            "limits": of_json(&json!(limits)),
            "http": of_json(&json!(client_cert)),
        });
        json!({ "version": env!("CARGO_PKG_VERSION"), "sha256": of_json(&parts), "parts": parts })
    }
}

fn instance(instance: &Instance) -> Value {
    let Instance {
        name,
        base_url,
        client_id: _,
        client_secret: _,
        identity,
        calls_per_20s,
        max_concurrent,
        set_at: _,
    } = instance;
    let identity = match identity {
        Identity::Auto => "auto",
        Identity::Marketo => "marketo",
        Identity::Adobe => "adobe",
    };
    json!({
        "name": name,
        "base_url": base_url,
        "identity": identity,
        "calls_per_20s": calls_per_20s,
        "max_concurrent": max_concurrent,
    })
}
