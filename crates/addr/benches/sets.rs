//! What an allocator does with sets of a million addresses: hand out the lowest free one, take one back, build the
//! index after a restart. Targets: under 1 µs per allocation (amortised), under 1 s per build.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use addr::{AddrRange, AddrSet, Entry, Family};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

/// Used addresses in every bench.
const USED: u32 = 1_000_000;

/// How the used addresses lie in the pool.
#[derive(Clone, Copy)]
enum Layout {
    /// One after the other from the lowest address on.
    Dense,
    /// Every second address, so that used and free consist of a million ranges each.
    Fragmented,
}

impl Layout {
    const ALL: [(&'static str, Self); 2] = [("dense", Self::Dense), ("fragmented", Self::Fragmented)];

    fn address(self, family: Family, index: u32) -> IpAddr {
        let offset = match self {
            Self::Dense => index,
            Self::Fragmented => 2 * index,
        };
        match family {
            Family::V4 => IpAddr::V4((0x0a00_0000 + offset).into()),
            Family::V6 => IpAddr::V6(((0x2001_0db8 << 96) + u128::from(offset)).into()),
        }
    }
}

fn pool(family: Family) -> AddrRange {
    let text = match family {
        Family::V4 => "10.0.0.0/8",
        Family::V6 => "2001:db8::/32",
    };
    text.parse::<Entry>().expect("a valid CIDR").range()
}

/// The used addresses in an order without pattern, the same on every run (xorshift and Fisher-Yates).
fn shuffled(family: Family, layout: Layout) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = (0..USED).map(|i| layout.address(family, i)).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for i in (1..addresses.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state).expect("64-bit machine") % (i + 1);
        addresses.swap(i, other);
    }
    addresses
}

fn id(family: Family, layout: &str) -> BenchmarkId {
    BenchmarkId::new(family.to_string(), layout)
}

/// Time of `rounds` calls of `step`, with fresh state every `per_state` calls; making the state is not measured.
fn timed<S>(
    rounds: u64,
    per_state: u64,
    fresh: impl Fn() -> S,
    mut step: impl FnMut(&mut S, u64),
) -> Duration {
    let (mut left, mut total) = (rounds, Duration::ZERO);
    while left > 0 {
        let now = left.min(per_state);
        let mut state = fresh();
        let start = Instant::now();
        for round in 0..now {
            step(&mut state, round);
        }
        total += start.elapsed();
        left -= now;
    }
    total
}

/// The lowest free address out of the set of free ones.
fn allocate_from_free(c: &mut Criterion) {
    let mut group = c.benchmark_group("allocate, lowest of the free set");
    for family in Family::ALL {
        for (name, layout) in Layout::ALL {
            let used: AddrSet = shuffled(family, layout).into_iter().collect();
            let free = AddrSet::from(pool(family)).difference(&used);
            group.bench_function(id(family, name), |b| {
                let half = u64::from(USED) / 2;
                b.iter_custom(|n| {
                    timed(
                        n,
                        half,
                        || free.clone(),
                        |free, _| {
                            black_box(free.take_first());
                        },
                    )
                });
            });
        }
    }
    group.finish();
}

/// The lowest free address as the first gap in the set of used ones, which then takes it in.
fn allocate_from_used(c: &mut Criterion) {
    let mut group = c.benchmark_group("allocate, first gap of the used set");
    for family in Family::ALL {
        let lowest = pool(family).first();
        for (name, layout) in Layout::ALL {
            let used: AddrSet = shuffled(family, layout).into_iter().collect();
            group.bench_function(id(family, name), |b| {
                let half = u64::from(USED) / 2;
                b.iter_custom(|n| {
                    timed(
                        n,
                        half,
                        || used.clone(),
                        |used, _| {
                            let gap = used.next_gap_at_or_after(lowest).expect("the pool is not full");
                            black_box(used.insert_addr(gap));
                        },
                    )
                });
            });
        }
    }
    group.finish();
}

/// A used address, anywhere, goes back to the free ones.
fn release(c: &mut Criterion) {
    let mut group = c.benchmark_group("release, anywhere");
    for family in Family::ALL {
        for (name, layout) in Layout::ALL {
            let order = shuffled(family, layout);
            let used: AddrSet = order.iter().copied().collect();
            let free = AddrSet::from(pool(family)).difference(&used);
            group.bench_function(id(family, name), |b| {
                let all = u64::from(USED);
                b.iter_custom(|n| {
                    timed(
                        n,
                        all,
                        || (free.clone(), order.iter()),
                        |(free, order), _| {
                            let address = order.next().expect("no more rounds than addresses");
                            black_box(free.insert_addr(*address));
                        },
                    )
                });
            });
        }
    }
    group.finish();
}

/// The index of a million used addresses that come in no order.
fn build(c: &mut Criterion) {
    let mut group = c.benchmark_group("build from 1,000,000 addresses");
    group.sample_size(10);
    for family in Family::ALL {
        for (name, layout) in Layout::ALL {
            let order = shuffled(family, layout);
            group.bench_function(id(family, name), |b| {
                b.iter_batched(
                    || order.clone(),
                    |order| black_box(order.into_iter().collect::<AddrSet>()),
                    BatchSize::PerIteration,
                );
            });
            group.bench_function(id(family, &format!("{name}, one by one")), |b| {
                b.iter_batched(
                    || order.clone(),
                    |order| {
                        let mut set = AddrSet::new();
                        for address in order {
                            set.insert_addr(address);
                        }
                        black_box(set)
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

/// The free set of a pool: S less the used addresses.
fn difference(c: &mut Criterion) {
    let used: AddrSet = shuffled(Family::V4, Layout::Fragmented).into_iter().collect();
    let whole = AddrSet::from(pool(Family::V4));
    let mut group = c.benchmark_group("free set of 1,000,000 used addresses");
    group.sample_size(10);
    group.bench_function(id(Family::V4, "fragmented"), |b| {
        b.iter(|| whole.difference(&used));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .sample_size(20)
        .without_plots();
    targets = allocate_from_free, allocate_from_used, release, build, difference
}
criterion_main!(benches);
