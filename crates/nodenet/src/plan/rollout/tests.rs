//! Roll-outs against a cluster of scripted nodes in memory: tables of spec §21, and chance.

mod cases;
mod random;
mod stage;
