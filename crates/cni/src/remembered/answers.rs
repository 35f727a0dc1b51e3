//! The order in which memory and API server are used.

use std::time::Duration;

use crate::{deadline::Deadline, error::Error};

/// How long the API server is waited for while there is something that will do without it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the API server gave nothing that can be used.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It could not be asked, for whatever reason.
    Unasked(Error),
    /// It was asked, and what it said is an error.
    Final(Error),
}

/// Where answers come from, and where they are kept.
pub(crate) trait Source {
    /// What is asked for.
    type Answer;

    /// Asks the API server.
    fn ask(&self, deadline: Deadline) -> Result<Self::Answer, Refusal>;

    /// Keeps an answer for later calls.
    ///
    /// # Errors
    /// It cannot be kept, and must be before anything is reserved with it.
    fn remember(&self, answer: &Self::Answer) -> Result<(), Error>;

    /// Notes that the node could not be read again just now. Nothing depends on it but the patience of others.
    fn note_try(&self, answer: &Self::Answer);

    /// Whether `new` says something else than `old`.
    fn says_more(&self, new: &Self::Answer, old: &Self::Answer) -> bool;

    /// A line for whoever reads the log.
    fn note(&self, text: &str);
}

/// The same source for who must not change anything.
pub(crate) struct WithoutTrace<'a, S>(pub(crate) &'a S);

impl<S: Source> Source for WithoutTrace<'_, S> {
    type Answer = S::Answer;

    fn ask(&self, deadline: Deadline) -> Result<S::Answer, Refusal> {
        self.0.ask(deadline)
    }

    fn remember(&self, _: &S::Answer) -> Result<(), Error> {
        Ok(())
    }

    fn note_try(&self, _: &S::Answer) {}

    fn says_more(&self, new: &S::Answer, old: &S::Answer) -> bool {
        self.0.says_more(new, old)
    }

    fn note(&self, text: &str) {
        self.0.note(text);
    }
}

/// What is remembered when a call begins.
#[derive(Debug)]
pub(crate) enum Remembered<A> {
    /// Nothing that may be used here; the text says why.
    Nothing(String),
    /// The answer of this node.
    Answer {
        answer: A,
        /// No question is needed before it is used.
        fresh: bool,
        /// The API server could be asked, or was not tried a moment ago.
        may_ask: bool,
    },
}

/// Answers for one call.
pub(crate) struct Answers<'a, S: Source> {
    pub(crate) source: &'a S,
    pub(crate) remembered: &'a Remembered<S::Answer>,
    pub(crate) deadline: Deadline,
}

/// The answer to act on.
enum Current<'a, A> {
    /// Read in this call.
    Asked(A),
    /// Kept from an earlier one.
    Kept(&'a A),
    /// The same, after the API server was asked in vain in this call.
    InVain(&'a A),
}

impl<'a, S: Source> Answers<'a, S> {
    /// Acts on the answer. If what is remembered leads to an error that is `worth` a question, the node is read again,
    /// and what is new is tried.
    ///
    /// # Errors
    /// That of the API server, or the last one of `act`.
    pub(crate) fn serve<T, E: From<Error>>(
        &self,
        act: impl Fn(&S::Answer) -> Result<T, E>,
        worth: impl Fn(&E) -> bool,
    ) -> Result<T, E> {
        match self.current()? {
            Current::Asked(answer) => {
                self.source.remember(&answer)?;
                act(&answer)
            }
            Current::InVain(answer) => {
                self.source.note_try(answer);
                act(answer)
            }
            Current::Kept(answer) => match act(answer) {
                Err(error) if worth(&error) && self.may_ask() => self.again(answer, error, act),
                done => done,
            },
        }
    }

    /// What to act on at first; or the error of the API server, and why nothing that is remembered can be used instead.
    fn current(&self) -> Result<Current<'a, S::Answer>, Error> {
        let (answer, wanted) = match self.remembered {
            Remembered::Nothing(why) => return self.first(why).map(Current::Asked),
            Remembered::Answer {
                answer,
                fresh,
                may_ask,
            } => (answer, !fresh && *may_ask),
        };
        if !wanted {
            return Ok(Current::Kept(answer));
        }
        match self.source.ask(self.deadline.at_most(PATIENCE)) {
            Ok(new) => Ok(Current::Asked(new)),
            Err(Refusal::Final(error)) => Err(error),
            Err(Refusal::Unasked(error)) => {
                self.source.note(&format!(
                    "using what was read before, for the node cannot be read again: {error}"
                ));
                Ok(Current::InVain(answer))
            }
        }
    }

    fn first(&self, why: &str) -> Result<S::Answer, Error> {
        self.source.ask(self.deadline).map_err(|refusal| match refusal {
            Refusal::Final(error) => error,
            Refusal::Unasked(error) => {
                let details = format!("{}; {why}", error.details);
                error.with_details(details)
            }
        })
    }

    fn again<T, E: From<Error>>(
        &self,
        old: &S::Answer,
        failed: E,
        act: impl Fn(&S::Answer) -> Result<T, E>,
    ) -> Result<T, E> {
        match self.source.ask(self.deadline.at_most(PATIENCE)) {
            Ok(new) if self.source.says_more(&new, old) => {
                self.source
                    .note("the node says something else than before; trying again with that");
                self.source.remember(&new)?;
                act(&new)
            }
            Ok(_) => Err(failed),
            Err(refusal) => {
                if let Refusal::Unasked(_) = &refusal {
                    self.source.note_try(old);
                }
                let (Refusal::Final(error) | Refusal::Unasked(error)) = refusal;
                self.source.note(&format!("cannot read the node again: {error}"));
                Err(failed)
            }
        }
    }

    fn may_ask(&self) -> bool {
        matches!(self.remembered, Remembered::Answer { may_ask: true, .. })
    }
}

#[cfg(test)]
mod tests;
