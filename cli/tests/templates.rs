//! The project that `dag new --kind transform` writes is the example `ema` of its language, and the embedded `avg` is the example of Rust: the same code, so
//! that what is tested of one holds of the other. Names, comments, imports and what makes a component of it differ.

use std::fs;
use std::path::Path;

/// What a text calls something, and what that is called instead.
type Names = &'static [(&'static str, &'static str)];

/// The template's operator and the example, from the repository's root, and what the example calls what the template leaves open.
const TRANSFORMS: [(&str, &str, Names); 5] = [
    ("cli/templates/rust/transform/src/lib.rs", "guest-sdk/rust/examples/src/ema.rs", &[("ema_rust", "{{operator}}")]),
    (
        "cli/templates/go/transform/operator.go",
        "guest-sdk/go/examples/ema.go",
        &[("ema_go", "{{operator}}"), ("EmaArguments", "Arguments"), ("openEma", "open")],
    ),
    ("cli/templates/js/transform/operator.js", "guest-sdk/js/examples/js/ema.js", &[("ema_js", "{{operator}}")]),
    ("cli/templates/ts/transform/operator.ts", "guest-sdk/js/examples/ts/ema.ts", &[("ema_ts", "{{operator}}")]),
    (
        "cli/templates/python/transform/operators.py",
        "guest-sdk/python/examples/ema.py",
        &[("ema_python", "{{operator}}")],
    ),
];

/// How lines begin that are no part of the operator.
const BESIDE: [&str; 14] = [
    "//",
    "/**",
    "#",
    "\"\"\"",
    "use ",
    "import ",
    "from ",
    "\"fmt\"",
    "\"dag.local/dag\"",
    "package ",
    "component = ",
    "export default component(",
    "dag.Component(",
    "dag_guest::export_transforms!(",
];

fn read(path: &str) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(repository.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code of an operator without how it is laid out: formatters break lines by the length of names.
fn code(text: &str, names: &[(&str, &str)]) -> String {
    let text = text.split("#[cfg(test)]").next().expect("a text has a beginning");
    let text = names.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    let is_code = |line: &&str| {
        let line = line.trim_start();
        !BESIDE.iter().any(|beginning| line.starts_with(beginning)) && line.trim_end() != "func main() {}"
    };
    let code: String = text.lines().filter(is_code).flat_map(str::split_whitespace).collect();
    code.replace(",}", "}").replace(",)", ")")
}

#[track_caller]
fn assert_same(one: &str, other: &str, names: &[(&str, &str)]) {
    let (first, second) = (code(&read(one), &[]), code(&read(other), names));
    assert!(first.len() > 500, "{one} has an operator: {first}");
    let common = first.chars().zip(second.chars()).take_while(|(first, second)| first == second).count();
    let rest = |text: &str| text.chars().skip(common.saturating_sub(20)).take(100).collect::<String>();
    assert!(first == second, "{one} and {other} differ: `{}` and `{}`", rest(&first), rest(&second));
}

#[test]
fn the_templates_of_transforms_are_the_examples() {
    for (template, example, names) in TRANSFORMS {
        let names = [names, &[("Ema", "{{Operator}}")]].concat();
        assert_same(template, example, &names);
    }
}

#[test]
fn the_embedded_avg_is_the_example() {
    assert_same("operators/aggregates/src/avg.rs", "guest-sdk/rust/examples/src/avg.rs", &[("avg_rust", "avg")]);
}

#[test]
fn an_operator_that_drifts_is_noticed() {
    let (template, example, names) = TRANSFORMS[4];
    let drifted = read(example).replace("key.average is None", "not key.average");
    assert_ne!(code(&read(template), &[]), code(&drifted, &[names, &[("Ema", "{{Operator}}")]].concat()));
}
