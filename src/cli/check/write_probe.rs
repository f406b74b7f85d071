//! `check --write-probe`: tries on a real instance what no page of Adobe's settles, with a user that it creates and deletes
//! again. Each fact is one line. It does not know how the answer to its question gets to the terminal.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    clock::Clock,
    domain::{allowed_options::AllowedOptions, catalog::ALL_WORKSPACES},
    marketo::{Client, Error, InviteUser, ShownTime, User, UserDetails},
};

/// How long a new or deleted user is looked for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// The pause between two lookups.
const PAUSE: Duration = Duration::from_secs(3);

/// A sample of each format of `expiresAt` that Adobe's pages show, and the format.
const FORMATS: [(&str, &str); 3] = [
    ("20211231T08:00:00.000t+0000", "%Y%m%dT%H:%M:%S.000t+0000"),
    ("2021-12-31T08:00:00.000t+0000", "%Y-%m-%dT%H:%M:%S.000t+0000"),
    ("2021-12-31T08:00:00+00:00", "%Y-%m-%dT%H:%M:%S+00:00"),
];

/// One fact, and the reading of it that holds on the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) reading: String,
}

/// What a probe found out.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) facts: Vec<Fact>,
    /// Why the probe ended early, or left its user behind.
    pub(super) problems: Vec<String>,
}

/// A probe of one instance.
pub(super) struct Probe<'a> {
    client: &'a Client,
    clock: &'a Clock,
    email: &'a str,
    /// The first format of `expiresAt` that an update accepts.
    format: Option<&'static str>,
    findings: Findings,
}

impl<'a> Probe<'a> {
    pub(super) fn new(client: &'a Client, clock: &'a Clock, email: &'a str) -> Self {
        Self { client, clock, email, format: None, findings: Findings::default() }
    }

    /// Creates a user with the first role that people may request, tries everything with it, and deletes it.
    pub(super) async fn run(mut self, options: &AllowedOptions) -> Findings {
        let invite = match self.invite(options) {
            Ok(invite) => invite,
            Err(problem) => return self.end(problem),
        };
        match self.client.find_user(self.email).await {
            Ok(None) => {}
            Ok(Some(_)) => return self.end("this email is in use: name one that no user has".to_owned()),
            Err(error) => return self.end(error.to_string()),
        }
        if let Err(error) = self.client.invite(&invite, || true).await {
            let problem =
                format!("the user was not created: {error}; look for it under Admin > Users & Roles");
            return self.end(problem);
        }
        if let Err(error) = self.examine(&invite).await {
            self.findings.problems.push(format!("the probe ended early: {error}"));
        }
        self.clean_up().await;
        self.findings
    }

    fn end(mut self, problem: String) -> Findings {
        self.findings.problems.push(problem);
        self.findings
    }

    fn invite(&self, options: &AllowedOptions) -> Result<InviteUser, String> {
        let role = options.roles.first().ok_or("the policy offers no role of this instance")?;
        let workspace = options.workspaces.first().filter(|_| !role.only_all_workspaces);
        let end = self.in_days(2).to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        Ok(InviteUser {
            email: self.email.to_owned(),
            first_name: "Write".to_owned(),
            last_name: "Probe".to_owned(),
            reason: Some("marketo-api-user check --write-probe; deleted at once".to_owned()),
            expires_at: Some(end),
            role_id: role.named.id,
            workspace_id: workspace.map_or(ALL_WORKSPACES, |workspace| workspace.id),
        })
    }

    async fn examine(&mut self, invite: &InviteUser) -> Result<(), Error> {
        let Some(user) = self.appearance().await? else { return Ok(()) };
        self.duplicate(invite).await?;
        self.update_formats(&user).await?;
        self.update_without_flag(&user).await?;
        self.null_expiration(&user).await?;
        self.past_and_extension(&user).await?;
        self.deletion(&user).await
    }

    fn add(&mut self, name: &'static str, reading: impl Into<String>) {
        self.findings.facts.push(Fact { name, reading: reading.into() });
    }

    /// When the new user is listed, what its id is, and whether its rights can be read.
    async fn appearance(&mut self) -> Result<Option<User>, Error> {
        let invited_at = self.clock.now();
        let user = loop {
            let waited = self.clock.now().duration_since(invited_at);
            match self.client.find_user(self.email).await? {
                Some(user) => {
                    self.add("a new user is listed", after(waited));
                    break user;
                }
                None if waited >= PATIENCE => {
                    self.add("a new user is listed", "not within a minute");
                    let problem =
                        format!("{} is not listed: delete it under Admin > Users & Roles", self.email);
                    self.findings.problems.push(problem);
                    return Ok(None);
                }
                None => self.clock.sleep(PAUSE).await,
            }
        };
        let is_login = user.has_login(self.email);
        self.add(
            "the userid is",
            if is_login { "the email (Marketo Identity)" } else { "another id (Adobe Identity)" },
        );
        let details = self.client.user_details(&user.userid).await;
        self.add(
            "user.json shows a new user",
            details.as_ref().map_or_else(refusal, |_| "at once".to_owned()),
        );
        let is_flagged = details.is_ok_and(|details| details.api_only == Some(true)) && user.api_only;
        self.add("API Only is shown", if is_flagged { "at once" } else { "not at once" });
        Ok(Some(user))
    }

    /// What follows from a second invite for the same email.
    async fn duplicate(&mut self, invite: &InviteUser) -> Result<(), Error> {
        let answer = self.client.invite(invite, || true).await;
        let all = self.client.all_users().await?;
        let users = all.iter().filter(|user| user.has_email(self.email)).count();
        let created = if users > 1 { "creates a second user" } else { "creates none" };
        let reading = answer.map_or_else(|error| refusal(&error), |()| "answered with true".to_owned());
        self.add("an invite for an existing email", format!("{reading}, {created}"));
        Ok(())
    }

    /// Which formats of `expiresAt` an update accepts, and whether it keeps the instant.
    async fn update_formats(&mut self, user: &User) -> Result<(), Error> {
        let mut readings = Vec::new();
        for (days, (sample, format)) in (3..).zip(FORMATS) {
            let end = self.in_days(days);
            let text = end.to_zoned(TimeZone::UTC).strftime(format).to_string();
            let body = json!({"expiresAt": text, "apiOnly": true});
            readings.push(match self.client.update_user(&user.userid, &body).await {
                Err(error) => format!("{sample} no ({})", refusal(&error)),
                Ok(()) => {
                    self.format.get_or_insert(format);
                    match self.details(user).await?.expires_at {
                        ShownTime::At(at) if at.duration_since(end).abs() < SignedDuration::from_secs(1) => {
                            format!("{sample} yes")
                        }
                        other => format!("{sample} yes, but it becomes {}", shown(&other)),
                    }
                }
            });
        }
        self.add("update.json takes expiresAt as", readings.join("; "));
        Ok(())
    }

    async fn update_without_flag(&mut self, user: &User) -> Result<(), Error> {
        let reading = match self.client.update_user(&user.userid, &json!({"lastName": "Probed"})).await {
            Err(error) => refusal(&error),
            Ok(()) if self.details(user).await?.api_only == Some(false) => "clears API Only".to_owned(),
            Ok(()) => "keeps API Only".to_owned(),
        };
        self.add("an update without apiOnly", reading);
        Ok(())
    }

    async fn null_expiration(&mut self, user: &User) -> Result<(), Error> {
        let body = json!({"expiresAt": Value::Null, "apiOnly": true});
        let reading = match self.client.update_user(&user.userid, &body).await {
            Err(error) => refusal(&error),
            Ok(()) if self.details(user).await?.expires_at == ShownTime::Never => {
                "access never ends".to_owned()
            }
            Ok(()) => "nothing changes".to_owned(),
        };
        self.add("an update with expiresAt null", reading);
        Ok(())
    }

    /// Ends the access in the past, then extends it.
    async fn past_and_extension(&mut self, user: &User) -> Result<(), Error> {
        let locked = |details: &UserDetails| if details.is_locked { "locked" } else { "not locked" };
        let past = self.clock.now() - SignedDuration::from_hours(1);
        match self.set_end(user, past).await {
            Some(refused) => self.add("an end of access in the past", refused),
            None => {
                let details = self.details(user).await?;
                self.add("an end of access in the past", format!("accepted, then {}", locked(&details)));
                let reading = match self.set_end(user, self.in_days(2)).await {
                    Some(refused) => refused,
                    None => locked(&self.details(user).await?).to_owned(),
                };
                self.add("a user whose access is extended after its end is", reading);
            }
        }
        Ok(())
    }

    /// Sets the end of access in the format that is accepted. Returns why it is not set.
    async fn set_end(&self, user: &User, end: Timestamp) -> Option<String> {
        let Some(format) = self.format else { return Some("not tried: no format is accepted".to_owned()) };
        let text = end.to_zoned(TimeZone::UTC).strftime(format).to_string();
        let answer =
            self.client.update_user(&user.userid, &json!({"expiresAt": text, "apiOnly": true})).await;
        answer.err().map(|error| refusal(&error))
    }

    async fn deletion(&mut self, user: &User) -> Result<(), Error> {
        self.client.delete_user(&user.userid).await?;
        let details = self.client.user_details(&user.userid).await;
        let reading = details.map_or_else(|error| refusal(&error), |_| "still shown".to_owned());
        self.add("user.json of a deleted user", reading);
        Ok(())
    }

    async fn details(&self, user: &User) -> Result<UserDetails, Error> {
        self.client.user_details(&user.userid).await
    }

    /// Deletes every user with the email, and says so if one remains.
    async fn clean_up(&mut self) {
        let started_at = self.clock.now();
        loop {
            match self.client.find_user(self.email).await {
                Ok(None) => {
                    let waited = self.clock.now().duration_since(started_at);
                    return self.add("a deleted user leaves the list", after(waited));
                }
                Ok(Some(user)) => {
                    // A user that was deleted may still be listed.
                    let _ = self.client.delete_user(&user.userid).await;
                }
                Err(error) => tracing::warn!(%error, "the probe's user was not looked up"),
            }
            if self.clock.now().duration_since(started_at) >= PATIENCE {
                let problem =
                    format!("{} may be left behind: delete it under Admin > Users & Roles", self.email);
                return self.findings.problems.push(problem);
            }
            self.clock.sleep(PAUSE).await;
        }
    }

    /// A whole second, `days` days from now.
    fn in_days(&self, days: i64) -> Timestamp {
        let at = self.clock.now() + SignedDuration::from_hours(24 * days);
        Timestamp::from_second(at.as_second()).unwrap_or(at)
    }
}

fn after(waited: SignedDuration) -> String {
    match waited.as_secs() {
        0..=2 => "at once".to_owned(),
        seconds => format!("after {seconds} s"),
    }
}

fn refusal(error: &Error) -> String {
    match (error.code, error.status) {
        (Some(code), Some(status)) => format!("refused with code {code} (HTTP {status})"),
        (None, Some(status)) => format!("refused with HTTP {status}"),
        (_, None) => error.to_string(),
    }
}

fn shown(time: &ShownTime) -> String {
    match time {
        ShownTime::Never => "nothing".to_owned(),
        ShownTime::At(at) => at.to_string(),
        ShownTime::Unreadable(text) => text.clone(),
    }
}

#[cfg(test)]
#[path = "tests/write_probe.rs"]
mod tests;
