//! The open modal, in front of Slack only, so that the fault switches stay reachable.

use maud::{Markup, html};

use super::{
    ViewContext,
    blocks::{self, Surface},
};

pub(super) fn modal(context: &ViewContext<'_>) -> Markup {
    let Some(view) = context.active.slack.open_view(&context.viewer.user) else {
        return html! { div #modal {} };
    };
    let notice = context.active.ui().notices.get(&context.viewer.user).cloned();
    let text = |name: &str| view.view[name]["text"].as_str().map(str::to_owned);
    let submit = text("submit");
    let close = text("close").unwrap_or_else(|| "Cancel".to_owned());
    let is_disabled = view.view["submit_disabled"] == true;
    html! {
        div #modal .covers {
            div role="dialog" id={ "modal-" (view.id) } aria-labelledby={ (view.id) "-title" } tabindex="-1" {
                form method="post" action="/act/modal" data-modal=(view.id) novalidate {
                    (context.viewer_fields())
                    input type="hidden" name="view" value=(view.id);
                    header {
                        h2 id={ (view.id) "-title" } { (view.title()) }
                        @if view.previous_id.is_some() { span .hint { "in front of another form" } }
                    }
                    // Enter in a field activates the first submit button of a form.
                    @if submit.is_some() && !is_disabled {
                        button type="submit" name="do" value="submit" hidden {}
                    }
                    div .fields-of-modal {
                        @for block in view.blocks() { (blocks::block(context, block, Surface::Modal(&view))) }
                    }
                    @if let Some(notice) = notice { p .notice role="alert" { (notice) } }
                    footer {
                        button type="submit" id={ (view.id) "-close" } name="do" value="close" .plain { (close) }
                        @if let Some(submit) = submit {
                            button type="submit" id={ (view.id) "-submit" } name="do" value="submit" .primary
                                disabled[is_disabled] { (submit) }
                        }
                    }
                }
            }
        }
    }
}
