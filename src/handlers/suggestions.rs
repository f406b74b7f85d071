//! The options of a select that has too many of them to be sent along with a form.

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

/// The options for what was typed into a select, of the instance that its block names.
pub(super) fn handle(app: &AppState, suggestion: &BlockSuggestion) -> Ack {
    let BlockId::Input { field, instance } = &suggestion.block else { return Ack::empty("not_handled") };
    let outcome = match field {
        Field::Role => "roles",
        Field::Workspace => "workspaces",
        _ => return Ack::empty("not_handled"),
    };
    // A form from a time with one instance names none, and is out of date where there are several.
    let instance = match instance {
        Some(name) => app.instances.get(name),
        None => app.instances.iter().next().filter(|_| !app.instances.are_several()),
    };
    let catalog = instance.and_then(|instance| instance.catalog()).unwrap_or_default();
    let offer = AllowedOptions::of(app.workflow.policy(), &catalog);
    Ack { outcome, kind: AckKind::Options(views::options(&offer, *field, &suggestion.value)) }
}
