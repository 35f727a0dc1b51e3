//! What the API server answers, header and all.

use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use kube::Client;
use serde_json::Value;

/// The answer to one request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
    /// Texts of the `Warning` headers (RFC 9111 §5.5 as Kubernetes uses it).
    pub(crate) warnings: Vec<String>,
}

/// Sends one request; a refusal is an answer, too.
pub(crate) async fn send(client: &Client, method: Method, path: &str, kind: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, kind)
        .body(kube::client::Body::from(body.to_string().into_bytes()))
        .expect("a request");
    let answer = client.send(request).await.expect("the API server answers");
    let code = answer.status().as_u16();
    let warnings = answer.headers().get_all(header::WARNING).iter().map(|value| {
        let text = value.to_str().expect("text");
        let quoted = text
            .split_once('"')
            .map(|(_, rest)| rest.trim_end_matches('"').replace("\\\"", "\""));
        quoted.expect("299 - \"text\"")
    });
    let warnings = warnings.collect();
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{code}, {e}: {bytes:?}"));
    Answer { code, body, warnings }
}

impl Answer {
    /// It was done. Returns the object.
    #[track_caller]
    pub(crate) fn accepted(self) -> Value {
        assert!(matches!(self.code, 200 | 201), "{} {}", self.code, self.body);
        self.body
    }

    /// Field problems: 422, reason `Invalid`, exactly these fields in this order (spec §10).
    #[track_caller]
    pub(crate) fn invalid(&self, fields: &[&str]) -> String {
        assert_eq!(
            (self.code, self.body["reason"].as_str()),
            (422, Some("Invalid")),
            "{}",
            self.body
        );
        let causes = self.body.pointer("/details/causes").and_then(Value::as_array);
        let named: Vec<&str> = causes
            .into_iter()
            .flatten()
            .filter_map(|c| c["field"].as_str())
            .collect();
        assert_eq!(named, fields, "{}", self.body);
        self.message()
    }

    /// A state conflict: 400, reason `BadRequest` (spec §10).
    #[track_caller]
    pub(crate) fn bad_request(&self) -> String {
        assert_eq!(
            (self.code, self.body["reason"].as_str()),
            (400, Some("BadRequest")),
            "{}",
            self.body
        );
        self.message()
    }

    /// The sentence for people.
    pub(crate) fn message(&self) -> String {
        self.body["message"].as_str().unwrap_or_default().to_owned()
    }
}
