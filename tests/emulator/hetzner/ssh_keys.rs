//! SSH keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::clock;
use super::labels::Labels;
use super::pages::{Listed, Listing};
use super::project::Project;
use super::request::Request;
use super::routes::{Route, delete, get, post, put};

pub const ROUTES: &[Route] = &[
    get("/ssh_keys", list),
    post("/ssh_keys", create),
    get("/ssh_keys/{id}", show),
    put("/ssh_keys/{id}", update),
    delete("/ssh_keys/{id}", remove),
];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SshKey {
    id: u64,
    pub name: String,
    fingerprint: String,
    pub public_key: String,
    labels: Labels,
    created: u64,
}

impl SshKey {
    pub fn draw(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "fingerprint": self.fingerprint,
            "public_key": self.public_key,
            "labels": self.labels,
            "created": clock::text(self.created),
        })
    }
}

impl Listed for SshKey {
    fn id(&self) -> u64 {
        self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn labels(&self) -> Option<&Labels> {
        Some(&self.labels)
    }
}

impl Project {
    /// Finds a key by name or id.
    pub fn find_ssh_key(&self, reference: &str) -> Option<&SshKey> {
        let by_id = reference.parse().ok().and_then(|id| self.ssh_keys.get(&id));
        by_id.or_else(|| self.ssh_keys.values().find(|key| key.name == reference))
    }
}

/// The MD5 of the key's blob, or nothing when the text is not a public key.
fn fingerprint(public_key: &str) -> Option<String> {
    let mut words = public_key.split_whitespace();
    let kind = words.next()?;
    let blob = STANDARD.decode(words.next()?).ok()?;
    let length = u32::from_be_bytes(blob.get(..4)?.try_into().ok()?);
    let named = blob.get(4..4 + usize::try_from(length).ok()?)?;
    let known = ["ssh-rsa", "ssh-ed25519"].contains(&kind) || kind.starts_with("ecdsa-sha2-");
    let digest = Md5::digest(&blob);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    (known && named == kind.as_bytes()).then(|| pairs.join(":"))
}

fn list(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let wanted = request.first("fingerprint");
    let keys = project.ssh_keys.values();
    let objects = keys.filter(|key| wanted.is_none_or(|w| w == key.fingerprint)).collect();
    Listing { key: "ssh_keys", sortable: &["id", "name"], objects }.answer(request, SshKey::draw)
}

fn show(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    match project.ssh_keys.get(&request.id) {
        Some(key) => Answer::ok(json!({"ssh_key": key.draw()})),
        None => Err(Refusal::not_found("ssh_key", request.id)),
    }
}

fn create(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let name = fields.required_text("name");
    let public_key = fields.required_text("public_key");
    let labels = fields.labels().unwrap_or_default();
    let fingerprint = fingerprint(&public_key);
    if fields.has("public_key") && fingerprint.is_none() {
        fields.problem("public_key", "SSH key is not in a valid OpenSSH format");
    }
    fields.finish()?;
    let fingerprint = fingerprint.unwrap_or_default();
    refuse_twice(project, 0, &name, &fingerprint)?;
    let id = project.new_id();
    let key = SshKey { id, name, fingerprint, public_key, labels, created: project.now };
    let drawn = key.draw();
    project.ssh_keys.insert(id, key);
    Answer::created(json!({"ssh_key": drawn}))
}

fn refuse_twice(project: &Project, id: u64, name: &str, fingerprint: &str) -> Result<(), Refusal> {
    let others = || project.ssh_keys.values().filter(|key| key.id != id);
    if others().any(|key| key.fingerprint == fingerprint) {
        return Err(Refusal::not_unique(
            "public_key",
            "SSH key with the same fingerprint already exists",
        ));
    }
    if others().any(|key| key.name == name) {
        return Err(Refusal::not_unique("name", "SSH key name is already used"));
    }
    Ok(())
}

fn update(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let (name, labels) = (fields.text("name"), fields.labels());
    fields.finish()?;
    if let Some(name) = &name {
        refuse_twice(project, request.id, name, "")?;
    }
    let missing = || Refusal::not_found("ssh_key", request.id);
    let key = project.ssh_keys.get_mut(&request.id).ok_or_else(missing)?;
    key.name = name.unwrap_or(key.name.clone());
    key.labels = labels.unwrap_or(key.labels.clone());
    Answer::ok(json!({"ssh_key": key.draw()}))
}

fn remove(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    match project.ssh_keys.remove(&request.id) {
        Some(_) => Answer::nothing(),
        None => Err(Refusal::not_found("ssh_key", request.id)),
    }
}
