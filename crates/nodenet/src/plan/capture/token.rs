//! One capture expression to words.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::error::PolicyError;

/// A word of a capture expression and where it starts (characters, from 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) position: usize,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word with a dot in it: `routes.running.destination`.
    Path(Vec<String>),
    /// A bare word without a dot, or anything between double quotes.
    Value(String),
    /// A bare `null` in any case.
    Null,
    Pipe,
    Replace,
    Compare(Operator),
}

/// How an item is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`, ours: exactly the items that `==` leaves out.
    NotEqual,
    /// `=~`, ours: a regular expression, found anywhere in the text.
    Match,
}

impl Operator {
    /// As written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Match => "=~",
        }
    }
}

impl Token {
    pub(super) fn is_pipe(&self) -> bool {
        self.kind == Kind::Pipe
    }
}

/// What ends a bare word, besides white space.
const WORD_ENDS: [char; 5] = ['=', '!', '|', '"', ':'];

type Chars = Peekable<IntoIter<(usize, char)>>;

/// Reads all words of `line`, which has no white space at its ends.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, PolicyError> {
    let mut found: Vec<Token> = Vec::new();
    let mut rest = line
        .chars()
        .enumerate()
        .collect::<Vec<_>>()
        .into_iter()
        .peekable();
    while let Some((position, c)) = rest.next() {
        let kind = match c {
            '=' => equal(line, position, &mut rest)?,
            '!' if rest.next_if(|(_, next)| *next == '=').is_some() => Kind::Compare(Operator::NotEqual),
            '|' => Kind::Pipe,
            ':' => replace(line, position, &mut rest)?,
            '"' => match quoted(line, position, &mut rest)? {
                text if text.is_empty() => continue,
                text => {
                    found.push(Token {
                        kind: Kind::Value(text),
                        position: position + 1,
                    });
                    continue;
                }
            },
            c if c.is_whitespace() => continue,
            c => word(c, &mut rest),
        };
        twice(line, &found, &kind, position)?;
        found.push(Token { kind, position });
    }
    pipe_leads_to_a_path(line, &found)?;
    Ok(found)
}

fn equal(line: &str, position: usize, rest: &mut Chars) -> Result<Kind, PolicyError> {
    match rest.next() {
        Some((_, '=')) => Ok(Kind::Compare(Operator::Equal)),
        Some((_, '~')) => match rest.peek() {
            Some((at, '~' | '=')) => Err(PolicyError::at(
                "Invalid match action string after =~, expecting a word or a quoted expression",
                line,
                *at,
            )),
            _ => Ok(Kind::Compare(Operator::Match)),
        },
        Some(_) => Err(PolicyError::at(
            "Invalid equal action string after =, expecting another '='",
            line,
            position + 1,
        )),
        None => Err(PolicyError::at(
            "Invalid equal action string after =, expecting another '=', but got nothing",
            line,
            position,
        )),
    }
}

fn replace(line: &str, position: usize, rest: &mut Chars) -> Result<Kind, PolicyError> {
    match rest.next() {
        Some((_, '=')) => Ok(Kind::Replace),
        Some(_) => Err(PolicyError::at(
            "Invalid replace action string after =, expecting another '='",
            line,
            position + 1,
        )),
        None => Err(PolicyError::at(
            "Invalid replace action string after =, expecting another '=', but got nothing",
            line,
            position,
        )),
    }
}

fn quoted(line: &str, position: usize, rest: &mut Chars) -> Result<String, PolicyError> {
    let mut text = String::new();
    for (_, c) in rest {
        if c == '"' {
            return Ok(text);
        }
        text.push(c);
    }
    Err(PolicyError::at("No ending double quote", line, position))
}

fn word(first: char, rest: &mut Chars) -> Kind {
    let mut text = String::from(first);
    while let Some((_, c)) = rest.next_if(|(_, c)| !c.is_whitespace() && !WORD_ENDS.contains(c)) {
        text.push(c);
    }
    if text.contains('.') {
        Kind::Path(text.split('.').map(str::to_owned).collect())
    } else if text.eq_ignore_ascii_case("null") {
        Kind::Null
    } else {
        Kind::Value(text)
    }
}

/// One comparison, one replacement and one pipe at most.
fn twice(line: &str, found: &[Token], kind: &Kind, position: usize) -> Result<(), PolicyError> {
    let message = match kind {
        Kind::Pipe if found.iter().any(Token::is_pipe) => "Nmpolicy does not allows two pipe action",
        Kind::Replace if found.iter().any(|token| token.kind == Kind::Replace) => {
            "Nmpolicy does not allows two replace action"
        }
        Kind::Compare(_) if found.iter().any(|token| matches!(token.kind, Kind::Compare(_))) => {
            "Nmpolicy does not allows two equal action"
        }
        _ => return Ok(()),
    };
    Err(PolicyError::at(message, line, position))
}

fn pipe_leads_to_a_path(line: &str, found: &[Token]) -> Result<(), PolicyError> {
    let mut after = found.iter().skip_while(|token| !token.is_pipe());
    let Some(pipe) = after.next() else { return Ok(()) };
    match after.next() {
        None => Err(PolicyError::at(
            "Invalid pipe action: no property path defined",
            line,
            pipe.position,
        )),
        Some(token) if !matches!(token.kind, Kind::Path(_)) => Err(PolicyError::at(
            "Invalid pipe action: only property path allowed after pipe",
            line,
            token.position,
        )),
        Some(_) => Ok(()),
    }
}
