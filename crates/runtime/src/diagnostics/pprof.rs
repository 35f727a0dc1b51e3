//! `/debug/pprof/*`: what of Go's profiles means something here.
//!
//! There are no goroutines and no sampling profiler; what the kernel knows of the process is served as text,
//! and the other names explain what to use.

use std::fmt::Write;
use std::fs;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::Process;

const INDEX: &str = "\
/debug/pprof/

cmdline       the command line, arguments separated by NUL
heap          memory of the process as the kernel counts it
threadcreate  threads, with the CPU time and state of each

profile, trace, goroutine, allocs, block, mutex and symbol are Go's; use perf(1) with the process id.
";

pub(super) fn router() -> Router {
    Router::new()
        .route(
            "/debug/pprof/",
            get(async || text(StatusCode::OK, INDEX.to_owned())),
        )
        .route("/debug/pprof/cmdline", get(cmdline))
        .route("/debug/pprof/heap", get(heap))
        .route("/debug/pprof/threadcreate", get(threads))
        .route("/debug/pprof/{other}", get(other))
}

async fn cmdline() -> Response {
    let line = fs::read("/proc/self/cmdline").unwrap_or_default();
    let line = String::from_utf8_lossy(&line).trim_end_matches('\0').to_owned();
    text(StatusCode::OK, line)
}

async fn heap() -> Response {
    let mut body = String::new();
    if let Some(process) = Process::read() {
        let _ = writeln!(body, "resident_bytes {}", process.resident_bytes);
        let _ = writeln!(body, "virtual_bytes {}", process.virtual_bytes);
    }
    for file in ["/proc/self/smaps_rollup", "/proc/self/status"] {
        if let Ok(content) = fs::read_to_string(file) {
            let _ = writeln!(body, "\n# {file}\n{}", content.trim_end());
        }
    }
    text(StatusCode::OK, body)
}

async fn threads() -> Response {
    let mut rows: Vec<(u32, String)> = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let id = name.to_str()?.parse().ok()?;
            // A thread may end between the listing and this read.
            let stat = fs::read_to_string(format!("/proc/self/task/{id}/stat")).ok()?;
            Some((id, stat.trim_end().to_owned()))
        })
        .collect();
    rows.sort_unstable();
    let mut body = format!("threads {}\n\n# /proc/self/task/*/stat\n", rows.len());
    for (_, stat) in rows {
        body.push_str(&stat);
        body.push('\n');
    }
    text(StatusCode::OK, body)
}

async fn other(Path(name): Path<String>) -> Response {
    text(
        StatusCode::NOT_FOUND,
        format!("there is no profile {name:?} here\n\n{INDEX}"),
    )
}

fn text(status: StatusCode, body: String) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        body,
    )
        .into_response()
}
