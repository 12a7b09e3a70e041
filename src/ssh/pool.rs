//! The connections that are open, and who gets one.
//!
//! One connection serves everything that one user does on one machine: nine
//! sessions at once, and any number of forwarded ports. Who comes when all
//! sessions are taken waits. There is a second connection only where waiting
//! would not help: where none of its sessions ends for [`PATIENCE`], or where one
//! is held up by somebody who does not read its output. (The library grants a
//! server more data as soon as it has some, so that a slow reader can only be
//! waited for by all of a connection.)

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::Channel;
use russh::client::Msg;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::channel::{OnDrop, Session};
use super::dial::{self, Failure};
use super::link::{Link, NotOpened};
use super::{Command, Endpoint, Identities, console, exec, forward, reach};
use crate::provider::{ExecIo, ExecOutcome, ProviderError};
use crate::tty::Terminal;

/// How long one waits for a connection none of whose sessions ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a command that was given up may take to be ended when the pool is closed.
const SETTLING: Duration = Duration::from_secs(10);

/// The connections of a process. Cheap to clone.
#[derive(Clone)]
pub struct Connections(Arc<Pool>);

struct Pool {
    identities: Identities,
    routes: Mutex<HashMap<(IpAddr, u16, String), Arc<Route>>>,
    ending: watch::Sender<usize>,
}

/// All connections to one machine as one user.
#[derive(Default)]
struct Route {
    links: tokio::sync::Mutex<Vec<Arc<Link>>>,
    /// When connecting last failed, and why: who waited meanwhile does not try again.
    failed: Mutex<Option<(Instant, Failure)>>,
}

impl Connections {
    /// Opens connections with these keys, when they are first needed.
    pub fn new(identities: Identities) -> Self {
        let (ending, _) = watch::channel(0);
        Self(Arc::new(Pool { identities, routes: Mutex::default(), ending }))
    }

    /// Runs a command and waits for it. Dropping this ends the command.
    pub async fn exec(
        &self,
        endpoint: &Endpoint,
        command: &Command,
        io: ExecIo,
        timeout: Option<Duration>,
    ) -> Result<ExecOutcome, ProviderError> {
        command.check()?;
        let mut session = self.session(endpoint).await?;
        session.on_drop = OnDrop::Kill;
        exec::run(session, command, io, timeout).await
    }

    /// Opens a login shell on a terminal; returns its exit code.
    pub async fn console(
        &self,
        endpoint: &Endpoint,
        terminal: &Terminal,
        term: &str,
    ) -> Result<i32, ProviderError> {
        console::run(self.session(endpoint).await?, terminal, term).await
    }

    /// Carries every connection that a listener accepts on to a port of the machine.
    /// Runs until it is dropped or the listener fails; what ends one of the
    /// connections is reported.
    pub async fn forward(
        &self,
        endpoint: &Endpoint,
        listener: TcpListener,
        port: u16,
        report: &(dyn Fn(ProviderError) + Send + Sync),
    ) -> ProviderError {
        forward::run(self, endpoint, listener, port, report).await
    }

    /// Connects and logs in, unless that is done already.
    pub async fn connect(&self, endpoint: &Endpoint) -> Result<(), ProviderError> {
        self.try_connect(endpoint).await.map_err(|failure| failure.error)
    }

    /// Waits until a machine that boots takes our login, and keeps the connection.
    /// A server with another host key is given up at once.
    pub async fn wait_until_reachable(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
        on_phase: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(), ProviderError> {
        reach::wait(self, endpoint, deadline, on_phase).await
    }

    /// Waits until every command that was given up has been ended.
    pub async fn settle(&self) {
        let mut ending = self.0.ending.subscribe();
        let _ = tokio::time::timeout(SETTLING, ending.wait_for(|count| *count == 0)).await;
    }

    pub(super) async fn try_connect(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        let route = self.route(endpoint);
        self.link(endpoint, &route, |_| true).await.map(|_| ())
    }

    /// Opens a way to a port of the machine.
    pub(super) async fn port(
        &self,
        endpoint: &Endpoint,
        port: u16,
        from: SocketAddr,
    ) -> Result<(Arc<Link>, Channel<Msg>), NotOpened> {
        let route = self.route(endpoint);
        let lost = |failure: Failure| NotOpened::Lost(failure.error);
        let link = self.link(endpoint, &route, |link| !link.is_stalled()).await.map_err(lost)?;
        match link.port(port, from).await {
            // A connection may have died unnoticed; a fresh one has not.
            Err(NotOpened::Lost(_)) => route.forget(&link).await,
            opened => return opened.map(|channel| (link, channel)),
        }
        let link = self.link(endpoint, &route, |link| !link.is_stalled()).await.map_err(lost)?;
        Ok((link.clone(), link.port(port, from).await?))
    }

    async fn session(&self, endpoint: &Endpoint) -> Result<Session, ProviderError> {
        let route = self.route(endpoint);
        let (link, slot) = self.slot(endpoint, &route).await?;
        match Session::open(link.clone(), slot).await {
            // A connection may have died unnoticed; a fresh one has not.
            Err(NotOpened::Lost(_)) => route.forget(&link).await,
            opened => return opened.map_err(NotOpened::into_error),
        }
        let (link, slot) = self.slot(endpoint, &route).await?;
        Session::open(link, slot).await.map_err(NotOpened::into_error)
    }

    /// Returns a place for a session, waiting for one if need be.
    async fn slot(
        &self,
        endpoint: &Endpoint,
        route: &Route,
    ) -> Result<(Arc<Link>, OwnedSemaphorePermit), ProviderError> {
        let fresh = |failure: Failure| failure.error;
        let link = self.link(endpoint, route, |link| !link.is_stalled()).await.map_err(fresh)?;
        let acquiring = link.slots.clone().acquire_owned();
        tokio::pin!(acquiring);
        let mut served = None;
        while link.is_open() && served.replace(link.served()) != Some(link.served()) {
            let waiting = tokio::time::timeout(PATIENCE, &mut acquiring);
            if let Ok(Ok(slot)) = waiting.await {
                return Ok((link, slot));
            }
        }
        loop {
            let has_room = |link: &Link| !link.is_stalled() && link.slots.available_permits() > 0;
            let link = self.link(endpoint, route, has_room).await.map_err(fresh)?;
            if let Ok(slot) = link.slots.clone().try_acquire_owned() {
                return Ok((link, slot));
            }
        }
    }

    fn route(&self, endpoint: &Endpoint) -> Arc<Route> {
        let key = (endpoint.address, endpoint.port, endpoint.user.clone());
        let mut routes = match self.0.routes.lock() {
            Ok(routes) => routes,
            Err(poisoned) => poisoned.into_inner(),
        };
        routes.entry(key).or_default().clone()
    }

    /// Returns a connection that fits, or a new one.
    async fn link(
        &self,
        endpoint: &Endpoint,
        route: &Route,
        fits: impl Fn(&Link) -> bool,
    ) -> Result<Arc<Link>, Failure> {
        let asked = Instant::now();
        let mut links = route.links.lock().await;
        links.retain(|link| link.is_open());
        // The pins may have changed since the connection was made.
        let known = |link: &&Arc<Link>| endpoint.pins.contains(&link.host_key) && fits(link);
        if let Some(link) = links.iter().find(known) {
            return Ok(link.clone());
        }
        if let Some(failure) = route.failed_since(asked) {
            return Err(failure);
        }
        match dial::dial(endpoint, &self.0.identities).await {
            Ok(dialled) => {
                let link = Arc::new(Link::new(dialled, self.0.ending.clone()));
                links.push(link.clone());
                Ok(link)
            }
            Err(failure) => {
                route.remember(failure.clone());
                Err(failure)
            }
        }
    }
}

impl Route {
    fn failed_since(&self, asked: Instant) -> Option<Failure> {
        let failed = self.failed.lock().ok()?;
        failed.as_ref().filter(|(when, _)| *when >= asked).map(|(_, failure)| failure.clone())
    }

    fn remember(&self, failure: Failure) {
        if let Ok(mut failed) = self.failed.lock() {
            *failed = Some((Instant::now(), failure));
        }
    }

    /// Gives up a connection that does not answer.
    async fn forget(&self, dead: &Arc<Link>) {
        self.links.lock().await.retain(|link| !Arc::ptr_eq(link, dead));
    }
}
