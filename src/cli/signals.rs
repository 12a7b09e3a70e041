//! Ctrl-C and SIGTERM: the first asks to stop, the second to stop now.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::engine::Stop;

/// Listens for both signals, and tells how often they came.
pub fn stop() -> watch::Receiver<Stop> {
    let (sender, receiver) = watch::channel(Stop::No);
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for stop in [Stop::Gently, Stop::Now] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send(stop).is_err() {
                return;
            }
        }
        sender.closed().await;
    });
    receiver
}
