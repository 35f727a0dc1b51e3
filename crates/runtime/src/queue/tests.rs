use super::*;

use tokio::time::timeout;

type Queue = WorkQueue<&'static str>;

fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    use std::task::{Context, Poll, Waker};
    match pin!(future)
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The key that can be had right now, if any.
fn now(queue: &Queue) -> Option<&'static str> {
    ready(queue.next()).map(|key| key.expect("queue is open"))
}

/// How long `next` took, in milliseconds of the paused clock.
async fn wait(queue: &Queue) -> (&'static str, u128) {
    let start = Instant::now();
    let key = timeout(Duration::from_secs(3600), queue.next())
        .await
        .expect("a key comes");
    (key.expect("queue is open"), start.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn keys_come_in_order_and_once() {
    let queue = Queue::default();
    for key in ["a", "b", "a", "c", "b"] {
        queue.add(key);
    }
    assert_eq!(
        queue.depth(),
        Depth {
            ready: 3,
            in_flight: 0,
            delayed: 0
        }
    );
    assert_eq!(
        (now(&queue), now(&queue), now(&queue), now(&queue)),
        (Some("a"), Some("b"), Some("c"), None)
    );
    assert_eq!(
        queue.depth(),
        Depth {
            ready: 0,
            in_flight: 3,
            delayed: 0
        }
    );
    for key in ["a", "b", "c"] {
        queue.done(&key);
    }
    assert_eq!(queue.depth(), Depth::default());
    assert!(now(&queue).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_key_in_flight_is_handed_out_again_only_after_done() {
    let queue = Queue::default();
    queue.add("a");
    assert_eq!(now(&queue), Some("a"));
    queue.add("a");
    queue.add_low("a");
    assert_eq!(now(&queue), None, "still being worked on");
    queue.done(&"a");
    assert_eq!(now(&queue), Some("a"));
    queue.done(&"a");
    assert_eq!(now(&queue), None, "two adds while in flight make one more round");
}

#[tokio::test(start_paused = true)]
async fn new_work_overtakes_low_work() {
    let queue = Queue::default();
    queue.add_low("resync-1");
    queue.add_low("resync-2");
    queue.add("new");
    queue.add("resync-2");
    let order: Vec<_> = std::iter::from_fn(|| now(&queue)).collect();
    assert_eq!(order, ["new", "resync-2", "resync-1"]);
}

#[tokio::test(start_paused = true)]
async fn low_work_is_not_starved() {
    let queue = Queue::default();
    queue.add_low("low");
    for round in 0..LOW_SHARE {
        queue.add("new");
        let key = now(&queue).unwrap();
        queue.done(&key);
        if key == "low" {
            assert_eq!(round, LOW_SHARE - 1);
            return;
        }
    }
    panic!("the low lane was never served");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_left_the_low_lane_does_not_come_twice() {
    let queue = Queue::default();
    for _ in 0..1000 {
        queue.add_low("a");
        queue.add("a");
        assert_eq!(now(&queue), Some("a"));
        queue.done(&"a");
        assert_eq!(now(&queue), None);
    }
    assert_eq!(queue.depth(), Depth::default());
}

#[tokio::test(start_paused = true)]
async fn the_earliest_timer_wins() {
    let queue = Queue::default();
    queue.add_after("a", Duration::from_secs(5));
    queue.add_after("a", Duration::from_secs(2));
    queue.add_after("a", Duration::from_secs(9));
    queue.add_after("b", Duration::from_secs(3));
    assert_eq!(queue.depth().delayed, 2);
    assert_eq!(wait(&queue).await, ("a", 2000));
    assert_eq!(wait(&queue).await, ("b", 1000));
    queue.done(&"a");
    queue.done(&"b");
    assert_eq!(queue.depth(), Depth::default());
    let quiet = timeout(Duration::from_secs(60), queue.next()).await;
    assert!(quiet.is_err(), "later timers of the same key are gone");
}

#[tokio::test(start_paused = true)]
async fn an_add_replaces_the_timer() {
    let queue = Queue::default();
    queue.add_after("a", Duration::from_secs(5));
    queue.add("a");
    assert_eq!(
        queue.depth(),
        Depth {
            ready: 1,
            in_flight: 0,
            delayed: 0
        }
    );
    assert_eq!(wait(&queue).await, ("a", 0));
    queue.done(&"a");
    assert!(timeout(Duration::from_secs(60), queue.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_fires_in_flight_waits_for_done() {
    let queue = Queue::default();
    queue.add("a");
    assert_eq!(now(&queue), Some("a"));
    queue.add_after("a", Duration::from_secs(1));
    assert!(timeout(Duration::from_secs(5), queue.next()).await.is_err());
    queue.done(&"a");
    assert_eq!(wait(&queue).await, ("a", 0));
}

#[tokio::test(start_paused = true)]
async fn a_timer_set_in_flight_counts_from_when_it_was_set() {
    let queue = Queue::default();
    queue.add("a");
    assert_eq!(now(&queue), Some("a"));
    queue.add_after("a", Duration::from_secs(10));
    tokio::time::advance(Duration::from_secs(4)).await;
    queue.done(&"a");
    assert_eq!(queue.depth().delayed, 1);
    assert_eq!(wait(&queue).await, ("a", 6000));
}

#[tokio::test(start_paused = true)]
async fn a_worker_asleep_notices_an_earlier_timer() {
    let queue = Queue::default();
    queue.add_after("late", Duration::from_secs(100));
    let adder = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        queue.add_after("soon", Duration::from_secs(1));
    };
    let (got, ()) = tokio::join!(wait(&queue), adder);
    assert_eq!(got, ("soon", 2000));
}

#[tokio::test(start_paused = true)]
async fn delays_double_per_key_until_the_limit_and_forget_resets() {
    let queue = Queue::new(Backoff {
        base: Duration::from_millis(50),
        max: Duration::from_millis(300),
    });
    queue.add("a");
    let mut delays = Vec::new();
    for _ in 0..5 {
        let (key, _) = wait(&queue).await;
        delays.push(queue.retry(key).as_millis());
        queue.done(&key);
    }
    assert_eq!(delays, [50, 100, 200, 300, 300]);
    assert_eq!(queue.retry("b").as_millis(), 50, "other keys are not affected");
    assert_eq!(wait(&queue).await, ("b", 50));
    assert_eq!(wait(&queue).await, ("a", 250));
    queue.forget(&"a");
    assert_eq!(queue.failures(&"a"), 0);
    assert_eq!(queue.retry("a").as_millis(), 50);
}

#[tokio::test(start_paused = true)]
async fn everything_about_a_finished_key_is_forgotten() {
    let queue = Queue::default();
    queue.add("a");
    assert_eq!(now(&queue), Some("a"));
    queue.retry("a");
    queue.forget(&"a");
    queue.add("a");
    queue.done(&"a");
    assert_eq!(now(&queue), Some("a"));
    queue.done(&"a");
    assert!(queue.lock().is_empty(), "{:?}", queue.lock());
}

#[tokio::test(start_paused = true)]
async fn a_closed_queue_wakes_every_worker_and_hands_out_nothing() {
    let queue = Queue::default();
    let closer = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        queue.close();
    };
    let (a, b, ()) = tokio::join!(queue.next(), queue.next(), closer);
    assert_eq!((a, b), (None, None));
    queue.add("a");
    assert_eq!(queue.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_gives_up_waiting_passes_its_wake_on() {
    let queue = Queue::default();
    let mut first = Box::pin(queue.next());
    let mut second = Box::pin(queue.next());
    assert!(ready(first.as_mut()).is_none());
    assert!(ready(second.as_mut()).is_none());
    queue.add("a");
    drop(first);
    assert_eq!(timeout(Duration::from_secs(1), second).await.unwrap(), Some("a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_and_adders_lose_nothing_and_never_share_a_key() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    const KEYS: usize = 64;
    const ADDS: u64 = 200;
    let queue: WorkQueue<usize> = WorkQueue::default();
    let wanted: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let seen: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let busy: Arc<Vec<AtomicBool>> = Arc::new((0..KEYS).map(|_| AtomicBool::new(false)).collect());

    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (queue, wanted, seen, busy) = (queue.clone(), wanted.clone(), seen.clone(), busy.clone());
        workers.spawn(async move {
            while let Some(key) = queue.next().await {
                assert!(
                    !busy[key].swap(true, Ordering::SeqCst),
                    "key {key} has two workers"
                );
                let value = wanted[key].load(Ordering::SeqCst);
                tokio::task::yield_now().await;
                seen[key].store(value, Ordering::SeqCst);
                busy[key].store(false, Ordering::SeqCst);
                queue.done(&key);
            }
        });
    }
    let mut adders = tokio::task::JoinSet::new();
    for adder in 0..4 {
        let (queue, wanted) = (queue.clone(), wanted.clone());
        adders.spawn(async move {
            for round in 0..ADDS {
                for (key, count) in wanted.iter().enumerate() {
                    count.fetch_add(1, Ordering::SeqCst);
                    match (adder + round) % 3 {
                        0 => queue.add(key),
                        1 => queue.add_low(key),
                        _ => queue.add_after(key, Duration::from_micros(10)),
                    }
                }
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(result) = adders.join_next().await {
        result.unwrap();
    }
    // Every key must be worked on after its last add.
    let settled = async {
        loop {
            let all = seen.iter().all(|value| value.load(Ordering::SeqCst) == 4 * ADDS);
            if all && queue.depth() == Depth::default() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), settled)
        .await
        .expect("every add is seen");
    queue.close();
    while let Some(result) = workers.join_next().await {
        result.unwrap();
    }
}
