//! The reference for warm invocations: a hyper server that hands each request to the same native function over the same
//! protocol, with no sandbox around it and nothing checked, recorded or logged.

use std::convert::Infallible;
use std::process::{Child as Process, Command};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use crate::Error;

/// As many functions as there are connections at most.
const FUNCTIONS: usize = 16;
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
const ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

/// A function's connection that has asked for an invocation, and whether an answer of its was not accepted yet.
struct Waiting(TcpStream, bool);

/// The functions without an invocation: the one used last is used next.
type Idle = Arc<Mutex<Vec<Waiting>>>;

/// Serves until it is killed; prints its address.
pub(crate) fn serve() -> Result<(), Error> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let functions = TcpListener::bind("127.0.0.1:0").await?;
        let _functions = start(&functions.local_addr()?.to_string())?;
        let idle = Idle::default();
        for _ in 0..FUNCTIONS {
            let (mut stream, _) = functions.accept().await?;
            stream.set_nodelay(true)?;
            request(&mut stream, &mut Vec::new()).await?;
            idle.lock().await.push(Waiting(stream, false));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let idle = Arc::clone(&idle);
            tokio::spawn(async move {
                let http = hyper::server::conn::http1::Builder::new();
                let answer = service_fn(move |request| answer(request, Arc::clone(&idle)));
                let _ = http.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    })
}

/// Ends with its owner.
struct Functions(Vec<Process>);

impl Drop for Functions {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|function| drop(function.kill()));
    }
}

fn start(api: &str) -> Result<Functions, Error> {
    let program = std::env::current_exe()?;
    // They end when the connection does, should nobody be left to end them.
    let one = |_| Command::new(&program).env("AWS_LAMBDA_RUNTIME_API", api).spawn();
    Ok(Functions((0..FUNCTIONS).map(one).collect::<Result<_, _>>()?))
}

async fn answer(request: Request<Incoming>, idle: Idle) -> Result<Response<Full<Bytes>>, Infallible> {
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let answer = relay(&body, &idle).await.unwrap_or_default();
    Ok(Response::new(Full::new(answer)))
}

async fn relay(body: &[u8], idle: &Idle) -> Result<Bytes, Error> {
    let Waiting(mut stream, owes_acceptance) = idle.lock().await.pop().ok_or("no function is idle")?;
    let mut head = if owes_acceptance { ACCEPTED.to_owned() } else { String::new() };
    head.push_str(&format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {ID}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).await?;
    let mut rest = Vec::new();
    let answer = request(&mut stream, &mut rest).await?;
    request(&mut stream, &mut rest).await?;
    idle.lock().await.push(Waiting(stream, true));
    Ok(answer)
}

/// The body of the next request; what came after it stays in `rest`.
async fn request(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Result<Bytes, Error> {
    loop {
        if let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let whole = end + 4 + length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if rest.len() >= whole {
                let after = rest.split_off(whole);
                let body = rest.split_off(end + 4);
                *rest = after;
                return Ok(body.into());
            }
        }
        if stream.read_buf(rest).await? == 0 {
            return Err("the function closed the connection".into());
        }
    }
}
