//! Every call once, in the order of a machine's life.

use sandplan::provider::hetzner::models::rule::{Direction, Protocol};
use sandplan::provider::hetzner::models::{
    CreateFirewallRequest, CreateServerRequestFirewalls, CreateSshKeyRequest, Rule,
};
use sandplan::provider::hetzner::pages::Filter;
use sandplan::provider::hetzner::selector::Selector;
use sandplan::provider::hetzner::wire::{
    Action, Firewall, Image, Location, PrimaryIp, Protection, Server, SshKey,
};
use serde_json::Value;

use crate::{LONG, World, labels, order, world};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJQ5c4K4WvZqKqxN2Z6kI1zC4s4Zr3sQnqS9yRr0Z9f ada";

async fn end(world: &World, actions: Vec<Action>) {
    world.client.wait(&actions, LONG, |_| {}).await.unwrap();
}

async fn seen(world: &World, id: u64) -> Server {
    world.client.read::<Server>(id).await.unwrap().unwrap()
}

fn ssh() -> Rule {
    let mut rule = Rule::new(Direction::In, Protocol::Tcp);
    rule.port = Some(Some("22".into()));
    rule.source_ips = Some(vec!["203.0.113.0/24".into()]);
    rule
}

#[tokio::test]
async fn a_key_is_made_renamed_and_deleted() {
    let world = world().await;
    let key = CreateSshKeyRequest::new("laptop".into(), KEY.into());
    let key = world.client.create_ssh_key(&key).await.unwrap().object;
    assert!(key.public_key.starts_with("ssh-ed25519 ") && !key.fingerprint.is_empty());
    let mine = labels([("sandplan-project", "web")]);
    let changed = world.client.change::<SshKey>(key.id, Some("desk"), &mine).await.unwrap();
    assert_eq!((changed.name.as_str(), &changed.labels), ("desk", &mine));
    assert!(world.client.delete::<SshKey>(key.id).await.unwrap().is_empty());
    assert!(world.client.delete::<SshKey>(key.id).await.unwrap().is_empty(), "gone already");
    assert_eq!(world.client.read::<SshKey>(key.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_firewall_is_made_applied_lifted_and_deleted() {
    let world = world().await;
    let server = world.server("web").await;
    let made = world.client.create_firewall(&CreateFirewallRequest::new("agents".into())).await;
    let firewall = made.unwrap().object;
    end(&world, world.client.set_rules(firewall.id, vec![ssh()]).await.unwrap()).await;
    for _ in 0..2 {
        let applying = world.client.apply_firewall(firewall.id, server.id).await.unwrap();
        end(&world, applying).await;
    }
    assert_eq!(seen(&world, server.id).await.public_net.firewalls[0].status, "applied");
    let read = world.client.read::<Firewall>(firewall.id).await.unwrap().unwrap();
    assert_eq!(read.rules[0].port.as_deref(), Some("22"));
    assert_eq!(read.servers().collect::<Vec<_>>(), [server.id]);
    for _ in 0..2 {
        let lifting = world.client.remove_firewall(firewall.id, server.id).await.unwrap();
        end(&world, lifting).await;
    }
    world.client.delete::<Firewall>(firewall.id).await.unwrap();
}

#[tokio::test]
async fn a_server_lives_changes_and_dies() {
    let world = world().await;
    let firewall = world.client.create_firewall(&CreateFirewallRequest::new("agents".into())).await;
    let mut order = order("web");
    order.labels = Some([("sandplan-project".to_owned(), "web".to_owned())].into());
    let firewall = i64::try_from(firewall.unwrap().object.id).unwrap();
    order.firewalls = Some(vec![CreateServerRequestFirewalls { firewall }]);
    order.user_data = Some("#cloud-config\n{}".into());
    let made = world.client.create_server(&order).await.unwrap();
    let id = made.object.id;
    end(&world, made.actions).await;
    let server = seen(&world, id).await;
    assert!(server.is_running() && !server.locked);
    assert_eq!((server.location.as_str(), server.server_type.name.as_str()), ("ash", "cpx32"));
    assert!(!server.public_net.ipv4.as_ref().unwrap().ip.is_empty());
    assert_eq!(server.image.as_ref().unwrap().name.as_deref(), Some("ubuntu-24.04"));
    end(&world, world.client.power_off(id).await.unwrap()).await;
    end(&world, world.client.change_type(id, "cpx42").await.unwrap()).await;
    assert_eq!(seen(&world, id).await.server_type.name, "cpx42");
    assert_eq!(seen(&world, id).await.primary_disk_size, 160, "the disk stays");
    end(&world, world.client.power_on(id).await.unwrap()).await;
    end(&world, world.client.delete::<Server>(id).await.unwrap()).await;
    assert_eq!(world.client.read::<Server>(id).await.unwrap(), None);
}

#[tokio::test]
async fn a_rebuild_takes_new_user_data() {
    let world = world().await;
    let server = world.server("web").await;
    let rebuilding = world.client.rebuild(server.id, "debian-12", Some("#cloud-config\n[]")).await;
    end(&world, rebuilding.unwrap()).await;
    let image = seen(&world, server.id).await.image.unwrap();
    assert_eq!(image.name.as_deref(), Some("debian-12"));
    let objects = reqwest::get(format!("{}/_objects", world.emulator.url())).await.unwrap();
    let objects: Value = serde_json::from_slice(&objects.bytes().await.unwrap()).unwrap();
    assert_eq!(objects["servers"][0]["_user_data"], "#cloud-config\n[]");
}

#[tokio::test]
async fn a_disk_is_saved_protected_and_deleted() {
    let world = world().await;
    let server = world.server("web").await;
    let mine = labels([("sandplan-project", "web")]);
    let made = world.client.create_image(server.id, "warm", &mine).await.unwrap();
    end(&world, made.actions).await;
    let snapshots = world.client.snapshots(&Selector::ours()).await.unwrap();
    assert_eq!((snapshots.len(), snapshots[0].description.as_str()), (1, "warm"));
    assert_eq!(snapshots[0].created_from.as_ref().unwrap().id, server.id);
    let id = snapshots[0].id;
    let changed = world.client.change::<Image>(id, Some("warmer"), &mine).await.unwrap();
    assert_eq!(changed.description, "warmer");
    end(&world, world.client.protect_image(id, true).await.unwrap()).await;
    assert!(world.client.delete::<Image>(id).await.is_err());
    end(&world, world.client.protect_image(id, false).await.unwrap()).await;
    world.client.delete::<Image>(id).await.unwrap();
    assert!(world.client.snapshots(&Selector::ours()).await.unwrap().is_empty());
}

#[tokio::test]
async fn protection_and_shutting_down_are_actions() {
    let world = world().await;
    let server = world.server("web").await;
    let protection = Protection { delete: true, rebuild: true };
    end(&world, world.client.protect_server(server.id, protection).await.unwrap()).await;
    assert_eq!(seen(&world, server.id).await.protection, protection);
    end(&world, world.client.shut_down(server.id).await.unwrap()).await;
}

#[tokio::test]
async fn places_prices_and_addresses_are_read() {
    let world = world().await;
    world.order("web").await;
    let places = world.client.list::<Location>(&Filter::all()).await.unwrap();
    let ashburn = places.iter().find(|place| place.name == "ash").unwrap();
    assert_eq!((ashburn.country.as_str(), ashburn.network_zone.as_str()), ("US", "us-east"));
    let pricing = world.client.pricing().await.unwrap();
    assert_eq!(pricing["currency"], "EUR");
    let addresses = world.client.list::<PrimaryIp>(&Filter::all()).await.unwrap();
    assert_eq!((addresses.len(), addresses[0].assignee_type.as_str()), (2, "server"));
}
