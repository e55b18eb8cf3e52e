//! The rules of the house, as far as a program can check them: licences and changelogs, the budgets of length, no paths
//! of somebody's machine, and one test command. Each checker has tests of its own below that show it failing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 4] = ["seatgate-core", "seatgate-http", "seatgate-slack", "seatgate-store-sqlx"];
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];
const MAX_FUNCTION_LINES: usize = 60;
const MAX_FILE_LINES: usize = 500;
/// What a reader may be shown: everything else is binary, generated or somebody else's.
const TEXT: [&str; 12] = ["md", "rs", "toml", "html", "css", "js", "sql", "yaml", "yml", "json", "sh", "txt"];
const MACHINE_PATHS: [&str; 5] = ["/home/", "/tmp/", "/root/", "/Users/", ":\\Users\\"];

// ------------------------------------------------------------------------------------------------------------ the rules

#[test]
fn every_crate_is_listed_here() {
    let mut found: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, CRATES);
}

#[test]
fn every_crate_has_licences_and_a_changelog() {
    for name in CRATES {
        for licence in LICENCES {
            assert_eq!(read(&root().join(name).join(licence)), read(&root().join(licence)), "{name}/{licence}");
        }
        let changelog = read(&root().join(name).join("CHANGELOG.md"));
        assert!(changelog.lines().any(|line| line == "## [Unreleased]"), "{name}/CHANGELOG.md: no \"## [Unreleased]\"");
    }
}

#[test]
fn functions_and_files_keep_their_budgets() {
    let mut findings = Vec::new();
    let sources = shipped_sources();
    assert!(sources.len() >= 5, "the walk found only {sources:?}");
    for path in sources {
        let (name, source) = (shown(&path), read(&path));
        for function in functions(&source).into_iter().filter(|function| function.lines > MAX_FUNCTION_LINES) {
            findings.push(format!("{name}:{}: a function of {} lines", function.line, function.lines));
        }
        let lines = non_test_lines(&source);
        if lines > MAX_FILE_LINES {
            findings.push(format!("{name}: {lines} lines without tests"));
        }
    }
    assert!(findings.is_empty(), "over {MAX_FUNCTION_LINES} or {MAX_FILE_LINES} lines:\n{}", findings.join("\n"));
}

#[test]
fn no_file_names_a_path_of_somebodys_machine() {
    let mut findings = Vec::new();
    for path in texts() {
        let source = read(&path);
        let source = if is_rust(&path) { without_tests(&source, &source) } else { source };
        findings.extend(machine_paths(&source).into_iter().map(|line| format!("{}:{line}", shown(&path))));
    }
    assert!(findings.is_empty(), "absolute paths of a machine:\n{}", findings.join("\n"));
}

#[test]
fn the_readme_and_the_gate_run_the_same_tests() {
    let readme = read(&root().join("README.md"));
    let command = gate_command(&read(&root().join(".ci/run"))).expect(".ci/run sets TEST_COMMAND").to_owned();
    assert_eq!(readme_command(&readme), Some(command.as_str()));
}

// ------------------------------------------------------------------------------------------------------------ the files

#[test]
fn code_in_the_readme_is_an_example_that_compiles() {
    let readme = read(&root().join("README.md"));
    let mut examples = Vec::new();
    files(&root().join("examples"), &mut examples);
    let examples: Vec<String> = examples.iter().filter(|path| is_rust(path)).map(|path| read(path)).collect();
    let blocks = rust_blocks(&readme);
    assert!(!blocks.is_empty(), "the README shows no code");
    for block in blocks {
        assert!(examples.iter().any(|example| example.contains(block)), "no example holds this:\n{block}");
    }
}

/// The Rust code of a Markdown text.
fn rust_blocks(markdown: &str) -> Vec<&str> {
    let after_fences = markdown.split("```rust\n").skip(1);
    after_fences.map(|rest| rest.split("```").next().unwrap_or(rest).trim_end()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Every file below `folder` but those of tests: `tests/`, `tests.rs`, and what cargo builds.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "target", "snapshots"].contains(&name.as_str()) {
            files(&path, found);
        } else if path.is_file() && name != "tests.rs" {
            found.push(path);
        }
    }
}

fn shipped_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    CRATES.iter().for_each(|name| files(&root().join(name).join("src"), &mut found));
    files(&root().join("examples"), &mut found);
    found.retain(|path| is_rust(path));
    found
}

fn texts() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("Cargo.toml")];
    for folder in CRATES.iter().chain(&["examples", ".github"]) {
        files(&root().join(folder), &mut found);
    }
    found.retain(|path| path.extension().is_some_and(|extension| TEXT.iter().any(|text| extension == *text)));
    found
}

// --------------------------------------------------------------------------------------------------------- the checkers

/// Where a function starts (the line of its `fn`, from 1) and how many lines it has, signature and last brace included.
#[derive(Debug, PartialEq)]
struct Function {
    line: usize,
    lines: usize,
}

/// The functions with a body outside `#[cfg(test)]` modules, inner ones also on their own.
fn functions(source: &str) -> Vec<Function> {
    let code: Vec<char> = without_tests(source, &masked(source)).chars().collect();
    let mut found = Vec::new();
    for start in (0..code.len()).filter(|&at| word_at(&code, at, "fn") && !is_pointer(&code[at + 2..])) {
        if let Some(open) = body(&code, start) {
            let end = closing(&code, open);
            let line = 1 + count_lines(&code[..start]);
            found.push(Function { line, lines: 1 + count_lines(&code[start..end]) });
        }
    }
    found
}

fn non_test_lines(source: &str) -> usize {
    without_tests(source, source).lines().filter(|line| !line.starts_with(BLANKED)).count()
}

fn machine_paths(source: &str) -> Vec<usize> {
    let names_one = |line: &str| {
        MACHINE_PATHS.iter().any(|path| {
            // `https://example.com/home/` and `./tmp/` are no paths of a machine.
            line.match_indices(path).any(|(at, _)| {
                path.starts_with(':') || !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-/}".contains(c))
            })
        })
    };
    (1..).zip(source.lines()).filter(|(_, line)| names_one(line)).map(|(number, _)| number).collect()
}

/// The README's test command: its first line that is nothing but one.
fn readme_command(readme: &str) -> Option<&str> {
    readme.lines().map(str::trim).find(|line| line.starts_with("cargo test"))
}

fn gate_command(script: &str) -> Option<&str> {
    script.lines().find_map(|line| line.strip_prefix("TEST_COMMAND=\"")?.strip_suffix('"'))
}

// ---------------------------------------------------------------------------------------------------------- the scanner

/// Stands for a character of a test module. No source holds it.
const BLANKED: char = '\u{1}';

/// `source` with the insides of comments, strings and character literals turned into spaces, line for line.
fn masked(source: &str) -> String {
    let code: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < code.len() {
        let end = opaque_end(&code, at);
        if end == at {
            out.push(code[at]);
            at += 1;
        } else {
            out.extend(code[at..end].iter().map(|&c| if c == '\n' { c } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none does.
fn opaque_end(code: &[char], at: usize) -> usize {
    let next = code.get(at + 1).copied();
    match code[at] {
        '/' if next == Some('/') => find(code, at, "\n"),
        '/' if next == Some('*') => comment_end(code, at),
        '"' => quoted_end(code, at, '"'),
        'r' => raw_end(code, at),
        '\'' if next == Some('\\') || code.get(at + 2) == Some(&'\'') => quoted_end(code, at, '\''),
        _ => at, // a lifetime, or code
    }
}

/// Block comments nest.
fn comment_end(code: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < code.len() {
        match (code[at], code.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

fn quoted_end(code: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < code.len() && code[at] != quote {
        at += if code[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(code.len())
}

/// `r"..."`, `r#"..."#`, also after `b` or `c`; not `r#type` and not the last letter of a name.
fn raw_end(code: &[char], start: usize) -> usize {
    let prefix = if start > 0 && matches!(code[start - 1], 'b' | 'c') { start - 1 } else { start };
    let hashes = code[start + 1..].iter().take_while(|&&c| c == '#').count();
    if (prefix > 0 && is_name(code[prefix - 1])) || code.get(start + 1 + hashes) != Some(&'"') {
        return start;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    (find(code, start + 2 + hashes, &close) + close.len()).min(code.len())
}

/// `text` (the source, or its masked form) with its `#[cfg(test)] mod ... { ... }` turned into [`BLANKED`].
fn without_tests(source: &str, text: &str) -> String {
    let code: Vec<char> = masked(source).chars().collect();
    let mut out: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < code.len() {
        let start = find(&code, at, "#[cfg(test)]");
        at = (start + 1).min(code.len());
        if let Some(open) = test_module(&code, start) {
            at = (closing(&code, open) + 1).min(code.len());
            // From the start of the line, so that a blanked line shows it by its first character.
            let line = code[..start].iter().rposition(|&c| c == '\n').map_or(0, |end| end + 1);
            out[line..at].iter_mut().filter(|c| **c != '\n').for_each(|c| *c = BLANKED);
        }
    }
    out.into_iter().collect()
}

/// The brace of the inline module that the attribute at `start` belongs to. `mod tests;` has none.
fn test_module(code: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    while code.get(at) == Some(&'#') {
        at = find(code, at, "]") + 1;
        at += code.get(at..)?.iter().take_while(|c| c.is_whitespace()).count();
    }
    let open = at + code.get(at..)?.iter().position(|c| matches!(c, '{' | ';'))?;
    let header: String = code[at..open].iter().collect();
    (code[open] == '{' && header.split_whitespace().rev().nth(1) == Some("mod")).then_some(open)
}

/// The brace that opens the body of the function at `start`; `None` where a declaration ends without one.
fn body(code: &[char], start: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code.iter().enumerate().skip(start) {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The brace that closes the one at `open`, or the end of the file: a length that is too large is noticed.
fn closing(code: &[char], open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code.iter().enumerate().skip(open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_at(code: &[char], at: usize, word: &str) -> bool {
    let end = at + word.len();
    code[at..].iter().copied().take(word.len()).eq(word.chars())
        && (at == 0 || !(is_name(code[at - 1]) || code[at - 1] == '#'))
        && !code.get(end).copied().is_some_and(is_name)
}

/// `fn(u8) -> u8` and `Fn`-like types have no name.
fn is_pointer(after: &[char]) -> bool {
    after.iter().find(|c| !c.is_whitespace()) == Some(&'(')
}

fn find(code: &[char], from: usize, text: &str) -> usize {
    let text: Vec<char> = text.chars().collect();
    let from = from.min(code.len());
    code[from..].windows(text.len()).position(|window| window == text).map_or(code.len(), |at| from + at)
}

fn count_lines(code: &[char]) -> usize {
    code.iter().filter(|&&c| c == '\n').count()
}

// --------------------------------------------------------------------------------------------- the checkers, put to test

mod checkers {
    use super::*;

    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_is_measured_from_its_signature_to_its_last_brace() {
        let source = format!("/// Doc.\n#[inline]\npub(crate) async {}", function_of(61));
        assert_eq!(functions(&source), [Function { line: 3, lines: 61 }]);
        assert_eq!(functions("fn one() {}"), [Function { line: 1, lines: 1 }]);
    }

    #[test]
    fn methods_and_inner_functions_are_measured_too() {
        let source =
            "impl A {\n    fn outer(\n        &self,\n    ) -> [u8; 2] {\n        fn inner() {\n        }\n    }\n}\n";
        assert_eq!(functions(source), [Function { line: 2, lines: 6 }, Function { line: 5, lines: 2 }]);
    }

    #[test]
    fn braces_in_literals_and_comments_do_not_count() {
        let opaque = [
            "\"}\"",
            "\"\\\"}\"",
            "\"\\\\\"",
            "'}'",
            "'\\''",
            "b'}'",
            "'\\u{7d}'",
            "r\"}\\\"",
            "r#\"}\"}\"#",
            "br##\"}\"#}\"##",
            "/* } /* } */ } */ 1",
            "1 // }",
            "1 // \" '",
            "{ \"multi\n}\" }",
            "&'a (); 'a'",
            "r#type",
            "for_r\"}\"",
        ];
        for sample in opaque {
            let source = format!("fn f() {{\n    let _ = {sample}\n    ;\n}}\nfn g() {{\n}}\n");
            let extra = sample.matches('\n').count();
            let expected = [Function { line: 1, lines: 4 + extra }, Function { line: 5 + extra, lines: 2 }];
            assert_eq!(functions(&source), expected, "{sample}");
        }
    }

    #[test]
    fn what_only_looks_like_a_function_is_none() {
        let source = "trait T {\n    fn declared(&self) -> [u8; 4];\n}\ntype P = fn(u8) -> u8;\n// fn a() {\nlet s = \"fn b() {\";\n";
        assert_eq!(functions(source), []);
    }

    #[test]
    fn an_unclosed_function_reaches_to_the_end() {
        assert_eq!(functions("fn f() {\n{\n}\n\n"), [Function { line: 1, lines: 5 }]);
    }

    #[test]
    fn test_modules_are_left_out_and_what_follows_is_not() {
        let tests = format!("#[cfg(test)]\n#[allow(dead_code)]\nmod tests {{\n{}}}\n", function_of(70));
        let source = format!("fn a() {{\n}}\n\n{tests}{}", function_of(61));
        assert_eq!(functions(&source), [Function { line: 1, lines: 2 }, Function { line: 78, lines: 61 }]);
        assert_eq!(non_test_lines(&source), 64);
    }

    #[test]
    fn a_test_module_elsewhere_hides_nothing() {
        let source = format!("#[cfg(test)]\nmod tests;\n#[cfg(test)]\nfn helper() {{}}\n{}", function_of(61));
        assert_eq!(functions(&source), [Function { line: 4, lines: 1 }, Function { line: 5, lines: 61 }]);
        assert_eq!(non_test_lines(&source), 65);
    }

    #[test]
    fn a_file_that_is_too_long_is_seen() {
        assert_eq!(non_test_lines(&"\n// a line\n".repeat(251)), 502);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        let source = "/home/ana\nsee (/tmp/x)\n`/root/.cargo`\n\"C:\\Users\\ana\"\n";
        assert_eq!(machine_paths(source), [1, 2, 3, 4]);
        assert_eq!(machine_paths("https://example.com/home/\n./tmp/x\n/var/lib/seatgate\n{base}/root/\n"), []);
    }

    #[test]
    fn the_commands_are_found() {
        assert_eq!(readme_command("Run `cargo test`:\n\n    cargo test --all\n"), Some("cargo test --all"));
        assert_eq!(readme_command("cargo build\n"), None);
        assert_eq!(gate_command("set -e\nTEST_COMMAND=\"cargo test\"\n"), Some("cargo test"));
        assert_eq!(gate_command("# TEST_COMMAND=\"cargo test\"\n"), None);
    }
}
