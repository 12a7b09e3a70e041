//! RunInstances: tokens, room, user-data, and what becomes of a new instance.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::call::Call;
use super::core::{Run, TokenKey};
use super::form::Form;
use super::machines::{Machine, Phase, Release, milliseconds};
use super::order::Order;
use super::proxy::Proxy;
use super::refusal::Refusal;
use super::xml::Element;

/// Bytes of user-data before base64.
const MOST_USER_DATA: usize = 16_384;

/// What is found out about an order before it is placed.
struct Request {
    order: Order,
    release: Release,
    user_data: String,
    authorized_keys: Vec<String>,
}

impl Proxy {
    pub async fn run_instances(&self, call: &Call) -> Result<Element, Refusal> {
        let user_data = read_user_data(&call.form)?;
        let (zone, key) = (self.zone_of(call).await?, token_key(call));
        let known = self.core().runs.get(&key).cloned();
        if let Some(run) = known.filter(|_| !key[2].is_empty()) {
            return self.run_again(call, &run).await;
        }
        let request = Request {
            order: order_of(call, zone),
            release: self.release_of(call).await?,
            user_data,
            authorized_keys: self.keys_of(call).await?,
        };
        request.order.place(&mut self.core().faults)?;
        let mut answer = self.upstream.ask(&call.region, &call.form).await?;
        self.take_in(call, &request, &mut answer);
        let instances = answer.items("instancesSet").map(|item| item.text("instanceId")).collect();
        self.core().runs.insert(key, Run { form: call.form.clone(), instances });
        Ok(answer)
    }

    /// Answers a request whose token was used before.
    async fn run_again(&self, call: &Call, run: &Run) -> Result<Element, Refusal> {
        if run.form != call.form {
            let message = "Arguments on this idempotent request are inconsistent with arguments \
                           used in previous request(s).";
            return Err(Refusal::new("IdempotentParameterMismatch", message));
        }
        let is_gone = |id: &String| {
            let core = self.core();
            core.machines.0.get(id).is_none_or(|machine| machine.phase == Phase::Terminated)
        };
        if run.instances.iter().all(is_gone) {
            let message = "The instance that this client token made is terminated.";
            return Err(Refusal::new("IdempotentInstanceTerminated", message));
        }
        let mut form = Form::of(&[("Action", "DescribeInstances")]);
        for (at, id) in run.instances.iter().enumerate() {
            form = form.with(&format!("InstanceId.{}", at + 1), id);
        }
        let found = self.upstream.ask(&call.region, &form).await?;
        let mut answer = Element::new("RunInstancesResponse");
        answer.set("requestId", &super::proxy::request_id());
        let reservation = found.items("reservationSet").next().cloned().unwrap_or_default();
        answer.children.extend(reservation.children);
        self.draw_instances(&mut answer);
        Ok(answer)
    }

    /// Where the instance will be: as it is asked, or where its subnet lies.
    async fn zone_of(&self, call: &Call) -> Result<String, Refusal> {
        let form = &call.form;
        if let Some(zone) = form.get("Placement.AvailabilityZone") {
            return Ok(zone.to_owned());
        }
        let subnet = form.get("SubnetId").or(form.get("NetworkInterface.1.SubnetId"));
        let Some(subnet) = subnet else { return Ok(format!("{}a", call.region)) };
        let question = Form::of(&[("Action", "DescribeSubnets"), ("SubnetId.1", subnet)]);
        let answer = self.upstream.ask(&call.region, &question).await?;
        let zone = answer.items("subnetSet").next().map(|item| item.text("availabilityZone"));
        Ok(zone.unwrap_or_default())
    }

    async fn release_of(&self, call: &Call) -> Result<Release, Refusal> {
        let image = call.form.get("ImageId").unwrap_or_default();
        if let Some(own) = self.core().images.get(image) {
            return Ok(own.release.clone());
        }
        let question = Form::of(&[("Action", "DescribeImages"), ("ImageId.1", image)]);
        let answer = self.upstream.ask(&call.region, &question).await?;
        let name = answer.items("imagesSet").next().map(|item| item.text("name"));
        Ok(read_release(&name.unwrap_or_default()))
    }

    async fn keys_of(&self, call: &Call) -> Result<Vec<String>, Refusal> {
        let Some(name) = call.form.get("KeyName") else { return Ok(Vec::new()) };
        let question = [("Action", "DescribeKeyPairs"), ("KeyName.1", name)];
        let question = Form::of(&question).with("IncludePublicKey", "true");
        let answer = self.upstream.ask(&call.region, &question).await?;
        let keys = answer.items("keySet").map(|item| item.text("publicKey"));
        Ok(keys.filter(|key| !key.is_empty()).collect())
    }

    /// Remembers the instances that moto has made.
    fn take_in(&self, call: &Call, request: &Request, answer: &mut Element) {
        let pending = self.settings.times.pending;
        let mut core = self.core();
        for instance in answer.items("instancesSet") {
            let mut machine = Machine::of(call, request, instance);
            machine.number = core.new_number();
            machine.address = core.new_address();
            machine.seen_from = core.now + milliseconds(self.settings.times.unseen);
            machine.begin(Phase::Pending, core.now, pending);
            core.machines.0.insert(machine.id.clone(), machine);
        }
        drop(core);
        self.draw_instances(answer);
        // An instance that was just made has no public address yet.
        answer.walk(&mut |element| {
            ["ipAddress", "association"].iter().for_each(|name| element.remove(name));
            if element.at("instanceState").is_some() {
                element.set("instanceState/code", Phase::Pending.code());
                element.set("instanceState/name", Phase::Pending.name());
            }
        });
    }
}

impl Machine {
    fn of(call: &Call, request: &Request, instance: &Element) -> Self {
        let form = &call.form;
        let market = "InstanceMarketOptions.SpotOptions";
        let interrupted = form.get(&format!("{market}.SpotInstanceType")).unwrap_or("one-time");
        Self {
            id: instance.text("instanceId"),
            number: 0,
            region: call.region.clone(),
            order: request.order.clone(),
            image: instance.text("imageId"),
            release: request.release.clone(),
            groups: groups_of(instance),
            user_data: request.user_data.clone(),
            authorized_keys: request.authorized_keys.clone(),
            token: form.get("ClientToken").unwrap_or_default().to_owned(),
            ends_at_shutdown: form.has("InstanceInitiatedShutdownBehavior", "terminate"),
            is_stoppable: !request.order.is_spot || interrupted == "persistent",
            phase: Phase::Pending,
            until: 0,
            seen_from: 0,
            seen_until: u64::MAX,
            address: [0; 4],
            boots: 0,
        }
    }
}

/// Those of the instance, or of its network interface.
fn groups_of(instance: &Element) -> Vec<String> {
    let interfaces = instance.items("networkInterfaceSet");
    let groups = interfaces.chain([instance]).flat_map(|of| of.items("groupSet"));
    groups.map(|group| group.text("groupId")).collect()
}

fn order_of(call: &Call, zone: String) -> Order {
    Order {
        instance_type: call.form.get("InstanceType").unwrap_or("m1.small").to_owned(),
        region: call.region.clone(),
        zone,
        is_spot: call.form.has("InstanceMarketOptions.MarketType", "spot"),
    }
}

/// Region, zone or subnet where one is asked for, token.
fn token_key(call: &Call) -> TokenKey {
    let form = &call.form;
    let places = ["Placement.AvailabilityZone", "SubnetId", "NetworkInterface.1.SubnetId"];
    let place = places.iter().find_map(|name| form.get(name)).unwrap_or_default();
    let token = form.get("ClientToken").unwrap_or_default();
    [&call.region, place, token].map(str::to_owned)
}

/// User-data as the guest's cloud-init reads it.
fn read_user_data(form: &Form) -> Result<String, Refusal> {
    let malformed =
        |_| Refusal::new("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
    let given = form.get("UserData").unwrap_or_default();
    let raw = STANDARD.decode(given).map_err(malformed)?;
    if raw.len() > MOST_USER_DATA {
        let message = format!("User data is limited to {MOST_USER_DATA} bytes");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    Ok(plain(&raw))
}

/// What was packed with gzip is unpacked.
pub fn plain(raw: &[u8]) -> String {
    let mut unpacked = Vec::new();
    let is_packed = raw.starts_with(&[0x1f, 0x8b])
        && flate2::read::MultiGzDecoder::new(raw).read_to_end(&mut unpacked).is_ok();
    String::from_utf8_lossy(if is_packed { &unpacked } else { raw }).into_owned()
}

/// System and version in an image's name.
fn read_release(name: &str) -> Release {
    let version = name.split('-').find(|word| {
        let digits = word.replace('.', "");
        digits.len() <= 4 && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    });
    let os = ["ubuntu", "debian"].into_iter().find(|os| name.contains(os)).unwrap_or("linux");
    Release { os: os.to_owned(), version: version.unwrap_or_default().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_tell_the_release() {
        let read = |name| {
            let release = read_release(name);
            format!("{} {}", release.os, release.version)
        };
        let ubuntu = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261020";
        assert_eq!(read(ubuntu), "ubuntu 24.04");
        assert_eq!(read("debian-12-amd64-20261006-2257"), "debian 12");
    }
}
