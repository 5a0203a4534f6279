//! HTTP as far as the service needs it: hyper reads and writes it, bounded in size, number and time whatever a client sends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections at once; others wait to be taken.
const MAX_CONNECTIONS: usize = 1024;
/// Bytes that are held of a request before its body.
const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// How long a head may take to come, a body, and how long a connection may do nothing.
const TIME: Duration = Duration::from_secs(5);

/// What is asked, its body read.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Bytes,
}

/// What is answered: a status and JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// What is said where nothing better can be.
    pub(crate) fn broken() -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, body: b"{}".to_vec() }
    }
}

/// Answers requests with bodies of at most `max_body` bytes, as long as the process lives. `refuse` says in JSON why one is not
/// read to its end.
pub(crate) async fn serve(
    listener: TcpListener,
    max_body: usize,
    answer: impl Fn(Asked) -> Answer + Send + Sync + 'static,
    refuse: fn(StatusCode, &str) -> Answer,
) {
    let answer = Arc::new(answer);
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(taken) = Arc::clone(&free).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // No more connections for now, most likely.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let answer = Arc::clone(&answer);
        let service = service_fn(move |request| {
            let answer = Arc::clone(&answer);
            async move {
                let given = match read(request, max_body).await {
                    Ok(asked) => decided(asked, answer).await,
                    Err((status, problem)) => refuse(status, problem),
                };
                Ok::<_, Infallible>(response(given))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(TIME)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            // Who has sent all may say so.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // The client may have gone away; nobody is left to tell.
            let _ = connection.await;
            drop(taken);
        });
    }
}

async fn read(request: Request<Incoming>, max_body: usize) -> Result<Asked, (StatusCode, &'static str)> {
    const TOO_LARGE: (StatusCode, &str) = (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    let (head, body) = request.into_parts();
    if body.size_hint().lower() > max_body as u64 {
        return Err(TOO_LARGE);
    }
    match timeout(TIME, Limited::new(body, max_body).collect()).await {
        Ok(Ok(body)) => Ok(Asked { method: head.method, path: head.uri.path().to_owned(), body: body.to_bytes() }),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(TOO_LARGE),
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body could not be read")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    }
}

/// A decision may take as long as its deadline, and other connections do not wait for it.
async fn decided(asked: Asked, answer: Arc<impl Fn(Asked) -> Answer + Send + Sync + 'static>) -> Answer {
    tokio::task::spawn_blocking(move || answer(asked)).await.unwrap_or_else(|_| Answer::broken())
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(answer.body));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
