//! Attacks on the built program, from outside, and what became of each. It prints them as a table:
//!
//! ```sh
//! cargo test --test attacks -- --nocapture
//! ```

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bot;
mod door;
mod floods;
mod forged;
mod slow;
mod table;

use self::{bot::Bot, table::Table};

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_repelled() {
    let mut table = Table::default();
    let bot = Bot::start("").await;
    door::signatures(&bot, &mut table).await;
    door::framing(&bot, &mut table).await;
    door::names_nothing(&bot, &mut table).await;
    forged::payloads(&bot, &mut table).await;
    forged::claims(&bot, &mut table).await;
    forged::replays(&bot, &mut table).await;
    slow::oversized(&bot, &mut table).await;
    bot.nothing_came_of_it(&mut table).await;
    let bot = Bot::start(slow::LIMITS).await;
    slow::senders(&bot, &mut table).await;
    slow::readers(&bot, &mut table).await;
    let bot = Bot::start(floods::LIMITS).await;
    floods::connections(&bot, &mut table).await;
    floods::signatures(&bot, &mut table).await;
    floods::of_one_person(&bot, &mut table).await;
    let bot = Bot::start(floods::ONE_IN_FLIGHT).await;
    floods::in_flight(&bot, &mut table).await;
    let bot = Bot::start(door::CERTIFICATE).await;
    door::certificates(&bot, &mut table).await;
    table.is_clean();
}
