//! Bodies: real machines behind instances.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::aws::settings::Settings;
use crate::instances::run;
use crate::world::{World, settings};

/// A port that needs no root and that no sshd of the machine has.
const PORT: u16 = 2248;

/// Bodies need root here; elsewhere, subordinate ids. Where there is neither,
/// nothing can be shown.
fn can_have_bodies() -> bool {
    rustix::process::geteuid().is_root() || Path::new("/usr/bin/newuidmap").exists()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command in the only instance, trusting nothing but the key `host`.
fn ssh(world: &World, user: &str, command: &str) -> Output {
    let address = world.instance()["_address"].as_str().unwrap().to_owned();
    let work = world.env.work();
    let key = std::fs::read_to_string(work.join("host.pub")).unwrap();
    std::fs::write(work.join("known_hosts"), format!("[{address}]:{PORT} {key}")).unwrap();
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
    ssh.arg("-o").arg(format!("UserKnownHostsFile={}", work.join("known_hosts").display()));
    ssh.args(["-o", "ConnectionAttempts=20", "-p", &PORT.to_string(), "-i"]);
    ssh.arg(work.join("login")).arg(format!("{user}@{address}")).arg(command).output().unwrap()
}

/// User-data with a host key, packed as sandplan packs it.
fn user_data(world: &World, more: serde_json::Value) -> String {
    use std::io::Write;
    let public = world.key("host");
    let private = std::fs::read_to_string(world.env.work().join("host")).unwrap();
    let mut config = json!({"ssh_keys": {"ed25519_private": private, "ed25519_public": public}});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    write!(packed, "#cloud-config\n{config}\n").unwrap();
    STANDARD.encode(packed.finish().unwrap())
}

#[test]
fn a_body_carries_out_the_user_data_and_follows_its_instance() {
    if !can_have_bodies() {
        eprintln!("skipped: bodies need root or subordinate ids");
        return;
    }
    let world = World::with("", Settings { body_port: PORT, ..settings() });
    let key = STANDARD.encode(world.key("login"));
    world.ec2(&[("Action", "ImportKeyPair"), ("KeyName", "k"), ("PublicKeyMaterial", &key)]);
    let data = user_data(&world, json!({"runcmd": [["touch", "/home/ubuntu/done"]]}));
    let behavior = ("InstanceInitiatedShutdownBehavior", "terminate");
    let (_, id) = run(&world, &[("KeyName", "k"), ("UserData", &data), behavior]);
    world.wait_for(&id, "running");
    let finished =
        "cloud-init status --wait; ls /home/ubuntu; hostname; . /etc/os-release; echo $ID";
    let output = ssh(&world, "ubuntu", finished);
    assert_eq!(said(&output), format!("status: done\ndone\n{id}\nubuntu\n"), "{output:?}");
    assert!(said(&ssh(&world, "root", "true")).starts_with("Please login as the user"));

    let before = world.instance()["_address"].clone();
    world.ec2(&[("Action", "StopInstances"), ("InstanceId.1", &id)]);
    world.wait_for(&id, "stopped");
    world.ec2(&[("Action", "StartInstances"), ("InstanceId.1", &id)]);
    world.wait_for(&id, "running");
    assert_ne!(world.instance()["_address"], before);
    let output = ssh(&world, "ubuntu", "ls");
    assert_eq!(said(&output), "done\n", "the disk is kept: {output:?}");
}

#[test]
fn a_guest_that_goes_down_ends_its_instance_as_it_was_told_to() {
    if !can_have_bodies() {
        eprintln!("skipped: bodies need root or subordinate ids");
        return;
    }
    let world = World::with("", Settings { body_port: PORT, ..settings() });
    let off = json!({"disable_root": false, "runcmd": ["kill -KILL -1"]});
    let data = user_data(&world, off);
    let behavior =
        |name| [("UserData", data.as_str()), ("InstanceInitiatedShutdownBehavior", name)];
    let (_, stopped) = run(&world, &behavior("stop"));
    let (_, ended) = run(&world, &behavior("terminate"));
    world.wait_for(&stopped, "stopped");
    world.wait_for(&ended, "terminated");
}

#[test]
fn a_snapshot_is_a_copy_of_the_disk() {
    if !can_have_bodies() {
        eprintln!("skipped: bodies need root or subordinate ids");
        return;
    }
    let world = World::with("", Settings { body_port: PORT, ..settings() });
    let key = world.key("login");
    let more = json!({"disable_root": false, "ssh_authorized_keys": [key]});
    let data = user_data(&world, more.clone());
    let (_, id) = run(&world, &[("UserData", &data)]);
    world.wait_for(&id, "running");
    let output = ssh(&world, "root", "cloud-init status --wait; touch /root/kept");
    assert!(output.status.success(), "{output:?}");
    let create = [("Action", "CreateImage"), ("InstanceId", id.as_str()), ("Name", "warm")];
    let image = world.ec2(&create)["imageId"].as_str().unwrap().to_owned();
    let available = [("Action", "DescribeImages"), ("ImageId.1", image.as_str())];
    world.until(|| world.ec2(&available)["imagesSet"][0]["imageState"] == "available");
    world.ec2(&[("Action", "TerminateInstances"), ("InstanceId.1", &id)]);
    world.wait_for(&id, "terminated");
    std::fs::remove_file(world.env.work().join("host")).unwrap();
    let data = user_data(&world, more);
    let (status, copy) = run(&world, &[("UserData", &data), ("ImageId", &image)]);
    assert_eq!(status, 200, "{copy}");
    world.wait_for(&copy, "running");
    let output = ssh(&world, "root", "ls; hostname");
    assert_eq!(said(&output), format!("kept\n{copy}\n"), "{output:?}");
}
