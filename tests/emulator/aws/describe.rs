//! Descriptions of instances: states, addresses and what is not seen yet.

use std::collections::BTreeSet;

use super::call::Call;
use super::core::Core;
use super::form::{Filter, Form};
use super::machines::Phase;
use super::proxy::Proxy;
use super::refusal::Refusal;
use super::xml::Element;

/// Filters about what only the proxy knows.
const OWN: [&str; 3] = ["instance-state-name", "instance-state-code", "ip-address"];

impl Proxy {
    pub async fn describe_instances(&self, call: &Call) -> Result<Element, Refusal> {
        let (form, filters) = call.form.split_filters(&OWN);
        let states = states_at_moto(&self.core(), &filters);
        let form = if form.list("InstanceId").is_empty() { in_states(form, states) } else { form };
        let mut answer = self.upstream.ask(&call.region, &form).await?;
        self.draw_instances(&mut answer);
        let core = self.core();
        let is_told = |instance: &Element| {
            let id = instance.text("instanceId");
            !core.machines.is_unseen(&id, core.now) && passes(&core, &id, &filters)
        };
        let reservations = &mut answer.child_mut("reservationSet").children;
        for reservation in reservations.iter_mut() {
            reservation.child_mut("instancesSet").children.retain(is_told);
        }
        reservations.retain(|reservation| reservation.items("instancesSet").next().is_some());
        Ok(answer)
    }

    pub async fn describe_status(&self, call: &Call) -> Result<Element, Refusal> {
        let is_of_all = call.form.has("IncludeAllInstances", "true");
        let (form, filters) = call.form.split_filters(&OWN);
        let form = form.without("IncludeAllInstances").with("IncludeAllInstances", "true");
        let mut answer = self.upstream.ask(&call.region, &form).await?;
        let core = self.core();
        let statuses = &mut answer.child_mut("instanceStatusSet").children;
        statuses.retain(|status| {
            let id = status.text("instanceId");
            let phase = core.machines.0.get(&id).map(|machine| machine.phase);
            !core.machines.is_unseen(&id, core.now)
                && (is_of_all || phase == Some(Phase::Running))
                && passes(&core, &id, &filters)
        });
        for status in statuses {
            if let Some(machine) = core.machines.0.get(&status.text("instanceId")) {
                status.set("instanceState/code", machine.phase.code());
                status.set("instanceState/name", machine.phase.name());
            }
        }
        Ok(answer)
    }

    /// Draws every instance in an answer as it really is.
    pub fn draw_instances(&self, answer: &mut Element) {
        let core = self.core();
        answer.walk(&mut |element| {
            if element.at("instanceState").is_none() {
                return;
            }
            if let Some(machine) = core.machines.0.get(&element.text("instanceId")) {
                machine.draw(element);
            }
        });
    }
}

/// The states at moto that a description can be about: moto never forgets an
/// instance, and is slow to tell of many.
pub fn states_at_moto(core: &Core, filters: &[Filter]) -> BTreeSet<&'static str> {
    let phases: Vec<Phase> = match filters.iter().find(|filter| filter.name == OWN[0]) {
        Some(filter) => filter.values.iter().filter_map(|name| Phase::named(name)).collect(),
        None => core.machines.remembered(core.now).map(|machine| machine.phase).collect(),
    };
    phases.into_iter().map(|phase| phase.at_moto().name()).chain(["running"]).collect()
}

pub fn in_states(form: Form, states: BTreeSet<&'static str>) -> Form {
    let form = form.with("Filter.99.Name", OWN[0]);
    let numbered = states.into_iter().enumerate();
    numbered
        .fold(form, |form, (at, state)| form.with(&format!("Filter.99.Value.{}", at + 1), state))
}

/// Whether an instance has what all filters ask for.
fn passes(core: &Core, id: &str, filters: &[Filter]) -> bool {
    let Some(machine) = core.machines.0.get(id) else { return true };
    filters.iter().all(|filter| {
        let value = match filter.name.as_str() {
            "instance-state-name" => machine.phase.name().to_owned(),
            "instance-state-code" => machine.phase.code().to_owned(),
            _ => machine.address(),
        };
        filter.values.contains(&value)
    })
}
