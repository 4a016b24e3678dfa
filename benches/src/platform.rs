//! One platform under test: started on an empty folder, ended at the end.

use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base::SecretString;
use base64::Engine as _;
use serde_json::json;
use tempfile::TempDir;

use crate::request::{Draft, Key, signed};
use crate::{Error, cpu, load};

/// The size of the object that S3's figures are about.
pub(crate) const OBJECT_BYTES: usize = 64 * 1024;

/// A running release binary.
pub(crate) struct Platform {
    process: Child,
    _output: BufReader<std::process::ChildStdout>,
    _folder: TempDir,
    key: Key,
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    pub(crate) ready_after: Duration,
}

impl Platform {
    pub(crate) fn start(binary: &str) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let key = Key {
            id: "FASTNESSBENCHKEY0001".to_owned(),
            secret: SecretString::new("a-secret-only-for-this-run-of-benches"),
            token: None,
        };
        let begin = Instant::now();
        let mut process = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--max-environments", "1200"])
            .args(["--max-environment-memory-mib", "200000", "--data-dir"])
            .arg(folder.path().join("data"))
            .env("FASTNESS_ROOT_ACCESS_KEY_ID", &key.id)
            .env("FASTNESS_ROOT_SECRET_ACCESS_KEY", key.secret.expose())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().ok_or("no output")?);
        output.read_line(&mut line)?;
        let ready_after = begin.elapsed();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split([';', ' ']).next());
        let address = address.ok_or_else(|| format!("not ready: {line}"))?.trim().parse()?;
        let pid = process.id();
        Ok(Self { process, _output: output, _folder: folder, key, pid, address, ready_after })
    }

    pub(crate) fn memory_mib(&self) -> Result<f64, Error> {
        std::thread::sleep(Duration::from_millis(500));
        cpu::memory_mib(self.pid)
    }

    pub(crate) fn spawner_memory_mib(&self) -> f64 {
        cpu::children(self.pid).into_iter().filter_map(|child| cpu::memory_mib(child).ok()).sum()
    }

    fn signed(&self, draft: &Draft<'_>) -> Result<Vec<u8>, Error> {
        signed(self.address, &self.key, draft)
    }

    fn call(&self, draft: &Draft<'_>) -> Result<String, Error> {
        load::once(self.address, &self.signed(draft)?)
    }

    pub(crate) fn caller_identity(&self) -> Result<Vec<u8>, Error> {
        let body = b"Action=GetCallerIdentity&Version=2011-06-15";
        self.signed(&form("sts", body))
    }

    pub(crate) fn make_function(&self) -> Result<(), Error> {
        let body =
            format!("Action=CreateRole&Version=2010-05-08&RoleName=bench&AssumeRolePolicyDocument={TRUST}");
        self.call(&form("iam", body.as_bytes()))?;
        let zip = package("app.py", b"def handler(event, context):\n    return event\n")?;
        let body = json!({"FunctionName": "echo", "Runtime": "python3.12", "Handler": "app.handler",
            "Role": "arn:aws:iam::000000000000:role/bench", "Code": {"ZipFile": zip}});
        self.call(&rest("POST", "/2015-03-31/functions", body.to_string().as_bytes()))?;
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) {
            if load::once(self.address, &self.invoke()?).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("the function never became active".into())
    }

    /// Creates a function.
    pub(crate) fn deploy(&self, function: &Function<'_>) -> Result<(), Error> {
        let body = function.request("000000000000").to_string();
        self.call(&rest("POST", "/2015-03-31/functions", body.as_bytes())).map(|_| ())
    }

    /// Creates a function in another account.
    pub(crate) fn deploy_in(&self, account: &Account, function: &Function<'_>) -> Result<(), Error> {
        let body = function.request(&account.id).to_string();
        let draft = rest("POST", "/2015-03-31/functions", body.as_bytes());
        load::once(self.address, &signed(self.address, &account.key, &draft)?).map(|_| ())
    }

    /// A signed invocation of a function in another account.
    pub(crate) fn invoke_in(&self, account: &Account, name: &str, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        signed(self.address, &account.key, &rest("POST", &path, payload))
    }

    /// A second account, with its administrator's key and the role that functions run with.
    pub(crate) fn other_account(&self) -> Result<Account, Error> {
        let organizations = |target: &'static str, body: &str| {
            let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
            let (headers, body) = (&headers[..], body.as_bytes());
            self.call(&Draft { service: "organizations", method: "POST", path: "/", headers, body })
        };
        organizations("AWSOrganizationsV20161128.CreateOrganization", r#"{"FeatureSet":"ALL"}"#)?;
        let made = organizations(
            "AWSOrganizationsV20161128.CreateAccount",
            r#"{"AccountName":"other","Email":"other@example.com"}"#,
        )?;
        let id = between(&made, "\"AccountId\":\"", "\"")?.to_owned();
        let iam = |body: &str| self.call(&form("iam", body.as_bytes()));
        iam("Action=CreateUser&Version=2010-05-08&UserName=courier")?;
        let allow = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
        iam(&format!(
            "Action=PutUserPolicy&Version=2010-05-08&UserName=courier&PolicyName=p&PolicyDocument={allow}"
        ))?;
        let key = key_in(&iam("Action=CreateAccessKey&Version=2010-05-08&UserName=courier")?)?;
        let role = format!("arn%3Aaws%3Aiam%3A%3A{id}%3Arole%2FOrganizationAccountAccessRole");
        let assume = format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=bench");
        let session = signed(self.address, &key, &form("sts", assume.as_bytes()))?;
        let key = key_in(&load::once(self.address, &session)?)?;
        let body =
            format!("Action=CreateRole&Version=2010-05-08&RoleName=bench&AssumeRolePolicyDocument={TRUST}");
        load::once(self.address, &signed(self.address, &key, &form("iam", body.as_bytes()))?)?;
        Ok(Account { id, key })
    }

    /// A signed invocation of it.
    pub(crate) fn invoke_of(&self, name: &str, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        self.signed(&rest("POST", &path, payload))
    }

    pub(crate) fn invoke(&self) -> Result<Vec<u8>, Error> {
        self.signed(&rest("POST", "/2015-03-31/functions/echo/invocations", br#"{"key":"value"}"#))
    }

    pub(crate) fn make_table(&self) -> Result<(), Error> {
        let body = json!({"TableName": "bench", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]});
        self.call(&table("DynamoDB_20120810.CreateTable", body.to_string().as_bytes()))?;
        load::once(self.address, &self.put_item()?).map(|_| ())
    }

    pub(crate) fn put_item(&self) -> Result<Vec<u8>, Error> {
        let body = json!({"TableName": "bench", "Item": {"id": {"S": "one"}, "n": {"N": "42"}, "text": {"S": "x".repeat(200)}}});
        self.signed(&table("DynamoDB_20120810.PutItem", body.to_string().as_bytes()))
    }

    pub(crate) fn get_item(&self) -> Result<Vec<u8>, Error> {
        let body = json!({"TableName": "bench", "Key": {"id": {"S": "one"}}});
        self.signed(&table("DynamoDB_20120810.GetItem", body.to_string().as_bytes()))
    }

    /// A table of items with one key.
    pub(crate) fn make_plain_table(&self, name: &str) -> Result<(), Error> {
        let body = json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]});
        load::once(self.address, &self.dynamodb("CreateTable", &body)?).map(|_| ())
    }

    /// A table whose keys are a text `id` and a number `n`.
    pub(crate) fn make_sorted_table(&self, name: &str) -> Result<(), Error> {
        let body = json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]});
        load::once(self.address, &self.dynamodb("CreateTable", &body)?).map(|_| ())
    }

    /// Any of DynamoDB's operations.
    pub(crate) fn dynamodb(&self, operation: &str, input: &serde_json::Value) -> Result<Vec<u8>, Error> {
        let target = format!("DynamoDB_20120810.{operation}");
        let (headers, body) = ([JSON, ("x-amz-target", target.as_str())], input.to_string());
        let body = body.as_bytes();
        self.signed(&Draft { service: "dynamodb", method: "POST", path: "/", headers: &headers, body })
    }

    /// Lets the table of the first figures keep its past.
    pub(crate) fn keep_the_past(&self) -> Result<(), Error> {
        let specification = json!({"PointInTimeRecoveryEnabled": true});
        let body = json!({"TableName": "bench", "PointInTimeRecoverySpecification": specification});
        load::once(self.address, &self.dynamodb("UpdateContinuousBackups", &body)?).map(|_| ())
    }

    /// A bucket with an object: what puts it, and what gets it.
    pub(crate) fn make_object(&self) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let draft = |method, path, body| Draft { service: "s3", method, path, headers: &[], body };
        self.call(&draft("PUT", "/bench", b""))?;
        let put = self.signed(&draft("PUT", "/bench/object", &[b'x'; OBJECT_BYTES]))?;
        load::once(self.address, &put)?;
        Ok((put, self.signed(&draft("GET", "/bench/object", b""))?))
    }

    /// A table with an index and a stream, and 100 items in one partition.
    pub(crate) fn make_indexed_table(&self) -> Result<(), Error> {
        let element = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
        let body = json!({"TableName": "indexed", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "N"},
                {"AttributeName": "n", "AttributeType": "N"}],
            "KeySchema": [element("id", "HASH"), element("at", "RANGE")],
            "GlobalSecondaryIndexes": [{"IndexName": "by-n", "KeySchema": [element("id", "HASH"), element("n", "RANGE")],
                "Projection": {"ProjectionType": "ALL"}}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}});
        self.call(&table("DynamoDB_20120810.CreateTable", body.to_string().as_bytes()))?;
        for chunk in 0..4 {
            let puts: Vec<_> = (0..25)
                .map(|number| json!({"PutRequest": {"Item": {"id": {"S": "one"}, "at": {"N": (chunk * 25 + number).to_string()},
                    "n": {"N": "1"}, "text": {"S": "x".repeat(100)}}}}))
                .collect();
            let body = json!({"RequestItems": {"indexed": puts}});
            self.call(&table("DynamoDB_20120810.BatchWriteItem", body.to_string().as_bytes()))?;
        }
        Ok(())
    }

    pub(crate) fn query(&self) -> Result<Vec<u8>, Error> {
        let body = json!({"TableName": "indexed", "KeyConditionExpression": "id = :id",
            "ExpressionAttributeValues": {":id": {"S": "one"}}});
        self.signed(&table("DynamoDB_20120810.Query", body.to_string().as_bytes()))
    }

    /// Moves an index entry and leaves a stream record each time.
    pub(crate) fn update_item(&self) -> Result<Vec<u8>, Error> {
        let body = json!({"TableName": "indexed", "Key": {"id": {"S": "one"}, "at": {"N": "7"}},
            "UpdateExpression": "SET n = n + :one", "ExpressionAttributeValues": {":one": {"N": "1"}}});
        self.signed(&table("DynamoDB_20120810.UpdateItem", body.to_string().as_bytes()))
    }
}

/// A function to be created.
pub(crate) struct Function<'a> {
    pub(crate) name: String,
    pub(crate) runtime: &'a str,
    pub(crate) handler: &'a str,
    /// The package, in base64.
    pub(crate) zip: &'a str,
    pub(crate) variables: &'a serde_json::Value,
    /// The size of its `/tmp`.
    pub(crate) tmp_mib: u32,
}

impl Function<'_> {
    fn request(&self, account: &str) -> serde_json::Value {
        let Function { name, runtime, handler, zip, variables, tmp_mib } = self;
        json!({"FunctionName": name, "Runtime": runtime, "Handler": handler, "Timeout": 20,
            "Role": format!("arn:aws:iam::{account}:role/bench"), "Code": {"ZipFile": zip},
            "EphemeralStorage": {"Size": tmp_mib}, "Environment": {"Variables": variables}})
    }
}

/// Another account than the first start's.
pub(crate) struct Account {
    id: String,
    key: Key,
}

/// Who may assume the role of functions, in a form.
const TRUST: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22lambda.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";

/// A key, and a session's token where it is a session's.
fn key_in(answer: &str) -> Result<Key, Error> {
    let text = |name: &str| between(answer, &format!("<{name}>"), "<");
    let secret = SecretString::new(text("SecretAccessKey")?);
    Ok(Key {
        id: text("AccessKeyId")?.to_owned(),
        secret,
        token: text("SessionToken").ok().map(SecretString::new),
    })
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Result<&'a str, Error> {
    let found = text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(found, _)| found);
    found.ok_or_else(|| format!("no {start} in {text}").into())
}

/// A package of one file, in base64.
pub(crate) fn package(name: &str, content: &[u8]) -> Result<String, Error> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default().unix_permissions(0o755))?;
    zip.write_all(content)?;
    Ok(base64::engine::general_purpose::STANDARD.encode(zip.finish()?.into_inner()))
}

/// This program as a function.
pub(crate) fn native_package() -> Result<String, Error> {
    package("bootstrap", &std::fs::read(std::env::current_exe()?)?)
}

fn form<'a>(service: &'a str, body: &'a [u8]) -> Draft<'a> {
    Draft {
        service,
        method: "POST",
        path: "/",
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body,
    }
}

fn rest<'a>(method: &'a str, path: &'a str, body: &'a [u8]) -> Draft<'a> {
    Draft { service: "lambda", method, path, headers: &[("content-type", "application/json")], body }
}

fn table<'a>(target: &'static str, body: &'a [u8]) -> Draft<'a> {
    let headers: &'static [(&'static str, &'static str)] = match target {
        "DynamoDB_20120810.CreateTable" => &[JSON, ("x-amz-target", "DynamoDB_20120810.CreateTable")],
        "DynamoDB_20120810.PutItem" => &[JSON, ("x-amz-target", "DynamoDB_20120810.PutItem")],
        "DynamoDB_20120810.BatchWriteItem" => &[JSON, ("x-amz-target", "DynamoDB_20120810.BatchWriteItem")],
        "DynamoDB_20120810.Query" => &[JSON, ("x-amz-target", "DynamoDB_20120810.Query")],
        "DynamoDB_20120810.UpdateItem" => &[JSON, ("x-amz-target", "DynamoDB_20120810.UpdateItem")],
        _ => &[JSON, ("x-amz-target", "DynamoDB_20120810.GetItem")],
    };
    Draft { service: "dynamodb", method: "POST", path: "/", headers, body }
}

const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.0");

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
