//! Starting, stopping and ending instances, which takes time.

use super::call::Call;
use super::core::Core;
use super::form::Form;
use super::machines::{Machine, Phase, milliseconds};
use super::proxy::Proxy;
use super::refusal::Refusal;
use super::xml::Element;

/// Instances and the phase that each was in.
type Before = Vec<(String, Phase)>;

impl Proxy {
    pub async fn start_instances(&self, call: &Call) -> Result<Element, Refusal> {
        let before = self.check(call, |core, machine| match machine.phase {
            Phase::Stopped => machine.order.place(&mut core.faults),
            Phase::Running | Phase::Pending => Ok(()),
            _ => Err(in_no_state(&machine.id, "started")),
        })?;
        let answer = self.upstream.ask(&call.region, &call.form).await?;
        let stopped = before.iter().filter(|(_, phase)| *phase == Phase::Stopped);
        for (id, _) in stopped {
            let mut core = self.core();
            let (address, now) = (core.new_address(), core.now);
            let machine = core.machine_mut(id)?;
            (machine.address, machine.boots) = (address, machine.boots + 1);
            machine.begin(Phase::Pending, now, self.settings.times.pending);
        }
        Ok(self.tell(answer, &before))
    }

    pub async fn stop_instances(&self, call: &Call) -> Result<Element, Refusal> {
        let before = self.check(call, |_, machine| match machine.phase {
            _ if !machine.is_stoppable => Err(one_time(&machine.id)),
            Phase::Running | Phase::Stopping | Phase::Stopped => Ok(()),
            _ => Err(in_no_state(&machine.id, "stopped")),
        })?;
        let answer = self.upstream.ask(&call.region, &call.form).await?;
        let times = self.settings.times;
        for (id, _) in before.iter().filter(|(_, phase)| *phase == Phase::Running) {
            let mut core = self.core();
            let now = core.now;
            core.machine_mut(id)?.begin(Phase::Stopping, now, times.stopping);
        }
        Ok(self.tell(answer, &before))
    }

    pub async fn terminate_instances(&self, call: &Call) -> Result<Element, Refusal> {
        let before = self.check(call, |_, _| Ok(()))?;
        let answer = self.upstream.ask(&call.region, &call.form).await?;
        let times = self.settings.times;
        for (id, _) in before.iter().filter(|(_, phase)| !phase.is_ending()) {
            let mut core = self.core();
            let now = core.now;
            let machine = core.machine_mut(id)?;
            machine.begin(Phase::ShuttingDown, now, times.shutting_down);
            machine.seen_until = machine.until + milliseconds(times.remembered);
        }
        Ok(self.tell(answer, &before))
    }

    pub async fn reboot_instances(&self, call: &Call) -> Result<Element, Refusal> {
        self.check(call, |_, machine| match machine.phase {
            Phase::Running | Phase::Pending => Ok(()),
            _ => Err(in_no_state(&machine.id, "rebooted")),
        })?;
        let answer = self.upstream.ask(&call.region, &call.form).await?;
        for id in call.form.list("InstanceId") {
            self.core().machine_mut(id)?.boots += 1;
        }
        Ok(answer)
    }

    /// The guest has shut down by itself.
    pub async fn guest_went_down(&self, id: &str) -> Result<(), Refusal> {
        let _turn = self.turn.lock().await;
        let (region, action) = {
            let mut core = self.core();
            let machine = core.machine_mut(id)?;
            let action = if machine.ends_at_shutdown { "Terminate" } else { "Stop" };
            (machine.region.clone(), format!("{action}Instances"))
        };
        let form = Form::of(&[("Action", &action), ("InstanceId.1", id)]);
        let call = Call { region, form, ..Call::default() };
        match action.starts_with('T') {
            true => self.terminate_instances(&call).await?,
            false => self.stop_instances(&call).await?,
        };
        Ok(())
    }

    /// Looks at each instance that is named; answers what state each is in.
    fn check(
        &self,
        call: &Call,
        is_fit: impl Fn(&mut Core, &Machine) -> Result<(), Refusal>,
    ) -> Result<Before, Refusal> {
        let mut core = self.core();
        let mut before = Vec::new();
        for id in call.form.list("InstanceId") {
            let machine = core.machine_mut(id)?.clone();
            is_fit(&mut core, &machine)?;
            before.push((machine.id, machine.phase));
        }
        Ok(before)
    }

    /// Writes into an answer from which state to which each instance has come.
    fn tell(&self, mut answer: Element, before: &Before) -> Element {
        let core = self.core();
        answer.walk(&mut |element| {
            let id = element.text("instanceId");
            let was = before.iter().find(|(of, _)| *of == id);
            let (Some((_, was)), Some(now)) = (was, core.machines.0.get(&id)) else { return };
            for (name, phase) in [("previousState", *was), ("currentState", now.phase)] {
                element.set(&format!("{name}/code"), phase.code());
                element.set(&format!("{name}/name"), phase.name());
            }
        });
        answer
    }
}

fn in_no_state(id: &str, done: &str) -> Refusal {
    let message = format!("The instance '{id}' is not in a state from which it can be {done}.");
    Refusal::new("IncorrectInstanceState", message)
}

fn one_time(id: &str) -> Refusal {
    let message = format!(
        "You can't stop the Spot Instance '{id}' because it is associated with a one-time \
         Spot Instance request."
    );
    Refusal::new("UnsupportedOperation", message)
}
