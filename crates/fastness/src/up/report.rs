//! What `up` tells when a stack stands: its addresses, where the credentials are, and requests to try.
//!
//! A template may bring its own requests under `Metadata: Fastness: Try`, a list of `Title`, `Run` and `Answers`;
//! CloudFormation and SAM ignore them. `${Name}` in them stands for an output of the stack or one of the names below.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::terminal::line;

/// What the report is made from.
pub(crate) struct Report {
    pub(crate) stack_name: String,
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) data_dir: String,
    pub(crate) credentials: String,
    pub(crate) config: String,
    /// What clients are to trust, where the platform's own authority vouches for it.
    pub(crate) ca_bundle: Option<String>,
    /// REST APIs with their stages: `(api id, stage)`.
    pub(crate) stages: Vec<(String, String)>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) requests: Vec<Request>,
}

/// One request to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) title: String,
    pub(crate) run: String,
    pub(crate) answers: String,
}

impl Report {
    /// The requests of a template's metadata.
    pub(crate) fn requests_of(document: &Value) -> Vec<Request> {
        let text = |entry: &Value, key: &str| {
            entry.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
        };
        let entries = document.pointer("/Metadata/Fastness/Try").and_then(Value::as_array);
        entries
            .into_iter()
            .flatten()
            .map(|entry| Request {
                title: text(entry, "Title"),
                run: text(entry, "Run"),
                answers: text(entry, "Answers"),
            })
            .collect()
    }

    /// The names that requests may use.
    fn names(&self) -> BTreeMap<String, String> {
        let mut names = self.outputs.clone();
        let stage =
            |(api, stage): &(String, String)| format!("{}/_aws/execute-api/{api}/{stage}", self.endpoint);
        if let Some(first) = self.stages.first() {
            names.insert("Stage".to_owned(), stage(first));
        }
        names.insert("Endpoint".to_owned(), self.endpoint.clone());
        names.insert("Region".to_owned(), self.region.clone());
        names.insert("DataDir".to_owned(), quoted(&self.data_dir));
        names.insert("Credentials".to_owned(), quoted(&self.credentials));
        names.insert("Config".to_owned(), quoted(&self.config));
        // Silent but for errors.
        let trusting = self.ca_bundle.as_ref().map(|bundle| format!(" --cacert {}", quoted(bundle)));
        names.insert("Curl".to_owned(), format!("curl -sS{}", trusting.unwrap_or_default()));
        names
    }

    fn filled(&self) -> Vec<Request> {
        let names = self.names();
        let fill = |text: &str| {
            names
                .iter()
                .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
        };
        let own = self.requests.iter().map(|request| Request {
            title: request.title.clone(),
            run: fill(&request.run),
            answers: fill(&request.answers),
        });
        own.collect()
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("\nstack {} is up\n\n", self.stack_name);
        for (api, stage) in &self.stages {
            let (host, port) = self.endpoint.rsplit_once(':').unwrap_or((&self.endpoint, ""));
            let scheme = host.split("://").next().unwrap_or("http");
            let _ = writeln!(text, "  application  {}/_aws/execute-api/{api}/{stage}/", self.endpoint);
            let _ = writeln!(text, "          or   {scheme}://{api}.execute-api.localhost:{port}/{stage}/");
        }
        let _ = writeln!(text, "  AWS APIs     {}", self.endpoint);
        let _ = writeln!(text, "  credentials  {}", self.credentials);
        let _ = writeln!(
            text,
            "  aws, boto3   export AWS_SHARED_CREDENTIALS_FILE={} AWS_CONFIG_FILE={}",
            quoted(&self.credentials),
            quoted(&self.config)
        );
        if !self.outputs.is_empty() {
            text.push_str("\noutputs\n");
            for (key, value) in &self.outputs {
                let _ = writeln!(text, "  {} = {}", line(key), line(value));
            }
        }
        let requests = self.filled();
        if !requests.is_empty() {
            text.push_str("\nto try, each with what it answers\n");
        }
        for request in requests {
            let _ = writeln!(text, "\n  # {}\n  {}", request.title, request.run.replace('\n', "\n  "));
            let _ = writeln!(text, "  #  -> {}", request.answers);
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let requests = self
            .filled()
            .into_iter()
            .map(|request| json!({"title": request.title, "run": request.run, "answers": request.answers}));
        json!({
            "stack": self.stack_name,
            "endpoint": self.endpoint,
            "region": self.region,
            "credentials": self.credentials,
            "config": self.config,
            "stages": self.stages.iter().map(|(api, stage)| json!({"api": api, "stage": stage,
                "url": format!("{}/_aws/execute-api/{api}/{stage}/", self.endpoint)})).collect::<Vec<_>>(),
            "outputs": self.outputs,
            "requests": requests.collect::<Vec<_>>(),
        })
    }
}

/// A path as a shell takes it for one word.
fn quoted(path: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_./-".contains(character);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_filled_with_outputs_and_addresses() {
        let document = json!({"Metadata": {"Fastness": {"Try": [
            {"Title": "look", "Run": "${Curl} ${Stage}/orders/1 # ${Table}", "Answers": "404"}]}}});
        let report = Report {
            stack_name: "s".into(),
            endpoint: "http://127.0.0.1:4566".into(),
            region: "us-east-1".into(),
            data_dir: "d".into(),
            credentials: "d/credentials".into(),
            config: "d/config".into(),
            ca_bundle: Some("d/tls/authority.pem".into()),
            stages: vec![("abc".into(), "prod".into())],
            outputs: BTreeMap::from([("Table".to_owned(), "t1".to_owned())]),
            requests: Report::requests_of(&document),
        };
        let text = report.text();
        assert!(
            text.contains("curl -sS --cacert d/tls/authority.pem http://127.0.0.1:4566/_aws/execute-api/abc/prod/orders/1 # t1"),
            "{text}"
        );
        assert!(text.contains("http://abc.execute-api.localhost:4566/prod/"), "{text}");
        assert_eq!(report.json()["requests"][0]["answers"], "404");
        for (path, expected) in
            [("/a/b-c_d.e", "/a/b-c_d.e"), ("/a b", "'/a b'"), ("/it's", r"'/it'\''s'"), ("$x", "'$x'")]
        {
            assert_eq!(quoted(path), expected);
        }
    }
}
