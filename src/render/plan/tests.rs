use std::time::Instant;

use super::*;
use crate::plan::{Change, Reason};
use crate::render::sample;

fn draw(plan: &Plan) -> String {
    text(plan, &sample::text_options())
}

/// Draws only the headlines and reasons of changes.
fn heads(text: &str) -> String {
    text.lines().filter(|l| l.starts_with("  # ") || l.contains("# forces")).fold(
        String::new(),
        |mut all, line| {
            all.push_str(line);
            all.push('\n');
            all
        },
    )
}

#[test]
fn a_new_sandbox_is_drawn_with_all_that_it_will_have() {
    let changes = sample::every_change().into_iter().filter(|c| c.action == Action::Create);
    insta::assert_snapshot!(draw(&sample::plan(changes.take(1).collect())), @r#"
    sandplan made this plan. Its symbols mean:
      + create

    sandplan will perform the following actions:

      # sandbox.new will be created
      # note: runs on this machine while planning: git rev-parse HEAD
      + sandbox "new" {
          + env       = {
              + "REVIEWER" = "ada"
              + "TOKEN"    = (sensitive value)
            }
          + file      = {
              + "/home/agent/.gitconfig" = {
                  + content = <<-EOT
                        [user]
                          name = ada
                    EOT
                }
            }
          + id        = (known after apply)
          + image     = "ubuntu-24.04"
          + name      = "review-ada"
          + packages  = ["jq", "ripgrep"]
          + provision = [
              + {
                  + name = "install"
                  + run  = ["bash", "-lc", "cd ~/fixtures && npm ci"]
                },
            ]
          + status    = (known after apply)
          + ttl       = "8h"

            # will run: file:/home/agent/.gitconfig, provision:install
            # when its TTL ends, `sandplan expire -apply` destroys it: run that
            # from cron
        }

    Plan: 1 to add, 0 to change, 0 to destroy.
    "#);
}

#[test]
fn every_action_and_reason_has_its_words() {
    insta::assert_snapshot!(heads(&draw(&sample::plan(sample::every_change()))), @r#"
    # sandbox.new will be created
    # note: runs on this machine while planning: git rev-parse HEAD
    # sandbox.gone will be created
    # (because it is gone from local)
    # sandbox.changed will be updated in-place
    # sandbox.half will be provisioned further
    # (goes on at step install, which failed)
    # sandbox.waiting will be provisioned further
    # (because its provisioning has not ended)
    # sandbox.image will be rebuilt
    # (disk and files of this sandbox will be lost)
        ~ image  = "ubuntu-22.04" -> "ubuntu-24.04" # forces rebuild
    # sandbox.region must be replaced
    # (disk and files of this sandbox will be lost)
        ~ image  = "ubuntu-22.04" -> "ubuntu-24.04" # forces replacement
    # sandbox.tainted is tainted, so must be replaced
    # (tainted: step apt-install failed with exit code 100)
    # (disk and files of this sandbox will be lost)
    # sandbox.old has expired, so must be replaced
    # (expired 3h ago, at 2026-03-01T09:00:00Z)
    # (disk and files of this sandbox will be lost)
    # sandbox.asked will be replaced, as requested
    # (disk and files of this sandbox will be lost)
    # sandbox.triggered will be replaced due to changes in replace_triggered_by
    # (because network.agents changes)
    # (disk and files of this sandbox will be lost)
    # sandbox.moved must be replaced
    # (because it moves from local to hetzner)
    # (disk and files of this sandbox will be lost)
    # sandbox.removed will be destroyed
    # (because sandbox.removed is not in configuration)
    # (disk and files of this sandbox will be lost)
    # sandbox.many[1] will be destroyed
    # (because index [1] is out of range for count)
    # (disk and files of this sandbox will be lost)
    # sandbox.many["x"] will be destroyed
    # (because key ["x"] is not in for_each map)
    # (disk and files of this sandbox will be lost)
    # sandbox.many will be destroyed
    # (because resource uses count or for_each)
    # (disk and files of this sandbox will be lost)
    # sandbox.all will be destroyed
    # (disk and files of this sandbox will be lost)
    # sandbox.past will be destroyed
    # (expired 3h ago, at 2026-03-01T09:00:00Z)
    # (disk and files of this sandbox will be lost)
    # sandbox.triggered (deposed object 1f2e3d4c) will be destroyed
    # (left over from an earlier replacement of this instance)
    # (disk and files of this sandbox will be lost)
    # sandbox.kept will no longer be managed by sandplan, but will not be destroyed
    # (destroy = false is set in the configuration)
    # module.team["a"].ssh_key.laptop["hetzner"] will be destroyed
    "#);
}

#[test]
fn the_legend_explains_every_symbol_that_occurs() {
    let text = draw(&sample::plan(sample::every_change()));
    let legend = text.split("sandplan will perform").next().unwrap_or_default();
    insta::assert_snapshot!(legend, @r#"
    sandplan made this plan. Its symbols mean:
      + create
      ~ update in-place
      @ rebuild: same id and address, disk and files lost
      - destroy
    -/+ destroy and then create replacement
    +/- create replacement and then destroy
      . forget: drop from the state, leave the object alone
    "#);
    insta::assert_snapshot!(text.lines().last().unwrap_or_default(), @r#"Plan: 8 to add, 4 to change, 14 to destroy, 1 to forget."#);
}

#[test]
fn an_update_hides_what_stays_and_a_rebuild_says_what_is_lost() {
    let of = |action| {
        let all = sample::every_change().into_iter();
        draw(&sample::plan(all.filter(|c: &Change| c.action == action).take(1).collect()))
    };
    insta::assert_snapshot!(of(Action::Update), @r#"
    sandplan made this plan. Its symbols mean:
      ~ update in-place

    sandplan will perform the following actions:

      # sandbox.changed will be updated in-place
      ~ sandbox "changed" {
          ~ id     = "sb-1" -> (known after apply)
          ~ image  = "ubuntu-22.04" -> "ubuntu-24.04"
            name   = "review-ada"
          ~ status = "ready" -> (known after apply)
          ~ ttl    = "4h" -> "8h"
            # (4 unchanged attributes hidden)
        }

    Plan: 0 to add, 1 to change, 0 to destroy.
    "#);
    insta::assert_snapshot!(of(Action::Rebuild), @r#"
    sandplan made this plan. Its symbols mean:
      @ rebuild: same id and address, disk and files lost

    sandplan will perform the following actions:

      # sandbox.image will be rebuilt
      # (disk and files of this sandbox will be lost)
      @ sandbox "image" {
          ~ id     = "sb-1" -> (known after apply)
          ~ image  = "ubuntu-22.04" -> "ubuntu-24.04" # forces rebuild
            name   = "review-ada"
          ~ status = "ready" -> (known after apply)
          ~ ttl    = "4h" -> "8h"
            # (4 unchanged attributes hidden)
        }

    Plan: 0 to add, 1 to change, 0 to destroy.
    "#);
    insta::assert_snapshot!(of(Action::Forget), @r#"
    sandplan made this plan. Its symbols mean:
      . forget: drop from the state, leave the object alone

    sandplan will perform the following actions:

      # sandbox.kept will no longer be managed by sandplan, but will not be destroyed
      # (destroy = false is set in the configuration)
      . sandbox "kept" {
            id   = "sb-1"
            name = "review-ada"
            # (7 unchanged attributes hidden)
        }

    Plan: 0 to add, 0 to change, 0 to destroy, 1 to forget.
    "#);
}

#[test]
fn a_destroy_plan_shows_what_goes() {
    let change = sample::change("sandbox.a", Action::Delete, Reason::Destroy);
    let plan = Plan {
        mode: Mode::Destroy,
        ..sample::plan(vec![change.before(sample::existing()).build()])
    };
    insta::assert_snapshot!(draw(&plan), @r#"
    sandplan made this plan. Its symbols mean:
      - destroy

    sandplan will perform the following actions:

      # sandbox.a will be destroyed
      # (disk and files of this sandbox will be lost)
      - sandbox "a" {
          - env       = {
              - "REVIEWER" = "ada"
              - "TOKEN"    = (sensitive value)
            } -> null
          - file      = {
              - "/home/agent/.gitconfig" = {
                  - content = <<-EOT
                        [user]
                          name = ada
                    EOT
                }
            } -> null
          - id        = "sb-1" -> null
          - image     = "ubuntu-22.04" -> null
          - name      = "review-ada" -> null
          - packages  = ["jq", "ripgrep"] -> null
          - provision = [
              - {
                  - name = "install"
                  - run  = ["bash", "-lc", "cd ~/fixtures && npm ci"]
                },
            ] -> null
          - status    = "ready" -> null
          - ttl       = "4h" -> null
        }

    Plan: 0 to add, 0 to change, 1 to destroy.
    "#);
    let nothing = Plan { mode: Mode::Destroy, ..sample::plan(Vec::new()) };
    insta::assert_snapshot!(draw(&nothing), @r#"
    No changes. No objects need to be destroyed.

    The state holds no objects: none were created, or all of them are gone already.
    "#);
}

#[test]
fn a_refresh_only_plan_shows_drift_and_promises_nothing() {
    let plan =
        Plan { mode: Mode::RefreshOnly, drift: sample::drifts(), ..sample::plan(Vec::new()) };
    insta::assert_snapshot!(draw(&plan), @r#"
    Note: Objects have changed outside of sandplan

    Since the last "sandplan apply", something other than sandplan has made these
    changes:

      # sandbox.changed has changed
      ~ sandbox "changed" {
            id   = "sb-1"
            name = "review-ada"
          ~ ttl  = "4h" -> "1h"
            # (6 unchanged attributes hidden)
        }

      # sandbox.gone has been deleted
      - sandbox "gone" {
            id   = "sb-1"
            name = "review-ada"
            # (7 unchanged attributes hidden)
        }

    A refresh-only plan undoes none of this. If the changes are welcome, apply it:
    that writes them into the state and leaves all sandboxes alone.
    "#);
    insta::assert_snapshot!(draw(&Plan { drift: Vec::new(), ..plan }), @r#"
    No changes. Your sandboxes still match the state.

    Every object is still as the state has it, so there is nothing to write.
    "#);
}

#[test]
fn a_plan_without_changes_says_so() {
    insta::assert_snapshot!(draw(&sample::plan(Vec::new())), @r#"
    No changes. Your sandboxes match the configuration.

    Every object is as the configuration wants it, so there is nothing to do.
    "#);
    let drifted = Plan { drift: sample::drifts(), ..sample::plan(Vec::new()) };
    let text = draw(&drifted);
    insta::assert_snapshot!(text.split("No changes.").last().unwrap_or_default(), @r#"
     Your sandboxes match the configuration.

    The configuration agrees with the changes above. To write them into the state,
    run:
        sandplan apply -refresh-only
    "#);
}

#[test]
fn output_changes_stand_below_the_summary() {
    let plan = Plan { outputs: sample::output_changes(), ..sample::plan(Vec::new()) };
    insta::assert_snapshot!(draw(&plan), @r#"
    Changes to Outputs:
      + count = 2
      ~ note  = <<-EOT
            a
          - b
          + c
        EOT
      - old   = "x" -> null
      ~ ssh   = {
          ~ ada = "ssh a" -> "ssh b"
            # (1 unchanged attribute hidden)
        }
      + token = (sensitive value)
      ~ url   = "http://a" -> (known after apply)

    Applying this plan writes the new outputs into the state and leaves all
    sandboxes alone.
    "#);
}

#[test]
fn a_plan_says_whether_it_was_saved() {
    let options = sample::text_options();
    insta::assert_snapshot!(saved("a plan.bin", &options), @r#"
    ─────────────────────────────────────────────────────────────────────────────

    Saved the plan to: a plan.bin

    To apply it as it is drawn here, run:
        sandplan apply "a plan.bin"
    "#);
    insta::assert_snapshot!(not_saved(&options), @r#"
    ─────────────────────────────────────────────────────────────────────────────

    Note: This plan is not saved, and "sandplan apply" will make a new one, which
    may differ. To apply a plan as it was drawn, save it with -out.
    "#);
}

#[test]
fn drift_is_told_apart_from_what_is_planned() {
    let plan = Plan { drift: sample::drifts(), ..sample::plan(Vec::new()) };
    let update = sample::every_change().into_iter().find(|c| c.action == Action::Update);
    insta::assert_snapshot!(draw(&Plan { changes: update.into_iter().collect(), ..plan }), @r#"
    Note: Objects have changed outside of sandplan

    Since the last "sandplan apply", something other than sandplan has made these
    changes:

      # sandbox.changed has changed
      ~ sandbox "changed" {
            id   = "sb-1"
            name = "review-ada"
          ~ ttl  = "4h" -> "1h"
            # (6 unchanged attributes hidden)
        }

      # sandbox.gone has been deleted
      - sandbox "gone" {
            id   = "sb-1"
            name = "review-ada"
            # (7 unchanged attributes hidden)
        }

    Where the configuration says otherwise, the plan may undo these changes. To keep
    one, write it into the configuration, or list the attribute in ignore_changes.

    ─────────────────────────────────────────────────────────────────────────────

    sandplan made this plan. Its symbols mean:
      ~ update in-place

    sandplan will perform the following actions:

      # sandbox.changed will be updated in-place
      ~ sandbox "changed" {
          ~ id     = "sb-1" -> (known after apply)
          ~ image  = "ubuntu-22.04" -> "ubuntu-24.04"
            name   = "review-ada"
          ~ status = "ready" -> (known after apply)
          ~ ttl    = "4h" -> "8h"
            # (4 unchanged attributes hidden)
        }

    Plan: 0 to add, 1 to change, 0 to destroy.
    "#);
}

#[test]
fn a_secret_output_that_stays_the_same_is_no_change() {
    let plan = sample::plan(Vec::new());
    let secret = sample::secret();
    let output = OutputChange {
        name: "token".into(),
        sensitive: true,
        before: Some(redact(&secret, &plan.lineage)),
        after: Some(secret),
        deferred: None,
    };
    let text = draw(&Plan { outputs: vec![output], ..plan });
    assert!(text.starts_with("No changes."), "{text}");
}

#[test]
fn a_provider_move_is_a_change_even_where_no_attribute_differs() {
    let moved = sample::every_change()
        .into_iter()
        .find(|c| matches!(c.reason, Reason::ProviderChanged { .. }));
    let text = draw(&sample::plan(moved.into_iter().collect()));
    assert!(text.contains("(because it moves from local to hetzner)"), "{text}");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plan = sample::full_plan();
    let coloured = text(&plan, &TextOptions { color: true, ..sample::text_options() });
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').expect("a colour ends").1;
    }
    assert_eq!(plain + rest, draw(&plan));
}

#[test]
fn drawing_takes_time_in_proportion_to_the_changes() {
    let seconds = |count: usize| {
        let change = sample::change("sandbox.a", Action::Update, Reason::Changed)
            .before(sample::existing())
            .after(sample::wanted())
            .build();
        let plan = sample::plan(vec![change; count]);
        let start = Instant::now();
        assert!(draw(&plan).len() > count);
        start.elapsed().as_secs_f64()
    };
    let (small, large) = (seconds(500), seconds(10_000));
    assert!(large < small.max(0.001) * 100.0, "500: {small} s, 10,000: {large} s");
}
