//! What stands beside the fields of a form, as it is read.

use super::*;
use crate::{
    domain::{
        form::{Fault, FieldFault},
        text::TextFault,
    },
    slack::faults,
};

fn all() -> Vec<FieldFault> {
    let day = "2027-01-31".parse().unwrap();
    let texts = [TextFault::Empty, TextFault::TooLong, TextFault::Malformed];
    let fields = [Field::Email, Field::FirstName, Field::LastName, Field::Reason];
    let of_texts =
        fields.into_iter().flat_map(|field| texts.map(|why| FieldFault::new(field, Fault::Text(why))));
    let domains = ["example.com", "example.org"].map(str::to_owned).into();
    let only = |all: Option<&str>| Fault::AllWorkspacesOnly {
        role: "Admin".to_owned(),
        all: all.map(str::to_owned),
    };
    let others = [
        (Field::Email, Fault::Character('\u{430}')),
        (Field::Email, Fault::Character('\u{202E}')),
        (Field::Email, Fault::OtherDomain(domains)),
        (Field::Email, Fault::OtherDomain(vec!["x.example.com".to_owned(); 200])),
        (Field::Reason, Fault::NoteTooLong),
        (Field::Expiration, Fault::NoDay { last: Some(day) }),
        (Field::Expiration, Fault::NoDay { last: None }),
        (Field::Expiration, Fault::NotADay),
        (Field::Expiration, Fault::DayIsOver { first: day }),
        (Field::Expiration, Fault::TooFar { last: day }),
        (Field::Expiration, Fault::LaterThanAsked { asked: day }),
        (Field::Role, Fault::NotChosen),
        (Field::Role, Fault::NotOffered),
        (Field::Workspace, Fault::NotChosen),
        (Field::Workspace, Fault::NotOffered),
        (Field::Workspace, only(Some("All workspaces"))),
        (Field::Role, only(None)),
    ];
    of_texts.chain(others.map(|(field, why)| FieldFault::new(field, why))).collect()
}

#[test]
fn each_fault_as_it_is_read() {
    let read = |fault: &FieldFault| format!("{:?}: {}", fault.field, faults::beside(fault));
    let read: Vec<String> = all().iter().map(read).collect();
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("beside", read.join("\n"));
    });
}
