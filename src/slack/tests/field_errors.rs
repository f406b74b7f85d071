//! Every error next to a field of a form.

use super::*;
use crate::{
    domain::{
        form::{FieldError, FieldErrorKind},
        text::TextError,
    },
    slack::form_errors,
};

fn all() -> Vec<FieldError> {
    let day = "2027-01-31".parse().unwrap();
    let texts = [TextError::Empty, TextError::TooLong, TextError::Malformed];
    let fields = [Field::Email, Field::FirstName, Field::LastName, Field::Reason];
    let of_texts = fields
        .into_iter()
        .flat_map(|field| texts.map(|why| FieldError::new(field, FieldErrorKind::Text(why))));
    let domains = ["example.com", "example.org"].map(str::to_owned).into();
    let only = |all: Option<&str>| FieldErrorKind::AllWorkspacesOnly {
        role: "Admin".to_owned(),
        all: all.map(str::to_owned),
    };
    let others = [
        (Field::Email, FieldErrorKind::OtherDomain(domains)),
        (Field::Email, FieldErrorKind::OtherDomain(vec!["x.example.com".to_owned(); 200])),
        (Field::Email, FieldErrorKind::UnsupportedCharacter('\u{430}')),
        (Field::Email, FieldErrorKind::UnsupportedCharacter('\u{202E}')),
        (Field::Reason, FieldErrorKind::NoteTooLong),
        (Field::Expiration, FieldErrorKind::DateRequired { last: Some(day) }),
        (Field::Expiration, FieldErrorKind::DateRequired { last: None }),
        (Field::Expiration, FieldErrorKind::InvalidDate),
        (Field::Expiration, FieldErrorKind::DateInPast { first: day }),
        (Field::Expiration, FieldErrorKind::DateTooLate { last: day }),
        (Field::Expiration, FieldErrorKind::LaterThanRequested { requested: day }),
        (Field::Role, FieldErrorKind::NotChosen),
        (Field::Role, FieldErrorKind::NotOffered),
        (Field::Workspace, FieldErrorKind::NotChosen),
        (Field::Workspace, FieldErrorKind::NotOffered),
        (Field::Workspace, only(Some("All workspaces"))),
        (Field::Role, only(None)),
    ];
    of_texts.chain(others.map(|(field, why)| FieldError::new(field, why))).collect()
}

#[test]
fn every_field_error_reads_well() {
    let read = |error: &FieldError| format!("{:?}: {}", error.field, form_errors::field_error(error));
    let read: Vec<String> = all().iter().map(read).collect();
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("field_errors", read.join("\n"));
    });
}
