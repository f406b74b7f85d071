//! A request form as somebody filled it in: what they typed and chose, and beside which field a fault can be shown. The
//! form on the screen may be older than the configuration, or than the latest choice in it. It checks nothing.

use crate::{
    directory::instances::Instances,
    domain::form::{Field, FormInput},
    slack::{
        ids::{block_id_of, instance_in},
        inbound::ViewState,
    },
};

/// A form as it came back from Slack.
#[derive(Clone, Copy)]
pub(super) struct Filled<'a> {
    state: &'a ViewState,
    instances: &'a Instances,
}

impl<'a> Filled<'a> {
    pub(super) fn new(state: &'a ViewState, instances: &'a Instances) -> Self {
        Self { state, instances }
    }

    /// The name of the chosen instance. Where there was no choice it is the only one; a form from a time with fewer
    /// instances does not say.
    pub(super) fn instance(&self) -> Option<&'a str> {
        let only = || match self.instances.names().as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        self.state.value(&block_id_of(Field::Instance, None)).or_else(only)
    }

    /// The name of the instance whose roles are shown, if it is another than the chosen one.
    pub(super) fn shows_another_than(&self, chosen: &str) -> Option<&'a str> {
        let (_, shown) = self.block(Field::Role)?;
        shown.filter(|shown| *shown != chosen)
    }

    /// What was typed and chosen. A role or workspace of another instance than the chosen one is left out.
    pub(super) fn draft(&self) -> FormInput {
        let instance = self.instance().unwrap_or_default();
        let value = |field| {
            let (block_id, carried) = self.block(field)?;
            let is_of_another = carried.is_some_and(|carried| carried != instance);
            self.state.value(block_id).filter(|_| !is_of_another).map(str::to_owned)
        };
        FormInput {
            instance: instance.to_owned(),
            email: value(Field::Email).unwrap_or_default(),
            first_name: value(Field::FirstName).unwrap_or_default(),
            last_name: value(Field::LastName).unwrap_or_default(),
            reason: value(Field::Reason).unwrap_or_default(),
            expiration: value(Field::Expiration),
            role: value(Field::Role),
            workspace: value(Field::Workspace),
        }
    }

    /// The block id under which a fault is shown beside `field`, or beside the one that stands for it where the form
    /// does not have it: Slack shows faults beside fields of the form only.
    pub(super) fn place(&self, field: Field) -> String {
        let instead: &[Field] = match field {
            Field::Workspace => &[Field::Role, Field::Instance],
            Field::Role | Field::Instance => &[Field::Instance, Field::Email],
            _ => &[],
        };
        let found = [field].iter().chain(instead).find_map(|field| self.block(*field));
        let at_least = if field == Field::Workspace { Field::Role } else { field };
        found.map_or_else(|| block_id_of(at_least, None), |(block_id, _)| block_id.to_owned())
    }

    /// The block of `field`, and the instance that its id carries.
    fn block(&self, field: Field) -> Option<(&'a str, Option<&'a str>)> {
        self.state.blocks().find_map(|block_id| Some((block_id, instance_in(block_id, field)?)))
    }
}
