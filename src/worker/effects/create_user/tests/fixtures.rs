//! The approved user of the model, and how Marketo shows it.

use crate::{
    domain::{
        change::{CreateUser, Named},
        text::{Email, PersonName},
    },
    marketo::{ShownTime, User, UserDetails, UserRole},
};

pub(super) fn user(first_name: &str) -> User {
    let (id, userid, email) = (1, "svc@example.com".to_owned(), "svc@example.com".to_owned());
    User { id, userid, email, first_name: first_name.to_owned(), last_name: "Crm".to_owned(), api_only: true }
}

pub(super) fn create() -> CreateUser {
    CreateUser {
        instance: "production".to_owned(),
        email: Email::parse("svc@example.com").unwrap(),
        first_name: PersonName::parse("Svc").unwrap(),
        last_name: PersonName::parse("Crm").unwrap(),
        role: Named { id: 101, name: "API Only".to_owned() },
        workspace: Named { id: 1, name: "Default".to_owned() },
        expiration: None,
    }
}

/// The rights that were approved.
pub(super) fn details() -> UserDetails {
    let (role_name, workspace_name) = (String::new(), String::new());
    let role = UserRole { role_id: 101, role_name, workspace_id: 1, workspace_name };
    UserDetails { api_only: Some(true), is_locked: false, expires_at: ShownTime::Never, roles: vec![role] }
}
