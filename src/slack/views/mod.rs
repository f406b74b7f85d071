//! Modals as pure functions over the domain's data. None of them knows whether it is opened or updated, or how it gets
//! to Slack.

mod modals;
mod request_form;
mod review;

use slack_morphism::blocks::SlackView;

pub use modals::{deny_modal, loading_modal, unavailable_modal};
pub use request_form::{Form, FormLabels, SelectOptions, options, request_modal};
pub use review::{Review, review_modal};

/// A modal.
pub type Modal = SlackView;
