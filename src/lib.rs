//! A Slack bot that creates API-only users in Adobe Marketo: requested in a modal, approved with a click, created at
//! most once. To build, test and extend it, see `docs/CONTRIBUTING.md`; `docs/ARCHITECTURE.md` has a longer version of
//! this page, with a walk of one request.
//!
//! # The map
//!
//! ```text
//!  Slack ──HTTP, signed──▶ http ──Inbound──▶ handlers ──▶ workflow ──▶ domain::decide ──▶ store    (one transaction:
//!                           ▲                  │  │          ▲                             │       state, outbox,
//!                           └───────Ack────────┘  │ asks     │ outcome                     ▼       audit entry,
//!                                                 ▼          │                          outbox     delivery key)
//!                                             directory      │                             │
//!                                                 ▲ refreshed│                             │ due
//!                                                 │          │                             ▼
//!  Slack Web API ◀── slack ◀──────────────────────┴────── worker ◀─────────────────────────┘
//!  Marketo REST  ◀── marketo ◀────────────────────────────┘
//! ```
//!
//! | module | what it does |
//! | --- | --- |
//! | [`domain`] | what a request is, what may happen to it, and who may do it: pure functions over plain data |
//! | [`store`] | the only module that knows SQL: requests, outbox, messages, audit ledger |
//! | [`workflow`] | loads, decides and saves in one transaction |
//! | [`slack`] | the Web API client, the [inbound types](slack::inbound), and every text that people read |
//! | [`marketo`] | the REST client: token, rate limits, wire types, error classes |
//! | [`directory`] | what is known about people, groups, roles and Marketo users without asking anybody |
//! | [`handlers`] | one function for each kind of inbound message: `Inbound` to `Ack`, without HTTP or SQL |
//! | [`http`] | HTTP and signatures: verifies, limits, parses, hands over, writes the answer |
//! | [`worker`] | runs due effects, one file per effect, and feeds their outcomes back |
//! | [`sim`] | a simulated Slack and Marketo, for the playground and the tests |
//! | [`playground`] | the bot between the simulators, on a page and as a script |
//! | [`app`], [`cli`], [`config`], [`clock`], [`health`], [`telemetry`] | composition root, subcommands, settings, time and ids, readiness, logs and metrics |
//!
//! `tests/tidy.rs` lists which module may use which, and enforces it.
//!
//! # Invariants
//!
//! 1. Decisions are pure: [`domain::decide::decide`] sees a request, an event, the policy, the group members and the
//!    time, and nothing else.
//! 2. One transaction saves the new state, the effects, the audit entry and the delivery key. An answer that promises
//!    something leaves after the commit.
//! 3. No transaction is open during a call. An effect runs under a lease with a fencing token; a worker that lost the
//!    lease records nothing.
//! 4. A write whose outcome is unknown is looked up, never repeated blindly, and is recorded before it is made.
//!    In-flight or possibly executed changes cannot be cancelled.
//! 5. What was approved is frozen in the effect that applies it. What is shown is rendered from the request as it is at
//!    that moment, so late and repeated effects do no harm.
//! 6. Permissions are checked at the click, from the id that Slack signed and today's policy. "Unknown" is its own
//!    answer, and never counts as yes.
//! 7. Answers to Slack never wait for a call to the outside.
//! 8. Time and ids come from [`clock`]. Tests move time, they do not sleep.
//! 9. Secrets, emails, names and reasons are in no log and no error.
//! 10. Stored names change only by a migration or an alias: old databases keep working.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod domain;
pub mod handlers;
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
