//! The bot's own ids of views, buttons and inputs, parsed. Unknown ids are a variant, since messages and forms outlive
//! versions of the bot. The strings are in [`crate::slack::ids`].

use std::fmt;

use crate::{
    domain::form::Field,
    slack::ids::{self, block_id_of, instance_in},
};

/// Every field of a form.
const FIELDS: [Field; 8] = [
    Field::Email,
    Field::FirstName,
    Field::LastName,
    Field::Reason,
    Field::Expiration,
    Field::Role,
    Field::Workspace,
    Field::Instance,
];

/// A view or shortcut, by its `callback_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CallbackId {
    /// The request form.
    RequestForm,
    /// The edit form.
    EditForm,
    /// The review form.
    ReviewForm,
    /// The denial form.
    DenyForm,
    /// Not one of the bot's.
    Unknown(String),
    /// No id.
    #[default]
    Absent,
}

impl CallbackId {
    /// Parses a `callback_id`.
    pub fn parse(id: String) -> Self {
        match id.as_str() {
            ids::REQUEST_FORM => Self::RequestForm,
            ids::EDIT_FORM => Self::EditForm,
            ids::REVIEW_FORM => Self::ReviewForm,
            ids::DENY_FORM => Self::DenyForm,
            "" => Self::Absent,
            _ => Self::Unknown(id),
        }
    }

    /// The `callback_id`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::RequestForm => ids::REQUEST_FORM,
            Self::EditForm => ids::EDIT_FORM,
            Self::ReviewForm => ids::REVIEW_FORM,
            Self::DenyForm => ids::DENY_FORM,
            Self::Unknown(id) => id,
            Self::Absent => "",
        }
    }
}

/// A button or input, by its `action_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionId {
    /// The button **Approve**.
    Approve,
    /// The button **Review**.
    Review,
    /// The button **Deny**.
    Deny,
    /// The button **Deny** in a review form.
    DenyInReview,
    /// The button **Edit**.
    Edit,
    /// The button **Cancel request**.
    Cancel,
    /// The button **Retry**.
    Retry,
    /// An input; its block identifies it.
    Input,
    /// Not one of the bot's.
    Unknown(String),
}

impl ActionId {
    /// Parses an `action_id`.
    pub fn parse(id: String) -> Self {
        match id.as_str() {
            ids::APPROVE => Self::Approve,
            ids::REVIEW => Self::Review,
            ids::DENY => Self::Deny,
            ids::DENY_IN_REVIEW => Self::DenyInReview,
            ids::EDIT => Self::Edit,
            ids::CANCEL => Self::Cancel,
            ids::RETRY => Self::Retry,
            ids::VALUE => Self::Input,
            _ => Self::Unknown(id),
        }
    }

    /// Whether it is one of the bot's buttons.
    pub fn is_button(&self) -> bool {
        match self {
            Self::Approve
            | Self::Review
            | Self::Deny
            | Self::DenyInReview
            | Self::Edit
            | Self::Cancel
            | Self::Retry => true,
            Self::Input | Self::Unknown(_) => false,
        }
    }
}

/// A block, by its `block_id`. The order groups the inputs of a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockId {
    /// The input for a field of a form.
    Input {
        /// The field.
        field: Field,
        /// The instance whose roles or workspaces it offers, if there are several.
        instance: Option<String>,
    },
    /// The input for an approver's note in a review.
    Note,
    /// The buttons of a message or a view.
    Buttons,
    /// Not one of the bot's.
    Unknown(String),
}

impl BlockId {
    /// The input for `field`. `instance` is used for roles and workspaces only.
    pub fn input(field: Field, instance: Option<&str>) -> Self {
        let instance = instance.filter(|_| matches!(field, Field::Role | Field::Workspace));
        Self::Input { field, instance: instance.map(str::to_owned) }
    }

    /// Parses a `block_id`.
    pub fn parse(id: String) -> Self {
        let input = FIELDS.into_iter().find_map(|field| Some((field, instance_in(&id, field)?)));
        if let Some((field, instance)) = input {
            return Self::Input { field, instance: instance.map(str::to_owned) };
        }
        match id.as_str() {
            ids::NOTE => Self::Note,
            ids::BUTTONS => Self::Buttons,
            _ => Self::Unknown(id),
        }
    }
}

/// The `block_id`.
impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { field, instance: None } => f.write_str(&block_id_of(*field, None)),
            Self::Input { field, instance: Some(instance) } => {
                write!(f, "{}:{instance}", block_id_of(*field, None))
            }
            Self::Note => f.write_str(ids::NOTE),
            Self::Buttons => f.write_str(ids::BUTTONS),
            Self::Unknown(id) => f.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_ids_round_trip() {
        for id in
            ["email", "role", "role:eu", "workspace:a:b", "role:", "email:x", "note", "decision", "roles", ""]
        {
            assert_eq!(BlockId::parse(id.to_owned()).to_string(), id);
        }
        assert_eq!(BlockId::parse("role:eu".to_owned()), BlockId::input(Field::Role, Some("eu")));
        assert_eq!(BlockId::input(Field::Email, Some("eu")).to_string(), "email");
    }

    #[test]
    fn ids_of_other_versions_are_unknown() {
        assert_eq!(ActionId::parse("dance".to_owned()), ActionId::Unknown("dance".to_owned()));
        assert_eq!(CallbackId::parse("feedback".to_owned()).as_str(), "feedback");
        assert!(ActionId::parse(ids::RETRY.to_owned()).is_button());
        assert!(!ActionId::parse(ids::VALUE.to_owned()).is_button());
    }
}
