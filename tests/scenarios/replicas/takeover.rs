//! Another replica finishes the work of a killed one as soon as the lease expires.

use marketo_api_user::{
    clock::Clock,
    playground::{Mode, Options, Playground},
    sim::fault::Fault,
};

use super::{
    cluster::{
        ADA, CARDS, Cluster, RAE, created_emails, marketo_calls, postgres, submit_request, wait_until,
    },
    program::Program,
};

#[tokio::test(flavor = "multi_thread")]
async fn work_of_a_killed_replica_is_taken_over_after_its_lease() {
    let Some(database) = postgres().await else { return };
    let mut options = Options::new(Clock::system(), Mode::Live);
    options.database_url = Some(database.clone());
    options.policy.push_str("\n[replicas]\nlease = \"2s\"\n");
    let policy = options.policy.clone();
    let bot = Playground::prepare(options).await.expect("a playground");
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Program::start(&bot, &database, folder.path(), &policy, None);
    program.ready().await;
    bot.work.set_bot_url(&program.url);
    submit_request(&bot.person(RAE), "svc@example.com").await;
    wait_until("the card is there", async || bot.slack.channel(CARDS).len() == 1).await;
    let looks = marketo_calls(&bot, "allusers");
    bot.marketo.faults().script("allusers", Fault::Hang);
    let card = bot.slack.channel(CARDS).remove(0);
    assert_eq!(bot.person(ADA).clicks(&card, "Approve").await.expect("the button").status, 200);
    wait_until("the program looks for the user", async || marketo_calls(&bot, "allusers") > looks).await;
    let mut other = bot.replica();
    other.start().await.expect("another replica");
    let all = Cluster::in_real_time(vec![bot, other]);
    let (bot, other) = (&all[0], &all[1]);
    assert!(created_emails(bot).is_empty());
    program.kill();
    let killed_at = Clock::system().millis();
    wait_until("the user is created", async || created_emails(bot).len() == 1).await;
    let after = Clock::system().millis() - killed_at;
    println!("taken over and created {after} ms after the kill");
    // The lease, the poll interval of 2 s, and time for the work on a busy machine.
    assert!(after < 2_000 + 2_000 + 4_000, "{after} ms");
    wait_until("nothing is left to do", async || {
        let depth = other.depth().await.expect("the database answers");
        (depth.due, depth.later, depth.dead_letters) == (0, 0, 0)
    })
    .await;
    assert_eq!(marketo_calls(bot, "invite"), 1);
}
