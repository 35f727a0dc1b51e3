//! A YAML document as a [`Json`] value: kubeconfigs are YAML, and JSON is YAML too.
//!
//! Numbers stay text, because no key of a kubeconfig is a number and a token of digits must not lose its zeros.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::json::{Json, Object};

/// No kubeconfig nests deeper than a handful of levels; the bound keeps the stack small on hostile input.
const DEPTH_LIMIT: usize = 64;

/// Nodes a document may have after its aliases are replaced: a few hundred clusters and users, and no explosion.
const NODE_LIMIT: usize = 100_000;

/// The first document of `text`; an empty text is `null`. The error says what is wrong and in which line.
pub(crate) fn parse(text: &str) -> Result<Json, String> {
    let mut builder = Builder::default();
    for step in Parser::new_from_str(text) {
        let (event, span) = step.map_err(|error| format!("not YAML: {error}"))?;
        let finished = builder
            .accept(event)
            .map_err(|problem| format!("line {}: {problem}", span.start.line()))?;
        if finished {
            break;
        }
    }
    Ok(builder.document.unwrap_or(Json::Null))
}

/// A list or mapping whose end has not come yet.
struct Open {
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Json>),
    Mapping(Vec<(String, Json)>, Option<String>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Json, usize)>,
    nodes: usize,
    document: Option<Json>,
}

impl Builder {
    /// Takes the next event; true once the first document is complete.
    fn accept(&mut self, event: Event<'_>) -> Result<bool, String> {
        match event {
            Event::Scalar(text, style, anchor, _) => self.value(scalar(&text, style), anchor)?,
            Event::SequenceStart(anchor, _) => self.begin(anchor, OpenKind::List(Vec::new()))?,
            Event::MappingStart(anchor, _) => self.begin(anchor, OpenKind::Mapping(Vec::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::Alias(anchor) => {
                let (value, size) = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or("an alias inside its own anchor")?;
                self.count(size)?;
                self.value(value, 0)?;
            }
            Event::DocumentEnd | Event::StreamEnd => return Ok(true),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
        }
        Ok(false)
    }

    fn count(&mut self, more: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > NODE_LIMIT {
            Err(format!("more than {NODE_LIMIT} values"))
        } else {
            Ok(())
        }
    }

    fn begin(&mut self, anchor: usize, kind: OpenKind) -> Result<(), String> {
        if self.open.len() == DEPTH_LIMIT {
            return Err(format!("nested deeper than {DEPTH_LIMIT} levels"));
        }
        self.open.push(Open { anchor, kind });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let open = self.open.pop().ok_or("an end without a beginning")?;
        let value = match open.kind {
            OpenKind::List(items) => Json::List(items),
            OpenKind::Mapping(members, _) => Json::Object(members.into_iter().collect::<Object>()),
        };
        self.value(value, open.anchor)
    }

    fn value(&mut self, value: Json, anchor: usize) -> Result<(), String> {
        self.count(1)?;
        if anchor != 0 {
            let size = size(&value);
            self.count(size)?;
            self.anchors.insert(anchor, (value.clone(), size));
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.document = Some(value),
            Some(OpenKind::List(items)) => items.push(value),
            Some(OpenKind::Mapping(members, key)) => match key.take() {
                Some(name) => members.push((name, value)),
                None => *key = Some(key_text(value)?),
            },
        }
        Ok(())
    }
}

fn size(value: &Json) -> usize {
    match value {
        Json::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Json::Object(object) => 1 + object.iter().map(|(_, member)| size(member)).sum::<usize>(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 1,
    }
}

fn key_text(key: Json) -> Result<String, String> {
    match key {
        Json::String(text) => Ok(text),
        Json::Bool(value) => Ok(value.to_string()),
        Json::Null => Ok("null".to_owned()),
        Json::Number(_) | Json::List(_) | Json::Object(_) => Err("a key that is not a text".to_owned()),
    }
}

/// Plain scalars by the core schema of YAML 1.2 §10.3.2, numbers aside.
fn scalar(text: &str, style: ScalarStyle) -> Json {
    if style != ScalarStyle::Plain {
        return Json::from(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        _ => Json::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::json::Json;

    fn same(yaml: &str, json: &str) {
        assert_eq!(
            parse(yaml).unwrap(),
            serde_json::from_str::<Json>(json).unwrap(),
            "{yaml}"
        );
    }

    #[test]
    fn block_flow_and_json_forms_read_the_same() {
        let json = r#"{"a": {"b": ["x", "y z"], "c": true, "d": null}, "e": "1"}"#;
        same("a:\n  b:\n  - x\n  - y z\n  c: true\n  d:\ne: 1\n", json);
        same("---\na: {b: [x, 'y z'], c: true, d: ~}\ne: \"1\"\n...\n", json);
        same(json, json);
        same("# only a comment\n", "null");
        same("", "null");
    }

    #[test]
    fn block_scalars_keep_their_lines() {
        same(
            "pem: |\n  one\n  two\nfolded: >-\n  a\n  b\n",
            r#"{"pem": "one\ntwo\n", "folded": "a b"}"#,
        );
    }

    #[test]
    fn aliases_are_replaced() {
        same("a: &x {k: v}\nb: *x\n", r#"{"a": {"k": "v"}, "b": {"k": "v"}}"#);
    }

    #[test]
    fn only_the_first_document_counts() {
        same("a: b\n---\nc: d\n", r#"{"a": "b"}"#);
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let line = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{line}]\n"));
        }
        assert!(parse(&bomb).unwrap_err().contains("more than 100000 values"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(parse(&"[".repeat(5000)).is_err());
    }

    #[test]
    fn an_error_names_the_line() {
        let problem = parse("a: b\nc: [d\n").unwrap_err();
        assert!(problem.contains("line"), "{problem}");
    }
}
