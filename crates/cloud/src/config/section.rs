use std::time::Duration;

use jiff::SignedDuration;

use super::report::Report;
use super::yaml::{Key, Kind, Value};

/// One mapping of the file, read key by key. What nobody asked for is an unknown key.
pub(super) struct Section<'a> {
    /// Where it is, for messages: `features.network`, or `cluster 2`. Empty at the top.
    path: String,
    members: &'a [(Key, Value)],
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The mapping in `value`; an empty one when there is nothing. Anything else is a problem.
    pub(super) fn new(path: &str, value: Option<&'a Value>, report: &mut Report) -> Self {
        let members = match value.map(|value| &value.kind) {
            Some(Kind::Mapping(members)) => members.as_slice(),
            None | Some(Kind::Null) => &[],
            Some(Kind::Scalar { .. } | Kind::List(_)) => {
                let (line, what) = value.map_or((1, "nothing"), |value| (value.line, value.what()));
                report.problem(format!(
                    "line {line}: {path} has to be a mapping of keys, and it is {what}"
                ));
                &[]
            }
        };
        Self {
            path: path.to_owned(),
            members,
            asked: Vec::new(),
        }
    }

    /// Where a key is, for messages.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else if self.path.starts_with("cluster ") {
            format!("{}: {key}", self.path)
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The raw value of a key; `None` when it is missing or nothing.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let (_, value) = self.members.iter().find(|(name, _)| name.text == key)?;
        (value.kind != Kind::Null).then_some(value)
    }

    /// A mapping below this one.
    pub(super) fn section(&mut self, key: &'static str, report: &mut Report) -> Section<'a> {
        let path = self.name(key);
        Section::new(&path, self.value(key), report)
    }

    /// A list; empty when missing, `None` when it is something else, which is then a problem.
    pub(super) fn list(&mut self, key: &'static str, report: &mut Report) -> Option<&'a [Value]> {
        match self.value(key) {
            None => Some(&[]),
            Some(Value {
                kind: Kind::List(items),
                ..
            }) => Some(items),
            Some(other) => {
                self.wrong(key, other, "a list", report);
                None
            }
        }
    }

    /// A text. Numbers and bools are texts too, as written.
    pub(super) fn text(&mut self, key: &'static str, report: &mut Report) -> Option<&'a str> {
        let value = self.value(key)?;
        match &value.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => {
                self.wrong(key, value, "a text", report);
                None
            }
        }
    }

    /// A list of texts; one text alone is a list of one.
    pub(super) fn texts(&mut self, key: &'static str, report: &mut Report) -> Vec<&'a str> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let items = match &value.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match &item.kind {
                Kind::Scalar { text, .. } => texts.push(text.as_str()),
                _ => self.wrong(key, item, "a list of texts", report),
            }
        }
        texts
    }

    /// A switch: `true` and `false`, and the words of YAML 1.1 that the replaced controller takes.
    pub(super) fn switch(&mut self, key: &'static str, default: bool, report: &mut Report) -> bool {
        let Some(value) = self.value(key) else {
            return default;
        };
        if let Kind::Scalar { text, plain: true } = &value.kind {
            match text.as_str() {
                "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
                    return true;
                }
                "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
                    return false;
                }
                _ => {}
            }
        }
        self.wrong(key, value, "true or false, without quotes", report);
        default
    }

    /// One of a few words; empty counts as missing. `None` also when it is none of them, which is then a problem.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        report: &mut Report,
    ) -> Option<T> {
        let text = self.text(key, report).filter(|text| !text.is_empty())?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            report.problem(format!(
                "line {}: {} is \"{text}\"; use one of {}",
                self.line(key),
                self.name(key),
                known.join(", ")
            ));
        }
        found.map(|(_, choice)| *choice)
    }

    /// A time such as `10s` or `1m30s`; a bare number is seconds. More than nothing, and at most an hour.
    pub(super) fn duration(&mut self, key: &'static str, default: Duration, report: &mut Report) -> Duration {
        let Some(text) = self.text(key, report).filter(|text| !text.is_empty()) else {
            return default;
        };
        let seconds = text.parse().ok().map(Duration::from_secs);
        let written = || {
            text.parse::<SignedDuration>()
                .ok()
                .and_then(|time| Duration::try_from(time).ok())
        };
        match seconds.or_else(written) {
            Some(time) if !time.is_zero() && time <= Duration::from_secs(3600) => time,
            _ => {
                report.problem(format!(
                    "line {}: {} is \"{text}\"; write a time up to an hour, as 10s",
                    self.line(key),
                    self.name(key)
                ));
                default
            }
        }
    }

    /// The line of a key, for messages; 1 when it is missing.
    pub(super) fn line(&self, key: &str) -> usize {
        self.members
            .iter()
            .find(|(name, _)| name.text == key)
            .map_or(1, |(name, _)| name.line)
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &str, report: &mut Report) {
        report.problem(format!(
            "line {}: {} has to be {wanted}, and it is {}",
            value.line,
            self.name(key),
            if wanted.starts_with("true") {
                "something else"
            } else {
                value.what()
            }
        ));
    }

    /// Warns about every key that nobody asked for.
    pub(super) fn finish(self, report: &mut Report) {
        for (key, _) in self.members {
            if !self.asked.iter().any(|asked| *asked == key.text) {
                report.warning(format!(
                    "line {}: unknown key `{}` is ignored; known here: {}",
                    key.line,
                    self.name(&key.text),
                    self.asked.join(", ")
                ));
            }
        }
    }
}
