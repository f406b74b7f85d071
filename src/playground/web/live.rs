//! Live updates of the page: each part that changes is sent again as a server-sent event. This file must not know how a
//! part is rendered.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::Response,
};
use http_body_util::channel::{Channel, Sender};
use serde_json::json;

use super::{
    fields::{Fields, Viewer},
    session::Session,
    view,
};
use crate::clock::Clock;

/// Changes that come together are sent together.
const TOGETHER: Duration = Duration::from_millis(20);
/// Some things change with the time only.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);
/// A line that says nothing, so that both sides know of each other.
const PULSE_EVERY: u32 = 15;

pub(super) fn stream(session: Arc<Session>, query: Fields) -> Response {
    let (sender, body) = Channel::<Bytes, Infallible>::new(4);
    tokio::spawn(send(session, query, sender));
    super::with_type(StatusCode::OK, "text/event-stream", Body::new(body))
}

/// Sends until nobody listens.
async fn send(session: Arc<Session>, query: Fields, mut sender: Sender<Bytes, Infallible>) {
    let real = Clock::system();
    let mut changes = session.changes().subscribe();
    let mut sent: BTreeMap<&str, String> = BTreeMap::new();
    let mut quiet = 0;
    loop {
        changes.mark_unchanged();
        let scene = session.scene();
        let viewer = Viewer::of(&query, &scene.slack.setup());
        let mut changed = serde_json::Map::new();
        for (id, part) in view::parts(&scene, &viewer) {
            let part = part.into_string();
            if sent.get(id) != Some(&part) {
                changed.insert(id.to_owned(), json!(part));
                sent.insert(id, part);
            }
        }
        drop(scene);
        quiet = if changed.is_empty() { quiet + 1 } else { 0 };
        let text = match changed.is_empty() {
            false => format!("data: {}\n\n", serde_json::Value::Object(changed)),
            true if quiet % PULSE_EVERY == 0 => ": \n\n".to_owned(),
            true => String::new(),
        };
        if !text.is_empty() && sender.send_data(Bytes::from(text)).await.is_err() {
            return;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = real.sleep(AT_LEAST_EVERY) => {}
        }
        real.sleep(TOGETHER).await;
    }
}
