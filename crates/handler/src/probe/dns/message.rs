//! Questions as bytes, and answers from bytes. Pure; never panics.

/// Bytes of a message before the question.
const HEADER: usize = 12;

/// Recursion desired.
const FLAGS: u16 = 0x0100;
const RESPONSE: u16 = 0x8000;
const TRUNCATED: u16 = 0x0200;
const CODE: u16 = 0x000f;

const INTERNET: u16 = 1;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    A,
    Ns,
    Aaaa,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Ns => "NS",
            Self::Aaaa => "AAAA",
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Ns => 2,
            Self::Aaaa => 28,
        }
    }
}

/// A question in the form it has in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    kind: Kind,
    bytes: Vec<u8>,
}

/// What a message says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It has records of the kind asked for, or is cut short because it has so many.
    Answered,
    /// It says no: why, in words.
    Refused(String),
    /// It is not the answer to this question.
    Other,
}

impl Question {
    /// `None` when `host` is no name: a label is empty or longer than 63 bytes, or all of them than 253.
    pub(super) fn new(host: &str, kind: Kind) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.is_empty() || host.len() > 253 || !host.is_ascii() {
            return None;
        }
        let mut bytes = Vec::with_capacity(host.len() + 6);
        for label in host.split('.') {
            let length = u8::try_from(label.len())
                .ok()
                .filter(|length| (1..=63).contains(length))?;
            bytes.push(length);
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend(kind.number().to_be_bytes());
        bytes.extend(INTERNET.to_be_bytes());
        Some(Self { kind, bytes })
    }

    /// The whole message; `id` comes back in the answer.
    pub(super) fn message(&self, id: u16) -> Vec<u8> {
        let mut message = Vec::with_capacity(HEADER + self.bytes.len());
        for field in [id, FLAGS, 1, 0, 0, 0] {
            message.extend(field.to_be_bytes());
        }
        message.extend(&self.bytes);
        message
    }

    /// Reads what came back.
    pub(super) fn reply(&self, id: u16, message: &[u8]) -> Reply {
        let Some((header, rest)) = Header::read(message) else {
            return Reply::Other;
        };
        let Some((question, records)) = rest.split_at_checked(self.bytes.len()) else {
            return Reply::Other;
        };
        let ours = header.id == id
            && header.flags & RESPONSE != 0
            && header.questions == 1
            && question.eq_ignore_ascii_case(&self.bytes);
        if !ours {
            return Reply::Other;
        }
        if header.flags & CODE != 0 {
            return Reply::Refused(refusal(header.flags & CODE));
        }
        let mut records = Records {
            rest: records,
            left: header.answers,
        };
        let found = records.any(|kind| kind == self.kind.number());
        if found || header.flags & TRUNCATED != 0 {
            return Reply::Answered;
        }
        Reply::Refused(format!("it has no {} records of that name", self.kind.name()))
    }
}

fn refusal(code: u16) -> String {
    match code {
        1 => "it does not understand the question".to_owned(),
        2 => "it failed (SERVFAIL)".to_owned(),
        3 => "there is no such name (NXDOMAIN)".to_owned(),
        5 => "it refuses to answer us (REFUSED)".to_owned(),
        code => format!("it answers with code {code}"),
    }
}

struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
}

impl Header {
    fn read(message: &[u8]) -> Option<(Self, &[u8])> {
        let (header, rest) = message.split_first_chunk::<HEADER>()?;
        let (fields, _) = header.as_chunks::<2>();
        let [id, flags, questions, answers, ..] = fields else {
            return None;
        };
        let header = Self {
            id: u16::from_be_bytes(*id),
            flags: u16::from_be_bytes(*flags),
            questions: u16::from_be_bytes(*questions),
            answers: u16::from_be_bytes(*answers),
        };
        Some((header, rest))
    }
}

/// The kind of each record of class Internet, up to the first that does not fit.
struct Records<'a> {
    rest: &'a [u8],
    left: u16,
}

impl Records<'_> {
    /// Kind and class.
    fn read(&mut self) -> Option<(u16, u16)> {
        self.left = self.left.checked_sub(1)?;
        let (fields, rest) = after_name(self.rest)?.split_first_chunk::<10>()?;
        let [k0, k1, c0, c1, _, _, _, _, l0, l1] = *fields;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        self.rest = rest.get(length..)?;
        Some((u16::from_be_bytes([k0, k1]), u16::from_be_bytes([c0, c1])))
    }
}

impl Iterator for Records<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (kind, class) = self.read()?;
            if class == INTERNET {
                return Some(kind);
            }
        }
    }
}

/// Labels up to the empty one, or up to a pointer to the others.
fn after_name(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, rest) = bytes.split_first()?;
        match length {
            0 => return Some(rest),
            1..=63 => bytes = rest.get(usize::from(length)..)?,
            0xc0.. => return rest.get(1..),
            64..=0xbf => return None,
        }
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
