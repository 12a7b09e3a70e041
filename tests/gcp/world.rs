//! A Google Cloud project of one's own, and a machine that works on it.

use std::ops::Deref;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::emulator::settings::{Frame, OperationTimes, Settings};
use crate::emulator::{Running, start};
pub use crate::site::told;
use crate::site::{Platform, Site};
use crate::support::TestEnv;

/// The access token of the project.
pub const TOKEN: &str = "ya29.a-token-of-the-emulator";
pub const PROJECT: &str = "proving-ground";

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
    /// Instances are reached as real ones are.
    pub fn new(configuration: &str) -> Self {
        Self::with(configuration, Settings::default())
    }

    pub fn with(configuration: &str, settings: Settings) -> Self {
        let env = TestEnv::with(configuration);
        let bodies = Some(env.work().join("../bodies"));
        let frame = Frame { bodies, ..settings.frame.clone() };
        Self::started(env, Settings { frame, ..settings })
    }

    /// Instances are there for the API alone.
    pub fn bodiless(configuration: &str) -> Self {
        Self::started(TestEnv::with(configuration), Settings::default())
    }

    fn started(env: TestEnv, settings: Settings) -> Self {
        let every = Duration::from_millis(30);
        let operation_times = OperationTimes { every, ..OperationTimes::default() };
        let project = Some(PROJECT.to_owned());
        let token = Some(TOKEN.to_owned());
        let settings = Settings { token, project, operation_times, ..settings };
        let runtime = Runtime::new().unwrap();
        let listening = runtime.block_on(start("127.0.0.1:0".parse().unwrap(), settings)).unwrap();
        let environment = vec![
            ("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN.to_owned()),
            ("GOOGLE_CLOUD_PROJECT", PROJECT.to_owned()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", listening.url()),
            ("SANDPLAN_PROVIDER", "gcp".to_owned()),
        ];
        let authorization = format!("Bearer {TOKEN}");
        let platform = Platform { url: listening.url(), environment, authorization };
        Self { site: Site::new(env, runtime, platform), emulator: Some(listening) }
    }

    /// Does something below the project, and waits for the operation's end.
    #[track_caller]
    pub fn act(&self, method: &str, path: &str, body: Json) {
        let begun = self.call(method, &format!("/projects/{PROJECT}/{path}"), body);
        let link = begun["selfLink"].as_str().unwrap().to_owned();
        let path = format!("/projects/{}", link.split_once("/projects/").unwrap().1);
        self.until(|world| world.get(&path)["status"] == "DONE");
    }

    /// Waits for what happens by itself.
    #[track_caller]
    pub fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let start = std::time::Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < Duration::from_secs(30), "it never happened");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    pub fn advance(&self, seconds: u64) {
        self.call("POST", "/_clock", json!({"advance_ms": seconds * 1000}));
    }

    /// All objects of a kind: `instances`, `firewalls`, ….
    pub fn all(&self, kind: &str) -> Vec<Json> {
        match &self.get("/_objects")[kind] {
            Json::Array(all) => all.clone(),
            Json::Object(all) => all.values().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// The only instance, as the API has it.
    #[track_caller]
    pub fn instance(&self) -> Json {
        let all = self.all("instances");
        assert_eq!(all.len(), 1, "{all:#?}");
        all[0].clone()
    }

    /// The path of the only instance, below the project.
    #[track_caller]
    pub fn path(&self) -> String {
        let instance = self.instance();
        let zone = last(&instance["zone"]);
        format!("zones/{zone}/instances/{}", instance["name"].as_str().unwrap())
    }

    /// The firewall rules that are sandplan's.
    pub fn rules(&self) -> Vec<Json> {
        let is_ours = |rule: &Json| rule["name"].as_str().unwrap().contains("sandplan");
        self.all("firewalls").into_iter().filter(is_ours).collect()
    }
}

/// The last part of a URL.
pub fn last(url: &Json) -> String {
    url.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(emulator) = self.emulator.take() {
            self.site.runtime.block_on(emulator.stop());
        }
    }
}
