use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::address::{Address, ResourceType};
use crate::object::{
    Object, OperationId, OutputValue, ProviderRef, RemoteId, Status, StepFailure, StepRecord,
};
use crate::value::Value;

/// A process that another test forks holds a copy of a lock until it execs.
const PATIENCE: Duration = Duration::from_secs(10);

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(".sandplan/state.db")
    }

    fn locked(&self) -> Locked {
        let store = Store::open_or_create(&self.path(), &Lineage::from("l")).unwrap();
        store.lock(holder("a"), PATIENCE).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = walkdir::WalkDir::new(self.directory.path()).into_iter();
        entries
            .map(|e| e.unwrap())
            .filter(|e| e.file_type().is_file())
            .map(|e| e.into_path())
            .collect()
    }
}

fn holder(id: &str) -> LockInfo {
    LockInfo { id: id.to_owned(), ..LockInfo::of_this_process("apply", at(1)) }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn key(text: &str) -> ObjectKey {
    ObjectKey { address: address(text), deposed: None }
}

fn step(name: &str, rc: i32) -> StepRecord {
    let hash = "h".to_owned();
    StepRecord { name: name.to_owned(), hash, rc, seconds: 0.25, ended_at: at(7) }
}

fn object(text: &str) -> Object {
    Object {
        address: address(text),
        deposed: None,
        version: 1,
        provider: ProviderRef::of("local"),
        remote_id: RemoteId::from(format!("id of {text}")),
        status: Status::Ready,
        schema_version: 1,
        attributes: Value::object([("name", Value::from("x")), ("ttl", Value::from("8h"))]),
        depends_on: vec![],
        steps: vec![],
        failure: None,
        create_before_destroy: false,
    }
}

fn operation(id: &str, text: &str) -> NewOperation {
    NewOperation {
        id: OperationId::from(id),
        kind: OperationKind::Create,
        key: key(text),
        provider: ProviderRef::of("local"),
        remote_id: None,
        intent: None,
        begun_at: at(2),
    }
}

fn damage(path: &Path, bytes: &[u8]) -> (Vec<u8>, Option<StateError>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
    let error = Store::open(path).err().or_else(|| Store::read_at(path).err());
    (std::fs::read(path).unwrap(), error)
}

#[test]
fn a_state_reads_back_as_it_was_written() {
    let place = Place::new();
    let failure = StepFailure {
        step: "provision:b".to_owned(),
        rc: 3,
        log_tail: vec!["no".to_owned()],
        log_path: "/log".to_owned(),
    };
    let old = Object { deposed: Some("old".into()), ..object("sandbox.a[2]") };
    let new = Object {
        steps: vec![step("provision:a", 0), step("provision:b", 3)],
        failure: Some(failure),
        status: Status::Failed,
        depends_on: vec![address("network.n").block],
        create_before_destroy: true,
        ..object("sandbox.a[2]")
    };
    let later = object("sandbox.a[10]");
    let output = OutputValue { value: Value::from("v"), sensitive: false };
    let outputs = BTreeMap::from([("o".into(), output)]);
    let mut locked = place.locked();
    let written = locked.transaction(|batch| {
        [&later, &new, &old].into_iter().try_for_each(|object| batch.put(object))?;
        batch.set_outputs(&outputs)
    });
    written.unwrap();
    let state = Store::read_at(&place.path()).unwrap();
    assert_eq!(
        state,
        State { lineage: "l".into(), serial: 1, objects: vec![new, old, later], outputs }
    );
}

#[test]
fn no_secret_reaches_any_file() {
    let place = Place::new();
    let mut locked = place.locked();
    let secret = Value::object([("env", Value::from("hunter2").sensitive())]);
    let intent = Intent {
        attributes: secret.clone(),
        depends_on: vec![],
        schema_version: 1,
        create_before_destroy: false,
        provision: false,
    };
    let written = locked.transaction(|batch| {
        batch.begin(&NewOperation { intent: Some(intent), ..operation("1", "sandbox.a") })?;
        batch.put(&Object { attributes: secret, ..object("sandbox.a") })?;
        let output = OutputValue { value: Value::from("hunter2"), sensitive: true };
        batch.set_outputs(&BTreeMap::from([("o".into(), output)]))
    });
    written.unwrap();
    for file in place.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "{}", file.display());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn reading_creates_nothing_where_there_is_no_state() {
    let place = Place::new();
    let state = Store::read_at(&place.path()).unwrap();
    assert_eq!((state.serial, state.objects.len()), (0, 0));
    assert!(Store::open_existing_read_only(&place.path()).unwrap().is_none());
    assert_eq!(std::fs::read_dir(place.directory.path()).unwrap().count(), 0);
}

#[test]
fn a_closed_state_is_one_file_and_reading_leaves_it_so() {
    let place = Place::new();
    place.locked().transaction(|batch| batch.put(&object("sandbox.a"))).unwrap();
    let before = std::fs::read(place.path()).unwrap();
    assert_eq!(Store::read_at(&place.path()).unwrap().objects.len(), 1);
    let mut names: Vec<_> = place.files();
    names.sort();
    assert_eq!(names, [place.path(), place.path().with_extension("db.lock")]);
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

/// A directory in the place of the shared-memory file keeps SQLite from opening
/// the log, as a directory without write permission does (which root has always).
#[test]
fn a_state_can_be_read_where_nothing_can_be_written() {
    let (place, other) = (Place::new(), Place::new());
    let mut locked = place.locked();
    locked.transaction(|batch| batch.put(&object("sandbox.a"))).unwrap();
    let there = other.path();
    std::fs::create_dir_all(there.with_extension("db-shm")).unwrap();
    for extension in ["db", "db-wal"] {
        std::fs::copy(place.path().with_extension(extension), there.with_extension(extension))
            .unwrap();
    }
    assert_eq!(Store::read_at(&there).unwrap().objects.len(), 1, "with a log left by a crash");
    drop(locked);
    std::fs::remove_file(there.with_extension("db-wal")).unwrap();
    std::fs::copy(place.path(), &there).unwrap();
    assert_eq!(Store::read_at(&there).unwrap().objects.len(), 1, "after a clean end");
}

#[test]
fn a_file_that_is_no_state_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let (after, error) = damage(&place.path(), b"resource \"x\" {}\n");
    assert_eq!(after, b"resource \"x\" {}\n");
    assert!(matches!(error, Some(StateError::NotAState { .. })), "{error:?}");

    std::fs::remove_file(place.path()).unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("CREATE TABLE theirs (a)").unwrap();
    drop(other);
    let before = std::fs::read(place.path()).unwrap();
    let (after, error) = damage(&place.path(), &before);
    assert_eq!(after, before);
    assert!(error.unwrap().to_string().contains("some other program's database"));
}

#[test]
fn a_state_of_a_newer_sandplan_is_refused_with_what_to_do() {
    let place = Place::new();
    drop(place.locked());
    let connection = Connection::open(place.path()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = Store::open(&place.path()).err().unwrap().diagnostic();
    assert_eq!(error.code, "state-newer");
    assert!(error.detail.contains("at least as new"), "{}", error.detail);
    assert!(Store::read_at(&place.path()).is_err());
}

#[test]
fn a_damaged_state_says_so_and_is_left_as_it_is() {
    let place = Place::new();
    let many: Vec<_> = (0..200).map(|n| object(&format!("sandbox.a[{n}]"))).collect();
    place.locked().transaction(|batch| many.iter().try_for_each(|o| batch.put(o))).unwrap();
    let mut bytes = std::fs::read(place.path()).unwrap();
    let end = bytes.len() - 20 * 1024;
    bytes[3072..end].fill(0xa5);
    let (after, error) = damage(&place.path(), &bytes);
    assert_eq!(after, bytes);
    assert_eq!(error.unwrap().diagnostic().code, "state-damaged");
}

#[test]
fn a_second_command_is_told_who_holds_the_lock() {
    let place = Place::new();
    let locked = place.locked();
    let second = Store::open(&place.path()).unwrap();
    let error = second.lock(holder("b"), Duration::from_millis(60)).err().unwrap().diagnostic();
    assert_eq!(error.failure, crate::diagnostic::Failure::Locked);
    let told = ["ID:        a", "Operation: apply", &format!("process {}", std::process::id())];
    assert!(told.iter().all(|text| error.detail.contains(text)), "{}", error.detail);
    drop(locked);
    let third = Store::open(&place.path()).unwrap().lock(holder("c"), PATIENCE).unwrap();
    assert_eq!(third.lock_holder().unwrap().unwrap().id, "c");
    drop(third);
    assert_eq!(Store::open(&place.path()).unwrap().lock_holder().unwrap(), None);
}

#[test]
fn a_holder_whose_lock_was_taken_away_writes_nothing_more() {
    let place = Place::new();
    let mut first = place.locked();
    let second = Store::open(&place.path()).unwrap();
    let wrong = second.force_unlock("z").err().unwrap().diagnostic();
    assert!(wrong.detail.contains("ID:        a"), "{}", wrong.detail);
    second.force_unlock("a").unwrap();
    let mut second = second.lock(holder("b"), PATIENCE).unwrap();
    let lost = first.transaction(|batch| batch.put(&object("sandbox.a")));
    assert!(matches!(lost, Err(StateError::LockLost { .. })), "{lost:?}");
    drop(first);
    second.transaction(|batch| batch.put(&object("sandbox.b"))).unwrap();
    assert_eq!(second.read().unwrap().objects.len(), 1);
}

#[test]
fn the_serial_counts_transactions_that_changed_rows() {
    let place = Place::new();
    let mut locked = place.locked();
    locked.transaction(|batch| batch.begin(&operation("1", "sandbox.a"))).unwrap();
    assert_eq!(locked.lineage_and_serial().unwrap().1, 0);
    let both = ["sandbox.a", "sandbox.b"].map(object);
    locked.transaction(|batch| both.iter().try_for_each(|o| batch.put(o))).unwrap();
    assert_eq!(locked.lineage_and_serial().unwrap().1, 1);
    locked.transaction(|batch| batch.put(&object("sandbox.b"))).unwrap();
    assert_eq!(locked.version(&key("sandbox.a")).unwrap(), Some(1));
    assert_eq!(locked.version(&key("sandbox.b")).unwrap(), Some(2));
}

#[test]
fn a_row_that_is_made_again_has_another_version() {
    let place = Place::new();
    let mut locked = place.locked();
    locked.transaction(|batch| batch.put(&object("sandbox.a"))).unwrap();
    locked.transaction(|batch| batch.remove(&key("sandbox.a"))).unwrap();
    locked.transaction(|batch| batch.put(&object("sandbox.a"))).unwrap();
    assert_eq!(locked.version(&key("sandbox.a")).unwrap(), Some(3));
}

#[test]
fn a_transaction_that_fails_leaves_nothing() {
    let place = Place::new();
    let mut locked = place.locked();
    let failed = locked.transaction(|batch| {
        batch.put(&object("sandbox.a"))?;
        batch.remove(&key("sandbox.none"))
    });
    assert!(matches!(failed, Err(StateError::NoSuchRow { .. })));
    assert_eq!(locked.read().unwrap(), State::empty("l".into()));
}

#[test]
fn an_operation_is_open_until_its_end_is_known() {
    let place = Place::new();
    let mut locked = place.locked();
    let begun = locked.transaction(|batch| {
        ["1", "2", "3"].iter().try_for_each(|id| batch.begin(&operation(id, "sandbox.a")))?;
        batch.set_remote_id(&"2".into(), &"r2".into())?;
        batch.end(&"1".into(), &Ending::Succeeded, at(3))?;
        batch.end(&"2".into(), &Ending::Unknown("timed out".to_owned()), at(3))
    });
    begun.unwrap();
    let open = Store::open(&place.path()).unwrap().open_operations().unwrap();
    let seen: Vec<_> = open.iter().map(|o| (o.id.as_str(), o.remote_id.clone())).collect();
    assert_eq!(seen, [("2", Some("r2".into())), ("3", None)]);
    assert_eq!(open[0].error.as_deref(), Some("timed out"));
    let again = locked.transaction(|batch| batch.end(&"1".into(), &Ending::Succeeded, at(4)));
    assert!(matches!(again, Err(StateError::NoSuchOperation { .. })));
}

#[test]
fn a_step_that_ran_again_stands_last_and_once() {
    let place = Place::new();
    let mut locked = place.locked();
    locked.transaction(|batch| batch.put(&object("sandbox.a"))).unwrap();
    for record in [step("a", 1), step("b", 0), step("a", 0)] {
        locked.transaction(|batch| batch.record_step(&key("sandbox.a"), &record)).unwrap();
    }
    assert_eq!(locked.read().unwrap().objects[0].steps, [step("b", 0), step("a", 0)]);
    locked.transaction(|batch| batch.remove(&key("sandbox.a"))).unwrap();
    locked.transaction(|batch| batch.put(&object("sandbox.a"))).unwrap();
    assert_eq!(locked.read().unwrap().objects[0].steps, []);
}

#[test]
fn a_renamed_block_keeps_its_dependents() {
    let place = Place::new();
    let mut locked = place.locked();
    let block = |name: &str| vec![crate::address::BlockAddress::root(ResourceType::Network, name)];
    let dependent = Object { depends_on: block("n"), ..object("sandbox.a") };
    let renamed = locked.transaction(|batch| {
        batch.put(&object("network.n"))?;
        batch.put(&dependent)?;
        batch.rename(&address("network.n"), &address("network.m"))
    });
    renamed.unwrap();
    let state = locked.read().unwrap();
    assert!(state.current(&address("network.m")).is_some());
    assert_eq!(state.current(&address("sandbox.a")).unwrap().depends_on, block("m"));
    let taken =
        locked.transaction(|batch| batch.rename(&address("network.m"), &address("sandbox.a")));
    assert!(matches!(taken, Err(StateError::RowExists { .. })));
}

#[test]
fn a_pushed_state_of_another_lineage_or_an_older_serial_needs_force() {
    let place = Place::new();
    let mut locked = place.locked();
    locked.transaction(|batch| batch.put(&object("sandbox.a"))).unwrap();
    locked.transaction(|batch| batch.put(&object("sandbox.a"))).unwrap();
    let pushed =
        State { serial: 7, objects: vec![object("sandbox.b")], ..State::empty("l".into()) };
    let older = State { serial: 1, ..pushed.clone() };
    let foreign = State { lineage: "m".into(), ..pushed.clone() };
    let mut push =
        |state: &State, force| locked.transaction(|batch| batch.replace_all(state, force));
    assert!(matches!(push(&older, false), Err(StateError::OlderSerial { .. })));
    assert!(matches!(push(&foreign, false), Err(StateError::OtherLineage { .. })));
    push(&pushed, false).unwrap();
    push(&foreign, true).unwrap();
    let state = locked.read().unwrap();
    assert_eq!((state.lineage, state.serial), ("m".into(), 9));
    assert_eq!(state.objects[0].address, address("sandbox.b"));
}

#[test]
fn runs_long_past_are_pruned_and_open_operations_never() {
    let place = Place::new();
    let mut locked = place.locked();
    for n in 0..15 {
        let id = n.to_string();
        let run = NewRun {
            id: id.as_str().into(),
            command: "apply".to_owned(),
            who: "ada".to_owned(),
            version: "1".to_owned(),
            started_at: at(n),
        };
        locked.begin_run(&run).unwrap();
        locked.transaction(|batch| batch.begin(&operation(&id, "sandbox.a"))).unwrap();
        if n != 1 {
            locked.transaction(|b| b.end(&id.as_str().into(), &Ending::Succeeded, at(n))).unwrap();
        }
        locked.end_run(at(n)).unwrap();
    }
    let count = |sql: &str| locked.connection.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM run"), 11);
    assert_eq!(count("SELECT count(*) FROM operation"), 11);
    assert_eq!(locked.open_operations().unwrap()[0].run, Some("1".into()));
}

#[test]
fn a_kill_before_a_commit_leaves_nothing_and_one_after_it_everything() {
    for (after_commit, rows) in [(false, 0), (true, 1)] {
        let place = Place::new();
        let mut locked = place.locked();
        locked.failpoint = Some(Failpoint { transactions_left: 0, after_commit });
        let killed = locked.transaction(|batch| batch.put(&object("sandbox.a")));
        assert!(matches!(killed, Err(StateError::Killed)));
        drop(locked);
        assert_eq!(Store::read_at(&place.path()).unwrap().objects.len(), rows);
    }
}
