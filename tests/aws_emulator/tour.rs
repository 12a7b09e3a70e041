//! The official Python client.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::aws::moto::requirements;
use crate::aws::settings::{Settings, Times};
use crate::python;
use crate::world::{World, settings};

#[test]
fn the_official_python_client_passes_its_tour() {
    // The tour looks at states between two states, on however busy a machine.
    let times = Times::all(Duration::from_secs(1));
    let access_key = Some("AKIATOUR".to_owned());
    let settings = Settings { times, access_key, ..settings() };
    let world = World::bodiless_with("", settings);
    let listed = python::listed(&requirements());
    let packages: Vec<&str> = listed.iter().map(String::as_str).collect();
    let mut tour = Command::new(python::environment("moto", &packages));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/aws/tour.py");
    let output = tour.arg(script).arg(&world.url).output().unwrap();
    let (said, complaints) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&said), "tour done\n", "{complaints}");
}
