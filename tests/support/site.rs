//! A machine that works on a platform of its own: what tests of all platforms need.

use std::process::Command;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::support::{Ran, SANDPLAN, TestEnv};

/// Returns all that was said as one line, without the times and the marks of comments.
#[allow(dead_code, reason = "not every test binary uses all of this")]
pub fn told(ran: &Ran) -> String {
    let is_word = |word: &&str| *word != "#" && !(word.len() == 20 && word.ends_with('Z'));
    let all = format!("{}\n{}", ran.stdout, ran.stderr);
    all.split_whitespace().filter(is_word).collect::<Vec<_>>().join(" ")
}

/// What the program is told of a platform.
pub struct Platform {
    /// Where the emulator listens.
    pub url: String,
    /// Variables of the environment.
    pub environment: Vec<(&'static str, String)>,
    /// What requests by hand carry as `Authorization`.
    pub authorization: String,
}

/// A working directory, and the platform that is worked on.
pub struct Site {
    pub env: TestEnv,
    pub url: String,
    pub runtime: Runtime,
    platform: Platform,
}

#[allow(dead_code, reason = "not every test binary uses all of this")]
impl Site {
    pub fn new(env: TestEnv, runtime: Runtime, platform: Platform) -> Self {
        Self { env, url: platform.url.clone(), runtime, platform }
    }

    /// Prepares the real binary.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.env.command(SANDPLAN);
        command.args(line.split_whitespace()).envs(self.platform.environment.clone());
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

    /// Sends a request with a body of a type; answers status and text.
    pub fn send(&self, method: &str, path: &str, body: Option<(&str, String)>) -> (u16, String) {
        let (content_type, body) = body.unwrap_or(("application/json", String::new()));
        let request = reqwest::Client::new()
            .request(method.parse().unwrap(), format!("{}{path}", self.url))
            .header("authorization", &self.platform.authorization)
            .header("content-type", content_type)
            .body(body);
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    pub fn get(&self, path: &str) -> Json {
        serde_json::from_str(&self.send("GET", path, None).1).unwrap_or(Json::Null)
    }

    /// Calls with JSON as somebody else would; it has to succeed.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Json) -> Json {
        let body = ("application/json", body.to_string());
        let (status, answer) = self.send(method, path, Some(body));
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or(Json::Null)
    }

    /// Waits for what happens by itself.
    #[track_caller]
    pub fn until(&self, is_so: impl Fn() -> bool) {
        let start = std::time::Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_secs(30), "it never happened");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Puts a fault in force, or a list of them.
    #[track_caller]
    pub fn fault(&self, fault: Json) {
        self.call("POST", "/_faults", fault);
    }

    pub fn no_faults(&self) {
        self.send("DELETE", "/_faults", None);
    }

    /// All objects of a kind, as the emulator names it.
    pub fn all(&self, kind: &str) -> Vec<Json> {
        self.get("/_objects")[kind].as_array().cloned().unwrap_or_default()
    }

    pub fn forget_requests(&self) {
        self.send("DELETE", "/_requests", None);
    }

    /// How many requests were made since they were forgotten.
    pub fn requests(&self) -> u64 {
        self.get("/_requests")["total"].as_u64().unwrap()
    }

    /// How often something was asked for, as the emulator counts.
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
