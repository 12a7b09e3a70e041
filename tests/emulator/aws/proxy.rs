//! The proxy: which requests it answers itself, and what it makes of moto's answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bodies::Bodies;
use super::call::Call;
use super::core::Core;
use super::refusal::Refusal;
use super::settings::Settings;
use super::upstream::{Reply, Upstream};
use super::xml::Element;

pub struct Proxy {
    pub settings: Settings,
    /// The port it listens on.
    port: u16,
    pub upstream: Upstream,
    core: Mutex<Core>,
    /// Held by whoever asks and changes what is there: moto is not made for more at
    /// a time, and nobody shall see a thing half done.
    pub turn: tokio::sync::Mutex<()>,
    pub bodies: Bodies,
}

impl Proxy {
    pub fn new(settings: Settings, port: u16) -> Arc<Self> {
        let upstream = Upstream::new(&settings.moto, &settings.account);
        let core = Mutex::new(Core::new(&settings, port));
        let bodies = Bodies::new(settings.bodies.clone(), settings.body_port);
        Arc::new(Self { settings, port, upstream, core, turn: Default::default(), bodies })
    }

    /// The state, with all that is due by now done.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.settle();
        core
    }

    /// A state without counts, with the faults of the start.
    pub fn fresh(&self) -> Core {
        Core::new(&self.settings, self.port)
    }

    /// Does what a request asks for.
    pub async fn run(&self, call: &Call) -> Result<Reply, Refusal> {
        if call.service != "ec2" {
            return self.upstream.forward(call).await;
        }
        if let Some(reply) = self.list_catalogue(call).await? {
            return Ok(reply);
        }
        let _turn = self.turn.lock().await;
        self.core().refuse_unseen(&call.form)?;
        Ok(Reply::xml(&self.run_ec2(call).await?))
    }

    async fn run_ec2(&self, call: &Call) -> Result<Element, Refusal> {
        match call.action.as_str() {
            "RunInstances" => self.run_instances(call).await,
            "StartInstances" => self.start_instances(call).await,
            "StopInstances" => self.stop_instances(call).await,
            "RebootInstances" => self.reboot_instances(call).await,
            "TerminateInstances" => self.terminate_instances(call).await,
            "ModifyInstanceAttribute" => self.modify_instance(call).await,
            "DescribeInstances" => self.describe_instances(call).await,
            "DescribeInstanceStatus" => self.describe_status(call).await,
            "CreateImage" => self.create_image(call).await,
            "DescribeImages" => self.describe_images(call).await,
            "DeregisterImage" => self.deregister_image(call).await,
            "DescribeSpotPriceHistory" => self.describe_spot_prices(call).await,
            "DeleteSecurityGroup" => self.delete_group(call).await,
            _ => self.upstream.ask(&call.region, &call.form).await,
        }
    }

    /// Checks whose the request is.
    pub fn authenticate(&self, call: &Call) -> Result<(), Refusal> {
        let is_known = match &self.settings.access_key {
            Some(key) => *key == call.access_key,
            None => !call.access_key.is_empty(),
        };
        let is_expired = call.session_token.as_deref() == Some("expired");
        match (is_known, is_expired, call.service.as_str()) {
            (true, false, _) => Ok(()),
            (true, true, "ec2") => Err(Refusal::new("RequestExpired", "Request has expired.")),
            (true, true, "ssm") => Err(of_token("ExpiredTokenException")),
            (true, true, _) => Err(of_token("ExpiredToken")),
            (false, _, "ec2") => {
                let message = "AWS was not able to validate the provided access credentials";
                Err(Refusal::new("AuthFailure", message))
            }
            (false, _, "ssm") => Err(of_token("UnrecognizedClientException")),
            (false, _, _) => Err(of_token("InvalidClientTokenId")),
        }
    }
}

fn of_token(code: &str) -> Refusal {
    let what = if code.starts_with("Expired") { "expired" } else { "invalid" };
    Refusal::new(code, format!("The security token included in the request is {what}"))
}

pub fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
