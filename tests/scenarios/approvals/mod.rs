//! Who decides on a request, and what each decision leads to.

mod changed_while_pending;
mod current_policy;
mod decisions;
mod duplicate_actions;
mod multi_approval;
mod refused_reviews;
mod reminders;
mod review;
mod revisions;
mod rules;
