//! Scheduling: how an instance is paid for, and how long it may run.

use serde_json::{Value, json};

use super::super::refusal::Refusal;
use super::super::request::number;

const SHORTEST: u64 = 30;
const LONGEST: u64 = 120 * 24 * 3600;

/// Reads a scheduling, with the usual values of what is not given.
pub fn read(value: Option<&Value>) -> Result<Value, Refusal> {
    let mut scheduling = value.filter(|v| v.is_object()).cloned().unwrap_or(json!({}));
    let is_preemptible = scheduling["preemptible"] == json!(true);
    let usual_model = if is_preemptible { "SPOT" } else { "STANDARD" };
    let model = scheduling["provisioningModel"].as_str().unwrap_or(usual_model).to_owned();
    if !["STANDARD", "SPOT"].contains(&model.as_str()) {
        let why = "Must be one of [SPOT, STANDARD].";
        return Err(Refusal::invalid("resource.scheduling.provisioningModel", &model, why));
    }
    let is_spot = model == "SPOT";
    check_spot(&scheduling, is_spot)?;
    check_end(&scheduling, is_spot)?;
    let usual = [
        ("onHostMaintenance", json!(if is_spot { "TERMINATE" } else { "MIGRATE" })),
        ("automaticRestart", json!(!is_spot)),
        ("preemptible", json!(is_spot)),
        ("provisioningModel", json!(model)),
    ];
    for (field, value) in usual {
        if scheduling[field].is_null() {
            scheduling[field] = value;
        }
    }
    if is_spot && scheduling["instanceTerminationAction"].is_null() {
        scheduling["instanceTerminationAction"] = json!("STOP");
    }
    if let Some(seconds) = number(&scheduling["maxRunDuration"]["seconds"]) {
        scheduling["maxRunDuration"] = json!({"seconds": seconds.to_string()});
    }
    if let Some(fields) = scheduling.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    Ok(scheduling)
}

fn check_spot(scheduling: &Value, is_spot: bool) -> Result<(), Refusal> {
    let field = "resource.scheduling";
    if is_spot && scheduling["automaticRestart"] == json!(true) {
        let why = "Automatic restart must be disabled for spot instances.";
        return Err(Refusal::invalid(field, "", why));
    }
    if is_spot && scheduling["onHostMaintenance"] == json!("MIGRATE") {
        let why = "Spot instances must terminate on host maintenance.";
        return Err(Refusal::invalid(field, "", why));
    }
    Ok(())
}

/// An end needs an action, and an action an end (or a spot instance).
fn check_end(scheduling: &Value, is_spot: bool) -> Result<(), Refusal> {
    let action = scheduling["instanceTerminationAction"].as_str();
    let field = "resource.scheduling.instanceTerminationAction";
    if action.is_some_and(|action| !["DELETE", "STOP"].contains(&action)) {
        let why = "Must be one of [DELETE, STOP].";
        return Err(Refusal::invalid(field, action.unwrap_or_default(), why));
    }
    let longest = &scheduling["maxRunDuration"];
    if longest.is_null() {
        return match action {
            Some(action) if !is_spot => {
                let why = "It needs maxRunDuration or a spot instance.";
                Err(Refusal::invalid(field, action, why))
            }
            _ => Ok(()),
        };
    }
    let seconds = number(&longest["seconds"]).unwrap_or_default();
    if !(SHORTEST..=LONGEST).contains(&seconds) {
        let why = format!("Must be between {SHORTEST} and {LONGEST} seconds.");
        let field = "resource.scheduling.maxRunDuration";
        return Err(Refusal::invalid(field, &seconds.to_string(), why));
    }
    match action {
        None => Err(Refusal::invalid(field, "", "It is required with maxRunDuration.")),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_needs_an_action_and_has_limits() {
        let read = |value: Value| read(Some(&value));
        let run = |seconds: u64| json!({"maxRunDuration": {"seconds": seconds}, "instanceTerminationAction": "DELETE"});
        assert!(read(run(30)).is_ok() && read(run(LONGEST)).is_ok());
        assert!(read(run(29)).is_err() && read(run(LONGEST + 1)).is_err());
        assert!(read(json!({"maxRunDuration": {"seconds": "60"}})).is_err());
        assert!(read(json!({"instanceTerminationAction": "DELETE"})).is_err());
        let spot = read(json!({"provisioningModel": "SPOT"})).unwrap();
        assert_eq!(spot["instanceTerminationAction"], "STOP");
        assert!(read(json!({"provisioningModel": "SPOT", "automaticRestart": true})).is_err());
    }
}
