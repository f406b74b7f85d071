//! Attacks on the built program from outside. It prints them and their results as a table:
//!
//! ```sh
//! cargo test --test process attacks -- --nocapture
//! ```

mod bot;
mod edge;
mod floods;
mod forged;
mod slow;
mod table;

use self::{bot::Bot, table::Table};
use crate::load;

#[tokio::test(flavor = "multi_thread")]
async fn attacks_do_not_reach_the_bot() {
    let _machine = load::exclusive().await;
    let mut table = Table::default();
    let bot = Bot::start("").await;
    edge::signatures(&bot, &mut table).await;
    edge::framing(&bot, &mut table).await;
    edge::names_nothing(&bot, &mut table).await;
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
    let bot = Bot::start(edge::CERTIFICATE).await;
    edge::certificates(&bot, &mut table).await;
    table.is_clean();
}
