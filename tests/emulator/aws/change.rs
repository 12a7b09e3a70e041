//! Changes of instances and security groups that EC2 refuses and moto does not.

use super::call::Call;
use super::form::Form;
use super::machines::Phase;
use super::proxy::Proxy;
use super::refusal::Refusal;
use super::run::plain;
use super::xml::Element;

const SHUTDOWN: &str = "InstanceInitiatedShutdownBehavior.Value";

impl Proxy {
    pub async fn modify_instance(&self, call: &Call) -> Result<Element, Refusal> {
        let id = call.form.get("InstanceId").unwrap_or_default();
        let needs_stop =
            ["InstanceType.Value", "UserData.Value"].iter().any(|n| call.form.get(n).is_some());
        let phase = self.core().machine_mut(id)?.phase;
        if needs_stop && phase != Phase::Stopped {
            let message = format!("The instance '{id}' is not in the 'stopped' state.");
            return Err(Refusal::new("IncorrectInstanceState", message));
        }
        let form = match call.form.get(SHUTDOWN) {
            Some(behavior) => {
                let form = call.form.without("InstanceInitiatedShutdownBehavior");
                form.with("Attribute", "instanceInitiatedShutdownBehavior").with("Value", behavior)
            }
            None => call.form.clone(),
        };
        let answer = self.upstream.ask(&call.region, &form).await?;
        self.note_change(id, &call.form)?;
        Ok(answer)
    }

    fn note_change(&self, id: &str, form: &Form) -> Result<(), Refusal> {
        use base64::Engine;
        let mut core = self.core();
        let machine = core.machine_mut(id)?;
        if let Some(instance_type) = form.get("InstanceType.Value") {
            instance_type.clone_into(&mut machine.order.instance_type);
        }
        if let Some(behavior) = form.get(SHUTDOWN) {
            machine.ends_at_shutdown = behavior == "terminate";
        }
        let data = form.get("UserData.Value");
        let data = data.and_then(|t| base64::engine::general_purpose::STANDARD.decode(t).ok());
        if let Some(data) = data {
            machine.user_data = plain(&data);
        }
        let groups = form.list("GroupId");
        if !groups.is_empty() {
            machine.groups = groups.into_iter().map(str::to_owned).collect();
        }
        Ok(())
    }

    pub async fn delete_group(&self, call: &Call) -> Result<Element, Refusal> {
        let id = match call.form.get("GroupId") {
            Some(id) => id.to_owned(),
            None => self.group_of_name(call).await?,
        };
        if self.core().machines.in_group(&id).next().is_some() {
            let message = format!("resource {id} has a dependent object");
            return Err(Refusal::new("DependencyViolation", message));
        }
        self.upstream.ask(&call.region, &call.form).await
    }

    async fn group_of_name(&self, call: &Call) -> Result<String, Refusal> {
        let name = call.form.get("GroupName").unwrap_or_default();
        let question = [("Action", "DescribeSecurityGroups"), ("GroupName.1", name)];
        let answer = self.upstream.ask(&call.region, &Form::of(&question)).await?;
        Ok(answer.items("securityGroupInfo").map(|item| item.text("groupId")).collect())
    }
}
