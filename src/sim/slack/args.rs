//! The arguments of one Web API call, sent as JSON, as a form or in the query, and the error response of a refused
//! call. It must not know any method.

use axum::{
    body::Bytes,
    http::{Method, Request, header},
};
use serde_json::{Map, Value, json};

/// Why a call is refused: the body with `"ok": false`.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// Slack's error code.
    pub(crate) code: String,
    details: Map<String, Value>,
}

impl Refusal {
    /// A refusal with an error code only.
    pub(crate) fn new(code: &str) -> Self {
        Self { code: code.to_owned(), details: Map::new() }
    }

    /// A refusal with a message for each error.
    pub(crate) fn with_messages(code: &str, messages: &[String]) -> Self {
        let mut refusal = Self::new(code);
        refusal.details.insert("response_metadata".to_owned(), json!({ "messages": messages }));
        refusal
    }

    /// The token lacks `needed`.
    pub(crate) fn missing_scope(needed: &str, provided: &[String]) -> Self {
        let mut refusal = Self::new("missing_scope");
        refusal.details.insert("needed".to_owned(), json!(needed));
        refusal.details.insert("provided".to_owned(), json!(provided.join(",")));
        refusal
    }

    /// The field `name` is missing.
    pub(crate) fn missing_field(name: &str) -> Self {
        let message = format!("[ERROR] missing required field: {name}");
        Self::with_messages("invalid_arguments", &[message])
    }

    /// The response body.
    pub(crate) fn body(&self) -> Value {
        let mut body = self.details.clone();
        body.insert("ok".to_owned(), json!(false));
        body.insert("error".to_owned(), json!(self.code));
        Value::Object(body)
    }
}

/// How the arguments were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In the query or as a form, or absent.
    Fields,
    /// As JSON.
    Json {
        /// Whether the content type named its charset.
        charset: bool,
    },
}

/// The arguments of one call, without the token.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    /// How they were sent.
    pub(crate) form: Form,
    /// The token, from the header or, in a form, from its field.
    pub(crate) token: Option<String>,
    fields: Map<String, Value>,
}

impl Args {
    /// Takes the arguments from a JSON object.
    pub(crate) fn from_json(body: &Value) -> Self {
        let fields = body.as_object().cloned().unwrap_or_default();
        Self { form: Form::Json { charset: true }, token: None, fields }
    }

    /// Parses the arguments of a request, and returns the refusal of an unreadable body.
    pub(crate) fn read(request: &Request<Bytes>) -> (Self, Option<Refusal>) {
        let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
        let mut args = Self { form: Form::Fields, token, fields: Map::new() };
        let query = request.uri().query().unwrap_or_default();
        let mut refusal = args.take_fields(query.as_bytes()).err();
        if request.method() != Method::GET && !request.body().is_empty() {
            refusal = args.take_body(request).err().or(refusal);
        }
        if let Some(Value::String(token)) = args.fields.remove("token")
            && args.form == Form::Fields
        {
            args.token.get_or_insert(token);
        }
        (args, refusal)
    }

    fn take_body(&mut self, request: &Request<Bytes>) -> Result<(), Refusal> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json" => {
                self.form = Form::Json { charset: content_type.contains("charset") };
                match serde_json::from_slice(request.body()) {
                    Ok(Value::Object(fields)) => self.fields.extend(fields),
                    Ok(_) => return Err(Refusal::new("json_not_object")),
                    Err(_) => return Err(Refusal::new("invalid_json")),
                }
                Ok(())
            }
            "application/x-www-form-urlencoded" => self.take_fields(request.body()),
            _ => Err(Refusal::new("invalid_post_type")),
        }
    }

    fn take_fields(&mut self, encoded: &[u8]) -> Result<(), Refusal> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_bytes(encoded).map_err(|_| Refusal::new("invalid_form_data"))?;
        self.fields.extend(pairs.into_iter().map(|(name, value)| (name, Value::String(value))));
        Ok(())
    }

    /// All arguments, for the call record.
    pub(crate) fn recorded(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// A string, a number or a list of strings, as text. Empty text counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.fields.get(name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            // Slack accepts a JSON list where a form has a comma-separated one.
            Value::Array(items) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                texts.map(|texts| texts.join(",")).filter(|joined| !joined.is_empty())
            }
            _ => None,
        }
    }

    /// A required string.
    pub(crate) fn required(&self, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing_field(name))
    }

    /// A flag, as JSON or as text.
    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.fields.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text == "true" || text == "1",
            _ => false,
        }
    }

    /// The page size, between 1 and `max`.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, Refusal> {
        let Some(text) = self.text("limit") else { return Ok(default) };
        let limit = text.parse().map_err(|_| Refusal::new("invalid_limit"))?;
        if limit == 0 || limit > max { Err(Refusal::new("invalid_limit")) } else { Ok(limit) }
    }

    /// JSON, or text that contains JSON, as forms send it. `null` counts as absent.
    pub(crate) fn json(&self, name: &str, error_code: &str) -> Result<Option<Value>, Refusal> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => {
                serde_json::from_str(text).map(Some).map_err(|_| Refusal::new(error_code))
            }
            Some(value) => Ok(Some(value.clone())),
        }
    }
}
