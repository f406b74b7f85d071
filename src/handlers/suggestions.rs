//! Options for external selects, which have too many to send with a form.

use super::{
    ack::{Ack, AckKind},
    dependencies::AppState,
};
use crate::{
    domain::{allowed_options::AllowedOptions, form::Field},
    slack::{
        inbound::{BlockId, BlockSuggestion},
        views,
    },
};

/// The matching options of the instance in the block's id.
pub(super) fn handle(app: &AppState, suggestion: &BlockSuggestion) -> Ack {
    let BlockId::Input { field, instance } = &suggestion.block else { return Ack::empty("not_handled") };
    let outcome = match field {
        Field::Role => "roles",
        Field::Workspace => "workspaces",
        _ => return Ack::empty("not_handled"),
    };
    // A form without an instance in its block ids is outdated if there are several instances.
    let instance = match instance {
        Some(name) => app.instances.get(name),
        None => app.instances.iter().next().filter(|_| !app.instances.are_several()),
    };
    let catalog = instance.and_then(|instance| instance.catalog()).unwrap_or_default();
    let allowed = AllowedOptions::of(app.workflow.policy(), &catalog);
    Ack { outcome, kind: AckKind::Options(views::options(&allowed, *field, &suggestion.value)) }
}
