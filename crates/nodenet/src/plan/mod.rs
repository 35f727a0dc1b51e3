//! Every rule, pure: no client, no clock, no async.
