//! A Slack bot that creates API-only users in Adobe Marketo: requested in a modal, approved with a button, created
//! exactly once.
//!
//! # The map
//!
//! ```text
//!  Slack ──signed POST──▶ http ──────────▶ workflow ──▶ domain::decide ──▶ store      (one transaction:
//!                          │ asks            ▲                            │           state, outbox,
//!                          ▼                 │ outcome = next event       ▼           ledger, seen key)
//!                        cache            dispatch ◀── effects that are due ◀── outbox
//!                          ▲ refreshed       │
//!                          └── slack, marketo ◀┘  the two clients
//! ```
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`domain`] | what a request is, what may happen to it, who may do it: pure functions over plain data |
//! | [`store`] | the only module that knows SQL: requests, outbox, messages, ledger |
//! | [`workflow`] | where loading, deciding and saving meet: one transaction |
//! | [`http`] | the edge: verify, read, hand over, answer; no answer waits for a call |
//! | [`directory`] | what is known of people and of the Marketo instances, so that no answer has to wait |
//! | [`worker`] | carries due effects out, one call at a time, and feeds the outcome back |
//! | [`slack`] | the Web API, the inbound types, every view and every text that people read |
//! | [`marketo`] | the REST client: token, budget, wire types, error classes |
//! | [`sim`] | a simulated Slack and a simulated Marketo, for `demo` and the tests |
//! | [`playground`] | the bot among the simulators, and the stories played there |
//! | [`app`], [`cli`], [`config`], [`clock`], [`health`], [`telemetry`] | composition, subcommands, settings, time and ids, condition, logs and metrics |
//!
//! Which module may use which is written down, and enforced, in `tests/project/tidy.rs`.
//!
//! # What always holds
//!
//! 1. A decision is pure. `decide` sees a request, an event, the policy and the time, and nothing else.
//! 2. One transaction saves the key under which a message was seen, the new state, the effects that follow and the
//!    ledger entry. An answer that promises something leaves after the commit.
//! 3. No transaction is open during a call to the outside. An effect is claimed under a lease with a token; whoever
//!    lost the lease records nothing.
//! 4. A write whose outcome is unknown is looked up, never blindly repeated: Marketo users in the user list, Slack
//!    messages by their metadata. That it is about to be made is written down before it is made.
//!    What may have been carried out, or is in a worker's hand, cannot be cancelled.
//! 5. What was approved is frozen in the effect that applies it. What is shown is made from the request as it is at
//!    that moment, so that late and repeated effects do no harm.
//! 6. Rights are checked at the click, from the signed id of whoever clicked and today's policy. "Cannot be told" is
//!    an answer of its own, and never counts as a yes.
//! 7. Time and ids come from [`clock`]; tests move time, they do not sleep.
//! 8. Secrets, e-mail addresses, names and reasons are in no log and no error.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod domain;
pub mod health;
pub mod http;
pub mod marketo;
#[cfg(feature = "demo")]
pub mod playground;
#[cfg(any(test, feature = "demo"))]
pub mod sim;
pub mod slack;
pub mod store;
pub mod telemetry;
pub mod worker;
pub mod workflow;
