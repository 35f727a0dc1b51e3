//! The numbered cases of the spec that need an API server, and how the controller behaves against a real one.

mod choosing;
mod common;
