//! A process that is frozen between its note of an attempt and the invite, as a virtual machine may be, sends nothing when
//! it wakes: by then another worker may look for the user.

use std::{pin::pin, time::Duration};

use marketo_api_user::sim::breakpoint::Moment;

use crate::{
    replicas::cluster::marketo_calls,
    test_bot::{Database, TestBot, assert_empty_ack, options},
};

#[tokio::test(flavor = "multi_thread")]
async fn frozen_process_sends_no_invite_when_it_wakes() {
    for database in Database::all() {
        println!("{database:?}");
        let mut setup = options();
        setup.database_url = database.fresh().await;
        let bot = TestBot::with(setup).await;
        let mut other = bot.playground.replica();
        other.start().await.unwrap();
        bot.rae_requests(&[]).await;
        assert_empty_ack(&bot.ada.clicks(&bot.card(), "Approve").await.unwrap());
        // The first invite is refused for its token. The process freezes while it waits for the next token.
        let mut first = bot.marketo.breakpoints().stop("invite", 1, Moment::Arrived);
        let mut waiting = bot.marketo.breakpoints().stop("token", 1, Moment::Arrived);
        {
            let mut frozen = pin!(bot.playground.drain());
            tokio::select! {
                _ = &mut frozen => panic!("the invite arrives first"),
                reached = first.reached() => assert!(reached),
            }
            bot.marketo.expire_tokens();
            first.open();
            tokio::select! {
                _ = &mut frozen => panic!("the token is requested first"),
                reached = waiting.reached() => assert!(reached),
            }
            // From here on nothing polls it.
            bot.clock.advance(Duration::from_secs(31));
            other.drain().await.unwrap();
            assert_eq!(bot.marketo.invites(), 0, "the other one looks before it invites");
            waiting.open();
            frozen.await.unwrap();
        }
        assert_eq!(marketo_calls(&bot, "invite"), 1, "nothing is sent on waking");
        for _ in 0..60 {
            bot.clock.advance(Duration::from_secs(1));
            other.drain().await.unwrap();
        }
        bot.drain().await.unwrap();
        bot.card_says(&["The user is created"]);
        assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
        other.stop().await;
    }
}
