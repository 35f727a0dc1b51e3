//! Words to an expression: the grammar of captures (spec §8).

use regex::Regex;

use super::error::PolicyError;
use super::token::{Kind, Operator, Token, tokens};

/// One capture expression, read.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The text, trimmed, non-breaking spaces made plain ones.
    pub(super) line: String,
    /// The capture it reads from; the current state if none.
    pub(super) input: Option<CaptureName>,
    pub(super) form: Form,
}

/// A capture by name, and where the name stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CaptureName {
    pub(super) name: String,
    pub(super) position: usize,
}

/// A property path and where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) elements: Vec<String>,
    pub(super) position: usize,
}

/// What is done with the input.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Nothing: the whole input under a new name.
    Keep,
    /// Only the keys of the path.
    Project(Path),
    /// Only the items of the root list that compare well.
    Select {
        path: Path,
        operator: Operator,
        operand: Operand,
    },
    /// All items of the root list, with the property set.
    Replace { path: Path, operand: Operand },
}

/// The right side.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Text(String),
    Null,
    /// A property of the current state.
    Path(Path),
    /// A property of another capture.
    Captured(CaptureName, Path),
    Pattern(Regex),
}

impl Expression {
    /// Reads one expression.
    ///
    /// # Errors
    /// The text and the position of the first word that does not belong, as nmstate says it.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let line = text.replace('\u{A0}', " ").trim().to_owned();
        let words = tokens(&line)?;
        let (piped, words) = match words.iter().position(Token::is_pipe) {
            Some(at) => (
                Some(pipe_source(&line, &words[..at], &words[at])?),
                &words[at + 1..],
            ),
            None => (None, words.as_slice()),
        };
        let (own_input, form) = form(&line, words)?;
        Ok(Self {
            line,
            input: piped.or(own_input),
            form,
        })
    }

    /// The names of the captures it reads, with the position of each.
    pub(super) fn reads(&self) -> impl Iterator<Item = &CaptureName> {
        let operand = match &self.form {
            Form::Select {
                operand: Operand::Captured(name, _),
                ..
            }
            | Form::Replace {
                operand: Operand::Captured(name, _),
                ..
            } => Some(name),
            _ => None,
        };
        self.input.iter().chain(operand)
    }
}

/// What stands before the pipe: `capture.NAME` and nothing else.
fn pipe_source(line: &str, before: &[Token], pipe: &Token) -> Result<CaptureName, PolicyError> {
    const WRONG: &str = "The pipe action should always in format of 'capture.<capture_name>'";
    let Some(first) = before.first() else {
        return Err(PolicyError::at(WRONG, line, pipe.position));
    };
    match &first.kind {
        Kind::Path(elements) => match elements.as_slice() {
            [word, name] if word == "capture" => Ok(CaptureName {
                name: name.clone(),
                position: first.position + "capture.".len(),
            }),
            _ => Err(PolicyError::at(WRONG, line, first.position)),
        },
        _ => Err(PolicyError::at(WRONG, line, first.position)),
    }
}

fn form(line: &str, words: &[Token]) -> Result<(Option<CaptureName>, Form), PolicyError> {
    let comparison = words.iter().enumerate().find_map(|(at, token)| match token.kind {
        Kind::Compare(operator) => Some((at, operator)),
        _ => None,
    });
    if let Some((at, operator)) = comparison {
        let (action, after) = (&words[at], &words[at + 1..]);
        if after.is_empty() {
            return Err(PolicyError::at(
                "The equal action got no value defined afterwards",
                line,
                action.position,
            ));
        }
        let (input, path) = key(line, &words[..at], action)?;
        let operand = value(line, after, action)?;
        let operand = if operator == Operator::Match {
            pattern(line, operand, &after[0])?
        } else {
            operand
        };
        return Ok((
            input,
            Form::Select {
                path,
                operator,
                operand,
            },
        ));
    }
    if let Some(at) = words.iter().position(|token| token.kind == Kind::Replace) {
        let (input, path) = key(line, &words[..at], &words[at])?;
        let operand = value(line, &words[at + 1..], &words[at])?;
        return Ok((input, Form::Replace { path, operand }));
    }
    Ok(match words.first() {
        Some(Token {
            kind: Kind::Path(elements),
            position,
        }) => (
            None,
            Form::Project(Path {
                elements: elements.clone(),
                position: *position,
            }),
        ),
        _ => (None, Form::Keep),
    })
}

/// The left side: one path, perhaps of a capture.
fn key(line: &str, words: &[Token], action: &Token) -> Result<(Option<CaptureName>, Path), PolicyError> {
    const WRONG: &str = "The equal or replace action should always start with property path";
    let [word] = words else {
        return Err(PolicyError::at(WRONG, line, action.position));
    };
    let Kind::Path(elements) = &word.kind else {
        return Err(PolicyError::at(WRONG, line, word.position));
    };
    match captured(elements, word.position) {
        None => Ok((
            None,
            Path {
                elements: elements.clone(),
                position: word.position,
            },
        )),
        // One less than where the path starts, as nmstate counts.
        Some((name, mut path)) if !path.elements.is_empty() => {
            path.position -= 1;
            Ok((Some(name), path))
        }
        Some(_) => Err(PolicyError::at(
            "No property path after capture name",
            line,
            word.position,
        )),
    }
}

/// The right side: one word.
fn value(line: &str, words: &[Token], action: &Token) -> Result<Operand, PolicyError> {
    let [word] = words else {
        return Err(PolicyError::at(
            "The equal or replace action should end with single value or property path",
            line,
            words.first().map_or(action.position, |first| first.position),
        ));
    };
    match &word.kind {
        Kind::Value(text) => Ok(Operand::Text(text.clone())),
        Kind::Null => Ok(Operand::Null),
        Kind::Path(elements) => match captured(elements, word.position) {
            None => Ok(Operand::Path(Path {
                elements: elements.clone(),
                position: word.position,
            })),
            Some((name, path)) if !path.elements.is_empty() => Ok(Operand::Captured(name, path)),
            Some(_) => Err(PolicyError::argument(format!(
                "When using equal action to match against captured data, the correct format should be \
                 'interfaces.name == capture.default-gw.interfaces.0.name', but got: {line}"
            ))),
        },
        Kind::Pipe | Kind::Replace | Kind::Compare(_) => Err(PolicyError::argument(format!(
            "The equal action should end with single value or property path but got: {line}"
        ))),
    }
}

fn captured(elements: &[String], position: usize) -> Option<(CaptureName, Path)> {
    if elements.first().map(String::as_str) != Some("capture") {
        return None;
    }
    let name = elements.get(1).cloned().unwrap_or_default();
    let start = position + "capture.".len();
    let path = Path {
        elements: elements.get(2..).unwrap_or_default().to_vec(),
        position: start + name.chars().count() + 1,
    };
    Some((
        CaptureName {
            name,
            position: start,
        },
        path,
    ))
}

/// A regular expression is text; a bare one has no dots, for a dotted word is a path.
fn pattern(line: &str, operand: Operand, word: &Token) -> Result<Operand, PolicyError> {
    let Operand::Text(text) = operand else {
        return Err(PolicyError::at(
            "The match action needs an expression between double quotes",
            line,
            word.position,
        ));
    };
    match Regex::new(&text) {
        Ok(regex) => Ok(Operand::Pattern(regex)),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            Err(PolicyError::at(
                format!("Invalid regular expression: {reason}"),
                line,
                word.position,
            ))
        }
    }
}
