//! Answer and time requests with tower-http's CORS layer: peers REQUESTS.json
//!
//! programs.py describes the protocol. The time does not include a server's work: a request is a
//! ready `http::Request`, and a response is dropped.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use serde::Deserialize;
use serde_json::json;
use tower::{Layer, Service, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The number of separate requests that bring the code into the caches before the clock runs. It is
/// at most the number of timed requests.
const WARM_UP: usize = 20;
/// Larger values are shared by the requests of a block. A request is dropped while the clock runs,
/// and freeing a megabyte would be most of the measured time.
const LARGE: usize = 64 * 1024;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
struct Policy {
    origins: Vec<String>,
    subdomains_of: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    expose: Vec<String>,
    credentials: bool,
    max_age: u64,
}

/// A request of the file.
#[derive(Deserialize)]
struct Given {
    name: String,
    policy: Policy,
    method: String,
    fields: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Command {
    request: String,
    calls: usize,
    blocks: usize,
}

impl Policy {
    /// One origin is a constant, several are a list, and subdomains are a predicate, as in the
    /// layer's manual.
    fn allow_origin(&self) -> Result<AllowOrigin> {
        let origins = parsed::<HeaderValue>(&self.origins)?;
        if self.subdomains_of.is_empty() {
            return Ok(match <[HeaderValue; 1]>::try_from(origins) {
                Ok([origin]) => AllowOrigin::exact(origin),
                Err(origins) => AllowOrigin::list(origins),
            });
        }
        let suffixes: Vec<_> = self
            .subdomains_of
            .iter()
            .map(|name| format!(".{name}"))
            .collect();
        Ok(AllowOrigin::predicate(move |origin, _| {
            origins.contains(origin)
                || (origin.as_bytes().starts_with(b"https://")
                    && suffixes
                        .iter()
                        .any(|suffix| origin.as_bytes().ends_with(suffix.as_bytes())))
        }))
    }

    fn layer(&self) -> Result<CorsLayer> {
        Ok(CorsLayer::new()
            .allow_origin(self.allow_origin()?)
            .allow_methods(parsed::<Method>(&self.methods)?)
            .allow_headers(parsed::<HeaderName>(&self.headers)?)
            .expose_headers(parsed::<HeaderName>(&self.expose)?)
            .allow_credentials(self.credentials)
            .max_age(Duration::from_secs(self.max_age)))
    }
}

fn parsed<T>(texts: &[String]) -> Result<Vec<T>>
where
    T: std::str::FromStr<Err: Error + 'static>,
{
    Ok(texts
        .iter()
        .map(|text| text.parse())
        .collect::<std::result::Result<_, _>>()?)
}

impl Given {
    /// Return a request as a server would pass it on, with its own names and values; `shared`
    /// holds the large ones.
    fn request(&self, shared: &[HeaderValue]) -> Result<Request<()>> {
        let mut request = Request::new(());
        *request.method_mut() = self.method.parse()?;
        let mut shared = shared.iter();
        for (name, value) in &self.fields {
            let name = HeaderName::from_bytes(name.as_bytes())?;
            let value = match value.len() > LARGE {
                true => shared.next().expect("one for each large value").clone(),
                false => HeaderValue::from_bytes(value.as_bytes())?,
            };
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }

    fn requests(&self, n: usize) -> Result<Vec<Request<()>>> {
        let large = self.fields.iter().filter(|(_, value)| value.len() > LARGE);
        let shared: Vec<_> = large
            .map(|(_, value)| HeaderValue::from_bytes(value.as_bytes()))
            .collect::<std::result::Result<_, _>>()?;
        (0..n).map(|_| self.request(&shared)).collect()
    }
}

/// The application, which also measures the floor.
fn bare(request: Request<()>) -> Ready<std::result::Result<Response<()>, Infallible>> {
    drop(request);
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    ready(Ok(response))
}

/// Ask whether the service is ready, call it, and poll until there is a response.
fn answer<S>(service: &mut S, request: Request<()>) -> Response<()>
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    while service.poll_ready(&mut context).is_pending() {}
    let mut future = pin!(service.call(request));
    loop {
        if let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut context) {
            return response;
        }
    }
}

/// Return the nanoseconds per request of one timed loop.
fn block<S>(service: &mut S, given: &Given, n: usize) -> Result<f64>
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    let (warm, requests) = (given.requests(WARM_UP.min(n))?, given.requests(n)?);
    for request in warm {
        black_box(answer(service, black_box(request)));
    }
    let start = Instant::now();
    for request in requests {
        black_box(answer(service, black_box(request)));
    }
    Ok(start.elapsed().as_nanos() as f64 / n as f64)
}

fn main() -> Result<()> {
    let file = std::env::args()
        .nth(1)
        .ok_or("usage: peers REQUESTS.json")?;
    let every: Vec<Given> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let mut floor = service_fn(bare);
    // Built at first use, because ten thousand origins take a while.
    let mut services = HashMap::new();
    let mut floor_first = false;
    for line in io::stdin().lock().lines() {
        let command: Command = serde_json::from_str(&line?)?;
        let found = every.iter().find(|given| given.name == command.request);
        let given = found.ok_or("no such request")?;
        let service = match services.entry(&given.name) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(given.policy.layer()?.layer(service_fn(bare))),
        };
        let response = answer(service, given.requests(1)?.remove(0));
        let mut headers = Vec::new();
        for (name, value) in response.headers() {
            headers.push(json!([name.as_str(), value.to_str()?]));
        }
        let mut times = Vec::new();
        for _ in 0..command.blocks {
            floor_first = !floor_first;
            times.push(if floor_first {
                let floor_time = block(&mut floor, given, command.calls)?;
                [block(service, given, command.calls)?, floor_time]
            } else {
                let gross = block(service, given, command.calls)?;
                [gross, block(&mut floor, given, command.calls)?]
            });
        }
        let status = response.status().as_u16();
        let reply = json!({"status": status, "headers": headers, "times": times});
        let mut out = io::stdout().lock();
        writeln!(out, "{reply}")?;
        out.flush()?;
    }
    Ok(())
}
