//! An answer of the API server that is kept between calls, and when it may be used instead of a new one (spec cni-ipam
//! §5.5, §6.4, §14.8). `kube-node` and `node-annotation` differ in what they ask for and where they keep it; the rules
//! are here, once:
//!
//! * The answer of another node, or of this disk in another machine, is never used.
//! * What is fresh is used without a question.
//! * What is old, or from before the machine's last start, is used only if the node cannot be read: "could not be
//!   asked" is not "there is none".
//! * While something can be used, the API server gets two seconds, not fifteen; after a try in vain, a pause.
//! * An error that may come from an outdated answer is worth one more question in the same call.
//! * STATUS goes the same way as ADD and leaves no trace.
//!
//! Who the answer is about, and whether it is fresh, is decided in [`crate::plan`].

mod answers;
mod here;

pub(crate) use answers::{Answers, Refusal, Remembered, Source, WithoutTrace};
pub(crate) use here::here;
