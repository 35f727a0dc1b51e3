//! The first document of a YAML text as a tree whose values know their line.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

/// No configuration nests deeper than a handful of levels; the bound keeps the stack small on hostile text.
const DEPTH_LIMIT: usize = 32;

/// Values a document may have after its aliases are replaced: many clusters, and no explosion.
const NODE_LIMIT: usize = 50_000;

/// A value and the line it begins in, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Null,
    /// `plain`: written without quotes, so it may be a bool or a number.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Value>),
    Mapping(Vec<(Key, Value)>),
}

/// A key and the line it stands in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Value {
    /// A mapping, or nothing, which reads as an empty one.
    pub(super) fn can_be_mapping(&self) -> bool {
        matches!(self.kind, Kind::Mapping(_) | Kind::Null)
    }

    /// What it is, for a message. Never the text itself: it may be a secret.
    pub(super) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }
}

/// The first document; `None` when there is none at all. The error names the line.
pub(super) fn parse(text: &str) -> Result<Option<Value>, String> {
    let mut builder = Builder::default();
    for step in Parser::new_from_str(text) {
        let (event, span) = step.map_err(|error| format!("not YAML: {error}"))?;
        let line = span.start.line();
        if builder
            .accept(event, line)
            .map_err(|problem| format!("line {line}: {problem}"))?
        {
            break;
        }
    }
    let nothing = || Value {
        line: 1,
        kind: Kind::Null,
    };
    Ok(builder.document.or_else(|| builder.begun.then(nothing)))
}

/// A list or mapping whose end has not come yet.
struct Open {
    anchor: usize,
    line: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Value>),
    Mapping(Vec<(Key, Value)>, Option<Key>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Value, usize)>,
    nodes: usize,
    begun: bool,
    document: Option<Value>,
}

impl Builder {
    /// Takes the next event; true once the first document is complete.
    fn accept(&mut self, event: Event<'_>, line: usize) -> Result<bool, String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let kind = scalar(&text, style, tag.as_deref());
                self.value(Value { line, kind }, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, line, OpenKind::List(Vec::new()))?,
            Event::MappingStart(anchor, _) => {
                self.begin(anchor, line, OpenKind::Mapping(Vec::new(), None))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::Alias(anchor) => {
                let (value, size) = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or("an alias stands inside its own anchor")?;
                self.count(size)?;
                self.value(value, 0)?;
            }
            Event::DocumentStart(_) => self.begun = true,
            Event::DocumentEnd | Event::StreamEnd => return Ok(true),
            Event::Nothing | Event::StreamStart => {}
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

    fn begin(&mut self, anchor: usize, line: usize, kind: OpenKind) -> Result<(), String> {
        if self.open.len() == DEPTH_LIMIT {
            return Err(format!("nested deeper than {DEPTH_LIMIT} levels"));
        }
        self.open.push(Open { anchor, line, kind });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let open = self.open.pop().ok_or("an end without a beginning")?;
        let kind = match open.kind {
            OpenKind::List(items) => Kind::List(items),
            OpenKind::Mapping(members, _) => Kind::Mapping(merged(members)?),
        };
        self.value(
            Value {
                line: open.line,
                kind,
            },
            open.anchor,
        )
    }

    fn value(&mut self, value: Value, anchor: usize) -> Result<(), String> {
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
                None => *key = Some(key_of(value)?),
            },
        }
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    match &value.kind {
        Kind::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Kind::Mapping(members) => 1 + members.iter().map(|(_, member)| size(member)).sum::<usize>(),
        Kind::Null | Kind::Scalar { .. } => 1,
    }
}

fn key_of(value: Value) -> Result<Key, String> {
    match value.kind {
        Kind::Scalar { text, .. } => Ok(Key {
            text,
            line: value.line,
        }),
        Kind::Null => Ok(Key {
            text: "null".to_owned(),
            line: value.line,
        }),
        Kind::List(_) | Kind::Mapping(_) => Err("a key has to be a text".to_owned()),
    }
}

/// Members with `<<` replaced by what it refers to; a key of the mapping itself wins. A key may stand only once.
fn merged(members: Vec<(Key, Value)>) -> Result<Vec<(Key, Value)>, String> {
    let (inherited, mut own): (Vec<_>, Vec<_>) = members.into_iter().partition(|(key, _)| key.text == "<<");
    for (place, (key, _)) in own.iter().enumerate() {
        if own
            .iter()
            .take(place)
            .any(|(earlier, _)| earlier.text == key.text)
        {
            return Err(format!(
                "key `{}` of line {} stands there twice; remove one",
                key.text, key.line
            ));
        }
    }
    for (_, value) in inherited {
        let sources = match value.kind {
            Kind::List(items) => items,
            _ => vec![value],
        };
        for source in sources {
            let Kind::Mapping(more) = source.kind else {
                return Err("`<<` has to refer to a mapping".to_owned());
            };
            for (key, value) in more {
                if own.iter().all(|(existing, _)| existing.text != key.text) {
                    own.push((key, value));
                }
            }
        }
    }
    Ok(own)
}

/// An empty plain scalar, `~` and `null` are nothing; the tag `!!str` makes everything a text.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Kind {
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    let plain = style == ScalarStyle::Plain && !is_text;
    if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        Kind::Null
    } else {
        Kind::Scalar {
            text: text.to_owned(),
            plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        let Some(Value {
            kind: Kind::Mapping(members),
            ..
        }) = parse(text).unwrap()
        else {
            panic!("no mapping")
        };
        members
            .into_iter()
            .map(|(key, value)| format!("{}@{}:{}", key.text, key.line, value.what()))
            .collect()
    }

    #[test]
    fn values_know_their_lines_and_only_the_first_document_counts() {
        assert_eq!(
            keys("# c\na:\n  - x\nb: {c: 1}\nd:\ne: 'f'\n---\nz: 1\n"),
            ["a@2:a list", "b@4:a mapping", "d@5:nothing", "e@6:a single value"]
        );
    }

    #[test]
    fn no_document_differs_from_an_empty_one() {
        for text in ["", "\n", "# only a comment\n"] {
            assert_eq!(parse(text).unwrap(), None, "{text:?}");
        }
        assert_eq!(parse("---\n").unwrap().map(|value| value.kind), Some(Kind::Null));
    }

    #[test]
    fn anchors_and_merges_work_and_explode_nothing() {
        assert_eq!(
            keys("x: &x {a: 1, b: 2}\ny: *x\n"),
            ["x@1:a mapping", "y@2:a mapping"]
        );
        let Some(Value {
            kind: Kind::Mapping(members),
            ..
        }) = parse("x: &x {a: 1, b: 2}\ny: {<<: *x, b: [3]}\n").unwrap()
        else {
            panic!("no mapping")
        };
        let Kind::Mapping(y) = &members[1].1.kind else {
            panic!("no mapping")
        };
        let y: Vec<_> = y
            .iter()
            .map(|(key, value)| (key.text.as_str(), value.what()))
            .collect();
        assert_eq!(y, [("b", "a list"), ("a", "a single value")]);
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let line = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{line}]\n"));
        }
        assert!(parse(&bomb).unwrap_err().contains("more than 50000 values"));
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert!(parse(&deep).unwrap_err().contains("nested deeper"));
        assert!(parse(&"[".repeat(100_000)).is_err(), "and no stack overflow");
    }

    #[test]
    fn a_key_stands_only_once() {
        let error = parse("a:\n  b: 1\n  c: 2\n  b: 3\n").unwrap_err();
        assert!(error.contains("key `b` of line 4 stands there twice"), "{error}");
    }
}
