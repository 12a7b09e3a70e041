//! The formatter against `terraform fmt`: own cases, the shared corpus, and properties.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use hcl::edit::expr::{Array, Expression, FuncArgs, Object};
use hcl::edit::parser::parse_body;
use hcl::edit::structure::{BlockLabel, Body};
use hcl::edit::template::{Element, IfDirective};
use hcl::edit::visit_mut::{self, VisitMut};
use proptest::prelude::*;
use sandplan::config::format::{format, format_fragment, format_in_place};
use sandplan::diagnostic::Source;

const SUFFIX: &str = ".in.hcl";
/// How many in a hundred cases of the corpus must come out right.
const FLOOR: usize = 95;

fn formatted(text: &str) -> String {
    format(&Source::new("test.hcl", text)).unwrap()
}

/// Lists the cases of a folder by their path without `.in.hcl`, in order.
fn cases(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<String> = paths
        .filter_map(|path| path.to_str().unwrap().strip_suffix(SUFFIX).map(String::from))
        .collect();
    cases.sort();
    cases
}

#[test]
fn own_cases_come_out_as_terraform_formats_them() {
    for case in cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format")) {
        let input = fs::read_to_string(format!("{case}{SUFFIX}")).unwrap();
        let expected = fs::read_to_string(format!("{case}.out.hcl")).unwrap();
        let output = formatted(&input);
        assert_same(&case, &output, &expected);
        assert_same(&case, &formatted(&output), &output);
    }
}

fn assert_same(case: &str, output: &str, expected: &str) {
    let diff = similar::TextDiff::from_lines(expected, output);
    assert!(output == expected, "{case}:\n{}", diff.unified_diff());
}

fn corpus() -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = env::var_os("SANDPLAN_CORPUS").map_or(near, PathBuf::from).join("fmt");
    folder.is_dir().then_some(folder)
}

/// Tells whether a case of the corpus comes out right; those that are not whole files
/// are laid out as fragments.
fn passes(case: &str) -> bool {
    let input = fs::read_to_string(format!("{case}{SUFFIX}")).unwrap();
    let source = Source::new("test.hcl", &*input);
    let (expected, output) = match fs::read_to_string(format!("{case}.tffmt.hcl")) {
        Ok(expected) => (expected, format(&source)),
        Err(_) => {
            (fs::read_to_string(format!("{case}.out.hcl")).unwrap(), format_in_place(&source))
        }
    };
    let output = output.unwrap_or_else(|_| format_fragment(&input));
    let right = output == expected;
    if !right {
        println!("{case}:\n--- expected\n{expected}\n--- got\n{output}");
    }
    right
}

#[test]
fn the_shared_corpus_comes_out_right() {
    let Some(folder) = corpus() else { return };
    let cases = cases(&folder);
    let passed = cases.iter().filter(|case| passes(case)).count();
    println!("corpus: {passed} of {} cases of the formatter", cases.len());
    assert!(passed * 100 >= cases.len() * FLOOR, "{passed} of {}", cases.len());
}

#[test]
fn a_syntax_error_is_told_with_its_place() {
    let source = Source::new("bad.hcl", "\u{feff}a = 1\nb = = 2\n");
    let problems = format(&source).unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!(problem.code, "syntax");
    assert_eq!(problem.range.as_ref().unwrap().to_string(), "bad.hcl:2:5");
}

#[test]
fn only_a_printed_file_gets_a_last_newline() {
    let in_place = |text| format_in_place(&Source::new("test.hcl", text)).unwrap();
    assert_eq!((in_place(""), formatted("")), (String::new(), "\n".into()));
    assert_eq!((in_place("a=1"), formatted("a=1")), ("a = 1".into(), "a = 1\n".into()));
}

#[test]
fn carriage_returns_survive_and_a_byte_order_mark_does_not() {
    let text = "\u{feff}b{\r\na=<<E\r\n x\r\nE\r\n}\r\n";
    assert_eq!(formatted(text), "b {\r\n  a = <<E\r\n x\r\nE\r\n}\r\n");
}

#[test]
fn labels_lose_needless_escapes_only() {
    let text = r#"b "\u00e9\n\"\\" "\u200b\U000e0001" "\u0024{" "$${x}" {}"#;
    let expected = r#"b "é\n\"\\" "\u200b\U000e0001" "$${" "$${x}" {}"#;
    assert_eq!(formatted(text).trim_end(), expected);
}

#[test]
fn comments_are_kept_where_terraform_drops_them_or_breaks_the_file() {
    assert_eq!(formatted("b \"l\" /* c */ m {}\n"), "b \"l\" /* c */ \"m\" {}\n");
    assert_eq!(formatted("a = \"${ # c\nx }\"\n"), "a = \"${ # c\nx}\"\n");
    assert_eq!(formatted("b { a = \"${x # c\n}\" }\n"), "b { a = \"${x # c\n}\" }\n");
}

#[test]
fn nested_quotes_are_taken_off_at_once() {
    assert_eq!(formatted("a = \"${\"${ \"${x}\" /* c */ }\"}\"\n"), "a = x /* c */\n");
}

#[test]
fn parentheses_join_lines_that_lose_their_quotes() {
    assert_eq!(formatted("a = \"${(x)\n+ (y)}\"\n"), "a = ((x)\n+ (y))\n");
    assert_eq!(formatted("a = \"${(x\n+ y)}\"\n"), "a = (x\n+ y)\n");
}

#[test]
fn a_large_file_takes_seconds() {
    let block = "variable x {\n type=\"list\" # c\n default=[1,\"${x}\",{a=1}]\n}\n";
    let text = block.repeat(2_000_000 / block.len());
    let start = std::time::Instant::now();
    assert!(formatted(&text).len() > text.len());
    assert!(start.elapsed().as_secs() < 60);
}

/// Reads a text without what formatting may change: blanks, comments, quotes and parentheses
/// that do nothing.
fn meaning(text: &str) -> Body {
    let mut body = parse_body(text).unwrap();
    Plainer.visit_body_mut(&mut body);
    body
}

struct Plainer;

impl VisitMut for Plainer {
    fn visit_expr_mut(&mut self, node: &mut Expression) {
        visit_mut::visit_expr_mut(self, node);
        while let Some(inner) = inner(node) {
            *node = inner;
        }
    }

    fn visit_array_mut(&mut self, node: &mut Array) {
        visit_mut::visit_array_mut(self, node);
        node.set_trailing("");
    }

    fn visit_object_mut(&mut self, node: &mut Object) {
        visit_mut::visit_object_mut(self, node);
        node.set_trailing("");
    }

    fn visit_func_args_mut(&mut self, node: &mut FuncArgs) {
        visit_mut::visit_func_args_mut(self, node);
        node.set_trailing("");
    }

    fn visit_if_directive_mut(&mut self, node: &mut IfDirective) {
        visit_mut::visit_if_directive_mut(self, node);
        node.if_expr.set_preamble("");
        node.endif_expr.set_preamble("");
        node.endif_expr.set_trailing("");
    }

    fn visit_block_label_mut(&mut self, node: &mut BlockLabel) {
        *node = BlockLabel::from(node.as_str());
    }
}

fn inner(expression: &Expression) -> Option<Expression> {
    match expression {
        Expression::Parenthesis(parenthesis) => Some(parenthesis.inner().clone()),
        Expression::StringTemplate(template) => match template.as_single_element()? {
            Element::Interpolation(interpolation) => Some(interpolation.expr.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn blank() -> impl Strategy<Value = String> {
    "( |\t| /\\* c \\*/ ){0,2}"
}

/// Blanks where newlines may stand too.
fn gap() -> impl Strategy<Value = String> {
    prop_oneof![blank(), "\n{0,2} {0,3}", Just(" # é\n".to_string())]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z日é][a-z0-9_-]{0,5}".prop_map(|name| format!("n{name}"))
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        name(),
        "[0-9]{1,3}(\\.[0-9])?",
        "\"[a-z é日\u{301}]{0,6}(\\\\n|\\$\\$\\{)?\"",
        (name(), name()).prop_map(|(a, b)| format!("{a}.{b}[*].c[0]")),
        gap().prop_map(|blank| format!("f(<<-E\n  x ${{{blank}y }} z\n  E\n)")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            (pair.clone(), blank(), "[-+*/%<>]|==|&&").prop_map(|((a, b), blank, operator)| {
                format!("{a}{blank} {operator}{blank} {b}")
            }),
            (inner.clone(), "[-!]", blank())
                .prop_map(|(a, sign, blank)| format!("{sign}{blank}{a}")),
            (pair.clone(), gap()).prop_map(|((a, b), gap)| format!("[{gap}{a},{gap}{b}{gap}]")),
            (pair.clone(), gap()).prop_map(|((a, b), gap)| format!("f({gap}{a},{gap}{b}{gap})")),
            (pair.clone(), blank()).prop_map(|((a, b), blank)| {
                format!("{{\na{blank}={blank}{a} # c\nbcd{blank}:{blank}{b}\n}}")
            }),
            (pair.clone(), blank())
                .prop_map(|((a, b), blank)| { format!("{{for k,v in {a}{blank}:{blank}k=>{b}}}") }),
            (pair, blank()).prop_map(|((a, b), blank)| format!("(x{blank}? {a} :{blank}{b})")),
            (inner.clone(), gap()).prop_map(|(a, gap)| format!("\"${{{gap}{a}{gap}}}\"")),
            (inner, blank()).prop_map(|(a, blank)| format!("\"a%{{if {a}{blank}}}b%{{ endif }}\"")),
        ]
    })
}

fn body() -> impl Strategy<Value = String> {
    let attribute = (expression(), blank(), "( # c)?")
        .prop_map(|(value, blank, comment)| format!("NAME{blank}={blank}{value}{comment}\n"));
    let line = prop_oneof![
        6 => attribute,
        1 => " {0,2}(# c|/\\* c\nd \\*/)?\n",
        1 => expression().prop_map(|value| format!("b x {{ NAME={value} }}\n")),
    ];
    let lines = prop::collection::vec(line, 0..5).prop_map(|lines| {
        let number =
            |(index, line): (usize, String)| line.replace("NAME", &format!("{index:n>index$}"));
        lines.into_iter().enumerate().map(|(index, line)| number((index + 1, line))).collect()
    });
    lines.prop_recursive(2, 8, 2, |inner: BoxedStrategy<String>| {
        (inner.clone(), blank(), inner)
            .prop_map(|(a, blank, b)| format!("{a}b x \"y\"{blank}{{{blank}\n{b}}}\n"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn formatting_twice_changes_nothing_more(text in body()) {
        let Ok(once) = format(&Source::new("test.hcl", &*text)) else { return Ok(()) };
        prop_assert_eq!(formatted(&once), once);
    }

    #[test]
    fn formatting_keeps_the_meaning(text in body()) {
        let Ok(output) = format(&Source::new("test.hcl", &*text)) else { return Ok(()) };
        prop_assert_eq!(meaning(&output), meaning(&text));
    }

    #[test]
    fn any_text_can_be_laid_out(text in "[ -~\n\r\té日\\$\\{\\}\"<]{0,80}") {
        let once = format_fragment(&text);
        let marks = |text: &str| text.replace([' ', '\t'], "");
        prop_assert_eq!(marks(&once), marks(&text));
    }
}
