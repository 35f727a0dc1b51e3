//! Which events were written a moment ago.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::object::Message;

/// An event that says the same about the same object is written at most once in this time.
pub const WINDOW: Duration = Duration::from_secs(300);

/// How many different events are remembered: about 1 MiB. Beyond it, all are forgotten, and the worst that can
/// happen is that something is said twice.
const REMEMBERED: usize = 4096;

/// What makes two events the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    object: String,
    reason: String,
    note: String,
}

impl Key {
    pub(super) fn of(message: &Message) -> Self {
        let regarding = &message.regarding;
        // Without a uid the object is known by its kind and name.
        let object = regarding.uid.clone().unwrap_or_else(|| {
            let parts = [
                &regarding.api_version,
                &regarding.kind,
                &regarding.namespace,
                &regarding.name,
            ];
            parts.map(|part| part.as_deref().unwrap_or_default()).join("/")
        });
        Self {
            object,
            reason: message.reason.clone(),
            note: message.note.clone(),
        }
    }
}

/// When each event was last written.
#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<Key, Instant>);

impl Repeats {
    /// Whether the same was written less than [`WINDOW`] ago.
    pub(super) fn knows(&self, key: &Key, now: Instant) -> bool {
        self.0.get(key).is_some_and(|&written| now < written + WINDOW)
    }

    /// Remembers what was written.
    pub(super) fn remember(&mut self, key: Key, now: Instant) {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, &mut written| now < written + WINDOW);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(key, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        Key {
            object: number.to_string(),
            reason: String::new(),
            note: String::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_known_for_the_whole_window_and_no_longer() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        repeats.remember(key(1), start);
        assert!(repeats.knows(&key(1), start + WINDOW - Duration::from_millis(1)));
        assert!(!repeats.knows(&key(1), start + WINDOW));
        assert!(!repeats.knows(&key(2), start));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_old_entries_go_first() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        (0..REMEMBERED - 1).for_each(|number| repeats.remember(key(number), start));
        let later = start + WINDOW;
        repeats.remember(key(REMEMBERED), later);
        repeats.remember(key(REMEMBERED + 1), later);
        assert_eq!(repeats.0.len(), 2);
        (0..3 * REMEMBERED).for_each(|number| repeats.remember(key(number), later));
        assert!(repeats.0.len() <= REMEMBERED);
    }
}
