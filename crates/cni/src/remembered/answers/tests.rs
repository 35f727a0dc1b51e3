use std::{cell::RefCell, time::Duration};

use super::{Answers, Refusal, Remembered, Source, WithoutTrace};
use crate::{
    deadline::Deadline,
    error::{Error, code},
};

/// An API server that says one thing; what is done with it is written down.
struct Server {
    says: Result<u32, fn(Error) -> Refusal>,
    done: RefCell<Vec<String>>,
}

fn problem() -> Error {
    Error::new(code::TRY_AGAIN, "asking").with_details("silence")
}

impl Source for Server {
    type Answer = u32;

    fn ask(&self, deadline: Deadline) -> Result<u32, Refusal> {
        let patience = if deadline.left() > Duration::from_secs(3) {
            "long"
        } else {
            "short"
        };
        self.done.borrow_mut().push(format!("ask {patience}"));
        self.says.as_ref().copied().map_err(|refusal| refusal(problem()))
    }

    fn remember(&self, answer: &u32) -> Result<(), Error> {
        self.done.borrow_mut().push(format!("remember {answer}"));
        if *answer == 13 {
            return Err(Error::new(code::TRY_AGAIN, "cannot be remembered"));
        }
        Ok(())
    }

    fn note_try(&self, _: &u32) {
        self.done.borrow_mut().push("note".to_owned());
    }

    fn says_more(&self, new: &u32, old: &u32) -> bool {
        new != old
    }

    fn note(&self, _: &str) {}
}

fn kept(fresh: bool, may_ask: bool) -> Remembered<u32> {
    Remembered::Answer {
        answer: 1,
        fresh,
        may_ask,
    }
}

/// Acting on 1 fails; what an ADD gives, and what was done for it.
fn serve(
    says: Result<u32, fn(Error) -> Refusal>,
    remembered: &Remembered<u32>,
) -> (Result<u32, String>, String) {
    let source = Server {
        says,
        done: RefCell::default(),
    };
    let answers = Answers {
        source: &source,
        remembered,
        deadline: Deadline::after(Duration::from_secs(15)),
    };
    let act = |answer: &u32| {
        source.done.borrow_mut().push(format!("act {answer}"));
        if *answer == 1 {
            return Err(Error::allocator("full"));
        }
        Ok(*answer)
    };
    let outcome = answers.serve(act, |error: &Error| error.msg == "full");
    let done = source.done.borrow().join(", ");
    (outcome.map_err(|error| error.to_string()), done)
}

fn full() -> Result<u32, String> {
    Err("full".to_owned())
}

#[test]
fn what_is_fresh_is_asked_for_again_only_after_an_error() {
    assert_eq!(
        serve(Ok(2), &kept(true, true)),
        (Ok(2), "act 1, ask short, remember 2, act 2".to_owned())
    );
    assert_eq!(
        serve(Ok(1), &kept(true, true)),
        (full(), "act 1, ask short".to_owned()),
        "nothing new"
    );
    assert_eq!(
        serve(Err(Refusal::Unasked), &kept(true, true)),
        (full(), "act 1, ask short, note".to_owned())
    );
    assert_eq!(
        serve(Err(Refusal::Final), &kept(true, true)),
        (full(), "act 1, ask short".to_owned())
    );
    assert_eq!(
        serve(Ok(2), &kept(true, false)),
        (full(), "act 1".to_owned()),
        "not so soon after a try in vain"
    );
}

#[test]
fn what_is_old_is_used_when_the_server_cannot_be_asked() {
    assert_eq!(
        serve(Ok(2), &kept(false, true)),
        (Ok(2), "ask short, remember 2, act 2".to_owned())
    );
    assert_eq!(
        serve(Err(Refusal::Unasked), &kept(false, true)),
        (full(), "ask short, note, act 1".to_owned())
    );
    assert_eq!(
        serve(Err(Refusal::Final), &kept(false, true)),
        (Err("asking; silence".to_owned()), "ask short".to_owned())
    );
    assert_eq!(serve(Ok(2), &kept(false, false)), (full(), "act 1".to_owned()));
}

#[test]
fn with_nothing_to_use_all_the_time_is_for_asking() {
    let nothing = Remembered::Nothing("nothing in the cache".to_owned());
    assert_eq!(
        serve(Ok(2), &nothing),
        (Ok(2), "ask long, remember 2, act 2".to_owned())
    );
    assert_eq!(
        serve(Err(Refusal::Unasked), &nothing),
        (
            Err("asking; silence; nothing in the cache".to_owned()),
            "ask long".to_owned()
        )
    );
    assert_eq!(
        serve(Err(Refusal::Final), &nothing),
        (Err("asking; silence".to_owned()), "ask long".to_owned())
    );
    assert_eq!(
        serve(Ok(13), &nothing),
        (
            Err("cannot be remembered".to_owned()),
            "ask long, remember 13".to_owned()
        ),
        "nothing is reserved"
    );
}

#[test]
fn without_trace_the_same_is_done_and_nothing_written() {
    for remembered in [Remembered::Nothing(String::new()), kept(true, true)] {
        let source = Server {
            says: Ok(2),
            done: RefCell::default(),
        };
        let answers = Answers {
            source: &WithoutTrace(&source),
            remembered: &remembered,
            deadline: Deadline::after(Duration::from_secs(2)),
        };
        let act = |answer: &u32| match answer {
            1 => Err(Error::allocator("full")),
            answer => Ok(*answer),
        };
        assert_eq!(answers.serve(act, |_| true), Ok(2));
        assert_eq!(*source.done.borrow(), ["ask short"]);
    }
}
