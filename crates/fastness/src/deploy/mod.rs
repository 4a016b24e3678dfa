//! `fastness deploy` and `fastness delete`: a stack on a platform that runs already, with the caller's own rights.
//!
//! All that it does are calls that `aws cloudformation` could make; it holds no store and no right of its own. What it
//! puts into S3 is named by its content, so that what did not change is the same.

mod calls;
mod failures;
mod input;
mod outcome;
mod places;
mod planned;
mod remote;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;
use template::Document;
use template::limits::BODY_BYTES_MAX;

use crate::Error;
use crate::args::{DeleteOptions, DeployOptions, RemoteOptions};
use crate::artifacts::{Packer, Place, Shelf, key_of};
use crate::choices::Choices;
use crate::install::{self, Install};
use crate::terminal;
use crate::trail::Trail;
use crate::up::{Progress, Project, place};
pub(crate) use calls::own_bucket_name;
use calls::{Call, Calls, Stack};
pub(crate) use failures::Failures;
pub(crate) use outcome::Outcome;

/// How often the stack is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Deploys a template, and tells what came of it.
///
/// # Errors
/// What keeps it from being deployed at all.
pub(crate) fn deploy(options: &DeployOptions) -> Result<Outcome, Error> {
    let mut project = Project::find(&options.template, options.stack_name.as_deref())?;
    let (choices, reading) = input::chosen(options).with_file(&project.folder, &options.config_env)?;
    if let Some(name) = &choices.stack_name {
        project.stack_name.clone_from(name);
    }
    let remote = RemoteOptions { configured: choices.signer.clone(), ..options.remote.clone() };
    let calls = Calls::new(remote::client(&remote)?);
    let progress = Progress::start(options.remote.json);
    reading.tell(&progress);
    // Where installed dependencies are kept between deployments.
    let cache = project.folder.join(".fastness");
    let (accepted, state) = (&options.accept_missing_layers, cache.join("build-sandbox"));
    let installer = install::of_client(&options.install, state, accepted, calls.port())?;
    let bucket = OnceCell::new();
    let work =
        Work { project: &project, calls: &calls, progress: &progress, choices, bucket, cache, installer };
    let outcome = work.run();
    progress.finish();
    outcome
}

/// Deletes a stack, and tells what came of it.
///
/// # Errors
/// There is no such stack, or it may not be deleted.
pub(crate) fn delete(options: &DeleteOptions) -> Result<Outcome, Error> {
    let calls = Calls::new(remote::client(&options.remote)?);
    let progress = Progress::start(options.remote.json);
    let name = &options.stack_name;
    let stack = calls.stack(name)?.ok_or_else(|| format!("there is no stack `{name}`"))?;
    let trail = calls.trail(&stack.id)?;
    calls.delete(&stack.id)?;
    // A name finds no stack that is deleted; its id does.
    let outcome = follow(&calls, &stack.id, trail, &progress, None);
    progress.finish();
    outcome
}

/// Prints an outcome; true where all went well.
pub(crate) fn tell(outcome: &Outcome, json: bool) -> bool {
    if json {
        terminal::println(&outcome.json());
    } else {
        terminal::print(&outcome.text());
    }
    outcome.is_good()
}

struct Work<'a> {
    project: &'a Project,
    calls: &'a Calls,
    progress: &'a Progress,
    choices: Choices,
    bucket: OnceCell<String>,
    cache: PathBuf,
    installer: Arc<dyn Install>,
}

impl Shelf for Work<'_> {
    /// Into the bucket for packages, as the caller.
    fn put(&self, bytes: Vec<u8>, extension: &str) -> Result<Place, Error> {
        let (bucket, key) = (self.bucket()?, key_of(&bytes, extension));
        self.calls.put_object(&bucket, &key, &bytes)?;
        Ok(Place { bucket, key })
    }
}

impl Work<'_> {
    fn run(&self) -> Result<Outcome, Error> {
        let mut document = self.project.read()?;
        let tell = |step: &str| self.progress.say(step);
        let packer = Packer::new(self, &self.cache, self.installer.as_ref(), &tell);
        packer.pack(&mut document, &self.project.template)?;
        let name = &self.project.stack_name;
        let found = self.calls.stack(name)?;
        // What is only planned removes nothing.
        let existing = if self.choices.no_execute_changeset { found } else { self.ready(found)? };
        let mut input = vec![("StackName".to_owned(), name.clone())];
        let text = document.root.to_string();
        if text.len() > BODY_BYTES_MAX {
            let Place { bucket, key } = self.put(text.into_bytes(), "template")?;
            input.push(("TemplateURL".to_owned(), format!("s3://{bucket}/{key}")));
        } else {
            input.push(("TemplateBody".to_owned(), text));
        }
        let lines = Lines { document: &document, template: &self.project.template };
        if self.choices.no_execute_changeset {
            return self.plan(input, &lines, existing);
        }
        let call = if existing.is_some() { Call::Update } else { Call::Create };
        input::add(&self.choices, &mut input, call, &document, existing.as_ref());
        let trail = match &existing {
            Some(stack) => self.calls.trail(&stack.id)?,
            None => Trail::default(),
        };
        self.progress.say(&format!("deploying {} as stack {name}", self.project.template.display()));
        match (self.calls.begin(call, &input), existing) {
            (Ok(id), _) => follow(self.calls, &id, trail, self.progress, Some(&lines)),
            (Err(error), Some(stack)) if error.to_string().contains("No updates are to be performed") => {
                Ok(Outcome::unchanged(stack, self.choices.fail_on_empty_changeset))
            }
            (Err(error), _) => Err(lines.placed(&error.to_string()).into()),
        }
    }

    /// The stack, if it can be updated; what was rolled back from its creation is removed first, as it holds nothing that was
    /// used. Whatever may hold data is its owner's to remove.
    fn ready(&self, found: Option<Stack>) -> Result<Option<Stack>, Error> {
        let Some(stack) = found else { return Ok(None) };
        match stack.status.as_str() {
            "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => {
                self.progress.say(&format!("removing what is left of {} ({})", stack.name, stack.status));
                let trail = self.calls.trail(&stack.id)?;
                self.calls.delete(&stack.id)?;
                let gone = follow(self.calls, &stack.id, trail, self.progress, None)?;
                if gone.is_good() { Ok(None) } else { Err(gone.text().into()) }
            }
            status @ "DELETE_FAILED" => Err(stuck(&stack.name, status).into()),
            "REVIEW_IN_PROGRESS" => {
                let name = &stack.name;
                Err(format!(
                    "a change set of stack {name} waits for review: `aws cloudformation execute-change-set` executes it, `fastness delete \
                     {name}` takes it back"
                )
                .into())
            }
            _ => Ok(Some(stack)),
        }
    }

    /// The bucket for packages: the one that is named, or one of the account's own, made where it is not there.
    fn bucket(&self) -> Result<String, Error> {
        if let Some(name) = self.bucket.get() {
            return Ok(name.clone());
        }
        let name = self.choices.s3_bucket.clone().map_or_else(|| self.calls.own_bucket(), Ok)?;
        Ok(self.bucket.get_or_init(|| name).clone())
    }
}

/// Why a stack whose resources may be in use is not deployed over.
pub(crate) fn stuck(name: &str, status: &str) -> String {
    format!(
        "the stack `{name}` is in {status}: what it made may be there still, with its data, and is not removed unasked; \
         `fastness delete {name}` removes it for good, then it can be deployed anew"
    )
}

/// True for a stack that stopped half-way: the next try goes on from there, and takes nothing back that may hold data.
pub(crate) fn is_half_way(status: &str) -> bool {
    matches!(status, "CREATE_FAILED" | "UPDATE_FAILED")
}

/// Where in the template something stands.
struct Lines<'a> {
    document: &'a Document,
    template: &'a Path,
}

impl Lines<'_> {
    /// A message with its line, where it names something of the template.
    fn placed(&self, message: &str) -> String {
        let message = without_line(message);
        match place::line(self.document, message) {
            Some(line) => format!("{}, line {line}: {message}", self.template.display()),
            None => message.to_owned(),
        }
    }
}

/// The line of a resource, or of the serverless one that it was made for.
pub(crate) fn line_of(document: &Document, logical_id: &str) -> Option<u32> {
    let resources = document.root.get("Resources")?.as_object()?;
    let ids = resources.keys().filter(|id| logical_id.starts_with(id.as_str()));
    let id = ids.max_by_key(|id| id.len())?;
    document.line(&format!("Resources/{id}"))
}

/// A message without the line that the platform tells: it is one of the text that it was sent, which is on one line.
fn without_line(message: &str) -> &str {
    let cut = message.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (line "));
    match cut {
        Some((told, line)) if !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()) => told,
        _ => message,
    }
}

/// Waits until nothing is in progress, and tells each event once.
fn follow(
    calls: &Calls,
    id: &str,
    mut trail: Trail,
    progress: &Progress,
    lines: Option<&Lines<'_>>,
) -> Result<Outcome, Error> {
    let mut failures = Failures::default();
    loop {
        let stack = calls.stack(id)?.ok_or_else(|| format!("the stack {id} is gone"))?;
        for event in calls.news(id, &mut trail)? {
            progress.event(&event);
            failures.note(&event);
        }
        if !stack.status.ends_with("_IN_PROGRESS") {
            // Only what has a template is made; what is deleted needs none.
            let is_deletion = lines.is_none();
            while let Some(nested) = failures.next_nested() {
                let events = calls.news(&nested.id, &mut Trail::default())?;
                failures.look_into(&nested, &events, is_deletion);
            }
            if let Some(lines) = lines {
                failures.place(lines.document, lines.template);
            }
            return Ok(Outcome::of(stack, failures, is_deletion));
        }
        sleep(LOOK_EVERY);
    }
}

/// An error as JSON, for `--json`.
pub(crate) fn error_json(error: &Error) -> String {
    json!({ "status": "REFUSED", "error": base::Chain(error.as_ref()).to_string() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_platforms_own_line_is_cut() {
        for (message, expected) in [
            ("No export named x found. (line 1)", "No export named x found."),
            ("Property (line up)", "Property (line up)"),
            ("a (line )", "a (line )"),
            ("refused", "refused"),
        ] {
            assert_eq!(without_line(message), expected);
        }
    }
}
