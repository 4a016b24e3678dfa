//! After the stack stands: prints what its functions log, and redeploys what is edited.
//!
//! It reads logs as anyone with the right could, through CloudWatch Logs; it keeps no other way to them.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use identity::Principal;
use logs::api as logs_api;
use protocol::{FromValue, IntoValue, Operation, Timestamp};
use service::{Pipeline, Source};

use super::Up;
use super::deploy::Deployed;
use super::progress::Progress;
use super::watch::Sight;
use crate::{Error, artifacts, samconfig, terminal};

/// What was last seen at each path that is watched.
pub(super) type Sights = HashMap<PathBuf, Sight>;

const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Up {
    /// Runs until the process is told to stop.
    ///
    /// Nothing that fails here ends it: it is told, and the next edit is the next try.
    pub(super) async fn follow(&mut self, mut sights: Sights) -> Result<(), Error> {
        let mut tail = Tail::new(self.running.pipeline.clone());
        let watches = !self.options.no_watch;
        let mut groups = Vec::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Ok(found) = self.log_groups().await {
                groups = found;
            }
            tail.print_new(&groups).await;
            if watches {
                self.redeploy_changed(&mut sights).await;
            }
        }
    }

    /// What every function's folder, and the template, look like now.
    pub(super) fn sights(&self) -> Result<Sights, Error> {
        let document = self.project.read()?;
        let mut sights = Sights::new();
        for path in artifacts::watched(&document.root, &self.project.template) {
            let sight = || Sight::of(&path, &self.running.data_dir);
            sights.entry(path.clone()).or_insert_with(sight);
        }
        sights.insert(self.project.template.clone(), Sight::of_file(&self.project.template));
        if let Some(file) = samconfig::beside(&self.project.folder) {
            sights.insert(file.clone(), Sight::of_file(&file));
        }
        Ok(sights)
    }

    async fn redeploy_changed(&mut self, sights: &mut Sights) {
        let present = match self.sights() {
            Ok(present) => present,
            Err(error) => {
                // Told once for each state of the file that cannot be read.
                let path = &self.project.template;
                let seen = Sight::of_file(path);
                if sights.get(path) != Some(&seen) {
                    sights.insert(path.clone(), seen);
                    terminal::warn(&base::Chain(error.as_ref()).to_string());
                }
                return;
            }
        };
        let changed: Vec<PathBuf> = present
            .iter()
            .filter(|(path, sight)| sights.get(*path) != Some(sight))
            .map(|(path, _)| path.clone())
            .collect();
        if changed.is_empty() {
            return;
        }
        self.packed.forget(&changed);
        *sights = present;
        let progress = Arc::new(Progress::start(self.options.json));
        match self.deploy(&progress).await {
            Ok(Deployed::Unchanged) => progress.say("nothing changed"),
            Ok(_) => progress.say("redeployed"),
            Err(error) => terminal::warn(&base::Chain(error.as_ref()).to_string()),
        }
        progress.finish();
    }

    async fn log_groups(&self) -> Result<Vec<String>, Error> {
        let resources = self.deployer.resources(&self.project.stack_name).await?;
        let functions = resources.into_iter().filter(|(_, kind, _)| kind == "AWS::Lambda::Function");
        Ok(functions.map(|(_, _, name)| format!("/aws/lambda/{name}")).collect())
    }
}

/// A message of a group's function, whose name stands before each of its lines: none can look like another's.
fn shown(group: &str, message: &str) -> String {
    let name = group.rsplit('/').next().unwrap_or(group);
    // What returns to a line's beginning writes over the name.
    let lines = message.trim_end().split('\n').map(|line| line.trim_end_matches('\r'));
    let named: Vec<String> = lines.map(|line| format!("{name}  {}", terminal::line(line))).collect();
    named.join("\n")
}

/// How far each log group was printed.
struct Tail {
    pipeline: Pipeline,
    administrator: Arc<Principal>,
    begin: Timestamp,
    printed: HashMap<String, HashSet<String>>,
}

impl Tail {
    fn new(pipeline: Pipeline) -> Self {
        let administrator = Arc::new(Principal::root(pipeline.home()));
        let begin = pipeline.clock().now();
        Self { pipeline, administrator, begin, printed: HashMap::new() }
    }

    async fn print_new(&mut self, groups: &[String]) {
        // Events arrive a moment after their time: each look goes back a little, and knows what it printed.
        let start = self.begin.max(self.pipeline.clock().now().plus_secs(-30));
        for group in groups {
            let events = self.events(group, start).await;
            let printed = self.printed.entry(group.clone()).or_default();
            let mut seen = HashSet::new();
            for event in events {
                let id = event.event_id.unwrap_or_default();
                if !printed.contains(&id) {
                    terminal::tell(&shown(group, &event.message.unwrap_or_default()));
                }
                seen.insert(id);
            }
            *printed = seen;
        }
    }

    async fn events(&self, group: &str, start: Timestamp) -> Vec<logs_api::FilteredLogEvent> {
        let input = logs_api::FilterLogEventsRequest {
            log_group_name: Some(group.to_owned()),
            start_time: Some(start.millis()),
            ..Default::default()
        };
        let (service, name) = (logs_api::FilterLogEvents::SERVICE, logs_api::FilterLogEvents::NAME);
        let source = Source::platform("fastness up");
        let principal = Arc::clone(&self.administrator);
        let answer = self.pipeline.invoke(principal, source, service, name, input.into_value()).await;
        // A group that does not exist yet has logged nothing.
        let Ok(answer) = answer else { return Vec::new() };
        let answer = logs_api::FilterLogEventsResponse::from_value(answer);
        answer.ok().and_then(|answer| answer.events).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_message_names_its_function() {
        let told = shown("/aws/lambda/f", "one\r\nother  two\rthree\u{1b}[2J\n");
        assert_eq!(told, "f  one\nf  other  two\\u000dthree\\u001b[2J");
        assert_eq!(shown("/aws/lambda/f", ""), "f  ");
    }
}
