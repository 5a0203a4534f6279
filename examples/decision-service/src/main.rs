//! An example host: loads a signed bundle, answers `POST /decide`, and follows the bundle when its file changes.
//!
//! ```text
//! decision-service --bundle dist/customer-support.tar.gz --key keys/dev.public --listen 127.0.0.1:8181
//! curl -d '{"tool": "refund", "role": "tier1", "args": {"amount": 20}}' http://127.0.0.1:8181/decide
//! curl http://127.0.0.1:8181/status
//! ```
//!
//! A bundle that is tampered with, unsigned, expired or older is refused, `/status` says why, and the one before goes on
//! deciding. There is no authentication here: put the service where only the agent's host can reach it.

mod http;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use hyper::{Method, StatusCode};
use sealgate::bundle::keys::file::read_trust_store;
use sealgate::{Decision, FileSource, LiveOptions, LivePolicy, Reason};
use serde_json::json;
use tokio::net::TcpListener;

use http::{Answer, Asked};

/// Decides calls of tools with a signed policy bundle, over HTTP.
#[derive(Debug, Parser)]
struct Options {
    /// The bundle: an archive or a folder.
    #[arg(long)]
    bundle: PathBuf,
    /// A public key file, or a folder of them; may be given several times.
    #[arg(long, required = true)]
    key: Vec<PathBuf>,
    /// The name that the bundle must have.
    #[arg(long)]
    name: Option<String>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8181")]
    listen: SocketAddr,
    /// How often the bundle's file is looked at, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    interval: u64,
    /// Threads that decide.
    #[arg(long, default_value_t = 4)]
    threads: usize,
}

/// Bytes of request body that are read; a larger one is refused.
const MAX_BODY: usize = 256 << 10;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut live = LiveOptions::new(read_trust_store(&options.key)?);
    live.expected_name.clone_from(&options.name);
    live.interval = Duration::from_millis(options.interval.max(1));
    live.runtime.max_input = MAX_BODY;
    let policy = LivePolicy::open(FileSource::new(&options.bundle), live)
        .with_context(|| format!("`{}` cannot decide", options.bundle.display()))?;
    let _watcher = policy.watch().context("the bundle cannot be watched")?;

    let threads = options.threads.max(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(threads)
        .max_blocking_threads(threads)
        .build()
        .context("no threads")?;
    runtime.block_on(async {
        let listener =
            TcpListener::bind(options.listen).await.with_context(|| format!("cannot listen on {}", options.listen))?;
        println!("listening on http://{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        http::serve(listener, MAX_BODY, move |asked| respond(&policy, &asked), error).await;
        Ok(())
    })
}

fn respond(policy: &LivePolicy, asked: &Asked) -> Answer {
    match (&asked.method, asked.path.as_str()) {
        (&Method::POST, "/decide") if asked.body.is_empty() => {
            error(StatusCode::BAD_REQUEST, "the body is the input document as JSON")
        }
        (&Method::POST, "/decide") => {
            let decision = policy.decide_json_or_deny(&asked.body);
            answer(status_of(&decision), serde_json::to_vec(&decision))
        }
        (&Method::GET, "/status") => status(policy),
        (_, "/decide" | "/status") => error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        _ => error(StatusCode::NOT_FOUND, "there is `POST /decide` and `GET /status`"),
    }
}

/// A decision of the policy is 200 whatever it says; a failure has a status of its own and a denial as its body.
fn status_of(decision: &Decision) -> StatusCode {
    match decision.reason() {
        reason if !reason.is_failure() => StatusCode::OK,
        Reason::InvalidInput => StatusCode::BAD_REQUEST,
        Reason::InputTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::NoPolicy | Reason::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Reason::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status(policy: &LivePolicy) -> Answer {
    let status = policy.status();
    let is_well = status.loaded.is_some() && !status.stale;
    let code = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(code, serde_json::to_vec(&status))
}

fn error(status: StatusCode, message: &str) -> Answer {
    answer(status, serde_json::to_vec(&json!({ "error": message })))
}

fn answer(status: StatusCode, body: serde_json::Result<Vec<u8>>) -> Answer {
    body.map_or_else(|_| Answer::broken(), |body| Answer { status, body })
}
