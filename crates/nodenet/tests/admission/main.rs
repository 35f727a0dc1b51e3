//! Cases 1 to 17 of spec §21 on a real API server: the definitions, the admission policy as it is released, and the
//! webhooks as they are served.

mod gate;
mod refused;
mod updates;
mod webhook;
