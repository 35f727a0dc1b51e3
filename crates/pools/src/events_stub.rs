#![allow(missing_docs)]
use k8s_openapi::api::core::v1::ObjectReference;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventType { Normal, Warning }
#[derive(Clone)]
pub struct Recorder;
impl Recorder { pub fn record(&self, _: &ObjectReference, _: EventType, _: &str, _: &str, _: &str) {} }
