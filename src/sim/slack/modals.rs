//! The Web API methods for modals (`views.open`, `views.push`, `views.update`), and the effect of a submission on the
//! view stack.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    args::{Args, Refusal},
    blocks,
    state::SlackState,
    view::SimView,
};

type MethodResult = Result<Value, Refusal>;

/// The maximum size of a view, in bytes of JSON.
const MAX_VIEW_BYTES: usize = 250_000;
/// The maximum number of views in one stack.
const MAX_STACK: usize = 3;

/// Validates the view of a call or of a submission response.
pub(crate) fn validated(mut view: Value) -> Result<Value, Refusal> {
    blocks::check_view(&mut view)
        .map_err(|messages| Refusal::with_messages("invalid_arguments", &messages))?;
    if view.to_string().len() > MAX_VIEW_BYTES {
        return Err(Refusal::new("view_too_large"));
    }
    Ok(view)
}

fn view_argument(args: &Args) -> Result<Value, Refusal> {
    validated(args.json("view", "invalid_arguments")?.ok_or_else(|| Refusal::missing_field("view"))?)
}

impl SlackState {
    fn new_hash(&mut self) -> String {
        format!("{}.{:08x}", self.clock.millis() / 1000, self.next_number())
    }

    /// Refuses an external id that another open view uses.
    fn require_unique_external_id(&self, view: &Value, own: Option<&str>) -> Result<(), Refusal> {
        let wanted = view["external_id"].as_str().filter(|id| !id.is_empty());
        let mut open = self.stacks.values().flatten();
        let is_taken =
            open.any(|other| Some(other.id.as_str()) != own && other.view["external_id"].as_str() == wanted);
        if wanted.is_some() && is_taken { Err(Refusal::new("duplicate_external_id")) } else { Ok(()) }
    }

    /// Pushes a view onto a user's stack.
    fn push_view(&mut self, user: &str, view: Value) -> SimView {
        let id = format!("V{:04}", self.next_number());
        let hash = self.new_hash();
        let stack = self.stacks.entry(user.to_owned()).or_default();
        let root_id = stack.first().map_or_else(|| id.clone(), |root| root.id.clone());
        let previous_id = stack.last().map(|top| top.id.clone());
        let (typed, errors) = (BTreeMap::new(), BTreeMap::new());
        let user = user.to_owned();
        let view = SimView { id, user, hash, root_id, previous_id, view, typed, errors };
        stack.push(view.clone());
        view
    }

    fn replace_view(&mut self, user: &str, index: usize, view: Value) -> Option<SimView> {
        let hash = self.new_hash();
        let open = self.stacks.get_mut(user)?.get_mut(index)?;
        open.replace(view, hash);
        Some(open.clone())
    }

    /// The top view of a user.
    pub(crate) fn top(&mut self, user: &str) -> Option<&mut SimView> {
        self.stacks.get_mut(user)?.last_mut()
    }

    /// Applies the response to a submission to the user's view stack. An empty response closes the view.
    pub(crate) fn apply_submission(
        &mut self,
        user: &str,
        view_id: &str,
        answer: &Value,
    ) -> Result<(), String> {
        let stack = self.stacks.get_mut(user).ok_or("the modal is gone")?;
        let index = stack.iter().position(|view| view.id == view_id).ok_or("the modal is gone")?;
        let view = || validated(answer["view"].clone()).map_err(|refusal| refusal.body().to_string());
        match answer["response_action"].as_str() {
            None if answer.is_null() => stack.truncate(index),
            Some("clear") => stack.clear(),
            Some("errors") => stack[index].errors = field_errors(&stack[index], &answer["errors"])?,
            Some("update") => {
                let view = view()?;
                self.replace_view(user, index, view);
            }
            Some("push") if stack.len() >= MAX_STACK => return Err("push_limit_reached".to_owned()),
            Some("push") => {
                let view = view()?;
                self.push_view(user, view);
            }
            _ => return Err("an unknown response_action".to_owned()),
        }
        Ok(())
    }
}

/// The field errors of a response. Each must belong to an input block and have a text.
fn field_errors(view: &SimView, given: &Value) -> Result<BTreeMap<String, String>, String> {
    let given =
        given.as_object().filter(|given| !given.is_empty()).ok_or("an errors response without errors")?;
    let mut errors = BTreeMap::new();
    for (block_id, error) in given {
        let text = error.as_str().filter(|text| !text.is_empty()).ok_or("an error without a text")?;
        view.label_of(block_id).ok_or_else(|| format!("an error for an unknown input block: {block_id}"))?;
        errors.insert(block_id.clone(), text.to_owned());
    }
    Ok(errors)
}

pub(crate) fn open(state: &mut SlackState, args: &Args) -> MethodResult {
    let trigger = args.required("trigger_id")?;
    let view = view_argument(args)?;
    state.require_unique_external_id(&view, None)?;
    let (user, _) = state.use_trigger(&trigger).map_err(Refusal::new)?;
    // Slack shows one stack at a time: a new root replaces the previous stack.
    state.stacks.remove(&user);
    let view = state.push_view(&user, view);
    Ok(json!({ "view": view.json(&state.setup, true) }))
}

pub(crate) fn push(state: &mut SlackState, args: &Args) -> MethodResult {
    let trigger = args.required("trigger_id")?;
    let view = view_argument(args)?;
    state.require_unique_external_id(&view, None)?;
    let (user, in_modal) = state.use_trigger(&trigger).map_err(Refusal::new)?;
    let height = state.stacks.get(&user).map_or(0, Vec::len);
    if !in_modal || height == 0 {
        return Err(Refusal::new("invalid_trigger_id"));
    }
    if height >= MAX_STACK {
        return Err(Refusal::new("push_limit_reached"));
    }
    let view = state.push_view(&user, view);
    Ok(json!({ "view": view.json(&state.setup, true) }))
}

pub(crate) fn update(state: &mut SlackState, args: &Args) -> MethodResult {
    let (view_id, external_id) = (args.text("view_id"), args.text("external_id"));
    if view_id.is_none() && external_id.is_none() {
        return Err(Refusal::missing_field("view_id"));
    }
    let view = view_argument(args)?;
    let is_requested = |open: &SimView| match &view_id {
        Some(id) => open.id == *id,
        None => external_id.is_some() && open.view["external_id"].as_str() == external_id.as_deref(),
    };
    let found = state.stacks.iter().find_map(|(user, stack)| {
        let index = stack.iter().position(is_requested)?;
        Some((user.clone(), index, stack[index].id.clone(), stack[index].hash.clone()))
    });
    let (user, index, id, hash) = found.ok_or_else(|| Refusal::new("not_found"))?;
    if args.text("hash").is_some_and(|given| given != hash) {
        return Err(Refusal::new("hash_conflict"));
    }
    state.require_unique_external_id(&view, Some(&id))?;
    let view = state.replace_view(&user, index, view).ok_or_else(|| Refusal::new("not_found"))?;
    Ok(json!({ "view": view.json(&state.setup, true) }))
}
