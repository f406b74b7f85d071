//! SQLite that cannot be written: locked, on a full disk, or read-only. Each is reported, nothing is half-done, and the
//! bot recovers.

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

use marketo_api_user::{
    clock::Clock,
    playground::{Mode, Options, Playground},
    sim::user::User,
};
use sqlx::{Connection, Executor};

use super::{
    cluster::{
        ADA, CARDS, Cluster, OPS, RAE, assert_nothing_is_stored, created_emails, fill_form, marketo_calls,
        options, readyz, replicas, report_skipped, run_clock, submit_request, wait_until,
        within_slack_timeout,
    },
    program::Program,
};

/// A bot on a database in `folder`, with a card and a second form that is filled in.
async fn cluster_with_open_form(folder: &Path) -> (Cluster, User, User) {
    let database = format!("sqlite:{}", folder.join("bot.db").display());
    let all = replicas(options(database, Mode::Pumped, ""), 0).await;
    let (rae, ada) = (all[0].person(RAE), all[0].person(ADA));
    submit_request(&rae, "svc1@example.com").await;
    all[0].drain().await.expect("the database answers");
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fill_form(&rae, "svc2@example.com").await;
    (all, rae, ada)
}

async fn assert_outage_is_reported(bot: &Playground, rae: &User, ada: &User) {
    let card = bot.slack.channel(CARDS).remove(0);
    assert_nothing_is_stored(rae, async { ada.clicks(&card, "Approve").await.expect("the button") }).await;
    let (status, why) = within_slack_timeout(readyz(bot.url())).await;
    assert!(status == 503 && why.contains("the database cannot be written"), "{status} {why}");
    assert!(created_emails(bot).is_empty());
}

async fn assert_recovery(bot: &Playground, rae: &User, ada: &User) {
    assert!(!readyz(bot.url()).await.1.contains("database"));
    let submitted = within_slack_timeout(rae.submits()).await.expect("the same form");
    assert!(submitted.closed, "{:?}", submitted.errors);
    let card = bot.slack.channel(CARDS).remove(0);
    assert_eq!(within_slack_timeout(ada.clicks(&card, "Approve")).await.expect("the button").status, 200);
    let running = run_clock(&bot.clock);
    bot.drain().await.expect("the database answers");
    drop(running);
    assert_eq!((created_emails(bot), marketo_calls(bot, "invite")), (vec!["svc1@example.com".to_owned()], 1));
    assert_eq!(bot.slack.channel(CARDS).len(), 2);
    let answer = bot.slack.ephemerals_for(ADA);
    assert!(
        !answer.is_empty() && answer.iter().all(|one| one.text.to_lowercase().contains("try again")),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_database_file_is_reported_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (all, rae, ada) = cluster_with_open_form(folder.path()).await;
    let file = format!("sqlite:{}", folder.path().join("bot.db").display());
    sqlx::any::install_default_drivers();
    let mut other = sqlx::AnyConnection::connect(&file).await.expect("the file");
    other.execute("BEGIN IMMEDIATE").await.expect("the lock");
    assert_outage_is_reported(&all[0], &rae, &ada).await;
    // Many at once queue for one connection, and still each is answered in time.
    let card = all[0].slack.channel(CARDS).remove(0);
    let mut clicks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (ada, card) = (ada.clone(), card.clone());
        clicks.spawn(async move {
            within_slack_timeout(ada.clicks(&card, "Approve")).await.expect("the button").status
        });
    }
    assert_eq!(clicks.join_all().await, [503; 6]);
    other.execute("ROLLBACK").await.expect("no lock");
    assert_recovery(&all[0], &rae, &ada).await;
}

/// A small tmpfs, unmounted on drop.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, reported as skipped, where mounting is not permitted.
    fn mount(kilobytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={kilobytes}k");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        report_skipped("what needs a disk of its own, because nothing may be mounted here");
        None
    }
}

impl Disk {
    /// Fills it to the last byte.
    fn fill(&self) -> Filler {
        let path = self.0.path().join("filler");
        let mut file = fs::File::create(&path).expect("a file");
        while file.write_all(&[0; 1024]).is_ok() {}
        Filler(path)
    }

    fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        let mounted = Command::new("mount").args(["-o", &how]).arg(self.0.path()).status();
        assert!(mounted.is_ok_and(|status| status.success()));
    }
}

/// Takes up all the space on a disk until it is dropped.
struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_is_reported_and_recovers() {
    let Some(disk) = Disk::mount(2048) else { return };
    let (all, rae, ada) = cluster_with_open_form(disk.0.path()).await;
    let filler = disk.fill();
    // The database has space until it needs its next page.
    assert_outage_is_reported(&all[0], &rae, &ada).await;
    drop(filler);
    assert_recovery(&all[0], &rae, &ada).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_file_system_is_reported_and_recovers() {
    let Some(disk) = Disk::mount(2048) else { return };
    let (mut all, rae, _) = cluster_with_open_form(disk.0.path()).await;
    all[0].stop().await;
    disk.remount("ro");
    let refused = all[0].launch().await.expect_err("no bot without a database to write to").to_string();
    assert!(refused.starts_with("DATABASE_URL: database"), "{refused}");
    disk.remount("rw");
    all[0].start().await.expect("the bot starts");
    assert!(within_slack_timeout(rae.submits()).await.expect("the same form").closed);
}

/// A user who is not root and cannot write read-only files.
const NOBODY: u32 = 65534;

#[tokio::test(flavor = "multi_thread")]
async fn open_database_file_stays_writable_when_its_mode_changes() {
    let Some(disk) = Disk::mount(2048) else { return };
    let file = disk.0.path().join("bot.db");
    let may = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its owner decides");
    chown(disk.0.path(), Some(NOBODY), Some(NOBODY)).expect("a disk for nobody");
    let bot = Playground::prepare(Options::new(Clock::system(), Mode::Live)).await.expect("a playground");
    let policy = marketo_api_user::playground::POLICY;
    let database = format!("sqlite:{}", file.display());
    let program = Program::start(&bot, &database, disk.0.path(), policy, Some(NOBODY));
    program.ready().await;
    bot.work.set_bot_url(&program.url);
    let (rae, ada) = (bot.person(RAE), bot.person(ADA));
    submit_request(&rae, "svc1@example.com").await;
    wait_until("the card is there", async || bot.slack.channel(CARDS).len() == 1).await;
    let card = bot.slack.channel(CARDS).remove(0);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fill_form(&rae, "svc2@example.com").await;

    // A full disk makes the writer reopen the file. The readers have it open, so that it stays writable.
    may(0o444);
    let filler = disk.fill();
    assert_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") }).await;
    let (status, why) = within_slack_timeout(readyz(&program.url)).await;
    assert!(status == 503 && why.contains("the database cannot be written"), "{status} {why}");
    drop(filler);
    wait_until("it goes on by itself", async || readyz(&program.url).await.0 == 200).await;
    assert!(within_slack_timeout(rae.submits()).await.expect("the same form").closed);
    assert_eq!(within_slack_timeout(ada.clicks(&card, "Approve")).await.expect("the button").status, 200);
    wait_until("the user is created and announced", async || {
        created_emails(&bot) == ["svc1@example.com"] && bot.slack.channel(OPS).len() == 1
    })
    .await;
    assert_eq!((marketo_calls(&bot, "invite"), bot.slack.channel(CARDS).len()), (1, 2));
}
