//! A Hetzner project of one's own, and a machine that works on it.

use std::ops::Deref;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::emulator::settings::{ActionTimes, Settings};
use crate::emulator::{Running, start};
pub use crate::site::told;
use crate::site::{Platform, Site};
use crate::support::{Ran, TestEnv};

/// The token of the project.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub struct World {
    site: Site,
    emulator: Option<Running>,
}

impl Deref for World {
    type Target = Site;
    fn deref(&self) -> &Site {
        &self.site
    }
}

impl World {
    /// Servers are reached as real ones are.
    pub fn new(configuration: &str) -> Self {
        Self::with(configuration, Settings::default())
    }

    /// Servers are there for the API alone.
    pub fn bodiless(configuration: &str) -> Self {
        let env = TestEnv::with(configuration);
        Self::started(env, Settings::default())
    }

    pub fn with(configuration: &str, settings: Settings) -> Self {
        let env = TestEnv::with(configuration);
        let bodies = Some(env.work().join("../bodies"));
        Self::started(env, Settings { bodies, ..settings })
    }

    fn started(env: TestEnv, settings: Settings) -> Self {
        let every = Duration::from_millis(30);
        let action_times = ActionTimes { every, ..ActionTimes::default() };
        let settings = Settings { token: Some(TOKEN.to_owned()), action_times, ..settings };
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(start("127.0.0.1:0".parse().unwrap(), settings)).unwrap();
        let told = [
            ("HCLOUD_TOKEN", TOKEN.to_owned()),
            ("HCLOUD_ENDPOINT", emulator.url()),
            ("SANDPLAN_PROVIDER", "hetzner".to_owned()),
        ];
        let platform = Platform {
            url: emulator.url(),
            environment: told.into(),
            authorization: format!("Bearer {TOKEN}"),
        };
        Self { site: Site::new(env, runtime, platform), emulator: Some(emulator) }
    }

    /// Runs it with a token that is not the project's.
    pub fn with_token(&self, token: &str, line: &str) -> Ran {
        Ran::of(self.command(line).env("HCLOUD_TOKEN", token))
    }

    /// Does it to a server by hand, and waits until it is done.
    #[track_caller]
    pub fn act(&self, server: &Json, action: &str, body: Json) {
        let path = format!("/servers/{}", server["id"]);
        self.call("POST", &format!("{path}/actions/{action}"), body);
        self.until(|| self.get(&path)["server"]["locked"] == false);
    }

    /// The only server, as the API has it.
    #[track_caller]
    pub fn server(&self) -> Json {
        let all = self.all("servers");
        assert_eq!(all.len(), 1, "{all:#?}");
        self.get(&format!("/servers/{}", all[0]["id"]))["server"].clone()
    }

    /// The server that was made for an address with this name.
    #[track_caller]
    pub fn server_of(&self, name: &str) -> Json {
        let all = self.get("/servers?per_page=50")["servers"].as_array().unwrap().clone();
        let is_it = |server: &&Json| server["name"].as_str().unwrap().starts_with(name);
        all.iter().find(is_it).unwrap_or_else(|| panic!("no {name}: {all:#?}")).clone()
    }

    /// Orders a server that is not sandplan's.
    #[track_caller]
    pub fn foreign_server(&self, name: &str, firewalls: Json) -> Json {
        let order = json!({
            "name": name, "server_type": "cpx22", "image": "ubuntu-24.04", "location": "ash",
            "labels": {"env": "prod"}, "firewalls": firewalls,
        });
        let server = self.call("POST", "/servers", order)["server"].clone();
        let path = format!("/servers/{}", server["id"]);
        self.until(|| self.get(&path)["server"]["locked"] == false);
        server
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(emulator) = self.emulator.take() {
            self.site.runtime.block_on(emulator.stop());
        }
    }
}
