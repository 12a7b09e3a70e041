//! Who listens to a command's events: JSON lines, a live terminal, or plain lines.

use indicatif::ProgressDrawTarget;

use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::event::{Event, EventStream, Stamped, Subscriber};
use crate::render;
use crate::render::human::{Human, HumanOptions};
use crate::render::json::JsonLines;
use crate::render::progress::{Progress, Size, Terminal};

impl Context {
    /// Makes the subscriber that writes JSON lines to standard output.
    pub fn json_lines(&self) -> Box<dyn Subscriber> {
        let out = Box::new(std::io::stdout());
        Box::new(JsonLines::new(out, env!("CARGO_PKG_VERSION"), self.sources()).continued())
    }

    /// Shows what happens: JSON lines; or else progress on standard error, live
    /// where that is a terminal, and outputs on standard output.
    pub fn subscribe_progress(&self, events: &mut EventStream, json: bool) {
        if json {
            return events.subscribe(self.json_lines());
        }
        let options = HumanOptions {
            timestamps: !self.terminal.stderr,
            diagnostic: self.drawing(),
            ..HumanOptions::new(self.terminal.color_errors)
        };
        let talk: Box<dyn Subscriber> = match self.terminal.stderr {
            true => {
                let size = || {
                    let size = terminal_size::terminal_size_of(std::io::stderr());
                    let (width, height) = size.map_or((80, 24), |(w, h)| (w.0.into(), h.0.into()));
                    Size { width, height }
                };
                let target = ProgressDrawTarget::stderr();
                Box::new(Progress::new(Terminal { target, size: Box::new(size) }, options))
            }
            false => Box::new(Human::new(Box::new(std::io::stderr()), options)),
        };
        events.subscribe(Box::new(Talk(talk)));
        events.subscribe(Box::new(Data(Human::new(
            Box::new(std::io::stdout()),
            HumanOptions::new(self.terminal.color),
        ))));
    }

    fn drawing(&self) -> render::human::DrawDiagnostic {
        let sources = self.sources();
        let style = render::style::Style::new(self.terminal.color_errors);
        let width = self.terminal.width;
        Box::new(move |diagnostic: &Diagnostic| {
            render::diagnostic::draw(&diagnostic.clone().into(), &sources, style, width)
        })
    }
}

/// Passes on all that is not data.
struct Talk(Box<dyn Subscriber>);

impl Subscriber for Talk {
    fn receive(&mut self, event: &Stamped) {
        if !matches!(event.event, Event::Outputs { .. }) {
            self.0.receive(event);
        }
    }
}

/// Passes on the outputs only.
struct Data(Human);

impl Subscriber for Data {
    fn receive(&mut self, event: &Stamped) {
        if matches!(event.event, Event::Outputs { .. }) {
            self.0.receive(event);
        }
    }
}
