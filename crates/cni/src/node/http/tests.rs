use std::io::{BufReader, Cursor, ErrorKind, Read as _};

use super::{Body, Head, read_head, read_head_exactly};

fn body(response: &str) -> std::io::Result<String> {
    let mut input = BufReader::with_capacity(3, Cursor::new(response.to_owned()));
    let head = read_head(&mut input)?;
    let mut text = String::new();
    Body::new(input, &head).read_to_string(&mut text).map(|_| text)
}

#[test]
fn the_three_kinds_of_bodies_are_read() {
    assert_eq!(
        body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more").unwrap(),
        "hello"
    );
    let chunks =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: x\r\n\r\n";
    assert_eq!(body(chunks).unwrap(), "hello");
    assert_eq!(body("HTTP/1.0 200 OK\n\nhello").unwrap(), "hello");
    assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap(), "");
}

#[test]
fn informational_answers_are_skipped() {
    assert_eq!(
        body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx").unwrap(),
        "x"
    );
}

#[test]
fn an_early_end_is_an_error() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200",
        "",
    ] {
        assert_eq!(
            body(response).unwrap_err().kind(),
            ErrorKind::UnexpectedEof,
            "{response}"
        );
    }
}

#[test]
fn what_is_not_http_is_refused() {
    for response in [
        "SSH-2.0-x\r\n",
        "HTTP/1.1 999 x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n",
    ] {
        assert_eq!(
            body(response).unwrap_err().kind(),
            ErrorKind::InvalidData,
            "{response}"
        );
    }
}

#[test]
fn an_endless_head_is_refused() {
    let response = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(20_000));
    assert!(body(&response).is_err());
}

#[test]
fn a_head_can_be_read_without_what_follows() {
    let mut input = Cursor::new("HTTP/1.1 429 x\r\nRetry-After: 3\r\n\r\nrest");
    let head = read_head_exactly(&mut input).unwrap();
    assert_eq!(
        head,
        Head {
            status: 429,
            retry_after: Some(3),
            ..Head::default()
        }
    );
    let mut rest = String::new();
    input.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "rest");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let response = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), &bytes].concat();
        let mut input = Cursor::new(response);
        let head = read_head(&mut input).unwrap();
        let _ = Body::new(input, &head).read_to_end(&mut Vec::new());
    }
}
