use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A listener whose connections go to a port; what went wrong is written down.
struct Forward {
    here: SocketAddr,
    problems: Arc<Mutex<Vec<ProviderError>>>,
    running: tokio::task::JoinHandle<ProviderError>,
}

impl Forward {
    async fn start(bench: &Bench, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let problems = Arc::<Mutex<Vec<ProviderError>>>::default();
        let (connections, endpoint, told) =
            (bench.connections.clone(), bench.server.endpoint(), problems.clone());
        let running = tokio::spawn(async move {
            let report = move |error| told.lock().unwrap().push(error);
            connections.forward(&endpoint, listener, port, &report).await
        });
        Self { here, problems, running }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.here).await.unwrap()
    }
}

/// Serves a port: reads all, then answers with how much that was and what it was.
async fn counting_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.unwrap();
                stream.write_all(format!("{} ", all.len()).as_bytes()).await.unwrap();
                stream.write_all(&all).await.unwrap();
            });
        }
    });
    port
}

#[tokio::test]
async fn many_connections_are_carried_at_once_and_each_half_closes_by_itself() {
    let bench = Bench::new();
    let forward = Forward::start(&bench, counting_server().await).await;
    let talks = (0..30_usize).map(|n| {
        let connecting = forward.here;
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(connecting).await.unwrap();
            let sent = vec![u8::try_from(n).unwrap(); 100_000 + n];
            stream.write_all(&sent).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            let expected = [format!("{} ", sent.len()).as_bytes(), &sent].concat();
            assert!(answer == expected, "{n}: {} bytes", answer.len());
        })
    });
    for talk in talks.collect::<Vec<_>>() {
        talk.await.unwrap();
    }
    assert_eq!(bench.server.logins(), 1);
    assert!(forward.problems.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_port_where_nobody_listens_ends_that_connection_and_is_told() {
    let bench = Bench::new();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let forward = Forward::start(&bench, port).await;
    for expected in 1..=2 {
        let mut stream = forward.connect().await;
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
        while forward.problems.lock().unwrap().len() < expected {
            tokio::task::yield_now().await;
        }
    }
    let problem = forward.problems.lock().unwrap()[0].clone();
    assert!(problem.message.contains(&port.to_string()), "{problem}");
    assert!(!forward.running.is_finished());
}

#[tokio::test]
async fn one_who_does_not_read_does_not_hold_up_who_comes_later() {
    let bench = Bench::new();
    let flood = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = flood.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = flood.accept().await {
            tokio::spawn(async move {
                let bytes = vec![7; 1 << 16];
                while stream.write_all(&bytes).await.is_ok() {}
            });
        }
    });
    let flooded = Forward::start(&bench, port).await;
    let _unread = flooded.connect().await;
    // Long enough for the other end to fill everything that lies between.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.says("echo served").await, "served\n");
    let other = Forward::start(&bench, counting_server().await).await;
    let mut stream = other.connect().await;
    stream.write_all(b"abc").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "3 abc");
}

#[tokio::test]
async fn dropping_a_forward_closes_what_it_carries() {
    let bench = Bench::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let forward = Forward::start(&bench, silent.local_addr().unwrap().port()).await;
    let mut near = forward.connect().await;
    let (mut far, _) = silent.accept().await.unwrap();
    near.write_all(b"x").await.unwrap();
    far.read_exact(&mut [0; 1]).await.unwrap();
    forward.running.abort();
    assert_eq!(near.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(far.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(forward.here).await.is_err());
}
