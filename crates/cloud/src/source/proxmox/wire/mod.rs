//! What answers look like (appendix A), read as tolerantly as it demands: numbers may be texts, booleans are 0, 1 or
//! missing, keys come in any order, and every release has more of them.

mod guest;
mod lenient;
mod machines;
mod region;
mod scalar;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::failure::{Failure, Kind};
use super::http::Reply;

pub(super) use guest::interfaces;
pub(super) use machines::{config, machines};
pub(super) use region::{groups, permissions, quorum, rules, version};
pub(super) use scalar::Scalar;

/// Longest text of the other side that goes into our messages. Unit: characters.
const TEXT_LIMIT: usize = 300;

/// Every answer has its content under `data`.
#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    #[serde(default = "Option::default")]
    pub(super) data: Option<T>,
}

/// The refusal's own words, which the body repeats for proxies that drop the reason phrase.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    message: Scalar,
}

/// The content of a good answer; any other answer is a failure.
///
/// `what` names the request in messages about answers that cannot be read.
pub(super) fn decode<T: DeserializeOwned>(reply: &Reply, what: &str) -> Result<T, Failure> {
    if reply.status != 200 {
        return Err(refusal(reply));
    }
    serde_json::from_slice(&reply.body).map_err(|error| {
        let begin = tidy(&String::from_utf8_lossy(
            reply.body.get(..40).unwrap_or(&reply.body),
        ));
        Failure::new(
            Kind::Malformed,
            format!("the answer to {what} cannot be read ({error}); it begins with {begin:?}"),
        )
    })
}

/// The content of `data`; a good answer without it is a failure, too.
pub(super) fn data<T: DeserializeOwned>(reply: &Reply, what: &str) -> Result<T, Failure> {
    let envelope: Envelope<T> = decode(reply, what)?;
    envelope
        .data
        .ok_or_else(|| Failure::new(Kind::Malformed, format!("the answer to {what} holds no data")))
}

/// What an answer with a status other than 200 says.
pub(super) fn refusal(reply: &Reply) -> Failure {
    Failure::refused(reply.status, &words(reply))
}

fn words(reply: &Reply) -> String {
    let message = serde_json::from_slice::<Refusal>(&reply.body)
        .ok()
        .and_then(|refusal| refusal.message.text());
    tidy(
        &message
            .filter(|text| !text.trim().is_empty())
            .unwrap_or_else(|| reply.reason.clone()),
    )
}

/// One line of printable text of bounded length.
fn tidy(text: &str) -> String {
    text.trim()
        .chars()
        .take(TEXT_LIMIT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn reply(status: u16, reason: &str, body: &str) -> Reply {
        Reply {
            status,
            reason: reason.into(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn the_words_of_a_refusal_come_from_the_body_or_the_reason_phrase() {
        let body = r#"{"message":"VM 100 is not running\n","data":null}"#;
        for (reply, text) in [
            (
                reply(500, "VM 100 is not running", body),
                "500 VM 100 is not running",
            ),
            (
                reply(500, "Internal Server Error", body),
                "500 VM 100 is not running",
            ),
            (reply(595, "No route to host", ""), "595 No route to host"),
            (reply(500, "a\tb", "<html>"), "500 a b"),
        ] {
            assert_eq!(
                decode::<Envelope<Scalar>>(&reply, "x").err().unwrap().to_string(),
                text
            );
        }
    }

    #[test]
    fn an_answer_that_is_no_json_or_has_no_data_is_malformed() {
        for body in ["", "<html>", r#"{"data":[1,2"#, r#"{"data":null}"#, "{}", "[]"] {
            let failure = data::<Vec<Scalar>>(&reply(200, "OK", body), "the list of machines").unwrap_err();
            assert_eq!(failure.kind, Kind::Malformed, "{body}");
            assert!(failure.text.contains("the list of machines"), "{failure}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let failure = decode::<Envelope<Scalar>>(&reply(500, &"x".repeat(5000), ""), "x")
            .err()
            .unwrap();
        assert!(failure.text.len() < 400);
    }
}
