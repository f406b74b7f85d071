//! The subcommands that are answered in the background: `status`, `pending` and `policy`. They show the state of the moment
//! and change nothing.

use std::{collections::HashMap, time::Duration};

use tokio::task::JoinSet;

use super::{
    args::{Subcommand, help},
    context::CommandContext,
};
use crate::{
    directory::eligibility::Eligibility,
    domain::{
        delivery::DeliveryKey,
        message::Part,
        people::{ChannelId, Membership, UserId},
        policy::RuleContext,
        request::{Request, State},
    },
    handlers::dependencies::AppState,
    slack::{
        messages::Message,
        replies::{
            self, NotRequester, PagePosition, PendingRequests, PolicyView, RequestItem, RequestLink,
            RequestPage,
        },
    },
    workflow::StoreError,
};

/// The timeout of membership lookups.
const MEMBERSHIP_TIMEOUT: Duration = Duration::from_secs(4);
/// The timeout of link lookups. Requests are then listed without a link.
const LINKS_TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of database reads.
const READ_TIMEOUT: Duration = Duration::from_secs(4);

/// Answers `subcommand`, unless another replica handles this delivery.
pub(super) async fn answer(
    app: AppState,
    context: CommandContext,
    key: Option<DeliveryKey>,
    (subcommand, page): (Subcommand, usize),
) {
    if !app.claim_delivery(key).await {
        return;
    }
    let message = match subcommand {
        Subcommand::Status => app.status(&context, page).await,
        Subcommand::Pending => app.pending(&context, page).await,
        Subcommand::Policy => Ok(app.policy_for(&context).await),
        Subcommand::Help => Ok(replies::usage(&context.command, help())),
    };
    let message = message.unwrap_or_else(|error| {
        tracing::warn!(user = %context.user, %error, "subcommand not answered: read failed");
        replies::read_failed()
    });
    app.respond(&context.channel, &context.user, &context.response_url, &message).await;
}

impl AppState {
    async fn status(&self, context: &CommandContext, page: usize) -> Result<Message, StoreError> {
        let requests = with_timeout(self.workflow.open_requests_of(&context.user)).await?;
        let page = self.request_page(requests, page, &context.user).await;
        Ok(replies::status(&context.command, &page, self.instances.are_several()))
    }

    async fn pending(&self, context: &CommandContext, page: usize) -> Result<Message, StoreError> {
        let undecided = with_timeout(self.workflow.undecided_requests()).await?;
        self.refresh_approvers(&undecided, &context.user).await;
        let (mut theirs, mut unknown) = (Vec::new(), 0);
        for request in undecided {
            match self.workflow.may_decide(&request, &context.user) {
                Membership::Yes => theirs.push(request),
                Membership::Unknown => unknown += 1,
                Membership::No => {}
            }
        }
        let theirs = self.request_page(theirs, page, &context.user).await;
        let requests = PendingRequests { theirs, unknown };
        Ok(replies::pending(&context.command, &requests, self.instances.are_several()))
    }

    async fn policy_for(&self, context: &CommandContext) -> Message {
        let policy = self.workflow.policy();
        let lookup =
            tokio::time::timeout(MEMBERSHIP_TIMEOUT, self.membership.requester_now(&context.user)).await;
        let requester = match lookup.unwrap_or(Eligibility::Unknown) {
            Eligibility::Yes(requester) => requester,
            Eligibility::No(why) => {
                return replies::not_eligible(why, &policy.requesters, policy.base.approvers());
            }
            Eligibility::Unknown => {
                let why = NotRequester::CannotCheck;
                return replies::not_eligible(why, &policy.requesters, policy.base.approvers());
            }
        };
        let channel = &context.channel;
        let memberships = &requester.memberships;
        let rule_context = RuleContext { instance: "", requester: &context.user, memberships, channel };
        replies::policy(&PolicyView {
            requester: &context.user,
            zone: &requester.zone,
            now: self.clock.now(),
            channel,
            email_domains: &policy.email_domains,
            candidates: &policy.candidates(&rule_context, &self.instances.names()),
        })
    }

    /// Refreshes each list of approvers for which it is unknown whether `user` is among them, once.
    async fn refresh_approvers(&self, requests: &[Request], user: &UserId) {
        let refresh = async {
            let mut refreshed = Vec::new();
            for request in requests {
                let approvers = self.workflow.policy().approvers(self.clock.now(), request);
                if self.workflow.may_decide(request, user) == Membership::Unknown
                    && !refreshed.contains(&approvers)
                {
                    self.membership.refresh_if_stale(user, &approvers).await;
                    refreshed.push(approvers);
                }
            }
        };
        if tokio::time::timeout(MEMBERSHIP_TIMEOUT, refresh).await.is_err() {
            tracing::warn!(%user, "refreshing approvers timed out");
        }
    }

    /// A page of the requests, with their approvers and with links that `reader` can open.
    async fn request_page(&self, requests: Vec<Request>, number: usize, reader: &UserId) -> RequestPage {
        let position = PagePosition::of(number, requests.len());
        let requests = &requests[position.range()];
        let mut links = self.links(requests, reader).await;
        let mut items = Vec::new();
        for (index, request) in requests.iter().enumerate() {
            items.push(RequestItem {
                approvers: self.workflow.policy().approver_set(self.clock.now(), request),
                link: links.remove(&index),
                is_card_failing: self.is_card_failing(request).await,
                request: request.clone(),
            });
        }
        RequestPage { items, position }
    }

    /// Whether Slack does not accept the card of a pending request.
    async fn is_card_failing(&self, request: &Request) -> bool {
        let failure = self.workflow.message_failure(&request.id, &Part::Card);
        matches!(request.state, State::Pending { .. }) && matches!(with_timeout(failure).await, Ok(Some(_)))
    }

    /// Links that `reader` can open, by the index of the request. Those that take too long are missing.
    async fn links(&self, requests: &[Request], reader: &UserId) -> HashMap<usize, RequestLink> {
        let mut links = HashMap::new();
        if tokio::time::timeout(LINKS_TIMEOUT, self.find_links(requests, reader, &mut links)).await.is_err() {
            tracing::warn!(%reader, "looking up links timed out");
        }
        links
    }

    async fn find_links(
        &self,
        requests: &[Request],
        reader: &UserId,
        links: &mut HashMap<usize, RequestLink>,
    ) {
        let mut visible = HashMap::new();
        let mut lookups = JoinSet::new();
        for (index, request) in requests.iter().enumerate() {
            let Some((part, channel, ts)) = self.message_of(request, reader, &mut visible).await else {
                continue;
            };
            let app = self.clone();
            lookups.spawn(async move {
                let url = app.slack.permalink(&channel, &ts).await.ok()?;
                let link = if part == Part::Card { RequestLink::Card(url) } else { RequestLink::Direct(url) };
                Some((index, link))
            });
        }
        while let Some(link) = lookups.join_next().await {
            links.extend(link.ok().flatten());
        }
    }

    /// The card, if `reader` can see it; else the direct message, if `reader` is the requester. `visible` caches which
    /// channels they can see.
    async fn message_of(
        &self,
        request: &Request,
        reader: &UserId,
        visible: &mut HashMap<ChannelId, bool>,
    ) -> Option<(Part, ChannelId, String)> {
        if let Some((channel, ts)) = self.posted(request, &Part::Card).await {
            if !visible.contains_key(&channel) {
                visible.insert(channel.clone(), self.can_see(reader, &channel).await);
            }
            if visible.get(&channel) == Some(&true) {
                return Some((Part::Card, channel, ts));
            }
        }
        if *reader != request.requester {
            return None;
        }
        let (channel, ts) = self.posted(request, &Part::Requester).await?;
        Some((Part::Requester, channel, ts))
    }

    async fn posted(&self, request: &Request, part: &Part) -> Option<(ChannelId, String)> {
        self.workflow.posted(&request.id, part).await.ok().flatten()
    }

    /// Whether `reader` can see the messages of a channel: everyone can in a public one, members in a private one.
    async fn can_see(&self, reader: &UserId, channel: &ChannelId) -> bool {
        match self.slack.channel(channel).await {
            Ok(info) if !info.is_private => true,
            Ok(_) => {
                let members = self.slack.channel_members(channel).await;
                members.is_ok_and(|members| members.contains(reader))
            }
            Err(_) => false,
        }
    }
}

async fn with_timeout<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(READ_TIMEOUT, read).await.unwrap_or(Err(StoreError::TimedOut))
}
