use super::*;
use crate::render::sample::{secret, steps, strings};
use crate::value::Type;

fn draw(before: Option<Value>, after: Option<Value>) -> String {
    let options = DiffOptions {
        paint: Paint::new(false),
        width: 80,
        hide_unchanged: true,
        hide_nulls: false,
        cut: true,
    };
    let mut differ = Differ::new(options, 2);
    let pair = Pair::new(before.as_ref(), after.as_ref());
    differ.entries(&[Entry { name: "x", pair, remark: None }], 0, "attribute");
    differ.finish()
}

fn change(before: Value, after: Value) -> String {
    draw(Some(before), Some(after))
}

#[test]
fn lists_show_the_neighbours_of_what_changes() {
    let before = strings(&["a", "b", "c", "d", "e", "f"]);
    let after = strings(&["a", "b", "c", "D", "e", "f"]);
    insta::assert_snapshot!(change(before, after), @r#"
    ~ x = [
          # (2 unchanged elements hidden)
          "c",
        ~ "d" -> "D",
          "e",
          # (1 unchanged element hidden)
      ]
    "#);
}

#[test]
fn labelled_blocks_are_matched_by_name() {
    let before = steps(&[("install", "npm ci"), ("test", "npm test")]);
    let after = steps(&[("lint", "npm run lint"), ("install", "npm ci --force")]);
    insta::assert_snapshot!(change(before, after), @r#"
    ~ x = [
        + {
            + name    = "lint"
            + run     = ["bash", "-lc", "npm run lint"]
            + timeout = null
          },
        ~ {
              name = "install"
            ~ run  = [
                  # (1 unchanged element hidden)
                  "-lc",
                ~ "npm ci" -> "npm ci --force",
              ]
              # (1 unchanged attribute hidden)
          },
        - {
            - name    = "test"
            - run     = ["bash", "-lc", "npm test"]
            - timeout = null
          },
      ]
    "#);
}

#[test]
fn sets_show_what_comes_and_goes() {
    let set = |names: &[&str]| {
        let all = names.iter().map(|n| Value::from(*n)).collect();
        Value::Set(Type::String, Arc::new(all))
    };
    insta::assert_snapshot!(change(set(&["a", "b", "c"]), set(&["b", "c", "d"])), @r#"
    ~ x = [
        - "a",
          # (2 unchanged elements hidden)
        + "d",
      ]
    "#);
}

#[test]
fn maps_and_objects_are_compared_by_key() {
    let before = Value::object([
        ("id", Value::from("i-1")),
        ("map", Value::string_map([("a", "1"), ("b", "2"), ("c d", "3")])),
        ("same", Value::from(1)),
    ]);
    let after = Value::object([
        ("id", Value::from("i-1")),
        ("map", Value::string_map([("a", "1"), ("c d", "4"), ("e", "5")])),
        ("new", Value::null()),
        ("same", Value::from(1)),
    ]);
    insta::assert_snapshot!(change(before, after), @r#"
    ~ x = {
          id  = "i-1"
        ~ map = {
            - "b"   = "2" -> null
            ~ "c d" = "3" -> "4"
            + "e"   = "5"
              # (1 unchanged element hidden)
          }
        + new = null
          # (1 unchanged attribute hidden)
      }
    "#);
}

#[test]
fn long_texts_show_only_the_lines_around_a_change() {
    let text = |middle: &str| {
        let lines = (0..20).map(|n| if n == 10 { middle.to_owned() } else { format!("line {n}") });
        Value::from(lines.collect::<Vec<_>>().join("\n"))
    };
    insta::assert_snapshot!(change(text("old"), text("new")), @r#"
    ~ x = <<-EOT
          # (7 unchanged lines hidden)
          line 7
          line 8
          line 9
        - old
        + new
          line 11
          line 12
          line 13
          # (6 unchanged lines hidden)
      EOT
    "#);
    let Value::String(end) = text("new") else { unreachable!() };
    insta::assert_snapshot!(change(text("new"), Value::from(format!("{end}\n"))), @r#"
    ~ x = <<-EOT
          # (16 unchanged lines hidden)
          line 16
          line 17
          line 18
        - line 19
        + line 19
          # (newline at the end added)
      EOT
    "#);
}

#[test]
fn long_strings_show_the_stretch_that_differs() {
    let text = |middle: &str| Value::from("a".repeat(300) + middle + &"b".repeat(300));
    insta::assert_snapshot!(change(text("old"), text("new")), @r#"  ~ x = …"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaoldbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"… (603 characters) -> …"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaanewbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"… (603 characters)"#);
    insta::assert_snapshot!(draw(None, Some(text("x"))), @r#"  + x = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"… (601 characters)"#);
}

#[test]
fn unlike_values_are_drawn_one_after_the_other() {
    insta::assert_snapshot!(change(Value::from("fsn1"), strings(&["fsn1", "nbg1"])), @r#"  ~ x = "fsn1" -> ["fsn1", "nbg1"]"#);
    let object = Value::object([("a", Value::tuple([Value::from(1)]))]);
    insta::assert_snapshot!(change(object, Value::Unknown(Type::Dynamic)), @r#"
    ~ x = {
        - a = [1]
      } -> (known after apply)
    "#);
    insta::assert_snapshot!(change(Value::null(), Value::from("a\nb\n")), @r#"
    ~ x = null -> <<-EOT
          a
          b
      EOT
    "#);
}

#[test]
fn removals_end_in_null_once() {
    let map = Value::string_map([("a", "1"), ("b", "2")]);
    insta::assert_snapshot!(draw(Some(Value::object([("m", map)])), None), @r#"
    - x = {
        - m = {
            - "a" = "1"
            - "b" = "2"
          }
      } -> null
    "#);
}

#[test]
fn sensitive_values_are_never_drawn() {
    let other = Value::from("another").sensitive();
    insta::assert_snapshot!(change(secret(), other.clone()), @r#"  ~ x = (sensitive value)"#);
    insta::assert_snapshot!(draw(Some(Value::tuple([other, Value::from(1)])), None), @r#"  - x = [(sensitive value), 1] -> null"#);
}

#[test]
fn a_value_that_does_not_change_is_drawn_whole() {
    let value = Value::object([("a", steps(&[("b", "c")])), ("n", Value::null())]);
    insta::assert_snapshot!(change(value.clone(), value), @r#"
    x = {
        a = [
            {
                name    = "b"
                run     = ["bash", "-lc", "c"]
                timeout = null
            },
        ]
        n = null
    }
    "#);
}
