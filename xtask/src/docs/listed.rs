//! Reads rustdoc's list of examples.

use anyhow::{Context, Result};
use serde_json::Value;

/// What is expected of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It runs and ends with status 0.
    Runs,
    /// It is built only: it would wait for somebody, or end the machine.
    NoRun,
    /// It panics.
    Panics,
    /// It is not built at all.
    Ignored,
    /// The compiler refuses it, with these error codes.
    Refused(Vec<String>),
}

/// One entry of the list.
#[derive(Debug)]
pub struct Listed {
    pub file: String,
    /// Where the example begins.
    pub line: usize,
    pub mark: Mark,
    /// What stands at the head of a program: attributes and crates.
    pub head: String,
    /// The rest, with `main`.
    pub body: String,
}

/// Reads the list.
pub fn parse(list: &Value) -> Result<Vec<Listed>> {
    let version = &list["format_version"];
    let examples = list["doctests"].as_array().into_iter().flatten();
    examples
        .map(listed)
        .collect::<Option<Vec<_>>>()
        .with_context(|| {
            format!(
                "rustdoc's list has format {version}: teach xtask/src/docs/listed.rs to read it"
            )
        })
}

/// Reads one entry of the list; `None` where it is not as expected.
fn listed(entry: &Value) -> Option<Listed> {
    let marks = &entry["doctest_attributes"];
    let is = |mark: &str| marks[mark].as_bool();
    let codes = marks["error_codes"].as_array()?.iter();
    let mark = if marks["ignore"].as_str() != Some("None") {
        Mark::Ignored
    } else if is("compile_fail")? {
        Mark::Refused(codes.filter_map(Value::as_str).map(str::to_owned).collect())
    } else if is("should_panic")? {
        Mark::Panics
    } else if is("no_run")? {
        Mark::NoRun
    } else {
        Mark::Runs
    };
    let code = &entry["doctest_code"];
    let (before, after) = match &code["wrapper"] {
        Value::Null => ("", ""),
        wrapper => (wrapper["before"].as_str()?, wrapper["after"].as_str()?),
    };
    Some(Listed {
        file: entry["file"].as_str()?.to_owned(),
        line: entry["line"].as_u64()?.try_into().ok()?,
        mark,
        head: code["crate_level"].as_str()?.to_owned(),
        body: format!("{before}{}{after}", code["code"].as_str()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(attributes: &str, code: &str) -> Option<Listed> {
        let text = format!(
            r#"{{"file": "src/a b.rs", "line": 7, "doctest_attributes": {{"should_panic": false,
            "no_run": false, "ignore": "None", "compile_fail": false, "error_codes": []
            {attributes}}}, "doctest_code": {code}}}"#
        );
        listed(&serde_json::from_str(&text).unwrap())
    }

    const BARE: &str = r#"{"crate_level": "h\n", "code": "a();", "wrapper":
        {"before": "fn main() {\n", "after": "\n}"}}"#;

    #[test]
    fn what_rustdoc_wraps_is_wrapped() {
        let found = read("", BARE).unwrap();
        assert_eq!((found.file.as_str(), found.line), ("src/a b.rs", 7));
        assert_eq!((found.head.as_str(), found.mark), ("h\n", Mark::Runs));
        assert_eq!(found.body, "fn main() {\na();\n}");
        let whole = r#"{"crate_level": "", "code": "fn main() {}", "wrapper": null}"#;
        assert_eq!(read("", whole).unwrap().body, "fn main() {}");
    }

    #[test]
    fn marks_are_read() {
        let mark = |attributes| read(attributes, BARE).unwrap().mark;
        assert_eq!(mark(r#", "no_run": true"#), Mark::NoRun);
        assert_eq!(mark(r#", "should_panic": true"#), Mark::Panics);
        assert_eq!(mark(r#", "ignore": "All""#), Mark::Ignored);
        assert_eq!(mark(r#", "ignore": {"Some": ["a"]}"#), Mark::Ignored);
        let codes = mark(r#", "compile_fail": true, "error_codes": ["E1"]"#);
        assert_eq!(codes, Mark::Refused(vec!["E1".into()]));
    }

    #[test]
    fn another_format_is_told() {
        assert!(read("", r#"{"text": ""}"#).is_none());
        let list = serde_json::from_str(r#"{"format_version": 9, "doctests": [{}]}"#).unwrap();
        assert!(parse(&list).unwrap_err().to_string().contains("format 9"));
    }
}
