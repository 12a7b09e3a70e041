use insta::assert_snapshot;

use super::*;

const NAME: &str = "sandboxes.hcl";

fn sources(text: &str) -> Sources {
    let mut sources = Sources::default();
    sources.add(Source::new(NAME, text));
    sources
}

/// Points at the first place where the source has this text.
fn at(sources: &Sources, text: &str) -> SourceRange {
    let source = sources.find(NAME).unwrap();
    let start = source.text().find(text).unwrap();
    source.range(start..start + text.len())
}

fn drawn(diagnostics: impl Into<Diagnostics>, sources: &Sources) -> String {
    draw(&diagnostics.into(), sources, Style::new(false), 80)
}

fn unknown(range: SourceRange) -> Diagnostic {
    Diagnostic::error("unknown-attribute", "Unknown attribute")
        .detail("A sandbox has no attribute \"imgae\". What a sandbox has is listed in `docs/sandbox.md`, and what only one provider has goes into that provider's block.")
        .hint("did you mean `image`?".to_string())
        .address("sandbox.review[\"ada\"]")
        .at(range)
}

#[test]
fn all_that_is_known_is_shown() {
    let sources = sources("sandbox \"review\" {\n  imgae = \"ubuntu-24.04\"\n}\n");
    let range = at(&sources, "imgae");
    assert_snapshot!(drawn(unknown(range), &sources), @r#"
    error[unknown-attribute]: Unknown attribute
     --> sandboxes.hcl:2:3
      |
    2 |   imgae = "ubuntu-24.04"
      |   ^^^^^
      |
      = with sandbox.review["ada"]
      = note: A sandbox has no attribute "imgae". What a sandbox has is listed in
              `docs/sandbox.md`, and what only one provider has goes into that
              provider's block.
      = help: did you mean `image`?
    "#);
}

#[test]
fn without_the_source_the_place_is_still_told() {
    let range = at(&sources("\n\n  imgae = 1"), "imgae");
    assert_snapshot!(drawn(unknown(range), &Sources::default()), @r#"
    error[unknown-attribute]: Unknown attribute
    --> sandboxes.hcl:3:3
     = with sandbox.review["ada"]
     = note: A sandbox has no attribute "imgae". What a sandbox has is listed in
             `docs/sandbox.md`, and what only one provider has goes into that
             provider's block.
     = help: did you mean `image`?
    "#);
}

#[test]
fn without_a_place_there_is_only_text() {
    let diagnostic = Diagnostic::error("locked", "State is locked").detail("ada@laptop holds it.");
    assert_snapshot!(drawn(diagnostic, &Sources::default()), @r#"
    error[locked]: State is locked
     |
     = note: ada@laptop holds it.
    "#);
    assert_snapshot!(drawn(Diagnostic::error("x", "Summary only"), &Sources::default()), @r#"
    error[x]: Summary only
    "#);
}

#[test]
fn several_are_counted() {
    let sources = sources("a = 1\nb = 2\n");
    let mut all = Diagnostics::new();
    all.push(Diagnostic::error("one", "First").at(at(&sources, "1")));
    all.push(Diagnostic::warning("two", "Second").at(at(&sources, "b = 2")));
    all.push(Diagnostic::error("three", "Third"));
    assert_snapshot!(drawn(all, &sources), @r#"
    error[one]: First
     --> sandboxes.hcl:1:5
      |
    1 | a = 1
      |     ^

    warning[two]: Second
     --> sandboxes.hcl:2:1
      |
    2 | b = 2
      | ^^^^^

    error[three]: Third

    2 errors, 1 warning
    "#);
}

#[test]
fn a_range_over_lines_shows_where_it_begins_and_ends() {
    let block = format!("sandbox \"a\" {{\n{}}}", "  line = 1\n".repeat(9));
    let sources = sources(&format!("x = 1\n{block}\ny = 2\n"));
    let long = Diagnostic::error("block", "Whole block").at(at(&sources, &block));
    assert_snapshot!(drawn(long, &sources), @r#"
    error[block]: Whole block
      --> sandboxes.hcl:2:1
       |
     2 | / sandbox "a" {
     3 | |   line = 1
     4 | |   line = 1
     5 | |   line = 1
    ...  |
    11 | |   line = 1
    12 | | }
       | |_^
    "#);
    let short = Diagnostic::error("block", "Two lines").at(at(&sources, "line = 1\n  line"));
    assert_snapshot!(drawn(short, &sources), @r#"
    error[block]: Two lines
     --> sandboxes.hcl:3:3
      |
    3 | /   line = 1
    4 | |   line = 1
      | |______^
    "#);
}

#[test]
fn a_long_line_is_cropped_around_the_place() {
    let list = "\"item\", ".repeat(40);
    let sources = sources(&format!("a = [{list}bad, {list}]\n"));
    let diagnostic = Diagnostic::error("bad", "Bad item").at(at(&sources, "bad"));
    assert_snapshot!(drawn(diagnostic, &sources), @r#"
    error[bad]: Bad item
     --> sandboxes.hcl:1:326
      |
    1 | ... "item", "item", "item", "item", bad, "item", "item", "item", "item", ...
      |                                     ^^^
    "#);
    let whole = Diagnostic::error("bad", "Bad list").at(at(&sources, &list));
    assert_snapshot!(drawn(whole, &sources), @r#"
    error[bad]: Bad list
     --> sandboxes.hcl:1:6
      |
    1 | a = ["item", "item", "item", "item", "item", "item", "item", "item", "ite...
      |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn underlines_stand_below_tabs_and_wide_characters() {
    let sources = sources("\ta = \"日本\" + bad\r\n\tb = \"👍🏽e\u{301}\" + worse\r\n");
    let bad = Diagnostic::error("bad", "After wide").at(at(&sources, "bad"));
    assert_snapshot!(drawn(bad, &sources), @r#"
    error[bad]: After wide
     --> sandboxes.hcl:1:13
      |
    1 |     a = "日本" + bad
      |                  ^^^
    "#);
    let worse = Diagnostic::error("bad", "After clusters").at(at(&sources, "worse"));
    assert_snapshot!(drawn(worse, &sources), @r#"
    error[bad]: After clusters
     --> sandboxes.hcl:2:15
      |
    2 |     b = "👍🏽é" + worse
      |                   ^^^^^
    "#);
}

#[test]
fn the_end_of_the_text_can_be_pointed_at() {
    let text = "a = [\n";
    let sources = sources(text);
    let range = sources.find(NAME).unwrap().range(text.len()..text.len());
    assert_snapshot!(drawn(Diagnostic::error("syntax", "Unclosed").at(range), &sources), @r#"
    error[syntax]: Unclosed
     --> sandboxes.hcl:2:1
      |
    2 |
      | ^
    "#);
}

#[test]
fn a_range_of_another_text_does_no_harm() {
    let range = at(&sources(&"日\n".repeat(99)), "日\n日");
    let moved = SourceRange { end: crate::diagnostic::Position { byte: 5, ..range.end }, ..range };
    let text = drawn(Diagnostic::error("old", "Old range").at(moved), &sources("é"));
    assert_snapshot!(text, @r#"
    error[old]: Old range
     --> sandboxes.hcl:1:1
      |
    1 | é
      | ^
    "#);
}

#[test]
fn log_lines_keep_their_shape_and_cannot_steer_the_terminal() {
    let diagnostic = Diagnostic::error("step-failed", "Provisioning step failed")
        .detail("Step `apt-install` exited with 100.\n\n  E: \u{1b}[31mUnable\u{1b}[0m to locate package jqq\n\tdpkg: done");
    assert_snapshot!(drawn(diagnostic, &Sources::default()), @r#"
    error[step-failed]: Provisioning step failed
     |
     = note: Step `apt-install` exited with 100.
             
               E: ␛[31mUnable␛[0m to locate package jqq
                 dpkg: done
    "#);
}

#[test]
fn a_narrow_terminal_is_used_as_far_as_it_goes() {
    let sources = sources("sandbox \"review\" {\n  imgae = \"ubuntu-24.04\"\n}\n");
    let range = at(&sources, "imgae");
    assert_snapshot!(draw(&unknown(range).into(), &sources, Style::new(false), 10), @r#"
    error[unknown-attribute]: Unknown
                              attribute
     --> sandboxes.hcl:2:3
      |
    2 |   imgae = "ubuntu-24.04"
      |   ^^^^^
      |
      = with sandbox.review["ada"]
      = note: A sandbox has no attribute
              "imgae". What a sandbox has is
              listed in `docs/sandbox.md`,
              and what only one provider has
              goes into that provider's
              block.
      = help: did you mean `image`?
    "#);
}

#[test]
fn colour_changes_nothing_but_colour() {
    let sources = sources("a = 1\n");
    let all: Diagnostics = unknown(at(&sources, "1")).into();
    let colored = draw(&all, &sources, Style::new(true), 80);
    assert!(colored.contains("\u{1b}["));
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), drawn(all, &sources));
}

#[test]
fn nothing_is_drawn_for_nothing() {
    assert_eq!(drawn(Diagnostics::new(), &Sources::default()), "");
}
