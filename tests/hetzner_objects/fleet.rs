//! Two projects of Hetzner Cloud and this machine in one configuration.

use crate::world::{TOKEN, World, told};

/// A network and a sandbox on each of two projects, and a sandbox here.
fn fleet(eu: &str) -> String {
    format!(
        r#"
provider "hetzner" {{
  alias    = "eu"
  endpoint = "{eu}"
  token    = "{TOKEN}"
}}
network "agents" {{
  ingress {{
    ssh = ["203.0.113.0/24"]
  }}
}}
sandbox "ash" {{
  network = network.agents
}}
sandbox "eu" {{
  provider = "hetzner.eu"
  network  = network.agents
}}
sandbox "here" {{
  provider = "local"
}}
"#
    )
}

#[test]
fn a_project_that_cannot_be_reached_holds_up_no_other() {
    let (world, eu) = (World::new(""), World::new(""));
    let fleet = fleet(&eu.url);
    world.apply(&fleet).exits(0);
    assert_eq!((world.all("servers").len(), eu.all("servers").len()), (1, 1));
    drop(eu);
    let labels = "provider = \"local\"\n}\nsandbox \"more\" {\n  network = network.agents";
    let applied = world.apply(&fleet.replace("provider = \"local\"", labels)).exits(1);
    let said = told(&applied);
    for part in [
        "1 added, 0 changed, 0 destroyed",
        "Not planned: provider hetzner.eu cannot be worked with",
        "Left as it is: network.agents[\"hetzner.eu\"], sandbox.eu.",
        "The provider `hetzner.eu` could not list its objects:",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert_eq!(world.all("servers").len(), 2);
    let rows = world.sandplan("state list").exits(0).stdout;
    assert!(rows.contains("sandbox.eu"), "{rows}");
}
