//! Shows a running apply live on a terminal: a line per running step, and what
//! has ended scrolling away above.
//!
//! Only for terminals: whoever makes one has checked that. The events are drawn
//! by a thread of their own, so that a slow terminal never holds up an apply.

mod board;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Stamped, Subscriber};
use crate::render::human::{HumanOptions, Lines};
use crate::render::paint::Paint;

pub use board::{Board, Size};

/// How often the seconds are drawn anew.
const TICK: Duration = Duration::from_millis(250);

/// A terminal to show progress on.
pub struct Terminal {
    pub target: ProgressDrawTarget,
    /// Asked before each drawing, since a window may be resized.
    pub size: Box<dyn Fn() -> Size + Send>,
}

/// Shows a running apply live on a terminal. Dropping it clears the live lines.
pub struct Progress {
    events: Option<Sender<Stamped>>,
    drawing: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts drawing; `options.running` is ignored.
    pub fn new(terminal: Terminal, options: HumanOptions) -> Self {
        let (events, received) = channel();
        let screen = Screen::new(terminal, options);
        let drawing = std::thread::spawn(move || screen.follow(&received));
        Self { events: Some(events), drawing: Some(drawing) }
    }
}

impl Subscriber for Progress {
    fn receive(&mut self, event: &Stamped) {
        if let Some(events) = &self.events {
            // A drawing thread that has ended draws nothing more, which is no error.
            let _ = events.send(event.clone());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.events = None;
        if let Some(drawing) = self.drawing.take() {
            let _ = drawing.join();
        }
    }
}

struct Screen {
    bar: ProgressBar,
    size: Box<dyn Fn() -> Size + Send>,
    lines: Lines,
    board: Board,
    start: Instant,
}

impl Screen {
    fn new(terminal: Terminal, options: HumanOptions) -> Self {
        let bar = ProgressBar::with_draw_target(None, terminal.target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        let board = Board::new(Paint::new(options.color));
        let lines = Lines::new(HumanOptions { running: false, ..options });
        Self { bar, size: terminal.size, lines, board, start: Instant::now() }
    }

    /// Draws until no more events can come.
    fn follow(mut self, events: &Receiver<Stamped>) {
        loop {
            match events.recv_timeout(TICK) {
                Ok(first) => self.take(std::iter::once(first).chain(events.try_iter())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let message = self.board.draw((self.size)(), self.start.elapsed().as_secs_f64());
            self.bar.set_message(message);
            self.bar.tick();
        }
        self.bar.finish_and_clear();
    }

    /// Takes all events that have come in, and prints at once what they say.
    fn take(&mut self, events: impl Iterator<Item = Stamped>) {
        let now = self.start.elapsed().as_secs_f64();
        let mut text = String::new();
        for event in events {
            text.push_str(&self.lines.draw(&event));
            self.board.receive(&event.event, now);
        }
        if !text.is_empty() {
            self.bar.println(text.trim_end_matches('\n'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn every_event_is_drawn_before_it_ends() {
        let target = ProgressDrawTarget::hidden();
        let size = Box::new(|| Size { width: 80, height: 24 });
        let mut progress = Progress::new(Terminal { target, size }, HumanOptions::new(false));
        sample::every_event().iter().for_each(|event| progress.receive(event));
        drop(progress);
    }
}
