//! Roll-outs on a real API server: the coordinator as it is, nodes and their pods as objects, and on every node a small
//! process that behaves towards the API as the real one does (its applies are scripted). What is asserted is asserted
//! on every watch event.

mod crds;
mod ground;
mod housekeeping;
mod rollout;
mod scripted;
mod status;
mod witness;
