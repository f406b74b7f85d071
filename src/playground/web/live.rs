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

/// Changes within this time are sent together.
const BATCH_WINDOW: Duration = Duration::from_millis(20);
/// Parts are rendered at least this often, because some depend on the time.
const RENDER_INTERVAL: Duration = Duration::from_secs(1);
/// A keep-alive comment is sent after this many renderings without a change.
const KEEP_ALIVE_AFTER: u32 = 15;

pub(super) fn stream(session: Arc<Session>, query: Fields) -> Response {
    let (sender, body) = Channel::<Bytes, Infallible>::new(4);
    tokio::spawn(send(session, query, sender));
    super::with_type(StatusCode::OK, "text/event-stream", Body::new(body))
}

/// Sends updates until the client disconnects.
async fn send(session: Arc<Session>, query: Fields, mut sender: Sender<Bytes, Infallible>) {
    let real = Clock::system();
    let mut changes = session.changes().subscribe();
    let mut sent: BTreeMap<&str, String> = BTreeMap::new();
    let mut unchanged = 0;
    loop {
        changes.mark_unchanged();
        let active = session.active();
        let viewer = Viewer::of(&query, &active.slack.setup());
        let mut changed = serde_json::Map::new();
        for (id, part) in view::parts(&active, &viewer) {
            let part = part.into_string();
            if sent.get(id) != Some(&part) {
                changed.insert(id.to_owned(), json!(part));
                sent.insert(id, part);
            }
        }
        drop(active);
        unchanged = if changed.is_empty() { unchanged + 1 } else { 0 };
        let text = match changed.is_empty() {
            false => format!("data: {}\n\n", serde_json::Value::Object(changed)),
            true if unchanged % KEEP_ALIVE_AFTER == 0 => ": \n\n".to_owned(),
            true => String::new(),
        };
        if !text.is_empty() && sender.send_data(Bytes::from(text)).await.is_err() {
            return;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = real.sleep(RENDER_INTERVAL) => {}
        }
        real.sleep(BATCH_WINDOW).await;
    }
}
