//! Tables of what Slack allows in each view, block, element and text object: the fields, which of them are required,
//! and their lengths. The parent module applies them.

/// The rule for the value of one field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// Any value; Slack's validation of it is not simulated.
    Any,
    /// `true` or `false`.
    Bool,
    /// A string with this minimum and maximum length.
    Str(usize, usize),
    /// One of these strings.
    One(&'static [&'static str]),
    /// An integer in this range.
    Int(i64, i64),
    /// A number, or a string that contains one.
    Number,
    /// A valid date, `YYYY-MM-DD`.
    Date,
    /// A valid time, `HH:MM`.
    Time,
    /// A `plain_text` object of at most this length.
    Plain(usize),
    /// A `plain_text` or `mrkdwn` object of at most this length.
    Text(usize),
    /// One or more text objects: maximum count and maximum length of each.
    Texts(usize, usize),
    /// Options of a select, at most this many.
    Options(usize),
    /// Options whose text may be `mrkdwn`, at most this many.
    RichOptions(usize),
    /// One option.
    Option,
    /// One or more options.
    ChosenOptions,
    /// Groups of options.
    Groups,
    /// A non-empty list of strings.
    Ids,
    /// A confirmation dialog.
    Confirm,
    /// One element that this parent accepts.
    Element(Parent),
    /// One or more elements that this parent accepts, at most this many.
    Elements(Parent, usize),
    /// Blocks: minimum and maximum count.
    Blocks(usize, usize),
    /// Sections, lists, quotes and preformatted text of a `rich_text` block.
    RichParts,
    /// The sections of a rich text list.
    RichSections,
    /// The inline elements of a rich text section.
    RichInline,
}

/// The part of a block that contains an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// The accessory of a section.
    Accessory,
    /// An actions block.
    Actions,
    /// An input block.
    Input,
    /// A context block.
    Context,
}

/// One field of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) rule: Rule,
}

const fn req(name: &'static str, rule: Rule) -> Field {
    Field { name, required: true, rule }
}

const fn opt(name: &'static str, rule: Rule) -> Field {
    Field { name, required: false, rule }
}

/// A static list of fields.
macro_rules! fields {
    ($($field:expr),* $(,)?) => {
        const { &[$($field),*] as &[Field] }
    };
}

use Parent::{Accessory, Actions, Context, Input};
use Rule::{
    Any, Blocks, Bool, ChosenOptions, Confirm, Date, Element, Elements, Groups, Ids, Int, Number, One,
    Options, Plain, RichInline, RichOptions, RichParts, RichSections, Str, Text, Texts, Time,
};

/// The maximum length of one text object.
pub(super) const TEXT: usize = 3000;

/// A modal view.
pub(super) const VIEW: &[Field] = fields![
    req("title", Plain(24)),
    opt("submit", Plain(24)),
    opt("close", Plain(24)),
    req("blocks", Blocks(1, 100)),
    opt("private_metadata", Str(0, 3000)),
    opt("callback_id", Str(0, 255)),
    opt("external_id", Str(0, 255)),
    opt("clear_on_close", Bool),
    opt("notify_on_close", Bool),
    opt("submit_disabled", Bool),
];

/// The fields of a block, besides `type` and `block_id`; `None` for an unknown type.
pub(super) fn block(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "header" => fields![req("text", Plain(150))],
        "section" => fields![
            opt("text", Text(TEXT)),
            opt("fields", Texts(10, 2000)),
            opt("accessory", Element(Accessory)),
            opt("expand", Bool),
        ],
        "divider" => &[],
        "context" => fields![req("elements", Elements(Context, 10))],
        "actions" => fields![req("elements", Elements(Actions, 25))],
        "input" => fields![
            req("label", Plain(2000)),
            req("element", Element(Input)),
            opt("hint", Plain(2000)),
            opt("optional", Bool),
            opt("dispatch_action", Bool),
        ],
        "rich_text" => fields![req("elements", RichParts)],
        "image" => fields![
            opt("image_url", Str(1, 3000)),
            opt("slack_file", Any),
            req("alt_text", Str(1, 2000)),
            opt("title", Plain(2000)),
        ],
        "markdown" => fields![req("text", Str(1, 12_000))],
        _ => return None,
    })
}

const PLACEHOLDER: Field = opt("placeholder", Plain(150));
const FOCUS: Field = opt("focus_on_load", Bool);
const CONFIRM: Field = opt("confirm", Confirm);
const DISPATCH: Field = opt("dispatch_action_config", Any);
const MAX_ITEMS: Field = opt("max_selected_items", Int(1, 100));
const GROUPS: Field = opt("option_groups", Groups);

/// The fields of an element, besides `type` and `action_id`, and the parents that accept it;
/// `None` for an unknown type.
pub(super) fn element(kind: &str) -> Option<(&'static [Parent], &'static [Field])> {
    select(kind)
        .or_else(|| multi_select(kind))
        .or_else(|| list(kind))
        .or_else(|| button_or_picker(kind))
        .or_else(|| text_input(kind))
}

fn select(kind: &str) -> Option<(&'static [Parent], &'static [Field])> {
    let parents: &[Parent] = &[Accessory, Actions, Input];
    Some(match kind {
        "static_select" => (
            parents,
            fields![
                PLACEHOLDER,
                opt("options", Options(100)),
                GROUPS,
                opt("initial_option", Rule::Option),
                CONFIRM,
                FOCUS,
            ],
        ),
        "external_select" => (
            parents,
            fields![
                PLACEHOLDER,
                opt("initial_option", Rule::Option),
                opt("min_query_length", Int(0, 3000)),
                CONFIRM,
                FOCUS,
            ],
        ),
        "users_select" => (parents, fields![PLACEHOLDER, opt("initial_user", Str(1, 255)), CONFIRM, FOCUS]),
        "channels_select" => (
            parents,
            fields![
                PLACEHOLDER,
                opt("initial_channel", Str(1, 255)),
                opt("response_url_enabled", Bool),
                CONFIRM,
                FOCUS,
            ],
        ),
        "conversations_select" => (
            parents,
            fields![
                PLACEHOLDER,
                opt("initial_conversation", Str(1, 255)),
                opt("default_to_current_conversation", Bool),
                opt("response_url_enabled", Bool),
                opt("filter", Any),
                CONFIRM,
                FOCUS,
            ],
        ),
        _ => return None,
    })
}

fn multi_select(kind: &str) -> Option<(&'static [Parent], &'static [Field])> {
    let parents: &[Parent] = &[Accessory, Input];
    Some(match kind {
        "multi_static_select" => (
            parents,
            fields![
                PLACEHOLDER,
                opt("options", Options(100)),
                GROUPS,
                opt("initial_options", ChosenOptions),
                MAX_ITEMS,
                CONFIRM,
                FOCUS,
            ],
        ),
        "multi_external_select" => (
            parents,
            fields![
                PLACEHOLDER,
                opt("initial_options", ChosenOptions),
                opt("min_query_length", Int(0, 3000)),
                MAX_ITEMS,
                CONFIRM,
                FOCUS,
            ],
        ),
        "multi_users_select" => {
            (parents, fields![PLACEHOLDER, opt("initial_users", Ids), MAX_ITEMS, CONFIRM, FOCUS])
        }
        _ => return None,
    })
}

fn list(kind: &str) -> Option<(&'static [Parent], &'static [Field])> {
    let single: &[Parent] = &[Accessory, Actions, Input];
    Some(match kind {
        "radio_buttons" => (
            single,
            fields![req("options", RichOptions(10)), opt("initial_option", Rule::Option), CONFIRM, FOCUS],
        ),
        "checkboxes" => (
            single,
            fields![req("options", RichOptions(10)), opt("initial_options", ChosenOptions), CONFIRM, FOCUS],
        ),
        "overflow" => (&[Accessory, Actions], fields![req("options", Options(5)), CONFIRM]),
        _ => return None,
    })
}

fn button_or_picker(kind: &str) -> Option<(&'static [Parent], &'static [Field])> {
    let parents: &[Parent] = &[Accessory, Actions, Input];
    Some(match kind {
        "button" => (
            &[Accessory, Actions],
            fields![
                req("text", Plain(75)),
                opt("url", Str(1, 3000)),
                opt("value", Str(0, 2000)),
                opt("style", One(&["primary", "danger"])),
                opt("accessibility_label", Str(1, 75)),
                CONFIRM,
            ],
        ),
        "datepicker" => (parents, fields![PLACEHOLDER, opt("initial_date", Date), CONFIRM, FOCUS]),
        "timepicker" => {
            (parents, fields![PLACEHOLDER, opt("initial_time", Time), opt("timezone", Any), CONFIRM, FOCUS])
        }
        "datetimepicker" => (
            &[Actions, Input],
            fields![opt("initial_date_time", Int(1_000_000_000, 9_999_999_999)), CONFIRM, FOCUS],
        ),
        "image" => (
            &[Accessory, Context],
            fields![opt("image_url", Str(1, 3000)), opt("slack_file", Any), req("alt_text", Str(1, 2000))],
        ),
        _ => return None,
    })
}

fn text_input(kind: &str) -> Option<(&'static [Parent], &'static [Field])> {
    Some(match kind {
        "plain_text_input" => (
            &[Input],
            fields![
                PLACEHOLDER,
                opt("initial_value", Str(0, 3000)),
                opt("multiline", Bool),
                opt("min_length", Int(0, 3000)),
                opt("max_length", Int(1, 3000)),
                DISPATCH,
                FOCUS,
            ],
        ),
        "email_text_input" | "url_text_input" => {
            (&[Input], fields![PLACEHOLDER, opt("initial_value", Str(0, 3000)), DISPATCH, FOCUS])
        }
        "number_input" => (
            &[Input],
            fields![
                PLACEHOLDER,
                req("is_decimal_allowed", Bool),
                opt("initial_value", Number),
                opt("min_value", Number),
                opt("max_value", Number),
                DISPATCH,
                FOCUS,
            ],
        ),
        "rich_text_input" => (&[Input], fields![PLACEHOLDER, opt("initial_value", Any), DISPATCH, FOCUS]),
        "file_input" => (&[Input], fields![opt("filetypes", Ids), opt("max_files", Int(1, 10))]),
        _ => return None,
    })
}

/// The fields of a confirmation dialog.
pub(super) const CONFIRM_DIALOG: &[Field] = fields![
    req("title", Plain(100)),
    req("text", Text(300)),
    opt("confirm", Plain(30)),
    opt("deny", Plain(30)),
    opt("style", One(&["primary", "danger"])),
];

/// The fields of an option of a select.
pub(super) const OPTION: &[Field] = fields![
    req("text", Plain(75)),
    req("value", Str(1, 150)),
    opt("description", Plain(75)),
    opt("url", Str(1, 3000)),
];

/// The fields of an option of radio buttons or checkboxes.
pub(super) const RICH_OPTION: &[Field] =
    fields![req("text", Text(75)), req("value", Str(1, 150)), opt("description", Text(75))];

/// The fields of a group of options.
pub(super) const GROUP: &[Field] = fields![req("label", Plain(75)), req("options", Options(100))];

/// The fields of a part of a `rich_text` block, besides `type`; `None` for an unknown type.
pub(super) fn rich_part(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "rich_text_section" => fields![req("elements", RichInline)],
        "rich_text_list" => fields![
            req("style", One(&["bullet", "ordered"])),
            req("elements", RichSections),
            opt("indent", Int(0, 8)),
            opt("offset", Int(0, 10_000)),
            opt("border", Int(0, 1)),
        ],
        "rich_text_quote" => fields![req("elements", RichInline), opt("border", Int(0, 1))],
        "rich_text_preformatted" => {
            fields![req("elements", RichInline), opt("border", Int(0, 1)), opt("language", Any)]
        }
        _ => return None,
    })
}

/// The fields of an inline element of rich text, besides `type`; `None` for an unknown type.
pub(super) fn rich_inline(kind: &str) -> Option<&'static [Field]> {
    const STYLE: Field = opt("style", Any);
    Some(match kind {
        "text" => fields![req("text", Str(1, 40_000)), STYLE],
        "link" => fields![req("url", Str(1, 3000)), opt("text", Str(0, 40_000)), opt("unsafe", Bool), STYLE],
        "user" => fields![req("user_id", Str(1, 255)), STYLE],
        "usergroup" => fields![req("usergroup_id", Str(1, 255)), STYLE],
        "channel" => fields![req("channel_id", Str(1, 255)), STYLE],
        "emoji" => fields![req("name", Str(1, 255)), opt("unicode", Any), opt("skin_tone", Any), STYLE],
        "broadcast" => fields![req("range", One(&["here", "channel", "everyone"])), STYLE],
        "color" => fields![req("value", Str(1, 255)), STYLE],
        "date" => fields![
            req("timestamp", Int(0, 9_999_999_999)),
            req("format", Str(1, 3000)),
            opt("url", Str(1, 3000)),
            opt("fallback", Str(0, 3000)),
            STYLE,
        ],
        _ => return None,
    })
}
