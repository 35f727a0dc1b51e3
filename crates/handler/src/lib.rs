//! The process on every node: reports its network, applies policies, and takes back what cuts it off.
