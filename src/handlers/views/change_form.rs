//! The form of each kind of change. This is the only file of the handlers that matches on [`Change`]: a new kind does not
//! compile until its form is named here.

use super::{create_user, rejection::Rejection};
use crate::{
    domain::{change::Change, decide::Submission, people::ChannelId, request::Request},
    handlers::dependencies::AppState,
    slack::{inbound::ViewInteraction, views::Modal},
};

/// The edit form of `request`.
pub(super) async fn edit_modal(app: &AppState, request: &Request, metadata: &str) -> Modal {
    match &request.change {
        Change::CreateUser(user) => create_user::edit_modal(app, request, user, metadata).await,
    }
}

/// Validates the submitted edit form of `request`. `None`: the request does not exist, which the workflow refuses.
pub(super) async fn edited(
    app: &AppState,
    request: Option<&Request>,
    view: &ViewInteraction,
    channel: ChannelId,
) -> Result<Submission, Rejection> {
    match request.map(|request| &request.change) {
        Some(Change::CreateUser(_)) | None => create_user::submission(app, view, channel).await,
    }
}
