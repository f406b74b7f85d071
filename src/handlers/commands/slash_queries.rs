//! The subcommands that are answered in the background, by the address that came with the command: `status`, `pending` and
//! `policy`. What is shown is read when it is asked for; nothing is changed.

use std::{collections::HashMap, time::Duration};

use tokio::task::JoinSet;

use super::{
    args::{Subcommand, help},
    context::CommandContext,
};
use crate::{
    directory::membership::Eligibility,
    domain::{
        delivery::DeliveryKey,
        people::{ChannelId, Membership, UserId},
        policy::RuleContext,
        request::Request,
    },
    handlers::dependencies::AppState,
    slack::{
        ids,
        messages::Message,
        replies::{self, NotRequester, PendingRequests, PolicyView, RequestItem, RequestLink},
    },
    workflow::StoreError,
};

/// How long an answer waits to learn from Slack who is in which group.
const LEARN_WITHIN: Duration = Duration::from_secs(4);
/// How long an answer waits for links. What has none by then, is shown without.
const LINKS_WITHIN: Duration = Duration::from_secs(2);
/// How long the database may take.
const READ_WITHIN: Duration = Duration::from_secs(4);

/// Answers `subcommand`, unless another replica does.
pub(super) async fn answer(
    app: AppState,
    context: CommandContext,
    key: Option<DeliveryKey>,
    subcommand: Subcommand,
) {
    if !app.proceeds(key).await {
        return;
    }
    let message = match subcommand {
        Subcommand::Status => app.status(&context).await,
        Subcommand::Pending => app.pending(&context).await,
        Subcommand::Policy => Ok(app.policy_for(&context).await),
        Subcommand::Help => Ok(replies::usage(&context.command, help())),
    };
    let message = message.unwrap_or_else(|error| {
        tracing::warn!(user = %context.user, %error, "what somebody asked for cannot be read");
        replies::read_failed()
    });
    app.respond(&context.channel, &context.user, &context.response_url, &message).await;
}

impl AppState {
    async fn status(&self, context: &CommandContext) -> Result<Message, StoreError> {
        let requests = in_time(self.workflow.open_requests_of(&context.user)).await?;
        let entries = self.entries(requests, &context.user).await;
        Ok(replies::status(&context.command, &entries, self.instances.are_several()))
    }

    async fn pending(&self, context: &CommandContext) -> Result<Message, StoreError> {
        let undecided = in_time(self.workflow.undecided_requests()).await?;
        self.learn_who_decides(&undecided, &context.user).await;
        let (mut theirs, mut unknown) = (Vec::new(), 0);
        for request in undecided {
            match self.workflow.may_decide(&request, &context.user) {
                Membership::Yes => theirs.push(request),
                Membership::Unknown => unknown += 1,
                Membership::No => {}
            }
        }
        let theirs = self.entries(theirs, &context.user).await;
        Ok(replies::pending(&PendingRequests { theirs, unknown }, self.instances.are_several()))
    }

    async fn policy_for(&self, context: &CommandContext) -> Message {
        let policy = self.workflow.policy();
        let may = tokio::time::timeout(LEARN_WITHIN, self.people.requester_now(&context.user)).await;
        let asker = match may.unwrap_or(Eligibility::Unknown) {
            Eligibility::Yes(asker) => asker,
            Eligibility::No(why) => {
                return replies::not_eligible(why, &policy.requesters, policy.base.approvers());
            }
            Eligibility::Unknown => {
                let why = NotRequester::CannotCheck;
                return replies::not_eligible(why, &policy.requesters, policy.base.approvers());
            }
        };
        let channel = &context.channel;
        let asks =
            RuleContext { instance: "", requester: &context.user, memberships: &asker.memberships, channel };
        replies::policy(&PolicyView {
            requester: &context.user,
            zone: &asker.zone,
            now: self.clock.now(),
            channel,
            email_domains: &policy.email_domains,
            candidates: &policy.candidates(&asks, &self.instances.names()),
        })
    }

    /// Asks Slack once about each list of people who decide, where it is not known whether somebody is among them.
    async fn learn_who_decides(&self, requests: &[Request], user: &UserId) {
        let learn = async {
            let mut asked = Vec::new();
            for request in requests {
                let approvers = self.workflow.policy().approvers(request);
                if self.workflow.may_decide(request, user) == Membership::Unknown
                    && !asked.contains(&approvers)
                {
                    self.people.refresh_if_stale(user, &approvers).await;
                    asked.push(approvers);
                }
            }
        };
        if tokio::time::timeout(LEARN_WITHIN, learn).await.is_err() {
            tracing::warn!(%user, "it could not be found out in time what somebody may decide");
        }
    }

    /// The requests with who decides on them, and where `reader` can open those that are listed.
    async fn entries(&self, requests: Vec<Request>, reader: &UserId) -> Vec<RequestItem> {
        let mut places = self.places(&requests[..requests.len().min(replies::LISTED_MAX)], reader).await;
        let entry = |(at, request): (usize, Request)| RequestItem {
            approvers: self.workflow.policy().approver_set(&request),
            link: places.remove(&at),
            request,
        };
        requests.into_iter().enumerate().map(entry).collect()
    }

    /// Where `reader` can open these requests, as far as that is found out in time.
    async fn places(&self, requests: &[Request], reader: &UserId) -> HashMap<usize, RequestLink> {
        let mut places = HashMap::new();
        if tokio::time::timeout(LINKS_WITHIN, self.look_for(requests, reader, &mut places)).await.is_err() {
            tracing::warn!(%reader, "some links could not be found out in time");
        }
        places
    }

    async fn look_for(
        &self,
        requests: &[Request],
        reader: &UserId,
        places: &mut HashMap<usize, RequestLink>,
    ) {
        let mut visible = HashMap::new();
        let mut looking = JoinSet::new();
        for (at, request) in requests.iter().enumerate() {
            let Some((part, channel, ts)) = self.message_of(request, reader, &mut visible).await else {
                continue;
            };
            let app = self.clone();
            looking.spawn(async move {
                let url = app.slack.permalink(&channel, &ts).await.ok()?;
                Some((at, if part == ids::CARD { RequestLink::Card(url) } else { RequestLink::Direct(url) }))
            });
        }
        while let Some(found) = looking.join_next().await {
            places.extend(found.ok().flatten());
        }
    }

    /// The card, if `reader` can see it; else the direct message, if it is theirs. What is found out about channels
    /// is added to `visible`.
    async fn message_of(
        &self,
        request: &Request,
        reader: &UserId,
        visible: &mut HashMap<ChannelId, bool>,
    ) -> Option<(&'static str, ChannelId, String)> {
        if let Some((channel, ts)) = self.posted(request, ids::CARD).await {
            if !visible.contains_key(&channel) {
                visible.insert(channel.clone(), self.can_see(reader, &channel).await);
            }
            if visible.get(&channel) == Some(&true) {
                return Some((ids::CARD, channel, ts));
            }
        }
        if *reader != request.requester {
            return None;
        }
        let (channel, ts) = self.posted(request, ids::REQUESTER).await?;
        Some((ids::REQUESTER, channel, ts))
    }

    async fn posted(&self, request: &Request, part: &str) -> Option<(ChannelId, String)> {
        self.workflow.message(&request.id, part).await.ok().flatten()?.place
    }

    /// Whether somebody can see what stands in a channel: anybody in a public one, members in another.
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

async fn in_time<T>(reading: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(READ_WITHIN, reading).await.unwrap_or(Err(StoreError::TimedOut))
}
