//! A client that takes nothing for granted: one connection a request, and a
//! connection that closes without an answer is an answer too.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gcp;
use crate::hetzner::settings::Settings;
use crate::hetzner::{self, Running};

/// Either emulator.
pub trait Listening {
    fn address(&self) -> SocketAddr;
}

impl Listening for Running {
    fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Listening for gcp::Running {
    fn address(&self) -> SocketAddr {
        self.address
    }
}

pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Why Google's APIs refuse.
    pub fn reason(&self) -> &str {
        self.body["error"]["errors"][0]["reason"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub async fn start(settings: Settings) -> Running {
    hetzner::start("127.0.0.1:0".parse().unwrap(), settings).await.unwrap()
}

/// Sends a request; nothing comes back where the connection was cut.
pub async fn send(to: &impl Listening, method: &str, path: &str, body: Value) -> Option<Reply> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: emulator\r\nAuthorization: Bearer token\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = exchange(to, text.as_bytes()).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    Some(Reply { status, head: head.to_owned(), body })
}

async fn exchange(to: &impl Listening, request: &[u8]) -> io::Result<String> {
    let mut stream = TcpStream::connect(to.address()).await?;
    stream.write_all(request).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

pub async fn get(to: &impl Listening, path: &str) -> Reply {
    send(to, "GET", path, Value::Null).await.unwrap()
}

pub async fn post(to: &impl Listening, path: &str, body: Value) -> Reply {
    send(to, "POST", path, body).await.unwrap()
}

/// The order of a server that can be had.
pub fn order(name: &str) -> Value {
    json!({"name": name, "server_type": "cpx32", "location": "ash", "image": "ubuntu-24.04"})
}

/// Looks until something is so.
pub async fn until(to: &impl Listening, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let look = async {
        loop {
            let body = get(to, path).await.body;
            if is_so(&body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), look).await.expect(path)
}

/// Makes a server and waits until nothing is done to it any more.
pub async fn make_server(to: &Running, body: Value) -> Value {
    let made = post(to, "/servers", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/servers/{}", made.body["server"]["id"]);
    until(to, &path, |body| body["server"]["locked"] == false).await["server"].clone()
}
