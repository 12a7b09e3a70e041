//! Which provisioning steps are still to run: a sandbox's arguments and the
//! records of what was done, turned into an ordered list. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::setup::Setup;
use crate::object::StepRecord;
use crate::provider::sandbox::{File, Probe, Provision, Sandbox, Sync};

/// A provisioning step that is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingStep {
    /// `setup:apt`, `file:/home/agent/.gitconfig`, `sync:/home/agent/app`, `provision:install`, `probe:docker`.
    pub name: String,
    /// Digest of what the step does. Empty for a removal: a record with an empty
    /// hash says that there is nothing any more.
    pub hash: String,
    pub work: Work,
}

/// What a machine of its own gets besides files and steps; a process sandbox, which
/// has the programs of this machine, gets nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guest {
    pub setup: Vec<Setup>,
    /// The public keys that may log in, one line each.
    pub authorized_keys: Vec<String>,
    /// The key by which sandplan itself logs in. Each machine that works on a sandbox
    /// has its own, so another one is no reason to write the keys anew.
    pub access_key: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Removes a file that is no longer in the configuration; its path.
    RemoveFile(String),
    /// Removes what a sync put there that is no longer in the configuration; its destination.
    RemoveSync(String),
    /// Installs packages or tools, as root.
    Setup(Setup),
    /// Writes the environment of every command.
    Env(BTreeMap<String, String>),
    /// Writes which keys may log in.
    AuthorizedKeys(Vec<String>),
    Write(File),
    Sync(Sync),
    Run(Provision),
    Probe(Probe),
}

/// Lists the steps to run, in order: of a machine of its own, setup steps, environment
/// and keys; then removals, files, syncs, provision steps, probes.
///
/// A setup step runs when it changed or when one that it builds upon did. Environment
/// and keys are written when they changed.
/// A file or sync runs when it changed, alone. A provision step runs when it
/// changed or when one before it did, as layers of an image do. Probes run when
/// anything else does.
pub fn pending(sandbox: &Sandbox, guest: Option<&Guest>, done: &[StepRecord]) -> Vec<PendingStep> {
    let done = Done::of(done);
    let mut steps = guest.map(|guest| of_guest(sandbox, guest)).unwrap_or_default();
    steps.retain(|step| !done.includes(step));
    steps.extend(removals(sandbox, &done));
    steps.extend(sandbox.files.iter().map(write).filter(|step| !done.includes(step)));
    steps.extend(sandbox.syncs.iter().filter_map(|sync| {
        let step = synced(sync);
        // Without a digest nobody can tell whether the source changed.
        (sync.digest.is_none() || !done.includes(&step)).then_some(step)
    }));
    let runs = runs(&sandbox.provision);
    let first = runs.iter().position(|step| !done.includes(step)).unwrap_or(runs.len());
    steps.extend(runs.into_iter().skip(first));
    let anything = !steps.is_empty();
    let probes = sandbox.ready.probes.iter().map(probe);
    steps.extend(probes.filter(|step| anything || !done.includes(step)));
    steps
}

/// Lists the syncs, whether they were done or not.
pub fn syncs(sandbox: &Sandbox) -> Vec<PendingStep> {
    sandbox.syncs.iter().map(synced).collect()
}

/// Returns the hash of a sync whose source has this manifest digest.
pub fn sync_hash(digest: &str) -> String {
    hash(["sync", digest])
}

struct Done<'a>(BTreeMap<&'a str, &'a StepRecord>);

impl<'a> Done<'a> {
    /// A later record of the same step counts.
    fn of(records: &'a [StepRecord]) -> Self {
        Self(records.iter().map(|record| (record.name.as_str(), record)).collect())
    }

    fn includes(&self, step: &PendingStep) -> bool {
        self.0.get(step.name.as_str()).is_some_and(|done| done.rc == 0 && done.hash == step.hash)
    }

    /// Lists what of a kind (`file:`) may be in the sandbox.
    fn present(&self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let there = self.0.values().filter(|record| !record.hash.is_empty() || record.rc != 0);
        there.filter_map(move |record| record.name.strip_prefix(kind))
    }
}

fn of_guest(sandbox: &Sandbox, guest: &Guest) -> Vec<PendingStep> {
    let setup = |setup: &Setup| PendingStep {
        name: setup.name.clone(),
        hash: setup.hash.clone(),
        work: Work::Setup(setup.clone()),
    };
    let env = sandbox.env.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let env = PendingStep {
        name: "env".to_owned(),
        hash: hash(["env"].into_iter().chain(env)),
        work: Work::Env(sandbox.env.clone()),
    };
    let keys = guest.authorized_keys.iter().map(String::as_str);
    let all = guest.access_key.iter().chain(&guest.authorized_keys);
    let keys = PendingStep {
        name: "authorized_keys".to_owned(),
        hash: hash(["authorized_keys"].into_iter().chain(keys)),
        work: Work::AuthorizedKeys(all.cloned().collect()),
    };
    guest.setup.iter().map(setup).chain([env, keys]).collect()
}

fn removals(sandbox: &Sandbox, done: &Done<'_>) -> Vec<PendingStep> {
    let files: BTreeSet<_> = sandbox.files.iter().map(|file| file.path.as_str()).collect();
    let syncs: BTreeSet<_> = sandbox.syncs.iter().map(|sync| sync.to.as_str()).collect();
    let removal = |kind: &str, path: &str, work: fn(String) -> Work| PendingStep {
        name: format!("{kind}{path}"),
        hash: String::new(),
        work: work(path.to_owned()),
    };
    let files = done.present("file:").filter(|path| !files.contains(path));
    let syncs = done.present("sync:").filter(|path| !syncs.contains(path));
    let files = files.map(|path| removal("file:", path, Work::RemoveFile));
    files.chain(syncs.map(|path| removal("sync:", path, Work::RemoveSync))).collect()
}

fn write(file: &File) -> PendingStep {
    PendingStep {
        name: format!("file:{}", file.path),
        hash: hash(["file", &file.content, &format!("{:o}", file.mode)]),
        work: Work::Write(file.clone()),
    }
}

fn synced(sync: &Sync) -> PendingStep {
    PendingStep {
        name: format!("sync:{}", sync.to),
        hash: sync_hash(sync.digest.as_deref().unwrap_or_default()),
        work: Work::Sync(sync.clone()),
    }
}

/// Each step's hash covers those before it, so that a change reruns what follows.
fn runs(steps: &[Provision]) -> Vec<PendingStep> {
    let mut before = String::new();
    let run = |step: &Provision| {
        let parts = ["provision", &before, &step.name].into_iter();
        before = hash(parts.chain(step.run.iter().map(String::as_str)));
        PendingStep {
            name: format!("provision:{}", step.name),
            hash: before.clone(),
            work: Work::Run(step.clone()),
        }
    };
    steps.iter().map(run).collect()
}

fn probe(probe: &Probe) -> PendingStep {
    let parts = ["probe"].into_iter().chain(probe.exec.iter().map(String::as_str));
    PendingStep {
        name: format!("probe:{}", probe.name),
        hash: hash(parts),
        work: Work::Probe(probe.clone()),
    }
}

/// Digests parts so that no other parts have the same digest: 16 bytes in hexadecimal.
pub(super) fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    hex(&digest.finalize()[..16])
}

/// Returns bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;

    fn sandbox(files: &[(&str, &str)], runs: &[(&str, &str)]) -> Sandbox {
        let mut sandbox = Sandbox::default();
        sandbox.files.extend(files.iter().map(|(path, content)| File {
            path: path.to_string(),
            content: content.to_string(),
            mode: 0o644,
        }));
        sandbox.provision.extend(runs.iter().map(|(name, word)| Provision {
            name: name.to_string(),
            run: vec![word.to_string()],
            timeout: Duration::from_secs(600),
        }));
        let probe = Probe { name: "up".into(), exec: vec!["true".into()], timeout: None };
        sandbox.ready.probes.push(probe);
        sandbox
    }

    fn records(steps: &[PendingStep], rc: i32) -> Vec<StepRecord> {
        let record = |step: &PendingStep| StepRecord {
            name: step.name.clone(),
            hash: step.hash.clone(),
            rc,
            seconds: 0.0,
            ended_at: Timestamp::UNIX_EPOCH,
        };
        steps.iter().map(record).collect()
    }

    fn names(sandbox: &Sandbox, done: &[StepRecord]) -> Vec<String> {
        pending(sandbox, None, done).into_iter().map(|step| step.name).collect()
    }

    #[test]
    fn everything_is_pending_at_first_and_nothing_when_all_is_done() {
        let all = sandbox(&[("/tmp/a", "1")], &[("x", "1"), ("y", "1")]);
        let first = pending(&all, None, &[]);
        assert_eq!(names(&all, &[]), ["file:/tmp/a", "provision:x", "provision:y", "probe:up"]);
        assert_eq!(names(&all, &records(&first, 0)), [""; 0]);
    }

    #[test]
    fn a_changed_file_runs_alone_and_then_the_probes() {
        let done = records(&pending(&sandbox(&[("/tmp/a", "1")], &[("x", "1")]), None, &[]), 0);
        let changed = sandbox(&[("/tmp/a", "2")], &[("x", "1")]);
        assert_eq!(names(&changed, &done), ["file:/tmp/a", "probe:up"]);
    }

    #[test]
    fn a_changed_step_runs_with_all_after_it() {
        let done =
            records(&pending(&sandbox(&[], &[("x", "1"), ("y", "1"), ("z", "1")]), None, &[]), 0);
        let changed = sandbox(&[], &[("x", "1"), ("y", "2"), ("z", "1")]);
        assert_eq!(names(&changed, &done), ["provision:y", "provision:z", "probe:up"]);
    }

    #[test]
    fn provisioning_goes_on_at_the_step_that_failed() {
        let all = sandbox(&[("/tmp/a", "1")], &[("x", "1"), ("y", "1"), ("z", "1")]);
        let steps = pending(&all, None, &[]);
        let done = [records(&steps[..2], 0), records(&steps[2..3], 1)].concat();
        assert_eq!(names(&all, &done), ["provision:y", "provision:z", "probe:up"]);
    }

    #[test]
    fn what_left_the_configuration_is_removed_once() {
        let before = sandbox(&[("/tmp/a", "1"), ("/tmp/b", "1")], &[]);
        let mut done = records(&pending(&before, None, &[]), 0);
        let after = sandbox(&[("/tmp/b", "1")], &[]);
        let steps = pending(&after, None, &done);
        assert_eq!(steps[0].work, Work::RemoveFile("/tmp/a".into()));
        done.extend(records(&steps, 0));
        assert_eq!(names(&after, &done), [""; 0]);
        assert_eq!(names(&before, &done), ["file:/tmp/a", "probe:up"]);
    }

    #[test]
    fn a_timeout_is_no_change_of_a_step() {
        let mut all = sandbox(&[], &[("x", "1")]);
        let done = records(&pending(&all, None, &[]), 0);
        all.provision[0].timeout = Duration::from_secs(1);
        assert_eq!(names(&all, &done), [""; 0]);
    }

    fn guest(packages: &[&str], keys: &[&str]) -> (Sandbox, Guest) {
        let mut sandbox = sandbox(&[("/tmp/a", "1")], &[("x", "1")]);
        sandbox.packages = packages.iter().map(|name| name.to_string()).collect();
        let setup = crate::provision::setup::steps(&sandbox);
        let authorized_keys = keys.iter().map(|key| key.to_string()).collect();
        (sandbox, Guest { setup, authorized_keys, access_key: None })
    }

    fn names_of(guest: &(Sandbox, Guest), done: &[StepRecord]) -> Vec<String> {
        pending(&guest.0, Some(&guest.1), done).into_iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_machine_is_set_up_before_anything_of_the_user_runs() {
        let all = guest(&["jq"], &["k"]);
        assert_eq!(
            names_of(&all, &[]),
            [
                "setup:apt",
                "setup:verify",
                "env",
                "authorized_keys",
                "file:/tmp/a",
                "provision:x",
                "probe:up"
            ]
        );
    }

    #[test]
    fn packages_keys_and_environment_change_in_place() {
        let before = guest(&["jq"], &["k"]);
        let done = records(&pending(&before.0, Some(&before.1), &[]), 0);
        assert_eq!(names_of(&before, &done), [""; 0]);
        let packages = guest(&["jq", "git"], &["k"]);
        assert_eq!(names_of(&packages, &done), ["setup:apt", "setup:verify", "probe:up"]);
        let keys = guest(&["jq"], &["k", "l"]);
        assert_eq!(names_of(&keys, &done), ["authorized_keys", "probe:up"]);
        let mut env = guest(&["jq"], &["k"]);
        env.0.env.insert("A".into(), "1".into());
        assert_eq!(names_of(&env, &done), ["env", "probe:up"]);
    }
}
