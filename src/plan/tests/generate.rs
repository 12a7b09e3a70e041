//! Configurations as text, and the states that time makes of them.

use std::fmt::Write;

use proptest::collection::vec;
use proptest::prelude::*;

use super::fixture::{NOW, now};
use crate::object::{DeposedKey, Drift, Object, ObjectKey, Prior, RemoteId, State, Status};
use crate::value::{AttributePath, Value};

/// How often a block stands for an object.
#[derive(Debug, Clone)]
pub enum Repeat {
    Once,
    Count(usize),
    Each(Vec<&'static str>),
}

/// One sandbox block. References go to blocks of lower rank only.
#[derive(Debug, Clone)]
pub struct Block {
    pub name: &'static str,
    pub repeat: Repeat,
    /// By rank; the second says what is referred to.
    pub refers: Vec<(prop::sample::Index, u8)>,
    pub depends_on: Vec<prop::sample::Index>,
    pub create_first: bool,
    pub provider: &'static str,
    pub region: u8,
    pub ttl: Option<u8>,
    pub profile: Option<u8>,
    pub extras: u8,
}

const NAMES: [&str; 6] = ["m", "c", "x", "a", "k", "b"];
const KEYS: [&str; 6] = ["ada", "a.b", "[0]", "q\"uote", "zoë", "a b/${c}"];

fn repeat() -> impl Strategy<Value = Repeat> {
    prop_oneof![
        3 => Just(Repeat::Once),
        2 => (0usize..4).prop_map(Repeat::Count),
        2 => prop::sample::subsequence(&KEYS[..], 0..4).prop_map(Repeat::Each),
    ]
}

fn block(name: &'static str) -> impl Strategy<Value = Block> {
    let indexes = || any::<prop::sample::Index>();
    let links = (vec((indexes(), 0u8..4), 0..3), vec(indexes(), 0..2));
    let place = (prop::sample::select(&["", "", "local.b", "hetzner"][..]), 0u8..2);
    let rest = (prop::option::of(1u8..4), prop::option::of(0u8..3), any::<u8>());
    (repeat(), links, prop::bool::weighted(0.2), place, rest).prop_map(
        move |(repeat, (refers, depends_on), create_first, (provider, region), rest)| Block {
            name,
            repeat,
            refers,
            depends_on,
            create_first,
            provider,
            region,
            ttl: rest.0,
            profile: rest.1,
            extras: rest.2,
        },
    )
}

/// A file: its blocks in rank order.
pub fn program() -> impl Strategy<Value = Vec<Block>> {
    Just(NAMES.to_vec())
        .prop_shuffle()
        .prop_flat_map(|names| (1..=names.len()).prop_map(move |n| names[..n].to_vec()))
        .prop_flat_map(|names| names.into_iter().map(block).collect::<Vec<_>>())
}

/// Writes a file.
pub fn text(blocks: &[Block]) -> String {
    let mut text = String::from(
        r#"
variable "secret" {
  default   = "hunter2"
  sensitive = true
}
variable "size" { default = 3 }
locals {
  greeting = "hello ${var.size}"
  nested   = { inner = [local.greeting, "b"] }
}
profile "base" {
  env    = { BASE = "1", TOKEN = var.secret }
  labels = { from = "base" }
  file "/home/agent/base" { content = "${local.nested.inner[0]}\n" }
}
profile "p0" {
  extends = profile.base
  env     = { BASE = "2" }
}
profile "p1" {
  packages = ["jq"]
  provision "setup" { run = ["echo", local.greeting] }
}
"#,
    );
    if let Some(first) = blocks.first() {
        let _ = writeln!(text, "locals {{\n  first = {}\n}}", reference(first, 1));
        let _ = writeln!(
            text,
            "profile \"p2\" {{\n  extends = profile.p1\n  env = {{ FIRST = local.first }}\n}}"
        );
    }
    let region = blocks.first().map_or(0, |first| first.region);
    let _ = writeln!(
        text,
        "ssh_key \"k\" {{ public_key = \"{KEY} {region}\\n\" }}\nnetwork \"n\" {{\n  ingress {{ tcp = {{ \"80{region}0\" = [\"10.0.0.0/8\"] }} }}\n}}\nlocals {{\n  keys = [for key in [ssh_key.k] : key]\n}}\noutput \"key\" {{\n  value = ssh_key.k\n}}"
    );
    for (rank, block) in blocks.iter().enumerate() {
        write_block(&mut text, block, &blocks[..rank]);
        write_snapshot(&mut text, block);
    }
    for block in blocks {
        let _ =
            writeln!(text, "output \"{}\" {{\n  value = {}\n}}", block.name, reference(block, 0));
    }
    let _ = writeln!(text, "output \"secret\" {{\n  value = var.secret\n  sensitive = true\n}}");
    text
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk8Zc0vC3XkQ2c9XHVSkB0sR1sPqkXo5vJp8mQn4Z0l";

/// Only this platform has more than sandboxes.
fn has_all(block: &Block) -> bool {
    block.provider == "hetzner"
}

fn is_saved(block: &Block) -> bool {
    has_all(block) && block.extras & 64 != 0
}

/// Saves every instance of a block.
fn write_snapshot(text: &mut String, block: &Block) {
    if !is_saved(block) {
        return;
    }
    let name = block.name;
    let instances = match &block.repeat {
        Repeat::Once => format!("sandbox = sandbox.{name}"),
        Repeat::Count(count) => {
            format!("count = {count}\n  sandbox = sandbox.{name}[count.index].id")
        }
        Repeat::Each(_) => format!("for_each = sandbox.{name}\n  sandbox = each.value"),
    };
    let _ = writeln!(text, "snapshot {name:?} {{\n  {instances}\n  expires_in = \"7d\"\n}}");
}

fn write_block(text: &mut String, block: &Block, before: &[Block]) {
    let mut line = |content: String| {
        let _ = writeln!(text, "{content}");
    };
    line(format!("sandbox {:?} {{", block.name));
    let me = match &block.repeat {
        Repeat::Once => "one",
        Repeat::Count(count) => {
            line(format!("  count = {count}"));
            "${count.index}"
        }
        Repeat::Each(keys) => {
            let keys: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
            line(format!("  for_each = {{ for k in [{}] : k => {{ v = k }} }}", keys.join(", ")));
            "${each.key} ${each.value.v}"
        }
    };
    let mut env = vec![format!("ME = \"{me}\"")];
    for (at, (index, what)) in block.refers.iter().enumerate() {
        if !before.is_empty() {
            let value = reference(&before[index.index(before.len())], *what);
            env.push(format!("R{at} = \"{me} ${{{value}}}\""));
        }
    }
    if block.extras & 1 != 0 {
        env.push("SECRET = \"${var.secret}!\"".to_owned());
    }
    if block.extras & 2 != 0 {
        env.push("PORT = var.size".to_owned());
    }
    line(format!("  env = {{ {} }}", env.join(", ")));
    if !block.provider.is_empty() {
        line(format!("  provider = {:?}", block.provider));
    }
    line(format!("  region = \"r{}\"", block.region));
    if let Some(ttl) = block.ttl {
        line(format!("  ttl = \"{ttl}h\""));
    }
    // The second profile refers to the first block.
    if let Some(profile) = block.profile.filter(|p| *p < 2 || !before.is_empty()) {
        line(format!("  profile = profile.p{profile}"));
    }
    if block.extras & 4 != 0 && !before.is_empty() {
        let value = reference(&before[0], 0);
        line(format!(
            "  file \"/home/agent/x\" {{\n    content = <<-EOT\n      %{{ for x in [\"{me}\"] }}\n      ${{x}} is ${{{value}}}\n      %{{ endfor }}\n    EOT\n  }}"
        ));
        line(format!("  provision \"run\" {{\n    run = [\"echo\", {value}, \"{me}\"]\n  }}"));
    }
    if has_all(block) && block.extras & 32 != 0 {
        line("  ssh_keys = local.keys\n  network = network.n".to_owned());
    }
    let saved = before.iter().find(|b| is_saved(b) && matches!(b.repeat, Repeat::Once));
    if let Some(saved) = saved.filter(|_| has_all(block) && block.extras & 128 != 0) {
        line(format!("  from = snapshot.{}", saved.name));
    }
    if block.extras & 8 != 0 {
        line("  labels = { owner = \"ada\" }".to_owned());
    }
    let needs: Vec<String> = match before {
        [] => vec![],
        _ => block
            .depends_on
            .iter()
            .map(|i| before[i.index(before.len())].name)
            .map(|n| format!("sandbox.{n}"))
            .collect(),
    };
    line(format!("  depends_on = [{}]", needs.join(", ")));
    let ignored = if block.extras & 16 != 0 { "labels" } else { "" };
    line(format!(
        "  lifecycle {{\n    create_before_destroy = {}\n    ignore_changes = [{ignored}]\n  }}\n}}",
        block.create_first
    ));
}

/// An expression of type string that refers to a block.
fn reference(block: &Block, what: u8) -> String {
    let attribute = ["id", "ipv4", "region", "name"][usize::from(what) % 4];
    let name = block.name;
    match &block.repeat {
        Repeat::Once => format!("sandbox.{name}.{attribute}"),
        Repeat::Count(_) => format!("join(\",\", sandbox.{name}[*].{attribute})"),
        Repeat::Each(_) => {
            format!("join(\",\", [for k, s in sandbox.{name} : \"${{k}}=${{s.{attribute}}}\"])")
        }
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}").replace("${", "$${")
}

/// What happens to one row between two runs.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    Gone,
    Tainted,
    Drifted,
    Expired,
    Deposed,
    /// Its provisioning failed, so that a step is to run again.
    Unfinished,
    /// The row was written when it depended on another block.
    Reversed(u8),
    /// It is in the state of a block that no file ever had.
    Stray,
}

pub fn fates() -> impl Strategy<Value = Vec<(prop::sample::Index, Fate)>> {
    let fate = prop_oneof![
        Just(Fate::Gone),
        Just(Fate::Tainted),
        Just(Fate::Drifted),
        Just(Fate::Expired),
        Just(Fate::Deposed),
        Just(Fate::Unfinished),
        (0u8..6).prop_map(Fate::Reversed),
        Just(Fate::Stray),
    ];
    vec((any::<prop::sample::Index>(), fate), 0..4)
}

/// Lets time pass over a state.
pub fn aged(mut state: State, fates: &[(prop::sample::Index, Fate)]) -> Prior {
    let mut gone = Vec::new();
    let mut drifted = Vec::new();
    for (index, fate) in fates {
        if state.objects.is_empty() {
            break;
        }
        let at = index.index(state.objects.len());
        let object = &mut state.objects[at];
        match fate {
            Fate::Gone => gone.push(object.key()),
            Fate::Drifted => drifted.push(object.key()),
            Fate::Tainted => object.status = Status::Tainted,
            Fate::Expired => {
                object.attributes = object.attributes.with("expires_at", Value::from(NOW));
                assert_eq!(object.expires_at(), Some(now()));
            }
            Fate::Deposed => {
                let copy = Object {
                    deposed: Some(DeposedKey::from("00000000")),
                    remote_id: RemoteId::from(format!("old {}", object.remote_id)),
                    ..object.clone()
                };
                if object.deposed.is_none() && !state.objects.iter().any(|o| o.key() == copy.key())
                {
                    state.objects.insert(at + 1, copy);
                }
            }
            Fate::Unfinished => {
                object.status = Status::Failed;
                object.steps.pop();
            }
            Fate::Reversed(name) => {
                let block = format!("sandbox.{}", NAMES[usize::from(*name)]);
                object.depends_on =
                    vec![block.parse::<crate::address::Address>().expect("a block").block];
            }
            Fate::Stray => {
                let mut stray = object.clone();
                stray.address = "sandbox.stray".parse().expect("an address");
                stray.depends_on = vec![object.address.block.clone()];
                if !state.objects.iter().any(|o| o.key() == stray.key()) {
                    state.objects.push(stray);
                }
            }
        }
    }
    state.objects.sort_by(|a, b| (&a.address, &a.deposed).cmp(&(&b.address, &b.deposed)));
    refreshed(state, &gone, &drifted)
}

fn refreshed(state: State, gone: &[ObjectKey], drifted: &[ObjectKey]) -> Prior {
    let mut prior = Prior::unrefreshed(state);
    for object in &prior.state.objects {
        let key = object.key();
        let drift = |after, changed| Drift {
            key: key.clone(),
            provider: object.provider.clone(),
            before: Box::new(object.clone()),
            after,
            changed,
        };
        if gone.contains(&key) {
            prior.objects.retain(|o| o.key() != key);
            prior.drift.push(drift(None, vec![]));
        } else if drifted.contains(&key) {
            let labels = Value::string_map([("by", "hand")]);
            let after =
                Object { attributes: object.attributes.with("labels", labels), ..object.clone() };
            prior.objects.iter_mut().filter(|o| o.key() == key).for_each(|o| *o = after.clone());
            let changed = vec![AttributePath::attribute("labels")];
            prior.drift.push(drift(Some(Box::new(after)), changed));
        }
    }
    prior
}
