//! A Hetzner project of one's own, and a machine that works on it.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::emulator::settings::{ActionTimes, Settings};
use crate::emulator::{Running, start};
use crate::support::{Ran, SANDPLAN, TestEnv};

/// The token of the project.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Returns all that was said as one line, without the times and the marks of comments.
pub fn told(ran: &Ran) -> String {
    let is_word = |word: &&str| *word != "#" && !(word.len() == 20 && word.ends_with('Z'));
    let all = format!("{}\n{}", ran.stdout, ran.stderr);
    all.split_whitespace().filter(is_word).collect::<Vec<_>>().join(" ")
}

pub struct World {
    pub env: TestEnv,
    pub url: String,
    emulator: Option<Running>,
    runtime: Runtime,
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
        let listening = runtime.block_on(start("127.0.0.1:0".parse().unwrap(), settings)).unwrap();
        Self { env, url: listening.url(), emulator: Some(listening), runtime }
    }

    /// Prepares the real binary.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.env.command(SANDPLAN);
        command
            .args(line.split_whitespace())
            .env("HCLOUD_TOKEN", TOKEN)
            .env("HCLOUD_ENDPOINT", &self.url)
            .env("SANDPLAN_PROVIDER", "hetzner");
        command
    }

    pub fn sandplan(&self, line: &str) -> Ran {
        Ran::of(&mut self.command(line))
    }

    /// Runs it with a token that is not the project's.
    pub fn with_token(&self, token: &str, line: &str) -> Ran {
        Ran::of(self.command(line).env("HCLOUD_TOKEN", token))
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

    /// Does it to a server by hand, and waits until it is done.
    #[track_caller]
    pub fn act(&self, server: &Json, action: &str, body: Json) {
        let path = format!("/servers/{}", server["id"]);
        self.call("POST", &format!("{path}/actions/{action}"), body);
        self.until(|world| world.get(&path)["server"]["locked"] == false);
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

    /// All objects of a kind: `servers`, `firewalls`, ….
    pub fn all(&self, kind: &str) -> Vec<Json> {
        self.get("/_objects")[kind].as_array().cloned().unwrap_or_default()
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

    pub fn forget_requests(&self) {
        self.send("DELETE", "/_requests", None);
    }

    /// How many requests were made since they were forgotten.
    pub fn requests(&self) -> u64 {
        self.get("/_requests")["total"].as_u64().unwrap()
    }

    /// How often a method and path template was asked for.
    pub fn count(&self, what: &str) -> u64 {
        self.get("/_requests")["counts"][what].as_u64().unwrap_or(0)
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
        self.until(|world| world.get(&path)["server"]["locked"] == false);
        server
    }

    /// A new public key, one line.
    pub fn key(&self, name: &str) -> String {
        let file = self.env.work().join(name);
        let line = format!("ssh-keygen -q -t ed25519 -N '' -C {name} -f {}", file.display());
        self.env.shell(&line).exits(0);
        std::fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(emulator) = self.emulator.take() {
            self.runtime.block_on(emulator.stop());
        }
    }
}
