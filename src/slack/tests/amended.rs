//! A request that was changed, and every message and form about it.

use super::*;

/// A request that its requester has changed, and an approver after them, in everything and with a note.
pub(super) fn amended(text: &str, state: State) -> Request {
    let request = request_saying(text, state);
    let said = |plain: &str| Some(if text.is_empty() { plain.to_owned() } else { text.to_owned() });
    let difference = |(detail, before, after): (Detail, &str, &str)| Difference {
        detail,
        before: said(before),
        after: said(after),
    };
    let amendment = |by: &str, revision, differences: &[(Detail, &str, &str)], note: Option<&str>| Revision {
        by: by.into(),
        at: now(),
        revision,
        differences: differences.iter().copied().map(difference).collect(),
        note: note.and_then(|note| Reason::parse(text).or(Reason::parse(note)).ok()),
        reset_approvals: 1,
    };
    let edited = [
        (Detail::Instance, "sandbox", "production"),
        (Detail::Email, "svc@example.com", "svc_crm@example.com"),
        (Detail::FirstName, "Service", "Svc"),
        (Detail::LastName, "ERP", "Crm"),
        (Detail::Reason, "Old", "New"),
    ];
    let narrowed = [
        (Detail::Role, "API Admin", "API Only"),
        (Detail::Workspace, "All", "Default"),
        (Detail::Expiration, "2027-06-30", "2027-01-31"),
    ];
    let amendments = vec![
        amendment("U0REQ", 2, &edited, None),
        amendment("U0APPROVE", 3, &narrowed, Some("Only for the winter")),
        amendment("U0APPROVE", 3, &[], Some("Looks fine")),
    ];
    Request { revision: 3, revisions: amendments, ..request }
}

/// The review of a request by somebody who may choose among these.
pub(super) fn review(request: &Request, offer: &AllowedOptions, names_instance: bool) -> Value {
    // The names of instances are the operator's, and ids of fields are made of them.
    let mut request = request.clone();
    let Change::CreateUser(user) = &mut request.change;
    user.instance = "production".to_owned();
    let review = Review {
        request: &request,
        panel: &ApproverSet { needed: 2, ..panel() },
        offer,
        names_instance,
        has_ended: false,
        last_day: "2027-11-24".parse().unwrap(),
        metadata: r#"{"v":1}"#,
    };
    json!(views::review_modal(&review))
}

/// The form in which a request is changed.
pub(super) fn edit(request: &Request, offer: &AllowedOptions) -> Value {
    let Change::CreateUser(user) = &request.change;
    let initial = FormInput::of(user, request.reason.as_ref());
    let names = ["production", "sandbox"];
    form_of(FormLabels::EDIT, &names, SelectOptions::Offered(offer), &terms(), &initial)
}

/// What is shown of a request that was changed: while it waits for the second of two, and when it is created.
pub(super) fn messages(text: &str, names_instance: bool) -> Vec<(String, Message)> {
    let approvals = vec![ApprovalGiven { by: "U0APPROVE".into(), at: now() }];
    let request = amended(text, State::Pending { approvals, is_escalated: true });
    let panel = ApproverSet { needed: 2, rule: Some("production".to_owned()), ..panel() };
    let user = CreatedUser { user_id: Some("svc_crm@example.com".to_owned()) };
    let done = amended(text, State::Done { approved: approved(), user, at: now() });
    let mut messages = vec![
        ("card_pending_amended".to_owned(), views::card(&request, &panel, names_instance)),
        ("requester_pending_amended".to_owned(), views::requester(&request, &panel, names_instance)),
        ("card_done_amended".to_owned(), views::card(&done, &panel, names_instance)),
        ("created_amended".to_owned(), views::created(&done, names_instance)),
    ];
    let by = || "U0APPROVE".into();
    let notes = [
        ("edited", Note::Revised { revision: 2, reset_approvals: 2 }),
        ("narrowed", Note::Revised { revision: 3, reset_approvals: 1 }),
        ("agreed", Note::Approval { by: by(), revision: 3, given: 1, needed: 2 }),
        ("escalated", Note::Escalated),
    ];
    let note = |(name, note): (&str, Note)| (format!("note_{name}"), views::note(&request, &note, &panel));
    messages.extend(notes.map(note));
    messages
}
