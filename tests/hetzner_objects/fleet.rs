//! Two projects of Hetzner Cloud and this machine in one configuration.

use crate::world::{TOKEN, World, told};

/// One key and one sandbox on each of two projects, and a sandbox here.
fn fleet(eu: &str, key: &str) -> String {
    format!(
        r#"
provider "hetzner" {{
  alias    = "eu"
  endpoint = "{eu}"
  token    = "{TOKEN}"
}}
ssh_key "laptop" {{
  public_key = "{key}"
}}
sandbox "ash" {{
  ssh_keys = [ssh_key.laptop]
}}
sandbox "eu" {{
  provider = "hetzner.eu"
  ssh_keys = [ssh_key.laptop]
}}
sandbox "here" {{
  provider = "local"
}}
"#
    )
}

#[test]
fn a_project_that_cannot_be_reached_holds_up_no_other() {
    let (world, eu) = (World::bodiless(""), World::bodiless(""));
    let fleet = fleet(&eu.url, &world.key("laptop"));
    world.apply(&fleet).exits(0);
    assert_eq!((world.all("servers").len(), eu.all("servers").len()), (1, 1));
    drop(eu);
    let labels = "provider = \"local\"\n}\nsandbox \"more\" {\n  ssh_keys = [ssh_key.laptop]";
    let applied = world.apply(&fleet.replace("provider = \"local\"", labels)).exits(1);
    let said = told(&applied);
    for part in [
        "1 added, 0 changed, 0 destroyed",
        "Not planned: provider hetzner.eu cannot be worked with",
        "Left as it is: sandbox.eu, ssh_key.laptop[\"hetzner.eu\"].",
        "The provider `hetzner.eu` could not list its objects:",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert_eq!(world.all("servers").len(), 2);
    let rows = world.sandplan("state list").exits(0).stdout;
    assert!(rows.contains("sandbox.eu"), "{rows}");
}
