//! The client: one method for each endpoint, combining token, rate limit and transport. `response` decides what a
//! response means; the caller decides what to do about an error.

use std::{sync::Arc, time::Duration};

use reqwest::{
    RequestBuilder,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tracing::{Instrument, Span};

use super::{
    base_url,
    error::{BuildError, Call, Class, Error},
    permit::Permits,
    shared::SharedPermits,
    token::{IssuedToken, Tokens, UsableToken},
    transport,
    users::{OffsetUnit, UserPages},
    wire::{self, InviteBody, InviteUser, Role, User, UserDetails, UserRole, Workspace},
};
use crate::clock::Clock;

/// How long one call may take.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed before Marketo closes them, so that a write never starts on a closing one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

const IDENTITY_PATH: &str = "/identity/oauth/token";
const USERS_PATH: &str = "/userservice/management/v1/users/";

/// How to call an instance.
#[derive(Clone)]
pub struct Settings {
    /// The instance's name in the configuration, for logs.
    pub name: String,
    /// The REST base URL, `https://123-ABC-456.mktorest.com`, with or without a trailing slash or `/rest`.
    pub base_url: String,
    /// Client id of the custom service.
    pub client_id: String,
    /// Client secret of the custom service.
    pub client_secret: SecretString,
    /// How many calls we may make in any 20 s.
    pub calls_per_20s: u32,
    /// How many calls we may make at the same time.
    pub max_concurrent: u32,
    /// How long one call may take, and how long it may wait for its permit before that.
    pub timeout: Duration,
}

/// The client of one Marketo instance. Cheap to clone; clones share the token and the rate limit.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

/// Whether a call may still be sent.
type MaySend<'a> = &'a (dyn Fn() -> bool + Sync);

struct Inner {
    http: reqwest::Client,
    clock: Clock,
    name: String,
    base_url: String,
    client_id: String,
    client_secret: SecretString,
    timeout: Duration,
    tokens: Tokens,
    permits: Permits,
    offset_unit: OffsetUnit,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client whose rate limit is this process's alone. Nothing is sent yet.
    ///
    /// # Errors
    /// If the base URL is invalid, or the HTTP client cannot be set up.
    pub fn new(settings: Settings, clock: Clock, tls: rustls::ClientConfig) -> Result<Self, BuildError> {
        Self::with_shared_permits(settings, clock, tls, None)
    }

    /// Like [`Client::new`], for one of several processes that share a rate limit through `permits`.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_shared_permits(
        settings: Settings,
        clock: Clock,
        tls: rustls::ClientConfig,
        permits: Option<Arc<dyn SharedPermits>>,
    ) -> Result<Self, BuildError> {
        let base_url = base_url::normalize(&settings.base_url)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .timeout(settings.timeout)
            .build()
            .map_err(|error| BuildError::Http(error.without_url()))?;
        let Settings { calls_per_20s, max_concurrent, timeout, .. } = settings;
        Ok(Self(Arc::new(Inner {
            http,
            clock,
            name: settings.name,
            base_url,
            client_id: settings.client_id,
            client_secret: settings.client_secret,
            timeout,
            tokens: Tokens::default(),
            permits: Permits::new(calls_per_20s, max_concurrent, timeout, permits),
            offset_unit: OffsetUnit::default(),
        })))
    }

    /// Obtains a token unless a valid one is held.
    ///
    /// # Errors
    /// [`Class::Credentials`] if client id or secret are rejected; another class if the identity endpoint cannot be
    /// reached.
    pub async fn authenticate(&self) -> Result<(), Error> {
        self.0.token().await.map(drop)
    }

    /// Every role of the instance (`GET roles.json`), including hidden ones.
    ///
    /// # Errors
    /// If the call fails, or none of the list can be read.
    pub async fn roles(&self) -> Result<Vec<Role>, Error> {
        let list = self.0.get(Call::Roles, "roles.json", &[]).await?;
        read_list(Call::Roles, &list, Role::read)
    }

    /// Every workspace of the instance (`GET workspaces.json`).
    ///
    /// # Errors
    /// If the call fails, or none of the list can be read.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, Error> {
        let list = self.0.get(Call::Workspaces, "workspaces.json", &[]).await?;
        read_list(Call::Workspaces, &list, Workspace::read)
    }

    /// Every user of the instance (`GET allusers.json`, all pages), each once.
    ///
    /// # Errors
    /// If one of the calls fails, or none of the list can be read.
    pub async fn all_users(&self) -> Result<Vec<User>, Error> {
        let mut users = Vec::new();
        self.visit_users(|user| {
            users.push(user);
            true
        })
        .await?;
        Ok(users)
    }

    /// The user with this email address or, if there is none, the one who logs in with it; ignoring case. Searches
    /// `allusers.json`, which works with every identity system, and stops at the page that has the address.
    ///
    /// There are three answers: a user; `None`, which only a list that was read to its end gives; or an error, after which
    /// the user may exist or not.
    ///
    /// # Errors
    /// As [`Client::all_users`].
    pub async fn find_user(&self, email: &str) -> Result<Option<User>, Error> {
        let (mut found, mut login) = (None, None);
        self.visit_users(|user| {
            if user.has_email(email) {
                found = Some(user);
            } else if login.is_none() && user.has_login(email) {
                login = Some(user);
            }
            found.is_none()
        })
        .await?;
        Ok(found.or(login))
    }

    /// What the user of this id may do (`GET {userid}/user.json` and `GET {userid}/roles.json`).
    ///
    /// # Errors
    /// If one of the calls fails. [`Class::NoSuchResource`] if Marketo does not show the user, though it may list it.
    pub async fn user_details(&self, userid: &str) -> Result<UserDetails, Error> {
        if userid.is_empty() {
            let (call, class) = (Call::User, Class::NoSuchResource);
            let message = "Marketo lists the user without an id".to_owned();
            return Err(Error { call, class, code: None, status: None, message });
        }
        let segment = path_segment(userid);
        let record = self.0.get(Call::User, &format!("{segment}/user.json"), &[]).await?;
        let record = wire::record(&record).cloned().unwrap_or_default();
        let roles = match self.0.get(Call::UserRoles, &format!("{segment}/roles.json"), &[]).await {
            Ok(roles) => roles,
            // The record has the roles, too.
            Err(error) => match record.get("userRoleWorkspaces").filter(|roles| roles.is_array()) {
                Some(roles) => roles.clone(),
                None => return Err(error),
            },
        };
        Ok(UserDetails::read(&record, read_list(Call::UserRoles, &roles, UserRole::read)?))
    }

    /// Creates an API-only user (`POST invite.json`). Sent once, and once more only if the token was rejected. `may_send` is
    /// asked right before each, after every wait for a token or a permit.
    ///
    /// # Errors
    /// If it may not be sent, or Marketo does not respond with `true`. Unless [`Error::certainly_not_executed`], the user
    /// may exist now or soon: look it up before inviting again.
    pub async fn invite(&self, user: &InviteUser, may_send: impl Fn() -> bool + Sync) -> Result<(), Error> {
        let mut personal = vec![user.email.as_str(), &user.first_name, &user.last_name];
        personal.extend(user.reason.as_deref());
        let url = self.0.url("invite.json");
        let body = InviteBody::from(user);
        let request = |http: &reqwest::Client| http.post(&url).json(&body);
        self.0.call(Call::Invite, &personal, request, &may_send).await.map(drop)
    }

    /// Changes attributes of a user (`POST {userid}/update.json`). For probing an instance: the bot itself changes no user.
    ///
    /// # Errors
    /// If Marketo does not respond with a user.
    pub async fn update_user(&self, userid: &str, body: &Value) -> Result<(), Error> {
        let url = self.0.url(&format!("{}/update.json", path_segment(userid)));
        let request = |http: &reqwest::Client| http.post(&url).json(body);
        self.0.call(Call::Update, &[userid], request, &|| true).await.map(drop)
    }

    /// Deletes a user (`POST {userid}/delete.json`). For probing an instance: the bot itself deletes no user.
    ///
    /// # Errors
    /// If Marketo does not respond with a success.
    pub async fn delete_user(&self, userid: &str) -> Result<(), Error> {
        let url = self.0.url(&format!("{}/delete.json", path_segment(userid)));
        self.0.call(Call::Delete, &[userid], |http| http.post(&url), &|| true).await.map(drop)
    }

    /// Calls `visit` with every user once, until it returns false.
    async fn visit_users(&self, mut visit: impl FnMut(User) -> bool) -> Result<(), Error> {
        let mut pages = UserPages::new(&self.0.offset_unit);
        while let Some(offset) = pages.next_offset() {
            let query = [("pageOffset", offset), ("pageSize", UserPages::PAGE_SIZE)];
            let page = self.0.get(Call::AllUsers, "allusers.json", &query).await;
            let page = page.map_err(|error| if offset == 0 { error } else { not_the_end(error) })?;
            let entries = wire::entries(&page).unwrap_or_default();
            for user in pages.add_page(entries).map_err(|reason| unreadable(Call::AllUsers, reason))? {
                if !visit(user) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Inner {
    fn url(&self, endpoint: &str) -> String {
        format!("{}{USERS_PATH}{endpoint}", self.base_url)
    }

    async fn get(&self, call: Call, endpoint: &str, query: &[(&str, u32)]) -> Result<Value, Error> {
        let url = self.url(endpoint);
        self.call(call, &[], |http| http.get(&url).query(query), &|| true).await
    }

    /// Sends a call with a token, and once more with a new one if the first was rejected: Marketo checks the token
    /// before it does anything. `personal` are values that no error may contain. `may_send` is asked right before each.
    async fn call(
        &self,
        call: Call,
        personal: &[&str],
        request: impl Fn(&reqwest::Client) -> RequestBuilder,
        may_send: MaySend<'_>,
    ) -> Result<Value, Error> {
        let token = self.token().await?;
        match self.send(call, personal, request(&self.http), &token, may_send).await {
            Err(error) if error.class == Class::TokenRejected => {
                self.tokens.discard(&token);
                let token = self.token().await?;
                let second = self.send(call, personal, request(&self.http), &token, may_send).await;
                if second.as_ref().is_err_and(|error| error.class == Class::TokenRejected) {
                    self.tokens.discard(&token);
                }
                second
            }
            result => result,
        }
    }

    async fn send(
        &self,
        call: Call,
        personal: &[&str],
        request: RequestBuilder,
        token: &UsableToken,
        may_send: MaySend<'_>,
    ) -> Result<Value, Error> {
        let span = self.span(call);
        let acquired = self.permits.acquire(&self.clock, self.timeout).instrument(span.clone()).await;
        let _permit = acquired.map_err(|no_permit| {
            let class = Class::NotExecuted { retry_after: Some(no_permit.retry_after) };
            Error { call, class, code: None, status: None, message: no_permit.to_string() }
        })?;
        let secret = token.token.expose_secret();
        let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {secret}")) else {
            return Err(unreadable(Call::Token, "the token cannot be sent in a header"));
        };
        bearer.set_sensitive(true);
        let redacted: Vec<&str> = personal.iter().copied().chain([secret]).collect();
        let request = request.header(AUTHORIZATION, bearer);
        if !may_send() {
            let message = "not sent: the process was paused, or the clock was set".to_owned();
            let class = Class::NotExecuted { retry_after: None };
            return Err(Error { call, class, code: None, status: None, message });
        }
        transport::send(&self.clock, call, request, &redacted).instrument(span).await
    }

    fn span(&self, call: Call) -> Span {
        tracing::info_span!("marketo_call", call = call.as_str(), instance = %self.name)
    }

    async fn token(&self) -> Result<UsableToken, Error> {
        self.tokens.get(&self.clock, || self.request_token()).await
    }

    /// `GET /identity/oauth/token`. It does not count against Marketo's limits, so it needs no permit.
    async fn request_token(&self) -> Result<IssuedToken, Error> {
        let secret = self.client_secret.expose_secret();
        let request = self.http.get(format!("{}{IDENTITY_PATH}", self.base_url)).query(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", secret),
        ]);
        let redacted = [self.client_id.as_str(), secret];
        let sent = transport::send(&self.clock, Call::Token, request, &redacted);
        let response = sent.instrument(self.span(Call::Token)).await?;
        wire::issued_token(&response).ok_or_else(|| unreadable(Call::Token, "the response has no token"))
    }
}

/// A later page of a list fails, though the first one did not. That says nothing about the address or the request.
fn not_the_end(error: Error) -> Error {
    match error.class {
        Class::NoSuchResource | Class::Refused => Error { class: Class::Unreadable, ..error },
        _ => error,
    }
}

/// A user id as a segment of a path. Adobe's samples show the `@` of an email as it is.
fn path_segment(userid: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    let encoded = |byte: u8| match byte {
        plain if is_plain(plain) => char::from(plain).to_string(),
        other => format!("%{other:02X}"),
    };
    userid.bytes().map(encoded).collect()
}

/// Reads the entries of a list, without those that cannot be read.
fn read_list<T>(call: Call, list: &Value, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, Error> {
    let entries = wire::entries(list).unwrap_or_default();
    let readable: Vec<T> = entries.iter().filter_map(read).collect();
    if readable.is_empty() && !entries.is_empty() {
        return Err(unreadable(call, "no entry of the list can be read"));
    }
    Ok(readable)
}

fn unreadable(call: Call, message: &str) -> Error {
    Error { call, class: Class::Unreadable, code: None, status: Some(200), message: message.to_owned() }
}
