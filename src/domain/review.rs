//! From the form of a review to what an approver leaves of a request, or to the faults beside its fields. Whether it
//! is less than was asked for is decided at the press (`decide`); here it must be something that can be chosen at all.

use super::{
    change::{Change, Narrowing},
    expiration::Expiration,
    form::{Fault, Field, FieldFault, Rules, chosen_place},
    policy::Case,
    request::Request,
    text::{Reason, TextFault},
};

/// What was chosen in a review, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// `YYYY-MM-DD`, or absent.
    pub expiration: Option<String>,
    /// The id of the role.
    pub role: Option<String>,
    /// The id of the workspace; absent where there was no choice.
    pub workspace: Option<String>,
    /// What the approver says about it.
    pub note: String,
}

/// Turns a review of `request` into what differs from it. `rules` are those of the requester: their zone is the one in
/// which days end.
///
/// # Errors
/// Every fault that was found, at most one for each field.
pub fn check(
    rules: Rules<'_>,
    request: &Request,
    choice: &Choice,
) -> Result<(Narrowing, Option<Reason>), Vec<FieldFault>> {
    let Change::CreateUser(user) = &request.change;
    let mut faults = Vec::new();
    let mut narrowing = Narrowing::default();
    let is_same = |id: Option<&str>, own: i64| id.is_none_or(|id| id.parse() == Ok(own));
    // What stays as it is need not be offered any more.
    let is_same_role = is_same(choice.role.as_deref(), user.role.id);
    if !is_same_role || !is_same(choice.workspace.as_deref(), user.workspace.id) {
        let own = (user.role.id.to_string(), user.workspace.id.to_string());
        let role = choice.role.as_deref().unwrap_or(&own.0);
        let workspace = choice.workspace.as_deref().unwrap_or(&own.1);
        match chosen_place(rules.offer, Some(role), Some(workspace)) {
            Ok((role, workspace)) => {
                narrowing.role = Some(role).filter(|role| role.id != user.role.id);
                narrowing.workspace = Some(workspace).filter(|workspace| workspace.id != user.workspace.id);
            }
            Err(fault) => faults.push(fault),
        }
    }
    match choice.expiration.as_deref().filter(|typed| !typed.trim().is_empty()) {
        None if user.expiration.is_some() => {
            faults.push(FieldFault::new(Field::Expiration, Fault::NoDay { last: None }));
        }
        None => {}
        Some(typed) => match expiration(rules, request, &narrowing, typed) {
            Ok(chosen) => narrowing.expiration = chosen,
            Err(fault) => faults.push(fault),
        },
    }
    let note = match Reason::parse(&choice.note) {
        Ok(note) => Some(note),
        Err(TextFault::TooLong) => {
            faults.push(FieldFault::new(Field::Reason, Fault::NoteTooLong));
            None
        }
        Err(TextFault::Empty | TextFault::Malformed) => None,
    };
    if faults.is_empty() { Ok((narrowing, note)) } else { Err(faults) }
}

/// The chosen end of access, if it is another one than was asked for.
fn expiration(
    rules: Rules<'_>,
    request: &Request,
    narrowing: &Narrowing,
    typed: &str,
) -> Result<Option<Expiration>, FieldFault> {
    let fault = |why| FieldFault::new(Field::Expiration, why);
    let before = request.change.expiration();
    if let Some(before) = before.filter(|before| before.date().to_string() == typed.trim()) {
        if before.at() > rules.now {
            return Ok(None);
        }
        return Err(fault(Fault::DayIsOver { first: before.zone().today(rules.now) }));
    }
    let narrowed = request.narrowed(narrowing);
    let max_access = rules.policy.deciding(&Case::of(&narrowed)).terms.max_access;
    let zone = before.map_or(rules.zone, Expiration::zone);
    let chosen = Expiration::parse(typed, zone, rules.now, max_access)
        .map_err(|why| fault(Fault::of_day(why, zone.today(rules.now))))?;
    match before {
        Some(before) if before.at() > rules.now && chosen.at() > before.at() => {
            Err(fault(Fault::LaterThanAsked { asked: before.date() }))
        }
        _ => Ok(Some(chosen)),
    }
}
