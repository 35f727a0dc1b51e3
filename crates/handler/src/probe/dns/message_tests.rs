//! Messages are put together by hand, as RFC 1035 shows them.

use proptest::prelude::*;

use super::*;

const ID: u16 = 0x4321;

/// A response with these flags to `question`, and records given as (kind, class, data), names as a pointer.
fn response(question: &Question, flags: u16, records: &[(u16, u16, &[u8])]) -> Vec<u8> {
    let mut message = question.message(ID);
    message.splice(2..4, (RESPONSE | flags).to_be_bytes());
    let count = u16::try_from(records.len()).unwrap();
    message.splice(6..8, count.to_be_bytes());
    for (kind, class, data) in records {
        message.extend([0xc0, 0x0c]);
        message.extend(kind.to_be_bytes());
        message.extend(class.to_be_bytes());
        message.extend(60_u32.to_be_bytes());
        message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        message.extend(*data);
    }
    message
}

#[test]
fn a_question_has_its_labels_kind_and_class() {
    let question = Question::new("ab.c.", Kind::Aaaa).unwrap();
    assert_eq!(question.bytes, [2, b'a', b'b', 1, b'c', 0, 0, 28, 0, 1]);
    let message = question.message(ID);
    assert_eq!(message[..HEADER], [0x43, 0x21, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn what_is_no_name_is_not_asked() {
    let long = "a".repeat(64);
    let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(62)].join(".");
    for name in ["", ".", "a..b", ".a", "ä.example", &long, &longest] {
        assert_eq!(Question::new(name, Kind::A), None, "{name:?}");
    }
    assert!(Question::new("root-servers.net", Kind::Ns).is_some());
}

#[test]
fn records_of_the_kind_asked_for_are_an_answer() {
    let question = Question::new("www.example.com", Kind::A).unwrap();
    let alias = (5, INTERNET, &b"\x03web\xc0\x10"[..]);
    let address = (1, INTERNET, &[192, 0, 2, 80][..]);
    let foreign = (1, 3, &[10, 0, 0, 1][..]);
    let message = response(&question, 0x0180, &[alias, foreign, address]);
    assert_eq!(question.reply(ID, &message), Reply::Answered);
    let shouted: Vec<u8> = message.iter().map(u8::to_ascii_uppercase).collect();
    assert_eq!(
        question.reply(ID, &shouted),
        Reply::Answered,
        "servers may change the case of the name"
    );
}

#[test]
fn an_alias_alone_or_nothing_is_no_answer() {
    let question = Question::new("www.example.com", Kind::Aaaa).unwrap();
    let alias = (5, INTERNET, &b"\x03web\xc0\x10"[..]);
    for records in [&[alias][..], &[]] {
        let message = response(&question, 0x0180, records);
        let expected = Reply::Refused("it has no AAAA records of that name".to_owned());
        assert_eq!(question.reply(ID, &message), expected);
    }
}

#[test]
fn a_truncated_message_is_an_answer_because_the_server_has_one() {
    let question = Question::new("root-servers.net", Kind::Ns).unwrap();
    let message = response(&question, TRUNCATED, &[]);
    assert_eq!(question.reply(ID, &message), Reply::Answered);
}

#[test]
fn a_refusal_is_told_in_words() {
    let question = Question::new("nope.example.com", Kind::A).unwrap();
    for (code, word) in [(2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED"), (9, "code 9")] {
        let Reply::Refused(words) = question.reply(ID, &response(&question, code, &[])) else {
            panic!("code {code} must be a refusal");
        };
        assert!(words.contains(word), "{words}");
    }
}

#[test]
fn what_answers_something_else_is_not_ours() {
    let question = Question::new("www.example.com", Kind::A).unwrap();
    let address = (1, INTERNET, &[192, 0, 2, 80][..]);
    let good = response(&question, 0, &[address]);
    assert_eq!(question.reply(ID + 1, &good), Reply::Other, "another id");
    let other = Question::new("www.example.org", Kind::A).unwrap();
    assert_eq!(other.reply(ID, &good), Reply::Other, "another name");
    let kind = Question::new("www.example.com", Kind::Aaaa).unwrap();
    assert_eq!(kind.reply(ID, &good), Reply::Other, "another kind");
    assert_eq!(
        question.reply(ID, &question.message(ID)),
        Reply::Other,
        "a question"
    );
    assert_eq!(question.reply(ID, &good[..20]), Reply::Other);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..80) {
        let question = Question::new("www.example.com", Kind::A).unwrap();
        let reply = question.reply(ID, &bytes);
        let ours = bytes.starts_with(&ID.to_be_bytes()) && bytes.len() >= HEADER + question.bytes.len();
        prop_assert!(ours || reply == Reply::Other);
        let good = response(&question, 0, &[(1, INTERNET, &[192, 0, 2, 80])]);
        let mut tail = good.get(..cut).unwrap_or(&good).to_vec();
        tail.extend(&bytes);
        if cut >= good.len() {
            prop_assert_eq!(question.reply(ID, &tail), Reply::Answered, "what follows does not matter");
        } else {
            let _ = question.reply(ID, &tail);
        }
    }
}
