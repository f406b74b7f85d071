//! What the program can do without: root, a folder that it may write to besides its database, a home. And what the
//! files say that run it: the image and the service of systemd.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::Command,
};

use crate::{schema, secrets::postgres, support::Host};

/// Nobody's number.
const NOBODY: u32 = 64_917;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A request, its approval, and the created user.
async fn play(host: &Host) {
    let running = host.serve_ready().await;
    let (rae, ada) = (host.work.person("U0REQ"), host.work.person("U0APPROVE"));
    assert_eq!(rae.types("C0OPS", "/marketo-api-user svc-crm@example.com").await.status, 200);
    rae.sees_modal().await.unwrap();
    rae.fills(&[("First name", "Svc"), ("Last name", "Crm"), ("Role", "API Only")]).await.unwrap();
    assert!(rae.submits().await.unwrap().closed);
    assert!(host.slack.wait_for(|slack| slack.channel("C0APPROVE").len() == 1).await, "{:?}", running.log());
    let card = host.slack.channel("C0APPROVE").remove(0);
    assert_eq!(ada.clicks(&card, "Approve").await.unwrap().status, 200);
    let is_told = host.slack.wait_for(|slack| slack.channel("C0OPS").len() == 1).await;
    assert!(is_told, "{:?}", running.log());
    running.stops().await.is_good();
}

#[tokio::test]
async fn it_needs_neither_root_nor_a_folder_besides_its_database() {
    for server in std::iter::once(None).chain(postgres().map(Some)) {
        let mut host = Host::open().await;
        let folder = host.folder.path().to_owned();
        let (program, data) = (folder.join("program"), folder.join("data"));
        fs::copy(env!("CARGO_BIN_EXE_marketo-api-user"), &program).unwrap();
        fs::create_dir(&data).unwrap();
        // Only root can become somebody else. Anybody else is not root already, and the folder is closed to them too.
        let is_root = fs::metadata(&folder).unwrap().uid() == 0;
        let user = is_root.then_some(NOBODY);
        chown(&data, user, user).unwrap();
        set_mode(&program, 0o555);
        set_mode(&data, 0o700);
        set_mode(&folder.join("bot.toml"), 0o444);
        set_mode(&folder, 0o555);
        host.run_as(program, user);
        for name in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
            host.set(name, "/nonexistent");
        }
        let database = match &server {
            None => format!("sqlite:{}", data.join("bot.db").display()),
            Some(server) => {
                let name = format!("least_{}", host.clock.new_id().replace('-', ""));
                schema::fresh(server, &name).await
            }
        };
        host.set("DATABASE_URL", &database);
        play(&host).await;
        assert_eq!(names(&folder), ["bot.toml", "data", "program"]);
        let is_own = |name: &String| server.is_none() && name.starts_with("bot.db");
        assert!(names(&data).iter().all(is_own), "{:?}", names(&data));
        if is_root {
            let found = Command::new("find")
                .args(["/tmp", "/var/tmp", "/dev/shm", "-uid", &NOBODY.to_string()])
                .output();
            let found = String::from_utf8(found.unwrap().stdout).unwrap();
            let strays: Vec<&str> =
                found.lines().filter(|path| !Path::new(path).starts_with(&data)).collect();
            assert!(strays.is_empty(), "{strays:?}");
        }
        set_mode(&folder, 0o755);
    }
}

#[test]
fn the_image_runs_as_a_numeric_user_who_is_not_root() {
    let dockerfile = include_str!("../../Dockerfile");
    let (_, image) = dockerfile.split_once("FROM scratch\n").expect("the final image is empty at first");
    let users: Vec<&str> = image.lines().filter_map(|line| line.strip_prefix("USER ")).collect();
    let [user] = users[..] else { panic!("one USER: {users:?}") };
    let numbers: Vec<u32> = user.split(':').map(|number| number.parse().expect("a number")).collect();
    assert!(numbers.len() == 2 && numbers.iter().all(|number| *number >= 1000), "{user}");
    assert!(!image.contains("\nRUN ") && !image.contains("SECRET") && !image.contains("TOKEN"));
}

/// The systemd unit in `docs/OPERATIONS.md`.
fn unit() -> &'static str {
    let (_, unit) = include_str!("../../docs/OPERATIONS.md").split_once("```ini\n[Unit]").expect("a unit");
    unit.split_once("```").expect("its end").0
}

#[test]
fn the_service_is_hardened() {
    for setting in [
        "DynamicUser=yes",
        "StateDirectory=marketo-api-user",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=\n",
        "MemoryDenyWriteExecute=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallFilter=@system-service",
        "LimitCORE=0",
        "UMask=0077",
    ] {
        assert!(unit().contains(&format!("\n{setting}")), "{setting}");
    }
}

/// Where systemd is installed, it reads the unit and finds nothing to say.
#[test]
fn systemd_understands_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("marketo-api-user.service");
    let text = unit().replace("/usr/local/bin/marketo-api-user", "/bin/true");
    fs::write(&path, format!("[Unit]{text}")).unwrap();
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg(&path).output() else { return };
    let said =
        format!("{}{}", String::from_utf8_lossy(&verified.stdout), String::from_utf8_lossy(&verified.stderr));
    let about_it: Vec<&str> = said.lines().filter(|line| line.contains("marketo-api-user.service")).collect();
    assert!(about_it.is_empty(), "{said}");
    // A few settings may be newer than the systemd here; most must be known to it.
    let Ok(rated) = Command::new("systemd-analyze").args(["security", "--offline=yes"]).arg(&path).output()
    else {
        return;
    };
    let rated = String::from_utf8_lossy(&rated.stdout).into_owned();
    if let Some((_, level)) = rated.split_once("Overall exposure level for ") {
        let exposure: f32 = level.split(' ').nth(1).and_then(|level| level.parse().ok()).expect("a number");
        assert!(exposure < 2.5, "{rated}");
    }
}
