//! Marketo as its admin sees it: the users of each instance with role and expiration, the roles, and the step that has no
//! API.

use maud::{Markup, html};

use super::{ViewContext, text};
use crate::sim::marketo::{MarketoSim, Setup, SimUser};

pub(super) fn marketo(context: &ViewContext<'_>) -> Markup {
    let marketos = &context.active.marketos;
    html! {
        section #marketo aria-labelledby="marketo-title" {
            h2 #marketo-title { "Marketo" }
            @for (name, marketo) in marketos {
                @if marketos.len() > 1 { h3 { (name) } }
                (instance(context, name, marketo))
            }
        }
    }
}

fn instance(context: &ViewContext<'_>, name: &str, marketo: &MarketoSim) -> Markup {
    let setup = marketo.setup();
    let created: Vec<&SimUser> = setup.users.iter().filter(|user| user.api_only && user.id > 1003).collect();
    html! {
        div .scroll-x tabindex="0" role="region" aria-label={ "Users of " (name) } {
            table {
                caption .sr { "Users of " (name) }
                thead {
                    tr { @for title in ["Name", "Role", "Workspace", "Access expires"] { th scope="col" { (title) } } }
                }
                tbody { @for user in setup.users.iter().rev() { (row(context, &setup, user)) } }
            }
        }
        details {
            summary { "Roles and workspaces" }
            ul .plain {
                @for role in &setup.roles { li { (role.name) " " span .hint { "role " (role.id) } } }
                @for workspace in &setup.workspaces {
                    li { (workspace.name) " " span .hint { "workspace " (workspace.id) } }
                }
            }
        }
        @if let Some(newest) = created.last() {
            details #next-step {
                summary { "Next: the custom service of " (newest.email) }
                ol {
                    li { "Open Admin > LaunchPoint and choose New > New Service." }
                    li { "Choose the service Custom and, as its API-only user, " (newest.email) "." }
                    li { "Choose View Details beside the new service: it shows Client Id and Client Secret." }
                    li { "Put both where your secrets are kept. Never paste the secret in Slack." }
                }
                p .hint { "Marketo has no API for this step." }
            }
        }
    }
}

fn row(context: &ViewContext<'_>, setup: &Setup, user: &SimUser) -> Markup {
    let now = context.active.clock.now();
    let role = |id: i64| setup.roles.iter().find(|role| role.id == id).map_or("?", |role| role.name.as_str());
    let workspace = |id: i64| {
        let workspace = setup.workspaces.iter().find(|workspace| workspace.id == id);
        workspace.map_or("AllZones", |workspace| workspace.name.as_str())
    };
    let roles: Vec<&str> = user.roles.iter().map(|(id, _)| role(*id)).collect();
    let workspaces: Vec<&str> = user.roles.iter().map(|(_, id)| workspace(*id)).collect();
    html! {
        tr id={ "user-" (user.id) } .new[user.id > 1003] {
            th scope="row" {
                (user.first_name) " " (user.last_name)
                @if user.api_only { span .app { "API only" } }
                br;
                span .hint { (user.email) }
                @if user.visible_at > now { br; span .state.open { "not in the lists yet" } }
            }
            td { (roles.join(", ")) }
            td { (workspaces.join(", ")) }
            td {
                @match user.expires_at {
                    None => span .hint { "never" },
                    Some(end) => {
                        (text::date(end.as_second(), "{date_num} {time}", ""))
                        @if end <= now { br; span .state.bad { "expired" } }
                    }
                }
            }
        }
    }
}
