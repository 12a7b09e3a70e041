//! What is running now, as lines that fit a terminal.

use std::collections::{BTreeMap, HashMap};

use crate::address::Address;
use crate::event::{Event, Verb};
use crate::object::StepRecord;
use crate::render::message::{elapsed, step_title, words};
use crate::render::paint::Paint;
use crate::render::words::{cut, printable};

/// A terminal's columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: usize,
    pub height: usize,
}

/// What is running now, oldest first.
pub struct Board {
    paint: Paint,
    running: BTreeMap<u64, Running>,
    place: HashMap<Address, u64>,
    next: u64,
    done: usize,
    failed: usize,
}

struct Running {
    address: Address,
    verb: Verb,
    phase: String,
    /// When it started, in seconds on the caller's clock.
    since: f64,
}

impl Board {
    /// Starts with nothing running.
    pub fn new(paint: Paint) -> Self {
        let (running, place) = (BTreeMap::new(), HashMap::new());
        Self { paint, running, place, next: 0, done: 0, failed: 0 }
    }

    /// Takes note of an event at a time, in seconds.
    pub fn receive(&mut self, event: &Event, now: f64) {
        match event {
            Event::ApplyStart { address, verb, .. } => self.start(address, *verb, now),
            Event::ApplyProgress { address, phase, .. } => self.phase(address, phase.clone()),
            Event::StepComplete { address, step } => self.phase(address, after(step)),
            Event::StepOutput { address, step, line } => {
                self.phase(address, format!("{}: {}", step_title(step), printable(line)));
            }
            Event::ApplyComplete { address, .. } => {
                self.done += 1;
                self.end(address);
            }
            Event::ApplyErrored { address, .. } => {
                self.failed += 1;
                self.end(address);
            }
            _ => {}
        }
    }

    fn start(&mut self, address: &Address, verb: Verb, now: f64) {
        self.end(address);
        let running = Running { address: address.clone(), verb, phase: String::new(), since: now };
        self.place.insert(address.clone(), self.next);
        self.running.insert(self.next, running);
        self.next += 1;
    }

    fn phase(&mut self, address: &Address, phase: String) {
        let running = self.place.get(address).and_then(|at| self.running.get_mut(at));
        if let Some(running) = running {
            running.phase = phase;
        }
    }

    fn end(&mut self, address: &Address) {
        if let Some(at) = self.place.remove(address) {
            self.running.remove(&at);
        }
    }

    /// Draws what runs, at most as many lines as fit with room left above; nothing
    /// when nothing runs. Takes time for the lines shown only.
    pub fn draw(&self, size: Size, now: f64) -> String {
        if self.running.is_empty() {
            return String::new();
        }
        let room = size.height.saturating_sub(4).max(1);
        let shown = if self.running.len() > room { room - 1 } else { self.running.len() };
        let mut lines: Vec<_> =
            self.running.values().take(shown).map(|r| self.line(r, size.width, now)).collect();
        if shown < self.running.len() {
            lines.push(self.paint.dim(&format!("… and {} more", self.running.len() - shown)));
        }
        lines.push(self.totals());
        lines.join("\n")
    }

    fn line(&self, running: &Running, width: usize, now: f64) -> String {
        let Running { address, verb, phase, since } = running;
        let doing = words(*verb).doing;
        let seconds = elapsed(now - since);
        let head = format!("{address}: {doing}... {seconds}");
        let plain = if phase.is_empty() { head.clone() } else { format!("{head}  {phase}") };
        let line = cut(&printable(&plain), width.saturating_sub(1)).into_owned();
        match line.strip_prefix(&head) {
            Some(phase) if !phase.is_empty() => format!("{head}{}", self.paint.dim(phase)),
            _ => line,
        }
    }

    fn totals(&self) -> String {
        let mut text = format!("{} running, {} done", self.running.len(), self.done);
        if self.failed > 0 {
            text.push_str(&format!(", {} failed", self.failed));
        }
        self.paint.dim(&text)
    }
}

fn after(step: &StepRecord) -> String {
    let how = if step.rc == 0 { "ok" } else { "failed" };
    format!("{} {how}", step_title(&step.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(steps: usize) -> Board {
        let mut board = Board::new(Paint::new(false));
        for number in 0..steps {
            let address: Address = format!("sandbox.a[{number}]").parse().expect("an address");
            let verb = Verb::Create;
            board.receive(&Event::ApplyStart { address: address.clone(), verb, id: None }, 0.0);
            let phase = "waiting for ssh on a host with a very long name".to_owned();
            board.receive(&Event::ApplyProgress { address, verb, phase, seconds: 1.0 }, 1.0);
        }
        board
    }

    #[test]
    fn each_running_step_has_a_line_with_its_phase() {
        let mut board = board(3);
        let address = "sandbox.a[1]".parse().expect("an address");
        let done = Event::ApplyComplete { address, verb: Verb::Create, id: None, seconds: 2.0 };
        board.receive(&done, 2.0);
        insta::assert_snapshot!(board.draw(Size { width: 60, height: 24 }, 75.0), @r#"
        sandbox.a[0]: Creating... 1m15s  waiting for ssh on a host…
        sandbox.a[2]: Creating... 1m15s  waiting for ssh on a host…
        2 running, 1 done
        "#);
    }

    #[test]
    fn more_steps_than_rows_are_counted() {
        insta::assert_snapshot!(board(1000).draw(Size { width: 40, height: 8 }, 5.0), @r#"
        sandbox.a[0]: Creating... 5s  waiting …
        sandbox.a[1]: Creating... 5s  waiting …
        sandbox.a[2]: Creating... 5s  waiting …
        … and 997 more
        1000 running, 0 done
        "#);
        assert_eq!(board(0).draw(Size { width: 40, height: 8 }, 5.0), "");
    }
}
