//! A Google Cloud project of one's own, and a machine that works on it.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::emulator::settings::{Frame, OperationTimes, Settings};
use crate::emulator::{Running, start};
use crate::support::{Ran, SANDPLAN, TestEnv};

/// The access token of the project.
pub const TOKEN: &str = "ya29.a-token-of-the-emulator";
pub const PROJECT: &str = "proving-ground";

/// Returns all that was said as one line.
pub fn told(ran: &Ran) -> String {
    let all = format!("{}\n{}", ran.stdout, ran.stderr);
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub struct World {
    pub env: TestEnv,
    pub url: String,
    emulator: Option<Running>,
    runtime: Runtime,
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
        Self { env, url: listening.url(), emulator: Some(listening), runtime }
    }

    /// Prepares the real binary.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.env.command(SANDPLAN);
        command
            .args(line.split_whitespace())
            .env("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN)
            .env("GOOGLE_CLOUD_PROJECT", PROJECT)
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", &self.url)
            .env("SANDPLAN_PROVIDER", "gcp");
        command
    }

    pub fn sandplan(&self, line: &str) -> Ran {
        Ran::of(&mut self.command(line))
    }

    pub fn write(&self, configuration: &str) {
        self.env.write("sandboxes.hcl", configuration);
    }

    /// Writes the configuration, and applies it.
    #[track_caller]
    pub fn apply(&self, configuration: &str) -> Ran {
        self.write(configuration);
        self.sandplan("apply -auto-approve")
    }

    /// Insists that nothing is left to do.
    #[track_caller]
    pub fn is_settled(&self) {
        self.sandplan("plan -detailed-exitcode").exits(0).says("No changes.");
    }

    fn send(&self, method: &str, path: &str, body: Option<String>) -> (u16, Json) {
        self.runtime.block_on(async {
            let request = reqwest::Client::new()
                .request(method.parse().unwrap(), format!("{}{path}", self.url))
                .bearer_auth(TOKEN)
                .body(body.unwrap_or_default());
            let answer = request.header("content-type", "application/json").send().await.unwrap();
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            (status, serde_json::from_str(&text).unwrap_or(Json::Null))
        })
    }

    pub fn get(&self, path: &str) -> Json {
        self.send("GET", path, None).1
    }

    /// Calls the API as somebody else would; it has to succeed.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Json) -> Json {
        let (status, answer) = self.send(method, path, Some(body.to_string()));
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
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
    pub fn fault(&self, fault: Json) {
        self.call("POST", "/_faults", fault);
    }

    pub fn no_faults(&self) {
        self.send("DELETE", "/_faults", None);
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

    pub fn forget_requests(&self) {
        self.send("DELETE", "/_requests", None);
    }

    pub fn requests(&self) -> u64 {
        self.get("/_requests")["total"].as_u64().unwrap()
    }

    /// How often a method and path template was asked for.
    pub fn count(&self, what: &str) -> u64 {
        self.get("/_requests")["counts"][what].as_u64().unwrap_or(0)
    }

    /// A new public key, one line.
    pub fn key(&self, name: &str) -> String {
        let file = self.env.work().join(name);
        let line = format!("ssh-keygen -q -t ed25519 -N '' -C {name} -f {}", file.display());
        self.env.shell(&line).exits(0);
        std::fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
    }
}

/// The last part of a URL.
pub fn last(url: &Json) -> String {
    url.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(emulator) = self.emulator.take() {
            self.runtime.block_on(emulator.stop());
        }
    }
}
