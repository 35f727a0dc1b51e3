//! A person's commands, run as a person runs them, against a real API server.

mod asking;
mod elsewhere;
mod looking;
mod stage;
