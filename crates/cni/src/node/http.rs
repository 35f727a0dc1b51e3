//! As much of HTTP/1.1 (RFC 9112) as one GET needs: the head of a response, and its body by length, in chunks, or
//! until the connection ends.
//!
//! Why not a library: with `ureq` 3 over the same rustls this binary has 34 linked crates, and 25 are allowed. These two
//! hundred lines are read in ten minutes.

use std::io::{self, BufRead, Read};

/// No head of an API server or proxy comes near it.
const HEAD_LIMIT: u64 = 64 << 10;

/// 500 nodes with many images are about 25 MiB; the body is scanned, not kept, so the limit is against endless
/// ones.
const BODY_LIMIT: u64 = 1 << 30;

/// How an answer starts, whatever the minor version.
const PROTOCOL: &str = "HTTP/1.";

/// Status and the headers that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    /// Seconds; the date form of `Retry-After` is ignored (the API server sends seconds).
    pub(super) retry_after: Option<u64>,
}

/// Reads the head of the next final response (1xx ones are skipped).
pub(super) fn read_head(input: &mut impl BufRead) -> io::Result<Head> {
    loop {
        let head = head_of(input.by_ref())?;
        if !(100..200).contains(&head.status) {
            return Ok(head);
        }
    }
}

/// The same without reading a byte too many.
pub(super) fn read_head_exactly(input: &mut impl Read) -> io::Result<Head> {
    read_head(&mut io::BufReader::with_capacity(1, input))
}

fn head_of(input: impl BufRead) -> io::Result<Head> {
    let mut input = input.take(HEAD_LIMIT);
    // Before waiting for a line: what answers may never end one.
    if !PROTOCOL
        .bytes()
        .zip(input.fill_buf()?)
        .all(|(wanted, found)| wanted == *found)
    {
        return Err(not_http());
    }
    let mut head = Head {
        status: status(&line(&mut input)?)?,
        ..Head::default()
    };
    loop {
        let line = line(&mut input)?;
        if line.is_empty() {
            return Ok(head);
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| bad("a header without a colon"))?;
        head.header(name, value.trim())?;
    }
}

impl Head {
    fn header(&mut self, name: &str, value: &str) -> io::Result<()> {
        if name.eq_ignore_ascii_case("content-length") {
            let length = value
                .parse()
                .map_err(|_| bad("a content-length that is not a number"))?;
            if self.length.is_some_and(|other| other != length) {
                return Err(bad("two content-lengths"));
            }
            self.length = Some(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(bad("a transfer-encoding other than chunked"));
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case("content-encoding") && !value.eq_ignore_ascii_case("identity") {
            return Err(bad("a compressed body, which was not asked for"));
        } else if name.eq_ignore_ascii_case("retry-after") {
            self.retry_after = value.parse().ok();
        }
        Ok(())
    }
}

/// `HTTP/1.1 200 OK`.
fn status(line: &str) -> io::Result<u16> {
    let rest = line.strip_prefix(PROTOCOL).ok_or_else(not_http)?;
    let code = rest.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.filter(|code| (100..600).contains(code)).ok_or_else(not_http)
}

/// The next line without its end.
fn line(input: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(truncated("head"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| bad("a header that is not text"))
}

fn not_http() -> io::Error {
    bad("the answer is not HTTP; is this the API server, and is its address https://?")
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn truncated(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("the connection ended in the middle of the {what} of the answer"),
    )
}

/// The body of a response, as a reader that fails when the connection ends too early.
pub(super) struct Body<R> {
    input: R,
    framing: Framing,
    total: u64,
}

enum Framing {
    /// Bytes left.
    Length(u64),
    /// Bytes left in this chunk, and whether it is the first.
    Chunk {
        left: u64,
        first: bool,
    },
    UntilEnd,
    Done,
}

impl<R: BufRead> Body<R> {
    pub(super) fn new(input: R, head: &Head) -> Self {
        let framing = match head.length {
            _ if head.chunked => Framing::Chunk { left: 0, first: true },
            Some(0) => Framing::Done,
            Some(length) => Framing::Length(length),
            None => Framing::UntilEnd,
        };
        Self {
            input,
            framing,
            total: 0,
        }
    }

    /// Moves to the next chunk (RFC 9112 §7.1). Extensions and trailers are skipped.
    fn next_chunk(&mut self, first: bool) -> io::Result<()> {
        let mut input = self.input.by_ref().take(HEAD_LIMIT);
        let ended = || truncated("body");
        if !first && !line(&mut input).map_err(|_| ended())?.is_empty() {
            return Err(bad("a chunk that is longer than it says"));
        }
        let size = line(&mut input).map_err(|_| ended())?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let left = u64::from_str_radix(size, 16).map_err(|_| bad("a chunk without a size"))?;
        if left == 0 {
            while !line(&mut input).map_err(|_| ended())?.is_empty() {}
            self.framing = Framing::Done;
        } else {
            self.framing = Framing::Chunk { left, first: false };
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Framing::Chunk { left: 0, first } = self.framing {
            self.next_chunk(first)?;
        }
        let left = match &mut self.framing {
            Framing::Done => return Ok(0),
            Framing::UntilEnd => None,
            Framing::Length(left) | Framing::Chunk { left, .. } => Some(left),
        };
        let wanted = left.as_ref().map_or(buffer.len(), |left| {
            usize::try_from(**left).map_or(buffer.len(), |left| left.min(buffer.len()))
        });
        let count = self.input.read(&mut buffer[..wanted])?;
        self.total += count as u64;
        if self.total > BODY_LIMIT {
            return Err(bad("an answer of more than 1 GiB"));
        }
        if let Some(left) = left {
            if count == 0 {
                return Err(truncated("body"));
            }
            *left -= count as u64;
            if matches!(self.framing, Framing::Length(0)) {
                self.framing = Framing::Done;
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
