//! An instance that is to run, and the faults that refuse it.

use super::faults::{Fault, Faults, glob};
use super::refusal::{Refusal, usual_code};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub instance_type: String,
    pub region: String,
    pub zone: String,
    pub is_spot: bool,
}

impl Order {
    /// Refuses what a fault says that there is no room for.
    pub fn place(&self, faults: &mut Faults) -> Result<(), Refusal> {
        let fault = faults.of_orders(&self.instance_type, &self.zone, |fault| {
            glob(&fault.path, &self.region) && fault.spot.is_none_or(|spot| spot == self.is_spot)
        });
        fault.map_or(Ok(()), |fault| Err(scripted(&fault, "InsufficientInstanceCapacity")))
    }
}

/// What a fault answers that gives a code, or only a status, or neither.
pub fn of_request(fault: &Fault) -> Refusal {
    scripted(fault, usual_code(fault.status.unwrap_or(500)))
}

fn scripted(fault: &Fault, default_code: &str) -> Refusal {
    let code = fault.code.as_deref().unwrap_or(default_code);
    let message = fault.message.clone().unwrap_or_else(|| format!("{code} (scripted fault)"));
    let refusal = Refusal::new(code, message);
    let status = fault.status.unwrap_or(refusal.status);
    refusal.status(status)
}
