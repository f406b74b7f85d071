//! The state of a submitted request form: its input, and the block where an error of a field can be shown. The form on
//! the screen may be older than the configuration, or than the latest instance select. Nothing is validated here.

use crate::{
    directory::instances::Instances,
    domain::form::{Field, FormInput},
    slack::inbound::{BlockId, ViewState},
};

/// The state of a request form, as Slack sent it.
#[derive(Clone, Copy)]
pub(in crate::handlers) struct FormState<'a> {
    state: &'a ViewState,
    instances: &'a Instances,
}

impl<'a> FormState<'a> {
    pub(in crate::handlers) fn new(state: &'a ViewState, instances: &'a Instances) -> Self {
        Self { state, instances }
    }

    /// The name of the selected instance. A form without an instance select means the only one; `None` if there are
    /// several by now.
    pub(in crate::handlers) fn instance(&self) -> Option<&'a str> {
        let only = || match self.instances.names().as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        self.state.value(&BlockId::input(Field::Instance, None)).or_else(only)
    }

    /// The name of the instance whose roles are shown, if it is not `selected`.
    pub(in crate::handlers) fn shows_instance_other_than(&self, selected: &str) -> Option<&'a str> {
        let (_, shown) = self.block(Field::Role)?;
        shown.filter(|shown| *shown != selected)
    }

    /// The form's input, without a role or workspace of an instance that is not selected.
    pub(in crate::handlers) fn input(&self) -> FormInput {
        let instance = self.instance().unwrap_or_default();
        let value = |field| {
            let (block, owner) = self.block(field)?;
            let is_of_other_instance = owner.is_some_and(|owner| owner != instance);
            self.state.value(block).filter(|_| !is_of_other_instance).map(str::to_owned)
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

    /// The block where an error of `field` is shown. Slack ignores errors at blocks that the form does not have, so a
    /// missing block is replaced by a related one.
    pub(in crate::handlers) fn block_for(&self, field: Field) -> BlockId {
        let fallbacks: &[Field] = match field {
            Field::Workspace => &[Field::Role, Field::Instance],
            Field::Role | Field::Instance => &[Field::Instance, Field::Email],
            _ => &[],
        };
        let block = [field].iter().chain(fallbacks).find_map(|field| self.block(*field));
        let default = if field == Field::Workspace { Field::Role } else { field };
        block.map_or_else(|| BlockId::input(default, None), |(block, _)| block.clone())
    }

    /// The block of `wanted`, and the instance in its id.
    fn block(&self, wanted: Field) -> Option<(&'a BlockId, Option<&'a str>)> {
        self.state.blocks().find_map(|block| match block {
            BlockId::Input { field, instance } if *field == wanted => Some((block, instance.as_deref())),
            _ => None,
        })
    }
}
