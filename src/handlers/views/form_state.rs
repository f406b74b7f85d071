//! A request form as somebody filled it in: what they typed and chose, and beside which field an error can be shown. The
//! form on the screen may be older than the configuration, or than the latest choice in it. It checks nothing.

use crate::{
    directory::instances::Instances,
    domain::form::{Field, FormInput},
    slack::inbound::{BlockId, ViewState},
};

/// A form as it came back from Slack.
#[derive(Clone, Copy)]
pub(in crate::handlers) struct FormState<'a> {
    state: &'a ViewState,
    instances: &'a Instances,
}

impl<'a> FormState<'a> {
    pub(in crate::handlers) fn new(state: &'a ViewState, instances: &'a Instances) -> Self {
        Self { state, instances }
    }

    /// The name of the chosen instance. Where there was no choice it is the only one; a form from a time with fewer
    /// instances does not say.
    pub(in crate::handlers) fn instance(&self) -> Option<&'a str> {
        let only = || match self.instances.names().as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        self.state.value(&BlockId::input(Field::Instance, None)).or_else(only)
    }

    /// The name of the instance whose roles are shown, if it is another than the chosen one.
    pub(in crate::handlers) fn shows_another_than(&self, chosen: &str) -> Option<&'a str> {
        let (_, shown) = self.block(Field::Role)?;
        shown.filter(|shown| *shown != chosen)
    }

    /// What was typed and chosen. A role or workspace of another instance than the chosen one is left out.
    pub(in crate::handlers) fn draft(&self) -> FormInput {
        let instance = self.instance().unwrap_or_default();
        let value = |field| {
            let (block, carried) = self.block(field)?;
            let is_of_another = carried.is_some_and(|carried| carried != instance);
            self.state.value(block).filter(|_| !is_of_another).map(str::to_owned)
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

    /// The block beside which an error of `field` is shown, or the one that stands for it where the form does not have it:
    /// Slack shows errors beside fields of the form only.
    pub(in crate::handlers) fn block_for(&self, field: Field) -> BlockId {
        let instead: &[Field] = match field {
            Field::Workspace => &[Field::Role, Field::Instance],
            Field::Role | Field::Instance => &[Field::Instance, Field::Email],
            _ => &[],
        };
        let found = [field].iter().chain(instead).find_map(|field| self.block(*field));
        let at_least = if field == Field::Workspace { Field::Role } else { field };
        found.map_or_else(|| BlockId::input(at_least, None), |(block, _)| block.clone())
    }

    /// The block of `field`, and the instance that it names.
    fn block(&self, wanted: Field) -> Option<(&'a BlockId, Option<&'a str>)> {
        self.state.blocks().find_map(|block| match block {
            BlockId::Input { field, instance } if *field == wanted => Some((block, instance.as_deref())),
            _ => None,
        })
    }
}
