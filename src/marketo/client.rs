//! The client: settings in, typed calls out. It puts token, budget and transport together.
//! What an answer means is decided in `answer`; what a caller does about an error is decided elsewhere.

use std::{sync::Arc, time::Duration};

use reqwest::{
    RequestBuilder,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::{
    error::{BuildError, Call, Class, Error},
    permit::Permits,
    shared::SharedPermits,
    token::{IssuedToken, Tokens, UsableToken},
    transport,
    users::{OffsetUnit, UserPages},
    wire::{self, InviteBody, InviteUser, Role, User, Workspace},
};
use crate::clock::Clock;

/// How long one call may take from start to end, where the settings do not say otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed before Marketo closes them, so that a write does not meet a closing one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

const IDENTITY: &str = "/identity/oauth/token";
const USERS: &str = "/userservice/management/v1/users/";

/// What a [`Client`] needs to know about an instance.
#[derive(Clone)]
pub struct Settings {
    /// The instance's REST base, `https://123-ABC-456.mktorest.com`; a trailing slash and `/rest` do no harm.
    pub base_url: String,
    /// Client id of the custom service.
    pub client_id: String,
    /// Client secret of the custom service.
    pub client_secret: SecretString,
    /// Our share of the calls that the instance allows in any 20 s.
    pub calls_per_20s: u32,
    /// Our share of the calls that the instance allows at once.
    pub max_concurrent: u32,
    /// How long one call may take, and how long it may wait for its place in the budget before that.
    pub timeout: Duration,
}

/// Talks to one Marketo instance. Cheap to clone; clones share the token and the budget.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    clock: Clock,
    base: String,
    client_id: String,
    client_secret: SecretString,
    timeout: Duration,
    tokens: Tokens,
    permits: Permits,
    unit: OffsetUnit,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client; nothing is sent yet. `tls` says whom it trusts.
    ///
    /// # Errors
    /// When the base URL is not one, or the HTTP client cannot be set up.
    pub fn new(settings: Settings, clock: Clock, tls: rustls::ClientConfig) -> Result<Self, BuildError> {
        Self::sharing(settings, clock, tls, None)
    }

    /// As [`Client::new`], for one of several processes whose calls count together, in `places`.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn sharing(
        settings: Settings,
        clock: Clock,
        tls: rustls::ClientConfig,
        places: Option<Arc<dyn SharedPermits>>,
    ) -> Result<Self, BuildError> {
        let base = base_url(&settings.base_url)?;
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
            base,
            client_id: settings.client_id,
            client_secret: settings.client_secret,
            timeout,
            tokens: Tokens::default(),
            permits: Permits::new(calls_per_20s, max_concurrent, timeout, places),
            unit: OffsetUnit::default(),
        })))
    }

    /// Makes sure that a token is held.
    ///
    /// # Errors
    /// [`Class::Credentials`] when id or secret are refused; others when identity cannot be asked.
    pub async fn authenticate(&self) -> Result<(), Error> {
        self.0.token().await.map(drop)
    }

    /// Every role of the instance (`GET roles.json`), hidden ones too.
    ///
    /// # Errors
    /// When the call fails, or its answer is not a list.
    pub async fn roles(&self) -> Result<Vec<Role>, Error> {
        let answer = self.0.read(Call::Roles, "roles.json", &[]).await?;
        list(Call::Roles, &answer, Role::read)
    }

    /// Every workspace of the instance (`GET workspaces.json`).
    ///
    /// # Errors
    /// When the call fails, or its answer is not a list.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, Error> {
        let answer = self.0.read(Call::Workspaces, "workspaces.json", &[]).await?;
        list(Call::Workspaces, &answer, Workspace::read)
    }

    /// Every user of the instance (`GET allusers.json`, page after page), each once.
    ///
    /// # Errors
    /// When one of the calls fails, or the answers are not lists of users.
    pub async fn all_users(&self) -> Result<Vec<User>, Error> {
        let mut users = Vec::new();
        self.walk(|user| {
            users.push(user);
            true
        })
        .await?;
        Ok(users)
    }

    /// The user of that e-mail address, in upper or lower case, looked for in `allusers.json`, which works for
    /// every kind of identity. Stops at the page that has it.
    ///
    /// # Errors
    /// As [`Client::all_users`].
    pub async fn find_user(&self, email: &str) -> Result<Option<User>, Error> {
        let mut found = None;
        self.walk(|user| {
            if found.is_none() && user.has_email(email) {
                found = Some(user);
            }
            found.is_none()
        })
        .await?;
        Ok(found)
    }

    /// Creates an API-only user (`POST invite.json`). Sent once; a second time only if the token was refused.
    ///
    /// # Errors
    /// When Marketo does not answer `true`. Unless [`Error::certainly_not_executed`], the user may exist
    /// now or in a while: look before inviting again.
    pub async fn invite(&self, user: &InviteUser) -> Result<(), Error> {
        let mut hidden = vec![user.email.as_str(), &user.first_name, &user.last_name];
        hidden.extend(user.reason.as_deref());
        let url = self.0.url("invite.json");
        let body = InviteBody::from(user);
        // Only the documented answer is a success; the judge of answers sees to it.
        self.0.call(Call::Invite, &hidden, |http| http.post(&url).json(&body)).await.map(drop)
    }

    /// Calls `visit` with every user once, until it returns false.
    async fn walk(&self, mut visit: impl FnMut(User) -> bool) -> Result<(), Error> {
        let mut walk = UserPages::new(&self.0.unit);
        while let Some(offset) = walk.next_offset() {
            let page = [("pageOffset", offset), ("pageSize", UserPages::PAGE)];
            let answer = match self.0.read(Call::AllUsers, "allusers.json", &page).await {
                Ok(answer) => answer,
                Err(error) if walk.is_end(&error) => Value::Array(Vec::new()),
                Err(error) => return Err(error),
            };
            let entries = wire::entries(&answer).unwrap_or_default();
            for user in walk.take(entries).map_err(|why| unreadable(Call::AllUsers, why))? {
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
        format!("{}{USERS}{endpoint}", self.base)
    }

    async fn read(&self, call: Call, endpoint: &str, query: &[(&str, u32)]) -> Result<Value, Error> {
        let url = self.url(endpoint);
        self.call(call, &[], |http| http.get(&url).query(query)).await
    }

    /// Makes a call with a token; with a new one once more when the first was refused, which Marketo does
    /// before it does anything else.
    async fn call(
        &self,
        call: Call,
        hidden: &[&str],
        request: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Value, Error> {
        let token = self.token().await?;
        match self.send(call, hidden, request(&self.http), &token).await {
            Err(error) if error.class == Class::Credentials => {
                self.tokens.drop_refused(&token);
                let token = self.token().await?;
                let again = self.send(call, hidden, request(&self.http), &token).await;
                if again.as_ref().is_err_and(|error| error.class == Class::Credentials) {
                    self.tokens.drop_refused(&token);
                }
                again
            }
            result => result,
        }
    }

    async fn send(
        &self,
        call: Call,
        hidden: &[&str],
        request: RequestBuilder,
        token: &UsableToken,
    ) -> Result<Value, Error> {
        let _permit = self.permits.acquire(&self.clock, self.timeout).await.map_err(|none| {
            let class = Class::NotExecuted { retry_after: Some(none.retry_after) };
            Error { call, class, code: None, status: None, message: none.to_string() }
        })?;
        let secret = token.token.expose_secret();
        let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {secret}")) else {
            return Err(unreadable(Call::Token, "the token does not fit into a header"));
        };
        bearer.set_sensitive(true);
        let hidden: Vec<&str> = hidden.iter().copied().chain([secret]).collect();
        transport::send(&self.clock, call, request.header(AUTHORIZATION, bearer), &hidden).await
    }

    async fn token(&self) -> Result<UsableToken, Error> {
        self.tokens.get(&self.clock, || self.ask_for_token()).await
    }

    /// `GET /identity/oauth/token`; does not count against the limits, so it needs no place in the budget.
    async fn ask_for_token(&self) -> Result<IssuedToken, Error> {
        let secret = self.client_secret.expose_secret();
        let request = self.http.get(format!("{}{IDENTITY}", self.base)).query(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", secret),
        ]);
        let answer = transport::send(&self.clock, Call::Token, request, &[&self.client_id, secret]).await?;
        wire::issued(&answer).ok_or_else(|| unreadable(Call::Token, "the answer has no token and life"))
    }
}

fn list<T>(call: Call, answer: &Value, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, Error> {
    let entries = wire::entries(answer).unwrap_or_default();
    let read: Vec<T> = entries.iter().filter_map(read).collect();
    if read.is_empty() && !entries.is_empty() {
        return Err(unreadable(call, "no entry of the list can be read"));
    }
    Ok(read)
}

fn unreadable(call: Call, message: &str) -> Error {
    Error { call, class: Class::Unreadable, code: None, status: Some(200), message: message.to_owned() }
}

/// The base without `/rest` and without a slash at the end: Marketo refuses a doubled slash in a path.
fn base_url(text: &str) -> Result<String, BuildError> {
    let url = Url::parse(text.trim()).map_err(|_| BuildError::BaseUrl("is not a URL"))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(BuildError::BaseUrl("must begin with https:// and name a host"));
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(BuildError::BaseUrl("must be without user, query and fragment"));
    }
    let base = url.as_str().trim_end_matches('/');
    Ok(base.strip_suffix("/rest").unwrap_or(base).trim_end_matches('/').to_owned())
}
