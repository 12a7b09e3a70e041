//! Prints events as plain lines, for logs and terminals alike.

use std::collections::HashMap;
use std::io::Write;

use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Stamped, Subscriber};
use crate::object::StepFailure;
use crate::render::message::{headline, message};
use crate::render::paint::Paint;
use crate::render::value::outputs;
use crate::render::words::printable;

/// Draws a problem; ends in a newline.
pub type DrawDiagnostic = Box<dyn Fn(&Diagnostic) -> String + Send>;

/// How events are printed.
pub struct HumanOptions {
    pub color: bool,
    /// Starts each line with the time.
    pub timestamps: bool,
    /// Prints what starts and what still runs, and what provisioning steps write;
    /// off where something livelier shows that.
    pub running: bool,
    pub diagnostic: DrawDiagnostic,
}

impl HumanOptions {
    /// Prints everything, with problems drawn without their source.
    pub fn new(color: bool) -> Self {
        Self { color, timestamps: false, running: true, diagnostic: Box::new(plain_diagnostic) }
    }
}

fn plain_diagnostic(diagnostic: &Diagnostic) -> String {
    let detail = match diagnostic.detail.as_str() {
        "" => String::new(),
        detail => format!("\n{detail}\n"),
    };
    format!("{}\n{detail}", headline(diagnostic))
}

/// Turns events into lines.
pub struct Lines {
    options: HumanOptions,
    /// When each running step was last told to be still running, in tens of seconds.
    told: HashMap<Address, u64>,
}

impl Lines {
    /// Starts without any event.
    pub fn new(options: HumanOptions) -> Self {
        Self { options, told: HashMap::new() }
    }

    /// Returns the lines of an event, each with its newline; often none.
    pub fn draw(&mut self, stamped: &Stamped) -> String {
        let text = self.text(&stamped.event);
        if !self.options.timestamps || text.is_empty() {
            return text;
        }
        let at = format!("{:.0}", stamped.at);
        text.trim_matches('\n').lines().map(|line| format!("{at} {line}\n")).collect()
    }

    fn text(&mut self, event: &Event) -> String {
        let line = || format!("{}\n", message(event));
        match event {
            // What is planned is drawn whole, by `render::plan`.
            Event::RefreshComplete { .. }
            | Event::ResourceDrift { .. }
            | Event::PlannedChange { .. }
            | Event::PlannedOutputs { .. }
            | Event::ChangeSummary { .. } => String::new(),
            Event::ApplyStart { .. } | Event::StepOutput { .. } if !self.options.running => {
                String::new()
            }
            Event::ApplyStart { address, .. } => {
                self.told.remove(address);
                line()
            }
            Event::ApplyProgress { address, seconds, .. } => {
                if self.is_news(address, *seconds) {
                    line()
                } else {
                    String::new()
                }
            }
            Event::StepComplete { step, .. } if step.rc != 0 => String::new(),
            Event::StepFailed { failure, .. } => self.failure(event, failure),
            Event::ApplyErrored { .. } => format!("{}\n", self.paint().removed(&message(event))),
            Event::ApplySummary { failed, skipped, .. } => self.summary(event, failed + skipped),
            Event::Outputs { outputs: all } if all.is_empty() => String::new(),
            Event::Outputs { outputs: all } => {
                format!("\n{}\n\n{}", self.paint().bold("Outputs:"), outputs(all))
            }
            Event::Diagnostic { diagnostic } => (self.options.diagnostic)(diagnostic),
            _ => line(),
        }
    }

    /// Tells whether a step's progress is worth a line: every ten seconds.
    fn is_news(&mut self, address: &Address, seconds: f64) -> bool {
        let tens = (seconds / 10.0) as u64;
        let told = self.told.insert(address.clone(), tens).unwrap_or(0);
        self.options.running && tens > told
    }

    fn failure(&self, event: &Event, failure: &StepFailure) -> String {
        let paint = self.paint();
        let mut text = format!("{}\n", paint.failure(&message(event)));
        for line in &failure.log_tail {
            text.push_str(&format!("  {} {}\n", paint.dim("│"), printable(line)));
        }
        let path = printable(&failure.log_path);
        text + &format!("  The whole log is in the sandbox, at {path}\n")
    }

    fn summary(&self, event: &Event, not_done: usize) -> String {
        let paint = self.paint();
        let text = message(event);
        let text = if not_done == 0 { paint.success(&text) } else { paint.failure(&text) };
        format!("\n{text}\n")
    }

    fn paint(&self) -> Paint {
        Paint::new(self.options.color)
    }
}

/// Prints events as plain lines to a writer.
pub struct Human {
    lines: Lines,
    out: Box<dyn Write + Send>,
}

impl Human {
    /// Prints to this writer. When it can no longer be written to, what would be
    /// printed is dropped: a closed terminal must not stop an apply.
    pub fn new(out: Box<dyn Write + Send>, options: HumanOptions) -> Self {
        Self { lines: Lines::new(options), out }
    }
}

impl Subscriber for Human {
    fn receive(&mut self, event: &Stamped) {
        let text = self.lines.draw(event);
        if !text.is_empty() {
            let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn draw(options: HumanOptions) -> String {
        let mut lines = Lines::new(options);
        sample::every_event().iter().map(|event| lines.draw(event)).collect()
    }

    #[test]
    fn every_event_of_an_apply_has_its_line() {
        insta::assert_snapshot!(draw(HumanOptions::new(false)), @r#"
        local: Refreshing sandbox objects...
        local: Orphan sandbox lost-panda [id=sb-9] carries our labels and is in no state
        sandbox.old: Expired at 2026-03-01T12:00:00Z
        sandbox.db on hetzner.eu: left as it is
        An earlier run was cut off during 2 operations; waiting 5s for what it had sent.
        sandbox.b: Recovered the creation that an earlier run left open: its object was found and is in the state now
        sandbox.a: Creating...
        sandbox.a: Still creating... [10s elapsed, waiting for ssh]
        sandbox.a: Creation complete after 12s [id=sb-1]
        sandbox.a: Provisioning... [id=sb-1]
        sandbox.a: Provisioning: file /etc/motd ok (0.0s)
        sandbox.a (install): added 12 packages\u001b[2J
        sandbox.a: Provisioning: step install ok (3.2s)
        sandbox.a: Provisioning: step apt-install failed with exit code 100
          │ Reading package lists...
          │ E: Unable to locate package jqq
          The whole log is in the sandbox, at /var/lib/sandplan/log/apt-install
        sandbox.a: Provisioning errored after 1m15s
        sandbox.b: Modifications skipped because of sandbox.a
        sandbox.c: Destroying... [id=sb-1]
        Stopping: no new step starts; waiting for 1 call in flight. Interrupt again to abandon them.
        sandbox.c: Destruction complete after 1h1m40s
        Error: Provisioning failed

        Step apt-install of sandbox.a failed. The sandbox is kept.

        Apply incomplete. Resources: 1 added, 0 changed, 1 destroyed; 1 failed, 1 skipped.

        Destroy complete! Resources: 1 destroyed.

        Outputs:

        motd = <<EOT
        hello
        world

        EOT
        ssh = {
          "a" = "ssh a"
          "key" = (sensitive value)
        }
        token = <sensitive>
        "#);
    }

    #[test]
    fn beside_a_live_display_only_what_ended_is_printed() {
        let options = HumanOptions { running: false, ..HumanOptions::new(false) };
        let text = draw(options);
        assert!(!text.contains("ing...") || text.contains("Refreshing"), "{text}");
        assert!(!text.contains("Still"), "{text}");
    }

    #[test]
    fn times_stand_before_each_line() {
        let options = HumanOptions { timestamps: true, ..HumanOptions::new(false) };
        let text = draw(options);
        assert!(text.lines().all(|line| line.starts_with("2026-03-01T12:00:")), "{text}");
    }
}
