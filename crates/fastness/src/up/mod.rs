//! `fastness up`: runs the platform, deploys a template with its code, tells what to try, follows logs and edits.
//!
//! Everything it does to the platform it does as the administrator through the pipeline; it has no rights of its own.

mod deploy;
mod follow;
pub(crate) mod place;
mod progress;
mod project;
mod report;
mod shelf;
mod skip;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use compute::StandIn;
use template::Document;
use tokio::runtime::Handle;

use crate::Error;
use crate::args::UpOptions;
use crate::artifacts::{Packed, Packer};
use crate::choices::{Choices, Reading};
use crate::install::{self, Install};
use crate::platform::{Platform, Running};
use crate::terminal;
use deploy::{Deployed, Deployer, Refused, RunsOn, StackFailed};
pub(crate) use progress::Progress;
pub(crate) use project::Project;
use report::Report;
use shelf::OwnShelf;

/// Runs the platform with a stack on it until it is told to stop.
pub(crate) fn run(options: UpOptions) -> Result<(), Error> {
    let mut project = Project::find(&options.template, options.stack_name.as_deref())?;
    project.read()?;
    if let Some(name) = choices(&options, &project)?.0.stack_name {
        project.stack_name = name;
    }
    let platform = Platform::open(options.platform.clone())?;
    platform.run(|running| async move {
        let deployer = Deployer::new(running.pipeline.clone());
        let port = running.endpoint.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0);
        let (sandboxes, data_dir) = (running.sandboxes.clone(), &running.data_dir);
        let installer = install::of_platform(&options.install, sandboxes, data_dir, port)?;
        let (packed, warned) = (Packed::default(), BTreeSet::new());
        let mut up = Up { packed, project, options, deployer, running, installer, warned };
        // What is edited while the stack comes up is an edit too.
        let sights = up.sights()?;
        up.bring_up().await.inspect_err(|error| up.tell_failed(error))?;
        if up.options.once {
            return Ok(());
        }
        up.follow(sights).await
    })
}

/// What the stack is told besides its template, as the file beside it says now; and what is to be told of that.
fn choices(options: &UpOptions, project: &Project) -> Result<(Choices, Reading), Error> {
    let line = Choices {
        stack_name: options.stack_name.clone(),
        parameters: options.parameters.clone(),
        ..Choices::default()
    };
    let (choices, reading) = line.with_file(&project.folder, &options.config_env)?;
    if choices.no_execute_changeset {
        return Err("`no_execute_changeset` in samconfig.toml: `up` deploys; `fastness deploy` makes the change set alone".into());
    }
    Ok((choices, reading))
}

struct Up {
    packed: Packed,
    project: Project,
    options: UpOptions,
    deployer: Deployer,
    running: Running,
    installer: Arc<dyn Install>,
    /// Functions, with the runtimes and architectures of which was said that others stand in.
    warned: BTreeSet<(String, String)>,
}

impl Up {
    async fn bring_up(&mut self) -> Result<(), Error> {
        let progress = Arc::new(Progress::start(self.options.json));
        let name = self.project.stack_name.clone();
        choices(&self.options, &self.project)?.1.tell(&progress);
        progress.say(&format!("deploying {} as stack {name}", self.project.template.display()));
        self.deploy(&progress).await?;
        let report = self.report().await?;
        progress.finish();
        if self.options.json {
            terminal::println(&report.json().to_string());
        } else {
            terminal::print(&report.text());
        }
        terminal::println(&format!("ready on {}", self.running.endpoint));
        Ok(())
    }

    /// What a program that reads the answer is told of a deployment that did not succeed.
    fn tell_failed(&self, error: &Error) {
        if !self.options.json {
            return;
        }
        match error.downcast_ref::<StackFailed>() {
            Some(failed) => terminal::println(&failed.json().to_string()),
            None => terminal::println(&crate::deploy::error_json(error)),
        }
    }

    /// Packs what the template names here and was not packed before, and deploys the template as it is now.
    async fn deploy(&mut self, progress: &Arc<Progress>) -> Result<Deployed, Error> {
        let (choices, _) = choices(&self.options, &self.project)?;
        let document = self.packed(progress).await?;
        let template = self.without_unsupported(&document, &choices, progress)?.to_string();
        let tell = |event: &cloudformation::api::StackEvent| progress.event(event);
        let deployed = self.deployer.deploy(&self.project.stack_name, template, choices, tell).await;
        let deployed = deployed.map_err(|error| self.located(&document, error))?;
        self.warn_of_stand_ins(progress).await?;
        self.running.note_outputs(&self.outputs().await?)?;
        Ok(deployed)
    }

    /// The template with the places of what was packed; equal contents have equal places.
    async fn packed(&mut self, progress: &Arc<Progress>) -> Result<Document, Error> {
        let mut document = self.project.read()?;
        let shelf = OwnShelf::new(self.deployer.clone(), Handle::current());
        let (file, data_dir) = (self.project.template.clone(), self.running.data_dir.clone());
        let (progress, before) = (Arc::clone(progress), std::mem::take(&mut self.packed));
        let installer = Arc::clone(&self.installer);
        let work = tokio::task::spawn_blocking(move || {
            let tell = |step: &str| progress.say(step);
            let packer = Packer::new(&shelf, &data_dir, installer.as_ref(), &tell).knowing(before);
            packer.pack(&mut document, &file)?;
            Ok::<_, Error>((document, packer.into_packed()))
        });
        let (document, packed) = work.await??;
        self.packed = packed;
        Ok(document)
    }

    /// The template without what the command line says to skip.
    fn without_unsupported(
        &self,
        document: &Document,
        choices: &Choices,
        progress: &Progress,
    ) -> Result<serde_json::Value, Error> {
        let named = &self.options.allow_unsupported;
        if named.is_empty() {
            return Ok(document.root.clone());
        }
        // A slip of the command line would leave out what the platform has: a role, and with it what it denies.
        if let Some(kind) = named.iter().find(|kind| cloudformation::offers(kind, &self.running.pipeline)) {
            return Err(format!("{kind} is supported: --allow-unsupported is for types that are not").into());
        }
        let account = self.running.pipeline.home();
        let target = skip::Target {
            account: account.as_str(),
            region: self.running.pipeline.region().as_str(),
            stack: &self.project.stack_name,
            parameters: &choices.parameters,
        };
        let (document, skipped) = skip::types(document.clone(), named, &target)?;
        for (id, kind) in &skipped.resources {
            progress.warn(&format!("skipping {id} ({kind}): it is not there, whatever the template says"));
        }
        for key in &skipped.outputs {
            progress.warn(&format!("skipping the output {key}, which tells of it"));
        }
        Ok(document.root)
    }

    /// Says once of each function that it runs on another version, or on another machine, than it asks for.
    async fn warn_of_stand_ins(&mut self, progress: &Progress) -> Result<(), Error> {
        for RunsOn { function, runtime, architecture } in
            self.deployer.runtimes(&self.project.stack_name).await?
        {
            let host = lambda::ARCHITECTURE;
            if architecture != host && self.warned.insert((function.clone(), architecture.clone())) {
                progress.warn(&format!(
                    "{function} asks for {architecture}: it runs on this host, which is {host}, and libraries for {architecture} in \
                     its package do not load (--exact-runtimes refuses such functions)"
                ));
            }
            if let Some(StandIn { title, .. }) = self.running.compute.stand_in(&runtime)
                && self.warned.insert((function.clone(), runtime.clone()))
            {
                progress.warn(&format!(
                    "{function} asks for {runtime}, which is not on this host, or not with the AWS SDK: it runs on {title} (`fastness runtime import` brings \
                     another version, --exact-runtimes refuses such functions)"
                ));
            }
        }
        Ok(())
    }

    /// A refusal with the place in the template that it is about, where it names one.
    fn located(&self, document: &Document, mut error: Error) -> Error {
        if let Some(failed) = error.downcast_mut::<StackFailed>() {
            failed.place(document, &self.project.template);
            return error;
        }
        let refused = error.downcast_ref::<Refused>();
        match refused.and_then(|refused| place::line(document, &refused.message)) {
            Some(line) => format!("{}, line {line}: {error}", self.project.template.display()).into(),
            None => error,
        }
    }

    async fn outputs(&self) -> Result<BTreeMap<String, String>, Error> {
        let stack = self.deployer.stack(&self.project.stack_name).await?;
        let outputs = stack.and_then(|stack| stack.outputs).unwrap_or_default().into_iter();
        Ok(outputs.filter_map(|output| Some((output.output_key?, output.output_value?))).collect())
    }

    async fn report(&self) -> Result<Report, Error> {
        let stages = self.deployer.stages(&self.project.stack_name).await?;
        Ok(Report {
            stack_name: self.project.stack_name.clone(),
            endpoint: self.running.endpoint.clone(),
            region: self.running.pipeline.region().to_string(),
            data_dir: self.running.data_dir.display().to_string(),
            credentials: crate::credentials::path(&self.running.data_dir).display().to_string(),
            config: self.running.config_path().display().to_string(),
            ca_bundle: self.running.ca_bundle.as_ref().map(|bundle| bundle.display().to_string()),
            stages,
            outputs: self.outputs().await?,
            requests: Report::requests_of(&self.project.read()?.root),
        })
    }
}
