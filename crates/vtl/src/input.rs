//! `$input`: the message's body and parameters.

use crate::error::Fault;
use crate::json::{self, JsonFault};
use crate::jsonpath::JsonPath;
use crate::method::Call;
use crate::print::Sink;
use crate::render::{Machine, Result};
use crate::tree::Constant;
use crate::value::{MapId, Value};

impl Machine<'_> {
    pub(crate) fn input_body(&mut self) -> Result<Value> {
        let Some(message) = self.message else { return Ok(Value::Null) };
        self.heap.text(&message.body())
    }

    pub(crate) fn input_method(&mut self, call: &Call<'_>) -> Result<Option<Value>> {
        Ok(Some(match (call.name, call.arguments) {
            ("path", [_]) => self.found(call)?.unwrap_or(Value::Null),
            ("json", [_]) => {
                let text = match self.found(call)? {
                    Some(value) => self.json_text(&value)?,
                    None => "\"\"".to_owned(),
                };
                self.heap.text(&text)?
            }
            ("params", []) => self.params()?,
            ("params", [Value::Text(name)]) => self.param(name)?,
            ("getBody", []) => self.input_body()?,
            _ => return Ok(None),
        }))
    }

    fn json_text(&mut self, value: &Value) -> Result<String> {
        let mut text = String::new();
        self.heap.print_json(value, &mut Sink { text: &mut text, bytes_max: self.limits.output_bytes })?;
        self.spend(text.len() / 16)?;
        Ok(text)
    }

    /// What a path finds in the body.
    fn found(&mut self, call: &Call<'_>) -> Result<Option<Value>> {
        let made;
        let path = match (call.constant, call.only_text()) {
            (Constant::Path(path), _) => path,
            (_, Some(path)) => {
                self.spend(path.len())?;
                made = JsonPath::parse(path);
                self.spend(made.as_ref().map_or(0, JsonPath::cost))?;
                &made
            }
            (_, None) => return Ok(None),
        };
        let path = path
            .as_ref()
            .map_err(|what| call.throws(format!("com.jayway.jsonpath.InvalidPathException: {what}")))?;
        let Some(document) = self.document(path.is_root() && call.name == "json")? else { return Ok(None) };
        let mut steps = *self.steps_left();
        let found = path.read(&document, &mut self.heap, &mut steps);
        *self.steps_left() = steps;
        found
    }

    /// The body, read when it is first asked for. Of an empty one there is nothing, and `{}` where all of it is asked
    /// for as JSON.
    fn document(&mut self, as_json: bool) -> Result<Option<Value>> {
        if let Some(document) = &self.document {
            return Ok(Some(document.clone()));
        }
        let Some(message) = self.message else { return Ok(None) };
        let body = message.body();
        if body.trim().is_empty() {
            return Ok(if as_json { Some(Value::Map(self.heap.new_map()?)) } else { None });
        }
        self.spend(body.len() / 32)?;
        let document = json::parse(&body, &mut self.heap).map_err(|fault| match fault {
            JsonFault::Syntax(what) => Fault::Body(what),
            JsonFault::Limit(fault) => fault,
        })?;
        self.document = Some(document.clone());
        Ok(Some(document))
    }

    fn params(&mut self) -> Result<Value> {
        if let Some(params) = &self.params {
            return Ok(params.clone());
        }
        let Some(message) = self.message else { return Ok(Value::Null) };
        let params = message.params();
        let map = self.heap.new_map()?;
        let kinds = [("path", params.path), ("querystring", params.querystring), ("header", params.header)];
        for (name, entries) in kinds {
            let inner = self.heap.new_map()?;
            for (key, value) in entries {
                let (key, value) = (self.heap.text(&key)?, self.heap.text(&value)?);
                self.heap.put(inner, key, value)?;
            }
            self.heap.put(map, Value::text(name), Value::Map(inner))?;
        }
        self.params = Some(Value::Map(map));
        Ok(Value::Map(map))
    }

    /// A parameter of the path, else of the query, else a header.
    fn param(&mut self, name: &str) -> Result<Value> {
        let Value::Map(params) = self.params()? else { return Ok(Value::Null) };
        for kind in ["path", "querystring", "header"] {
            let Some(Value::Map(inner)) = self.heap.map(params).get_text(kind) else { continue };
            let found = self.heap.map(*inner).get_text(name).cloned();
            let found = found.or_else(|| (kind == "header").then(|| self.header(*inner, name)).flatten());
            if let Some(found) = found {
                return Ok(found);
            }
        }
        Ok(Value::Null)
    }

    /// Headers are found however they are written.
    fn header(&self, headers: MapId, name: &str) -> Option<Value> {
        let same = |key: &Value| matches!(key, Value::Text(key) if key.eq_ignore_ascii_case(name));
        self.heap.map(headers).iter().find(|(key, _)| same(key)).map(|(_, value)| value.clone())
    }
}
