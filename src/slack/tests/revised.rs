//! A request that was revised, and every message and form about it.

use super::*;

/// A request in which first the requester, then an approver, changed every detail, with notes.
pub(super) fn revised(text: &str, state: State) -> Request {
    let request = request_with_text(text, state);
    let value = |plain: &str| Some(if text.is_empty() { plain.to_owned() } else { text.to_owned() });
    let difference = |(detail, before, after): (Detail, &str, &str)| Difference {
        detail,
        before: value(before),
        after: value(after),
    };
    let revision = |by: &str, revision, differences: &[(Detail, &str, &str)], note: Option<&str>| Revision {
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
    let reduced = [
        (Detail::Role, "API Admin", "API Only"),
        (Detail::Workspace, "All", "Default"),
        (Detail::Expiration, "2027-06-30", "2027-01-31"),
    ];
    let revisions = vec![
        revision("U0REQ", 2, &edited, None),
        revision("U0APPROVE", 3, &reduced, Some("Only for the winter")),
        revision("U0APPROVE", 3, &[], Some("Looks fine")),
    ];
    Request { revision: 3, revisions, ..request }
}

/// The review of a request by somebody who can choose among `options`.
pub(super) fn review(request: &Request, options: &AllowedOptions, names_instance: bool) -> Value {
    // Instances are named in the configuration, and block ids contain the names.
    let mut request = request.clone();
    let Change::CreateUser(user) = &mut request.change;
    user.instance = "production".to_owned();
    let review = Review {
        request: &request,
        approvers: &ApproverSet { needed: 2, ..approver_set() },
        options,
        names_instance,
        has_ended: false,
        last_day: "2027-11-24".parse().unwrap(),
        metadata: r#"{"v":1}"#,
    };
    json!(views::review_modal(&review))
}

/// The form in which a request is edited.
pub(super) fn edit(request: &Request, options: &AllowedOptions) -> Value {
    let Change::CreateUser(user) = &request.change;
    let initial = FormInput::of(user, request.reason.as_ref());
    let names = ["production", "sandbox"];
    form_of(FormLabels::EDIT, &names, SelectOptions::Offered(options), &terms(), &initial)
}

/// The messages about a revised request: while it waits for the second of two approvals, and when it is done.
pub(super) fn messages(text: &str, names_instance: bool) -> Vec<(String, Message)> {
    let approvals = vec![ApprovalGiven { by: "U0APPROVE".into(), at: now() }];
    let request =
        revised(text, State::Pending { approvals, is_escalated: true, reminders: Default::default() });
    let rule = Some("production".to_owned());
    let approvers = ApproverSet { needed: 2, rule, is_escalated: true, ..approver_set() };
    let user = CreatedUser::new(Some("svc_crm@example.com".to_owned()));
    let done = revised(text, State::Done { approved: approved(), user, at: now() });
    let mut messages = vec![
        ("card_pending_revised".to_owned(), messages::card(&request, &approvers, names_instance)),
        ("requester_pending_revised".to_owned(), messages::requester(&request, &approvers, names_instance)),
        ("card_done_revised".to_owned(), messages::card(&done, &approvers, names_instance)),
        ("announcement_revised".to_owned(), messages::announcement(&done, names_instance)),
    ];
    let by = || "U0APPROVE".into();
    let notes = [
        ("edited", Note::Revised { revision: 2, reset_approvals: 2 }),
        ("reduced", Note::Revised { revision: 3, reset_approvals: 1 }),
        ("approved", Note::Approval { by: by(), revision: 3, given: 1, needed: 2 }),
        ("escalated", Note::Escalated { version: 1 }),
    ];
    let note =
        |(name, note): (&str, Note)| (format!("note_{name}"), messages::note(&request, &note, &approvers));
    messages.extend(notes.map(note));
    messages
}
