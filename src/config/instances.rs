//! The Marketo instances and their credentials: `[marketo]` with the `MARKETO_` variables, or `[[instance]]` blocks that
//! name their own variables.

use secrecy::SecretString;
use toml::{Table, Value};

use super::{
    address,
    environment::Environment,
    error::ConfigErrors,
    keys,
    section::{Section, unexpected, wrong_type},
};
use crate::marketo::Identity;

/// The longest name of an instance, in characters: Slack's limit for the text of an option.
const MAX_NAME: usize = 75;
/// How many instances there may be: Slack's limit for the options of a select menu.
const MAX_INSTANCES: usize = 100;

/// A Marketo instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The name that people see.
    pub name: String,
    /// The REST base URL, without `/rest` and without a trailing slash.
    pub base_url: String,
    /// The client id of the custom service.
    pub client_id: String,
    /// The client secret of the custom service.
    pub client_secret: SecretString,
    /// The identity system of the instance.
    pub identity: Identity,
    /// How many calls the bot may make in any 20 seconds.
    pub calls_per_20s: u32,
    /// How many calls the bot may make at the same time.
    pub max_concurrent: u32,
    /// Where the base URL and the credentials are set.
    pub set_at: SetAt,
}

/// Where the base URL and the credentials of an instance are set, for error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAt {
    /// The variable or the key of the base URL.
    pub base_url: String,
    /// The variable of the client id.
    pub client_id: String,
    /// The variable of the client secret.
    pub client_secret: String,
}

/// The base URL and the credentials of an instance.
struct Access {
    base_url: String,
    client_id: String,
    client_secret: SecretString,
    set_at: SetAt,
}

/// The environment variables that the `[[instance]]` blocks of a configuration file name.
pub fn credentials_in(text: &str) -> Vec<String> {
    let root: Table = text.parse().unwrap_or_default();
    let blocks = root.get("instance").and_then(Value::as_array).into_iter().flatten();
    let names = blocks.flat_map(|block| ["client_id_env", "client_secret_env"].map(|key| block.get(key)));
    names.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Reads the instances. Leaves out those with an error.
pub(super) fn read(root: &Table, environment: &Environment, errors: &ConfigErrors) -> Vec<Instance> {
    let marketo = Section::open(root, "marketo", keys::MARKETO, errors);
    let Some(blocks) = root.get("instance") else {
        let access = from_variables(environment, errors);
        let instance = settings(&marketo, access, Some("production"));
        return instance.into_iter().collect();
    };
    if root.contains_key("marketo") {
        errors.add("marketo", "is present, and so is [[instance]]: expected only one of them");
    }
    let Some(blocks) = blocks.as_array() else {
        errors.add("instance", wrong_type("[[instance]] blocks", blocks));
        return Vec::new();
    };
    match blocks.len() {
        0 => errors.add("instance", "is empty: expected an [[instance]] block"),
        1..=MAX_INSTANCES => {}
        count => errors.add("instance", format!("has {count} blocks: expected at most {MAX_INSTANCES}")),
    }
    reject_duplicate_names(blocks, errors);
    let block = |(index, value)| {
        let path = format!("instance[{index}]");
        let section = Section::of(value, path.clone(), keys::INSTANCE, errors);
        let access = from_block(&section, &path, environment, errors);
        settings(&section, access, None)
    };
    let instances: Vec<Option<Instance>> = blocks.iter().enumerate().map(block).collect();
    reject_duplicate_addresses(&instances, errors);
    instances.into_iter().flatten().collect()
}

fn reject_duplicate_names(blocks: &[Value], errors: &ConfigErrors) {
    let names: Vec<Option<&str>> = blocks.iter().map(|block| block.get("name")?.as_str()).collect();
    for (index, name) in names.iter().enumerate().filter(|(_, name)| name.is_some()) {
        if let Some(earlier) = names[..index].iter().position(|other| other == name) {
            errors.add(format!("instance[{index}].name"), format!("is also the name of instance[{earlier}]"));
        }
    }
}

/// Two blocks for one instance would exceed its rate limits together, and adopt each other's users.
fn reject_duplicate_addresses(instances: &[Option<Instance>], errors: &ConfigErrors) {
    let addresses: Vec<Option<&str>> =
        instances.iter().map(|instance| Some(instance.as_ref()?.base_url.as_str())).collect();
    for (index, address) in addresses.iter().enumerate().filter(|(_, address)| address.is_some()) {
        if let Some(earlier) = addresses[..index].iter().position(|other| other == address) {
            let text = format!("is also the address of instance[{earlier}]");
            errors.add(format!("instance[{index}].base_url"), text);
        }
    }
}

/// Reads the keys that `[marketo]` and `[[instance]]` share. Without a default name, `name` is required.
fn settings(section: &Section<'_>, access: Option<Access>, default_name: Option<&str>) -> Option<Instance> {
    let expected = "the instance's name, such as \"production\"";
    let name = section.text("name", expected, name).or_else(|| default_name.map(str::to_owned));
    if name.is_none() {
        section.require("name", expected);
    }
    let identities = [("auto", Identity::Auto), ("marketo", Identity::Marketo), ("adobe", Identity::Adobe)];
    let identity = section.choice("identity", &identities, Identity::Auto);
    let calls_per_20s = section.whole("calls_per_20s", 1..=100, 50);
    let max_concurrent = section.whole("max_concurrent", 1..=10, 5);
    let Access { base_url, client_id, client_secret, set_at } = access?;
    Some(Instance {
        name: name?,
        base_url,
        client_id,
        client_secret,
        identity,
        calls_per_20s,
        max_concurrent,
        set_at,
    })
}

fn from_variables(environment: &Environment, errors: &ConfigErrors) -> Option<Access> {
    let variable = "MARKETO_BASE_URL";
    let base_url = match environment.get(variable) {
        Some(text) => address::marketo_base_url(text).map_err(|problem| errors.add(variable, problem)).ok(),
        None => {
            errors.add(
                variable,
                "is not set: expected the instance's base URL, such as https://123-ABC-456.mktorest.com",
            );
            None
        }
    };
    let token = |name, what| environment.required_token(name, what, errors);
    let client_id = token("MARKETO_CLIENT_ID", "the client id of the custom service");
    let client_secret = token("MARKETO_CLIENT_SECRET", "the client secret of the custom service");
    let set_at = SetAt {
        base_url: variable.to_owned(),
        client_id: "MARKETO_CLIENT_ID".to_owned(),
        client_secret: "MARKETO_CLIENT_SECRET".to_owned(),
    };
    Some(Access { base_url: base_url?, client_id: client_id?, client_secret: client_secret?.into(), set_at })
}

fn from_block(
    section: &Section<'_>,
    path: &str,
    environment: &Environment,
    errors: &ConfigErrors,
) -> Option<Access> {
    let expected = "the instance's base URL, such as \"https://123-ABC-456.mktorest.com\"";
    section.require("base_url", expected);
    let base_url = section.text("base_url", expected, address::marketo_base_url);
    let client_id = from_named_variable(section, "client_id_env", environment, errors);
    let client_secret = from_named_variable(section, "client_secret_env", environment, errors);
    let ((client_id_at, client_id), (client_secret_at, client_secret)) = (client_id?, client_secret?);
    let set_at = SetAt {
        base_url: format!("{path}.base_url"),
        client_id: client_id_at,
        client_secret: client_secret_at,
    };
    Some(Access { base_url: base_url?, client_id, client_secret: client_secret.into(), set_at })
}

/// The environment variable that `key` names, and its secret.
fn from_named_variable(
    section: &Section<'_>,
    key: &str,
    environment: &Environment,
    errors: &ConfigErrors,
) -> Option<(String, String)> {
    let expected = "the name of an environment variable, such as \"MARKETO_EU_SECRET\"";
    section.require(key, expected);
    let variable = section.text(key, expected, |text| variable_name(text, expected))?;
    let found = errors.value_of(environment.token(&variable))?;
    if found.is_none() {
        section.reject(key, format!("the environment variable {variable} (or {variable}_FILE) is not set"));
    }
    Some((variable, found?))
}

/// The error does not repeat `text`, which may be the secret itself.
fn variable_name(text: &str, expected: &str) -> Result<String, String> {
    let is_name = text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_name {
        Ok(text.to_owned())
    } else {
        Err(format!("is not a name of capital letters, digits and underscores: expected {expected}"))
    }
}

fn name(text: &str) -> Result<String, String> {
    let is_good = !text.trim().is_empty()
        && text.chars().count() <= MAX_NAME
        && !text.contains(|c: char| c.is_control());
    if is_good {
        Ok(text.to_owned())
    } else {
        Err(unexpected(text, "a name of 1 to 75 characters in one line"))
    }
}
