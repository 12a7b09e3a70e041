use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::*;

struct Outcome {
    result: ProvisionOutcome,
    reports: Vec<Report>,
}

impl Outcome {
    fn steps(&self) -> Vec<StepRecord> {
        let step = |report: &Report| match report {
            Report::Step(record) => Some(record.clone()),
            _ => None,
        };
        self.reports.iter().filter_map(step).collect()
    }

    fn names(&self) -> Vec<String> {
        self.steps().into_iter().map(|step| step.name).collect()
    }

    fn failure(&self) -> &StepFailure {
        match &self.result {
            ProvisionOutcome::Failed(failure) => failure,
            ProvisionOutcome::Ready => panic!("it did not fail: {:?}", self.reports),
        }
    }

    fn lines(&self) -> Vec<&str> {
        let mut lines = Vec::new();
        for report in &self.reports {
            if let Report::Output { line, .. } = report {
                lines.push(line.as_str());
            }
        }
        lines
    }
}

impl Bench {
    async fn provision(&self, attributes: &Value, done: &[StepRecord], base: &Path) -> Outcome {
        let (reporter, mut channel) = listener();
        let request = ProvisionRequest {
            operation: "op".into(),
            remote_id: self.id.clone(),
            attributes: attributes.clone(),
            done: done.to_vec(),
            base_dir: base.to_owned(),
            reporter,
        };
        let result = self.local.provision(request).await.unwrap();
        let mut reports = Vec::new();
        while let Some((_, report)) = channel.recv().await {
            reports.push(report);
        }
        Outcome { result, reports }
    }

    async fn configured(&self, attributes: &Value) -> Outcome {
        self.provision(attributes, &[], Path::new("/")).await
    }
}

fn steps(steps: &[(&str, &str)]) -> Value {
    Value::tuple(steps.iter().map(|(name, script)| {
        let run = words(&["bash", "-c", script]);
        Value::object([("name", Value::from(*name)), ("run", run)])
    }))
}

fn provision(named: &[(&str, &str)]) -> Value {
    Value::object([("provision", steps(named))])
}

fn file(path: &str, content: Value, mode: &str) -> Value {
    let file = Value::object([("content", content), ("mode", Value::from(mode))]);
    Value::object([("file", Value::object([(path, file)]))])
}

fn sync(to: &str, exclude: &[&str]) -> Value {
    let sync =
        Value::object([("from", "src".into()), ("to", to.into()), ("exclude", words(exclude))]);
    Value::object([("sync", Value::tuple([sync]))])
}

#[tokio::test]
async fn files_steps_and_probes_run_in_order_and_leave_a_journal() {
    let bench = Bench::plain().await;
    let attributes = Value::object([
        (
            "file",
            file("/home/agent/.config/x", "hello".into(), "0600").get("file").unwrap().clone(),
        ),
        (
            "provision",
            steps(&[("read", "cat ~/.config/x; echo err >&2; echo done >/workspace/out")]),
        ),
        (
            "ready",
            Value::object([(
                "probe",
                Value::tuple([Value::object([
                    ("name", Value::from("out")),
                    ("exec", words(&["test", "-e", "/workspace/out"])),
                ])]),
            )]),
        ),
    ]);
    let outcome = bench.configured(&attributes).await;
    assert_eq!(outcome.result, ProvisionOutcome::Ready);
    assert_eq!(outcome.names(), ["file:/home/agent/.config/x", "provision:read", "probe:out"]);
    assert_eq!(outcome.lines(), ["helloerr"]);
    assert_eq!(bench.says("stat -c %a ~/.config/x ~/.config").await, "600\n755");
    let journal = bench.says("cat /var/lib/sandplan/steps.jsonl /var/lib/sandplan/result.json /var/lib/sandplan/log/read").await;
    let lines: Vec<_> = journal.lines().collect();
    assert!(lines[1].starts_with(r#"{"step":"provision:read","rc":0,"seconds":"#), "{journal}");
    assert_eq!(lines[3..], [r#"{"result":"ready"}"#, "helloerr"]);
    let again = bench.provision(&attributes, &outcome.steps(), Path::new("/")).await;
    assert_eq!((again.result, again.reports.len()), (ProvisionOutcome::Ready, 0));
}

#[tokio::test]
async fn a_failed_step_is_told_with_its_tail_and_is_where_it_goes_on() {
    let bench = Bench::plain().await;
    let attributes = provision(&[
        ("first", "echo ran >>/workspace/first"),
        ("second", "for i in $(seq 50); do echo $i; done; test -e /workspace/fixed || exit 3"),
        ("third", "true"),
    ]);
    let outcome = bench.configured(&attributes).await;
    let failure = outcome.failure();
    assert_eq!((failure.step.as_str(), failure.rc), ("provision:second", 3));
    assert_eq!(failure.log_tail.len(), 40);
    assert_eq!(failure.log_tail[39], "50");
    assert_eq!(bench.says(&format!("wc -l < {}", failure.log_path)).await, "50");
    assert!(bench.says("cat /var/lib/sandplan/result.json").await.contains(r#""result":"failed""#));
    assert_eq!(outcome.names(), ["provision:first", "provision:second"]);

    bench.says("touch /workspace/fixed").await;
    let again = bench.provision(&attributes, &outcome.steps(), Path::new("/")).await;
    assert_eq!(again.result, ProvisionOutcome::Ready);
    assert_eq!(again.names(), ["provision:second", "provision:third"]);
    assert_eq!(bench.says("cat /workspace/first").await, "ran");
}

#[tokio::test]
async fn a_step_that_takes_too_long_ends_with_124() {
    let bench = Bench::plain().await;
    let slow = Value::object([
        ("name", Value::from("slow")),
        ("run", words(&["sh", "-c", "echo begun; sleep 987654 & sleep 987654"])),
        ("timeout", Value::from("1s")),
    ]);
    let outcome = bench.configured(&Value::object([("provision", Value::tuple([slow]))])).await;
    assert_eq!(outcome.failure().rc, 124);
    assert_eq!(outcome.failure().log_tail, ["begun", "(ended after 1 s)"]);
    assert_eq!(super::running::survivors_of(&bench), 0);
}

#[tokio::test]
async fn a_step_that_does_not_exist_fails_with_127() {
    let bench = Bench::plain().await;
    let step = Value::object([("name", Value::from("x")), ("run", words(&["no-such-command"]))]);
    let outcome = bench.configured(&Value::object([("provision", Value::tuple([step]))])).await;
    assert_eq!(outcome.failure().rc, 127);
    assert!(outcome.failure().log_tail[0].contains("not found"), "{:?}", outcome.failure());
}

#[tokio::test]
async fn a_step_that_leaves_a_daemon_behind_ends_all_the_same() {
    let bench = Bench::plain().await;
    let outcome = bench.configured(&provision(&[("d", "sleep 987654 & echo started")])).await;
    assert_eq!(outcome.result, ProvisionOutcome::Ready);
    assert_eq!(outcome.lines(), ["started"]);
}

#[tokio::test]
async fn probes_are_tried_until_they_pass_or_time_ends() {
    let bench = Bench::plain().await;
    let ready = |script: &str, timeout: &str| {
        let exec = words(&["sh", "-c", script]);
        let probe = Value::object([("name", Value::from("p")), ("exec", exec)]);
        let ready = [("probe", Value::tuple([probe])), ("timeout", Value::from(timeout))];
        Value::object([("ready", Value::object(ready))])
    };
    let third = "echo x >>/tmp/n; [ $(wc -l </tmp/n) -ge 3 ]";
    assert_eq!(bench.configured(&ready(third, "1m")).await.result, ProvisionOutcome::Ready);
    let outcome = bench.configured(&ready("echo no; exit 9", "1s")).await;
    let failure = outcome.failure();
    assert_eq!((failure.step.as_str(), failure.log_tail.concat().as_str()), ("probe:p", "no"));
    assert!([9, 124].contains(&failure.rc), "{failure:?}");
}

#[tokio::test]
async fn a_secret_is_in_no_report_and_no_log() {
    let bench = Bench::plain().await;
    let secret = || Value::from("hunter2\nswordfish").sensitive();
    let attributes = Value::object([
        ("file", file("/tmp/s", secret(), "0600").get("file").unwrap().clone()),
        ("provision", steps(&[("leak", "cat /tmp/s; echo; echo is hunter2; exit 1")])),
    ]);
    let outcome = bench.configured(&attributes).await;
    assert_eq!(outcome.lines(), ["***", "***", "is ***"]);
    let told = format!("{:?}{:?}", outcome.reports, outcome.result);
    assert!(!told.contains("hunter2") && !told.contains("swordfish"), "{told}");
    let (code, _) = bench.sh("grep -r -e hunter2 -e swordfish /var/lib/sandplan").await;
    assert_eq!(code, 1);
}

#[tokio::test]
async fn a_file_is_written_through_the_sandboxes_own_view() {
    let bench = Bench::plain().await;
    let outside = tempfile::tempdir().unwrap();
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(outside.path().join("precious"), "old").unwrap();
    symlink(outside.path(), bench.path("home/x")).unwrap();
    symlink(outside.path().join("precious"), bench.path("home/y")).unwrap();
    symlink("/", bench.path("home/root")).unwrap();
    let through = bench.configured(&file("/home/agent/x/planted", "new".into(), "0644")).await;
    assert_eq!(through.failure().step, "file:/home/agent/x/planted");
    let over = bench.configured(&file("/home/agent/y", "new".into(), "0644")).await;
    assert_eq!(over.result, ProvisionOutcome::Ready);
    let into = bench.configured(&file("/home/agent/root/tmp/z", "new".into(), "0644")).await;
    assert_eq!(into.result, ProvisionOutcome::Ready);
    assert_eq!(bench.says("cat /tmp/z").await, "new");
    assert_eq!(fs::read_to_string(outside.path().join("precious")).unwrap(), "old");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_that_left_the_configuration_is_removed() {
    let bench = Bench::plain().await;
    let first = bench.configured(&file("/tmp/a", "1".into(), "0644")).await;
    let second = bench.provision(&Value::null(), &first.steps(), Path::new("/")).await;
    assert_eq!(second.names(), ["file:/tmp/a"]);
    assert_eq!(second.steps()[0].hash, "");
    assert!(!bench.path("tmp/a").exists());
}

#[tokio::test]
async fn a_sync_sends_differences_and_removes_only_its_own() {
    let (bench, base) = (Bench::plain().await, tempfile::tempdir().unwrap());
    let here = |name: &str| base.path().join("src").join(name);
    fs::create_dir_all(here("d/e")).unwrap();
    fs::create_dir_all(here("node_modules")).unwrap();
    for name in ["same", "changes", "d/goes", "d/e/goes", "node_modules/x"] {
        fs::write(here(name), "1\n").unwrap();
    }
    fs::set_permissions(here("same"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/etc/passwd", here("link")).unwrap();
    let attributes = sync("/home/agent/app", &["node_modules"]);
    let first = bench.provision(&attributes, &[], base.path()).await;
    assert_eq!(first.result, ProvisionOutcome::Ready);
    assert_eq!(
        bench.says("cd app; find . | sort | tr '\\n' ' '; stat -c %a same; readlink link").await,
        ". ./changes ./d ./d/e ./d/e/goes ./d/goes ./link ./same 755\n/etc/passwd"
    );

    bench.says("cd app; echo mine >same; echo own >d/own").await;
    fs::write(here("changes"), "2\n").unwrap();
    fs::remove_dir_all(here("d")).unwrap();
    let second = bench.provision(&attributes, &first.steps(), base.path()).await;
    assert_eq!(second.result, ProvisionOutcome::Ready);
    let now = bench.says("cd app; cat same changes; find . | sort | tr '\\n' ' '").await;
    assert_eq!(now, "mine\n2\n. ./changes ./d ./d/own ./link ./same");

    let third = bench.provision(&Value::null(), &second.steps(), base.path()).await;
    assert_eq!(
        (third.names(), &third.result),
        (vec!["sync:/home/agent/app".to_owned()], &ProvisionOutcome::Ready)
    );
    assert_eq!(bench.says("find app | sort | tr '\\n' ' '").await, "app app/d app/d/own");
}

#[tokio::test]
async fn a_sync_of_one_file_goes_to_that_very_path() {
    let (bench, base) = (Bench::plain().await, tempfile::tempdir().unwrap());
    fs::write(base.path().join("src"), "1").unwrap();
    let attributes = sync("/home/agent/a/b", &[]);
    let first = bench.provision(&attributes, &[], base.path()).await;
    assert_eq!(first.result, ProvisionOutcome::Ready);
    assert_eq!(bench.says("cat a/b").await, "1");
    bench.provision(&Value::null(), &first.steps(), base.path()).await;
    assert!(!bench.path("home/a/b").exists());
}

#[tokio::test]
async fn a_sync_through_a_planted_link_stays_inside() {
    let (bench, base) = (Bench::plain().await, tempfile::tempdir().unwrap());
    let outside = tempfile::tempdir().unwrap();
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(base.path().join("src")).unwrap();
    fs::write(base.path().join("src/planted"), "1").unwrap();
    symlink(outside.path(), bench.path("home/app")).unwrap();
    let outcome = bench.provision(&sync("/home/agent/app", &[]), &[], base.path()).await;
    assert_eq!(outcome.failure().step, "sync:/home/agent/app");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_source_that_changed_since_the_plan_is_refused() {
    let (bench, base) = (Bench::plain().await, tempfile::tempdir().unwrap());
    fs::create_dir(base.path().join("src")).unwrap();
    fs::write(base.path().join("src/a"), "1").unwrap();
    let manifest = provision::Manifest::of(&base.path().join("src"), &[]).unwrap();
    let planned =
        sync("/home/agent/app", &[]).get("sync").unwrap().as_elements().unwrap()[0].clone();
    let planned = planned.with("digest", Value::from(manifest.digest()));
    let attributes = Value::object([("sync", Value::tuple([planned]))]);
    let good = bench.provision(&attributes, &[], base.path()).await;
    assert_eq!(good.result, ProvisionOutcome::Ready);
    let none = bench.provision(&attributes, &good.steps(), base.path()).await;
    assert_eq!(none.names(), [""; 0]);
    fs::write(base.path().join("src/a"), "2").unwrap();
    let bad = bench.provision(&attributes, &[], base.path()).await;
    assert!(bad.failure().log_tail[0].contains("since it was planned"), "{:?}", bad.failure());
}

#[tokio::test]
async fn a_sandbox_that_is_gone_is_an_error_and_no_failed_step() {
    let bench = Bench::plain().await;
    bench.local.delete(bench.deletion()).await.unwrap();
    let request = ProvisionRequest {
        operation: "op".into(),
        remote_id: bench.id.clone(),
        attributes: provision(&[("x", "true")]),
        done: vec![],
        base_dir: "/".into(),
        reporter: Reporter::silent(),
    };
    let error = bench.local.provision(request).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::NotFound);
}
