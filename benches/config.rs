//! How long a configuration takes to be read and checked, and to be compiled for requests, by the number of routes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use olympus_gateway::config::{Loaded, load};
use olympus_gateway::pipeline::Snapshot;
use olympus_gateway::upstream::Pool;

const SIZES: [usize; 3] = [10, 1_000, 10_000];

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = config
}
criterion_main!(benches);

fn config(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("config");
    for size in SIZES {
        let file = written(size);
        group.bench_function(BenchmarkId::new("load_and_check", size), |bencher| {
            bencher.iter(|| read(&file));
        });
        let settings = read(&file).settings;
        let pools: BTreeMap<_, _> = (settings.upstreams.iter())
            .map(|(name, upstream)| (name.clone(), Arc::new(Pool::new(name, upstream, Instant::now()))))
            .collect();
        group.bench_function(BenchmarkId::new("compile", size), |bencher| {
            bencher.iter(|| Snapshot::compile(settings.clone(), &pools).expect("a snapshot"));
        });
    }
    group.finish();
}

fn read(file: &Path) -> Loaded {
    load(file, []).unwrap_or_else(|mistakes| unreachable!("{mistakes}"))
}

/// A file with so many routes, and a pool for every ten of them.
fn written(size: usize) -> PathBuf {
    let mut text = "version = 1\nlisteners.public.address = \"127.0.0.1:8080\"\n".to_owned();
    for number in 0..size.div_ceil(10) {
        text += &format!("[upstreams.pool{number}]\nendpoints = [{{ address = \"127.0.0.1:9\" }}]\n");
    }
    for number in 0..size {
        let pool = number / 10;
        text += &format!(
            "[routes.route{number}]\npath = \"/api/service{number}/{{*rest}}\"\nmethods = [\"GET\", \"POST\"]\n\
             upstream = \"pool{pool}\"\nstrip_prefix = \"/api/service{number}\"\nauth = \"none\"\n"
        );
    }
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{size}-routes.toml"));
    std::fs::write(&file, text).expect("the target folder is written to");
    file
}
