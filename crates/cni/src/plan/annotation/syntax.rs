//! The grammar: JSON, but keys may be bare identifiers and an object may end with a comma.

use super::SyntaxError;
use crate::json::Json;

/// Deeper than any configuration; keeps the stack small on hostile input.
const DEPTH_LIMIT: usize = 32;

/// More than any section has; members are searched one by one.
const MEMBER_LIMIT: usize = 256;

type Members = Vec<(String, Json)>;

/// White space between tokens (RFC 8259 §2).
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Members without braces around them.
pub(super) fn members(text: &str) -> Result<Members, SyntaxError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let members = parser.members(None)?;
    parser.end()?;
    Ok(members)
}

/// One object and nothing else.
pub(super) fn object(text: &str) -> Result<Members, SyntaxError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    parser.expect('{')?;
    let members = parser.members(Some('}'))?;
    parser.end()?;
    Ok(members)
}

/// One value and nothing else.
pub(super) fn value(text: &str) -> Result<Json, SyntaxError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let value = parser.value()?;
    parser.end()?;
    Ok(value)
}

/// Adds a member, or replaces the value of the one with the same key.
pub(super) fn put(members: &mut Members, key: String, value: Json) {
    match members.iter_mut().find(|(name, _)| *name == key) {
        Some((_, old)) => *old = value,
        None => members.push((key, value)),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        // `at` moves over whole characters only.
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character that is not white space, without taking it.
    fn peek(&mut self) -> Option<char> {
        self.at = self.text.len() - self.rest().trim_start_matches(is_space).len();
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), SyntaxError> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("expected \"{wanted}\"")))
        }
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("expected a comma or the end")),
        }
    }

    fn error(&self, problem: impl Into<String>) -> SyntaxError {
        SyntaxError {
            offset: self.at,
            problem: problem.into(),
        }
    }

    fn unexpected(&mut self, problem: &str) -> SyntaxError {
        match self.peek() {
            Some(found) => self.error(format!("{problem}, found {found:?}")),
            None => self.error(format!("{problem}, found the end")),
        }
    }

    /// Members up to `close`, or up to the end of the text.
    fn members(&mut self, close: Option<char>) -> Result<Members, SyntaxError> {
        let mut members = Members::new();
        loop {
            if self.closed(close) {
                return Ok(members);
            }
            let key = self.key()?;
            self.expect(':')?;
            let value = self.value()?;
            put(&mut members, key, value);
            if members.len() > MEMBER_LIMIT {
                return Err(self.error(format!("more than {MEMBER_LIMIT} members in one object")));
            }
            if !self.take(',') {
                return if self.closed(close) {
                    Ok(members)
                } else {
                    Err(self.unexpected("expected a comma or the end; values are plain JSON"))
                };
            }
        }
    }

    fn closed(&mut self, close: Option<char>) -> bool {
        match close {
            Some(close) => self.take(close),
            None => self.peek().is_none(),
        }
    }

    /// A JSON string, or an identifier.
    fn key(&mut self) -> Result<String, SyntaxError> {
        match self.peek() {
            Some('"') => self.string(),
            Some(first) if first.is_ascii_alphabetic() || first == '_' => Ok(self
                .take_while(|c| c.is_ascii_alphanumeric() || c == '_')
                .to_owned()),
            _ => Err(self.unexpected("expected a key")),
        }
    }

    fn value(&mut self) -> Result<Json, SyntaxError> {
        match self.peek() {
            Some('"') => self.string().map(Json::String),
            Some('{') => self.nested(Self::object_value),
            Some('[') => self.nested(Self::list_value),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(),
            Some(c) if c.is_ascii_lowercase() => self.word(),
            _ => Err(self.unexpected("expected a JSON value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, SyntaxError>) -> Result<Json, SyntaxError> {
        if self.depth == DEPTH_LIMIT {
            return Err(self.error(format!("nested deeper than {DEPTH_LIMIT} levels")));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object_value(&mut self) -> Result<Json, SyntaxError> {
        self.expect('{')?;
        self.members(Some('}'))
            .map(|members| Json::Object(members.into_iter().collect()))
    }

    fn list_value(&mut self) -> Result<Json, SyntaxError> {
        self.expect('[')?;
        let mut items = Vec::new();
        if self.take(']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.take(']') {
                return Ok(Json::List(items));
            }
            self.expect(',')?;
        }
    }

    /// The text between quotes, read by the JSON library: its escapes, and no others.
    fn string(&mut self) -> Result<String, SyntaxError> {
        let mut escaped = true;
        let close = self.rest().char_indices().find(|(_, c)| match (escaped, c) {
            (false, '"') => true,
            (false, '\\') => {
                escaped = true;
                false
            }
            _ => {
                escaped = false;
                false
            }
        });
        let Some((length, _)) = close else {
            return Err(self.error("a text without its closing quote"));
        };
        let quoted = self.rest().get(..=length).unwrap_or_default();
        let text = serde_json::from_str(quoted).map_err(|_| self.error("not a JSON text"))?;
        self.at += quoted.len();
        Ok(text)
    }

    fn number(&mut self) -> Result<Json, SyntaxError> {
        let start = self.at;
        let written = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        serde_json::from_str(written)
            .map(Json::Number)
            .map_err(|_| SyntaxError {
                offset: start,
                problem: format!("{written} is not a JSON number"),
            })
    }

    fn word(&mut self) -> Result<Json, SyntaxError> {
        let start = self.at;
        match self.take_while(|c| c.is_ascii_alphanumeric() || c == '_') {
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            "null" => Ok(Json::Null),
            other => {
                let problem = format!("{other} is not a JSON value; programs are not evaluated");
                Err(SyntaxError {
                    offset: start,
                    problem,
                })
            }
        }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }
}
