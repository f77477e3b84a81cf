//! Answer and time the cases of ../rows.py with tower-http's CORS layer.
//!
//!     peers CASES.json                              one command per line of standard input, as JSON
//!     peers CASES.json --check                      the subject's answer to every case
//!     peers CASES.json --run SUBJECT CASE N BLOCKS  nanoseconds per request, [gross, floor] a block
//!
//! judge.py judges the answers. The time does not include a server's work: a request is a ready
//! `http::Request`, and a response is dropped.

use std::collections::HashMap;
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
use serde_json::{Value, json};
use tower::{Layer, Service, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The number of separate requests that bring the code into the caches before the clock runs. It is
/// at most the number of timed requests.
const WARM_UP: usize = 20;
/// Larger values are shared by the requests of a block. A request is dropped while the clock runs,
/// and freeing a megabyte would be most of the measured time.
const LARGE: usize = 64 * 1024;
const SUBJECT: &str = "tower-http";

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

#[derive(Deserialize)]
struct Case {
    name: String,
    policy: Policy,
    method: String,
    fields: Vec<(String, String)>,
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

impl Case {
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

/// One timed loop: nanoseconds per request.
fn block<S>(service: &mut S, case: &Case, n: usize) -> Result<f64>
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    let (warm, requests) = (case.requests(WARM_UP.min(n))?, case.requests(n)?);
    for request in warm {
        black_box(answer(service, black_box(request)));
    }
    let start = Instant::now();
    for request in requests {
        black_box(answer(service, black_box(request)));
    }
    Ok(start.elapsed().as_nanos() as f64 / n as f64)
}

/// One timed loop over this many requests of a case: `block`, with a service inside.
type Timed = Box<dyn FnMut(&Case, usize) -> Result<f64>>;

fn timed<S>(mut service: S) -> Timed
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible> + 'static,
{
    Box::new(move |case, n| block(&mut service, case, n))
}

struct Bench {
    cases: Vec<Case>,
    /// Built at first use, because ten thousand origins take a while.
    layered: HashMap<String, Timed>,
    floor: Timed,
    /// Whether the floor goes first. The two alternate.
    floor_first: bool,
}

fn find<'a>(cases: &'a [Case], name: &str) -> Result<&'a Case> {
    let found = cases.iter().find(|case| case.name == name);
    Ok(found.ok_or(format!("no case {name}"))?)
}

impl Bench {
    fn check(&self) -> Result<Value> {
        let mut answers = Vec::new();
        for case in &self.cases {
            let mut service = case.policy.layer()?.layer(service_fn(bare));
            let request = case.requests(1)?.remove(0);
            let response = answer(&mut service, request);
            let mut headers = Vec::new();
            for (field, value) in response.headers() {
                headers.push(json!([field.as_str(), value.to_str()?]));
            }
            answers.push(json!({
                "subject": SUBJECT,
                "case": case.name,
                "status": response.status().as_u16(),
                "headers": headers,
            }));
        }
        Ok(Value::Array(answers))
    }

    fn run(&mut self, name: &str, n: usize, blocks: usize) -> Result<Value> {
        let case = find(&self.cases, name)?;
        if !self.layered.contains_key(name) {
            let service = case.policy.layer()?.layer(service_fn(bare));
            self.layered.insert(name.to_owned(), timed(service));
        }
        let layered = self.layered.get_mut(name).expect("was just inserted");
        let mut figures = Vec::new();
        for _ in 0..blocks {
            self.floor_first = !self.floor_first;
            figures.push(if self.floor_first {
                let floor = (self.floor)(case, n)?;
                json!([layered(case, n)?, floor])
            } else {
                let gross = layered(case, n)?;
                json!([gross, (self.floor)(case, n)?])
            });
        }
        Ok(Value::Array(figures))
    }

    /// Execute ["check"] or ["run", SUBJECT, CASE, N, BLOCKS].
    fn obey(&mut self, command: &[Value]) -> Result<Value> {
        let texts: Vec<_> = command
            .iter()
            .map(|item| item.as_str().unwrap_or(""))
            .collect();
        match (texts.as_slice(), command) {
            (["check"], _) => self.check(),
            (["run", SUBJECT, name, ..], [_, _, _, n, blocks]) => {
                let number = |item: &Value| item.as_u64().ok_or("N and BLOCKS are numbers");
                self.run(name, number(n)? as usize, number(blocks)? as usize)
            }
            _ => Err(format!("no such command: {command:?}").into()),
        }
    }

    fn reply(&mut self, command: &[Value]) -> Result<()> {
        let result = self.obey(command)?;
        let mut out = io::stdout().lock();
        writeln!(out, "{result}")?;
        Ok(out.flush()?)
    }
}

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Some((file, rest)) = arguments.split_first() else {
        return Err("usage: peers CASES.json [--check | --run SUBJECT CASE N BLOCKS]".into());
    };
    let cases = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let mut bench = Bench {
        cases,
        layered: HashMap::new(),
        floor: timed(service_fn(bare)),
        floor_first: false,
    };
    if !rest.is_empty() {
        let command: Vec<_> = rest
            .iter()
            .map(|item| match item.parse::<u64>() {
                Ok(number) => json!(number),
                Err(_) => json!(item.trim_start_matches("--")),
            })
            .collect();
        return bench.reply(&command);
    }
    for line in io::stdin().lock().lines() {
        let command: Vec<Value> = serde_json::from_str(&line?)?;
        bench.reply(&command)?;
    }
    Ok(())
}
