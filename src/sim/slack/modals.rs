//! The Web API methods that show modals, `views.open`, `views.push` and `views.update`, and what becomes
//! of a stack of modals when a person submits or closes one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    args::{Args, Refusal},
    blocks,
    state::SlackState,
    view::SimView,
};

type Answer = Result<Value, Refusal>;

/// Larger views are refused, in bytes of JSON.
const LARGEST_VIEW: usize = 250_000;
/// The most views in one stack.
const HIGHEST_STACK: usize = 3;

/// Checks the view of a call or of an answer.
pub(crate) fn checked(mut view: Value) -> Result<Value, Refusal> {
    blocks::check_view(&mut view)
        .map_err(|messages| Refusal::with_messages("invalid_arguments", &messages))?;
    if view.to_string().len() > LARGEST_VIEW {
        return Err(Refusal::new("view_too_large"));
    }
    Ok(view)
}

fn view_argument(args: &Args) -> Result<Value, Refusal> {
    checked(args.json("view", "invalid_arguments")?.ok_or_else(|| Refusal::missing_field("view"))?)
}

impl SlackState {
    fn new_hash(&mut self) -> String {
        format!("{}.{:08x}", self.clock.millis() / 1000, self.number())
    }

    /// Refuses an external id that another open view has.
    fn unique_external_id(&self, view: &Value, own: Option<&str>) -> Result<(), Refusal> {
        let wanted = view["external_id"].as_str().filter(|id| !id.is_empty());
        let mut open = self.stacks.values().flatten();
        let taken =
            open.any(|other| Some(other.id.as_str()) != own && other.view["external_id"].as_str() == wanted);
        if wanted.is_some() && taken { Err(Refusal::new("duplicate_external_id")) } else { Ok(()) }
    }

    /// Puts a view on top of a person's stack.
    fn push_view(&mut self, user: &str, view: Value) -> SimView {
        let id = format!("V{:04}", self.number());
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

    fn replace_view(&mut self, user: &str, place: usize, view: Value) -> Option<SimView> {
        let hash = self.new_hash();
        let open = self.stacks.get_mut(user)?.get_mut(place)?;
        open.replace(view, hash);
        Some(open.clone())
    }

    /// The view on top of a person's stack.
    pub(crate) fn top(&mut self, user: &str) -> Option<&mut SimView> {
        self.stacks.get_mut(user)?.last_mut()
    }

    /// Does to a person's modal what the answer to its submission says: empty closes it.
    pub(crate) fn apply_submission(
        &mut self,
        user: &str,
        view_id: &str,
        answer: &Value,
    ) -> Result<(), String> {
        let stack = self.stacks.get_mut(user).ok_or("the modal is gone")?;
        let place = stack.iter().position(|view| view.id == view_id).ok_or("the modal is gone")?;
        let view = || checked(answer["view"].clone()).map_err(|refusal| refusal.body().to_string());
        match answer["response_action"].as_str() {
            None if answer.is_null() => stack.truncate(place),
            Some("clear") => stack.clear(),
            Some("errors") => stack[place].errors = errors(&stack[place], &answer["errors"])?,
            Some("update") => {
                let view = view()?;
                self.replace_view(user, place, view);
            }
            Some("push") if stack.len() >= HIGHEST_STACK => return Err("push_limit_reached".to_owned()),
            Some("push") => {
                let view = view()?;
                self.push_view(user, view);
            }
            _ => return Err("an unknown answer to a submission".to_owned()),
        }
        Ok(())
    }
}

/// The errors of an answer; each must stand beside an input and say something.
fn errors(view: &SimView, given: &Value) -> Result<BTreeMap<String, String>, String> {
    let given = given.as_object().filter(|given| !given.is_empty()).ok_or("errors without errors")?;
    let mut errors = BTreeMap::new();
    for (block_id, error) in given {
        let text = error.as_str().filter(|text| !text.is_empty()).ok_or("an error without words")?;
        view.label_of(block_id).ok_or_else(|| format!("an error beside no input: {block_id}"))?;
        errors.insert(block_id.clone(), text.to_owned());
    }
    Ok(errors)
}

pub(crate) fn open(world: &mut SlackState, args: &Args) -> Answer {
    let trigger = args.required("trigger_id")?;
    let view = view_argument(args)?;
    world.unique_external_id(&view, None)?;
    let (user, _) = world.use_trigger(&trigger).map_err(Refusal::new)?;
    // Slack shows one stack at a time, so a new root takes the place of whatever stood there.
    world.stacks.remove(&user);
    let view = world.push_view(&user, view);
    Ok(json!({ "view": view.json(&world.setup, true) }))
}

pub(crate) fn push(world: &mut SlackState, args: &Args) -> Answer {
    let trigger = args.required("trigger_id")?;
    let view = view_argument(args)?;
    world.unique_external_id(&view, None)?;
    let (user, in_modal) = world.use_trigger(&trigger).map_err(Refusal::new)?;
    let height = world.stacks.get(&user).map_or(0, Vec::len);
    if !in_modal || height == 0 {
        return Err(Refusal::new("invalid_trigger_id"));
    }
    if height >= HIGHEST_STACK {
        return Err(Refusal::new("push_limit_reached"));
    }
    let view = world.push_view(&user, view);
    Ok(json!({ "view": view.json(&world.setup, true) }))
}

pub(crate) fn update(world: &mut SlackState, args: &Args) -> Answer {
    let (view_id, external_id) = (args.text("view_id"), args.text("external_id"));
    if view_id.is_none() && external_id.is_none() {
        return Err(Refusal::missing_field("view_id"));
    }
    let view = view_argument(args)?;
    let wanted = |open: &SimView| match &view_id {
        Some(id) => open.id == *id,
        None => external_id.is_some() && open.view["external_id"].as_str() == external_id.as_deref(),
    };
    let found = world.stacks.iter().find_map(|(user, stack)| {
        let place = stack.iter().position(wanted)?;
        Some((user.clone(), place, stack[place].id.clone(), stack[place].hash.clone()))
    });
    let (user, place, id, hash) = found.ok_or_else(|| Refusal::new("not_found"))?;
    if args.text("hash").is_some_and(|given| given != hash) {
        return Err(Refusal::new("hash_conflict"));
    }
    world.unique_external_id(&view, Some(&id))?;
    let view = world.replace_view(&user, place, view).ok_or_else(|| Refusal::new("not_found"))?;
    Ok(json!({ "view": view.json(&world.setup, true) }))
}
