//! One invocation, from finding an environment to giving it back.
//!
//! Says what is done with an environment and when; what an ending is called is `ending`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use tokio::time::Instant;

use super::beginning::Beginning;
use super::early::EarlyAnswer;
use super::ending::{
    EXTENSION_LAUNCH, Ending, exited, extension_failed, not_launched, outcome_of, reported, tell_done,
    timed_out, too_large,
};
use super::starts::Turn;
use super::{LAST_OUTPUT_PATIENCE, Pool};
use crate::BoxFuture;
use crate::contract::{CredentialError, LaunchError, LaunchOrder, LogTarget};
use crate::environment::{
    Completion, Doors, Environment, InitFailure, LaunchProblem, Placement, PlatformEvent, Report,
    ShutdownReason, Started, Status, Unlaunchable, exit_message, runtime_version, timeout_line, variables_of,
};
use crate::function::{FunctionKey, FunctionSpec, InvokeError, InvokeOutcome, InvokeRequest, SharedSpec};
use crate::limits::{EXTENSIONS_MAX, INIT_TIME_MAX, PROVISIONED_INIT_TIME_MIN};

/// How long an invocation waits for an environment that has answered but not asked for more, before it takes another.
const READY_PATIENCE: Duration = Duration::from_millis(50);

/// The phases in which an environment comes up: its own, or, after it failed, the invocation's.
pub(super) const INIT_PHASE: &str = "init";
const INVOKE_PHASE: &str = "invoke";

/// Why an environment is started, as its function learns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Initialization {
    OnDemand,
    Provisioned,
}

impl Initialization {
    const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Provisioned => "provisioned-concurrency",
        }
    }

    /// How long coming up may take, for a function with this time-out.
    pub(super) fn time_max(self, timeout: Duration) -> Duration {
        match self {
            Self::OnDemand => INIT_TIME_MAX,
            Self::Provisioned => timeout.max(PROVISIONED_INIT_TIME_MIN),
        }
    }
}

/// Since when an invocation's own time runs, and how long its environment took to come up before.
#[derive(Clone, Copy)]
struct Begun {
    at: Instant,
    init_duration: Option<Duration>,
}

impl Begun {
    fn now(init_duration: Option<Duration>) -> Self {
        Self { at: Instant::now(), init_duration }
    }
}

impl Pool {
    pub(super) async fn run(
        &self,
        spec: &SharedSpec,
        request: &InvokeRequest,
        early: &EarlyAnswer,
    ) -> Result<InvokeOutcome, InvokeError> {
        let key = Arc::new(FunctionKey::of(spec));
        if let Some(environment) = self.take_warm(&key).await {
            return Ok(self.run_in(environment, request, early, Begun::now(None)).await);
        }
        // Boxed, so that the many that find an environment do not carry the room for starting one.
        Box::pin(self.run_in_new(spec, key, request, early)).await
    }

    /// Takes its turn to start an environment, and takes one that became idle meanwhile instead.
    async fn run_in_new(
        &self,
        spec: &SharedSpec,
        key: Arc<FunctionKey>,
        request: &InvokeRequest,
        early: &EarlyAnswer,
    ) -> Result<InvokeOutcome, InvokeError> {
        let beginning = Beginning::of(&self.idle, &key, Initialization::OnDemand);
        // A burst must not start so many at once that none of them is ready in time.
        let mut turn = self.starts.turn(spec.account, &spec.arn).await;
        match self.take_warm(&key).await {
            Some(environment) => {
                drop((turn.take(), beginning));
                Ok(self.run_in(environment, request, early, Begun::now(None)).await)
            }
            None => self.run_cold(spec, &beginning, request, early, turn).await,
        }
    }

    /// An idle environment that is ready for work.
    async fn take_warm(&self, key: &FunctionKey) -> Option<Box<Environment>> {
        loop {
            let mut environment = self.idle.lock().take(key)?;
            environment.thaw();
            if !self.has_fresh_credentials(&environment) || !environment.is_alive().await {
                self.discard(environment);
                continue;
            }
            if environment.is_ready() || environment.wait_until_ready(Instant::now() + READY_PATIENCE).await {
                return Some(environment);
            }
            // Still at work on something of its own, or gone; the sweep finds out which.
            let refused = self.idle.lock().give_back_last(environment);
            if let Some(environment) = refused {
                self.discard(environment);
            }
            return None;
        }
    }

    /// Starts an environment for this invocation. The turn to start one is given back once it is up, at the latest.
    async fn run_cold(
        &self,
        spec: &SharedSpec,
        beginning: &Beginning<'_>,
        request: &InvokeRequest,
        early: &EarlyAnswer,
        turn: Option<Turn>,
    ) -> Result<InvokeOutcome, InvokeError> {
        let started = Instant::now();
        let up = Box::pin(self.start_and_bring_up(spec, beginning));
        let (mut environment, initialised) = match turn {
            Some(mut turn) => turn.during(up).await?,
            None => up.await?,
        };
        let failure = match initialised {
            Ok(()) => {
                let begun = Begun::now(Some(started.elapsed()));
                return Ok(self.run_in(environment, request, early, begun).await);
            }
            Err(failure) => failure,
        };
        self.report_init_failure(&mut environment, &failure, started.elapsed(), INIT_PHASE).await;
        drop(environment);
        self.run_after_failed_init(spec, beginning, request, early).await
    }

    /// As Lambda does: starts once more, now on the invocation's own time.
    async fn run_after_failed_init(
        &self,
        spec: &SharedSpec,
        beginning: &Beginning<'_>,
        request: &InvokeRequest,
        early: &EarlyAnswer,
    ) -> Result<InvokeOutcome, InvokeError> {
        let mut environment = self.start(spec, beginning).await?;
        let begun = Begun::now(None);
        let Err(failure) = self.bring_up(&mut environment, spec.timeout, INVOKE_PHASE).await else {
            return Ok(self.run_in(environment, request, early, begun).await);
        };
        // What follows is the platform's time.
        let took = begun.at.elapsed().min(spec.timeout);
        // What was written since the last invocation is not this one's.
        environment.output.read_now();
        environment.output.end_lines();
        environment.output.begin_tail();
        environment.tell(start_of(request, &spec.version));
        self.report_init_failure(&mut environment, &failure, took, INVOKE_PHASE).await;
        let ending = match failure {
            InitFailure::Reported { body, error_type } => {
                reported(&mut environment, request, error_type.as_deref(), body)
            }
            InitFailure::NotLaunched(unlaunchable) => not_launched(&mut environment, request, &unlaunchable),
            InitFailure::Extension { error_type } => extension_failed(request, error_type),
            InitFailure::Exited(exit) => exited(&mut environment, request, exit),
            InitFailure::TimedOut => {
                self.say_timeout(&mut environment, request);
                timed_out(request, spec.timeout)
            }
        };
        tell_done(&mut environment, request, &ending, took);
        Ok(self.conclude(environment, request, ending, took, None))
    }

    /// A new environment, and whether its function came up in it.
    pub(super) async fn start_and_bring_up(
        &self,
        spec: &SharedSpec,
        beginning: &Beginning<'_>,
    ) -> Result<(Box<Environment>, Result<(), InitFailure>), InvokeError> {
        let mut environment = self.start(spec, beginning).await?;
        let limit = beginning.initialization.time_max(spec.timeout);
        let initialised = self.bring_up(&mut environment, limit, INIT_PHASE).await;
        Ok((environment, initialised))
    }

    /// Waits until a new environment is up, and tells how that went where it went well.
    pub(super) async fn bring_up(
        &self,
        environment: &mut Environment,
        limit: Duration,
        phase: &'static str,
    ) -> Result<(), InitFailure> {
        let began = Instant::now();
        let spec = Arc::clone(&environment.placement.spec);
        let initialization = environment.placement.initialization;
        environment.tell(PlatformEvent::InitStart {
            initialization,
            phase,
            runtime: self.runtime_version(&spec),
            function_name: spec.name.clone(),
            function_version: spec.version.clone(),
            instance_id: environment.placement.log.environment_id.clone(),
            memory_mib: spec.memory_mib,
        });
        if let Some(unlaunchable) = environment.placement.unlaunchable.clone() {
            let error_type = Some(unlaunchable.cause.error_type().to_owned());
            let (name, events, state) = (unlaunchable.name.clone(), Vec::new(), "LaunchError");
            environment.tell(PlatformEvent::Extension { name, events, state, error_type });
            return Err(InitFailure::NotLaunched(unlaunchable));
        }
        environment.initialise(limit).await?;
        self.idle.lock().came_up(&environment.placement.log.environment_id);
        environment.tell_init(phase, Status::Success, None, began.elapsed());
        Ok(())
    }

    /// Of what really runs it.
    fn runtime_version(&self, spec: &FunctionSpec) -> (String, String) {
        let stand_in = self.launcher.stand_in(&spec.runtime);
        let runtime = stand_in.as_ref().map_or(&spec.runtime, |found| &found.runtime);
        runtime_version(runtime, spec.region.as_str())
    }

    fn launch_error(&self, error: LaunchError) -> InvokeError {
        match error {
            LaunchError::RuntimeUnavailable(runtime) => self.unavailable(&runtime),
            error => InvokeError::Launch(error),
        }
    }

    fn unavailable(&self, runtime: &str) -> InvokeError {
        let available = self.launcher.runtimes();
        InvokeError::RuntimeUnavailable { runtime: runtime.to_owned(), available }
    }

    pub(super) async fn report_init_failure(
        &self,
        environment: &mut Environment,
        failure: &InitFailure,
        took: Duration,
        phase: &'static str,
    ) {
        let (status, error_type) = match failure {
            InitFailure::TimedOut => (Status::Timeout, None),
            InitFailure::Exited(exit) => (Status::Error, Some(exit_message(*exit).0.to_owned())),
            InitFailure::Reported { error_type, .. } => (Status::Error, error_type.clone()),
            InitFailure::Extension { error_type } => (Status::Error, Some(error_type.clone())),
            InitFailure::NotLaunched(_) => (Status::Error, Some(EXTENSION_LAUNCH.to_owned())),
        };
        environment.shut_down(reason_of(failure, phase), LAST_OUTPUT_PATIENCE).await;
        environment.tell_init(phase, status, error_type, took);
        environment.hand_on();
        self.idle.lock().forget(&environment.placement.log.environment_id);
    }

    /// Runs the handler in an environment that is ready, for what is left of the invocation's time.
    async fn run_in(
        &self,
        mut environment: Box<Environment>,
        request: &InvokeRequest,
        early: &EarlyAnswer,
        begun: Begun,
    ) -> InvokeOutcome {
        let spec = Arc::clone(&environment.placement.spec);
        let Begun { at: began, init_duration } = begun;
        // What was written since the last invocation is not this one's.
        environment.output.read_now();
        environment.output.end_lines();
        environment.output.begin_tail();
        environment.tell(start_of(request, &spec.version));
        let left = spec.timeout.saturating_sub(began.elapsed());
        let deadline = self.clock.now().plus_millis(i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
        let completion = environment.run(request, deadline.millis(), left).await;
        // What a timer is late by is not the function's.
        let took = began.elapsed().min(spec.timeout);
        if matches!(completion, Completion::TimedOut) && environment.has_extensions() {
            return self.conclude_late(environment, request, early, took, init_duration).await;
        }
        let ending = self.meaning_of(completion, &mut environment, request).await;
        tell_done(&mut environment, request, &ending, took);
        if !ending.is_reusable || !environment.has_extensions() {
            return self.conclude(environment, request, ending, took, init_duration);
        }
        // As on Lambda, the caller does not wait for extensions; the environment, its concurrency and its report do. Who wants the
        // end of the log gets all of it.
        if !request.wants_log_tail {
            early.tell(Ok(outcome_of(&environment, &ending, took, init_duration)));
        }
        environment.wait_for_extensions(began + spec.timeout).await;
        self.conclude(environment, request, ending, began.elapsed(), init_duration)
    }

    async fn meaning_of(
        &self,
        completion: Completion,
        environment: &mut Environment,
        request: &InvokeRequest,
    ) -> Ending {
        match completion {
            Completion::Response(payload) => {
                Ending { payload, status: Status::Success, error_type: None, is_reusable: true }
            }
            Completion::FunctionError(payload) => Ending::failure(payload, true),
            Completion::TooLarge(limit) => too_large(limit, true),
            // The rest of the answer is still on its way: the environment is of no more use.
            Completion::CutOff(limit) => too_large(limit, false),
            Completion::TimedOut => {
                shut_down(environment, ShutdownReason::Timeout).await;
                self.say_timeout(environment, request);
                timed_out(request, environment.placement.spec.timeout)
            }
            Completion::Exited(exit) => {
                shut_down(environment, ShutdownReason::Failure).await;
                exited(environment, request, exit)
            }
            Completion::ExtensionFailed { error_type } => {
                shut_down(environment, ShutdownReason::Failure).await;
                extension_failed(request, error_type)
            }
        }
    }

    fn say_timeout(&self, environment: &mut Environment, request: &InvokeRequest) {
        let timeout = environment.placement.spec.timeout;
        environment.output.platform_line(timeout_line(self.clock.now(), &request.request_id, timeout));
    }

    /// Writes the closing lines, gives the environment back or ends it, and answers.
    fn conclude(
        &self,
        mut environment: Box<Environment>,
        request: &InvokeRequest,
        ending: Ending,
        duration: Duration,
        init_duration: Option<Duration>,
    ) -> InvokeOutcome {
        let is_reusable = ending.is_reusable;
        let outcome = report(&mut environment, request, ending, duration, init_duration);
        if is_reusable {
            self.give_back(environment);
        } else {
            self.discard(environment);
        }
        outcome
    }

    /// The same for a function whose time is over, and beside which extensions run: what there is to tell of the invocation is told to
    /// them too, and to its caller, before they are asked to end, which takes its own time.
    async fn conclude_late(
        &self,
        mut environment: Box<Environment>,
        request: &InvokeRequest,
        early: &EarlyAnswer,
        took: Duration,
        init_duration: Option<Duration>,
    ) -> InvokeOutcome {
        let ending = timed_out(request, environment.placement.spec.timeout);
        environment.output.read_now();
        environment.output.end_lines();
        self.say_timeout(&mut environment, request);
        tell_done(&mut environment, request, &ending, took);
        let outcome = report(&mut environment, request, ending, took, init_duration);
        early.tell(Ok(outcome.clone()));
        shut_down(&mut environment, ShutdownReason::Timeout).await;
        self.discard(environment);
        outcome
    }

    /// Starts a new environment.
    pub(super) async fn start(
        &self,
        spec: &SharedSpec,
        beginning: &Beginning<'_>,
    ) -> Result<Box<Environment>, InvokeError> {
        let initialization = beginning.initialization;
        if !self.launcher.supports(&spec.runtime) {
            return Err(self.unavailable(&spec.runtime));
        }
        let kept = self.code.of(spec.account);
        let code = kept.lease(Some(spec.code), &spec.layers);
        let code_directory = kept.directory(spec.code).await.map_err(InvokeError::Code)?;
        // Before the share is reserved: what was started ahead gives its own back.
        let layers_directory = kept.layers_directory(&spec.layers).await.map_err(InvokeError::Code)?;
        // Extensions start with their environment: one that has started without them is none of this function's.
        let (extensions, unlaunchable) = extensions_of(layers_directory.as_deref());
        let can_park = extensions.is_empty() && unlaunchable.is_none();
        let parked = self.parking(spec).filter(|_| can_park).and_then(|class| self.parked.take(&class));
        let mut started = None;
        if let Some(parked) = parked {
            let (log, order, end) = self
                .order(spec, parked.environment_id.clone(), code_directory.clone(), initialization)
                .await?;
            match parked.assign(&order).await {
                Ok(assigned) => started = Some((log, end, assigned)),
                Err(error) => {
                    let error = base::Chain(&error).to_string();
                    tracing::warn!(error, "an environment that was started ahead was of no use");
                }
            }
        }
        let share = self.reserve_share(spec).await?;
        let (log, credentials_end, started) = match started {
            Some(started) => started,
            None => {
                let (log, order, end) =
                    self.order(spec, crypto::random::hex(16), code_directory, initialization).await?;
                let order = LaunchOrder { extensions: extensions.clone(), ..order };
                let launched = self.launcher.launch(order).await.map_err(|error| self.launch_error(error))?;
                let mut started = Started::of(launched)
                    .map_err(|error| InvokeError::Launch(LaunchError::sandbox(error)))?;
                started.extensions = extensions;
                (log, end, started)
            }
        };
        let placement = Placement {
            key: Arc::clone(&beginning.key),
            spec: Arc::clone(spec),
            log,
            credentials_end,
            initialization: initialization.as_str(),
            unlaunchable,
            _code: code,
            _share: share,
        };
        let environment = Environment::new(
            placement,
            started,
            Doors { aws: Arc::clone(&self.door), egress: self.egress.clone() },
            self.logs.clone(),
            self.clock.clone(),
        )
        .map_err(|error| InvokeError::Launch(LaunchError::sandbox(error)))?;
        self.idle.lock().started(&environment, beginning);
        Ok(Box::new(environment))
    }

    /// All that a process of this function is to be given, under this id; and when its credentials end.
    async fn order(
        &self,
        spec: &SharedSpec,
        environment_id: String,
        code_directory: PathBuf,
        initialization: Initialization,
    ) -> Result<(Arc<LogTarget>, LaunchOrder, Timestamp), InvokeError> {
        let kept = self.code.of(spec.account);
        let layers_directory = kept.layers_directory(&spec.layers).await.map_err(InvokeError::Code)?;
        let log = Arc::new(self.log_target(spec, environment_id));
        let credentials =
            self.credentials.credentials(spec, &log.environment_id).await.map_err(InvokeError::Role)?;
        // SECURITY: credentials that end before an invocation can must not be handed out: they could not be renewed.
        if credentials.expires_at.millis_since(self.clock.now()) <= 0 {
            return Err(InvokeError::Role(CredentialError::NotAssumable));
        }
        let order = LaunchOrder {
            environment_id: log.environment_id.clone(),
            runtime: spec.runtime.clone(),
            code_directory,
            layers_directory,
            variables: variables_of(
                spec,
                &log.log_stream,
                &credentials,
                self.egress.is_some(),
                initialization.as_str(),
            ),
            memory_mib: spec.memory_mib,
            tmp_mib: spec.tmp_mib,
            extensions: Vec::new(),
        };
        Ok((log, order, credentials.expires_at))
    }

    fn log_target(&self, spec: &SharedSpec, id: String) -> LogTarget {
        let now = self.clock.now().iso8601_secs();
        let day = now.get(..10).unwrap_or_default().replace('-', "/");
        LogTarget {
            account: spec.account,
            role_arn: spec.role_arn.clone(),
            function_arn: spec.arn.clone(),
            log_group: spec.log_group.clone(),
            log_stream: format!("{day}/[{}]{id}", spec.version),
            environment_id: id,
        }
    }
}

/// Why an environment ends that did not come up: where that took all of an invocation's time, it is that which timed out.
fn reason_of(failure: &InitFailure, phase: &str) -> ShutdownReason {
    match failure {
        InitFailure::TimedOut if phase == INVOKE_PHASE => ShutdownReason::Timeout,
        _ => ShutdownReason::Failure,
    }
}

/// Boxed: what goes well has no need of the room.
fn shut_down(environment: &mut Environment, reason: ShutdownReason) -> BoxFuture<'_, ()> {
    Box::pin(environment.shut_down(reason, LAST_OUTPUT_PATIENCE))
}

/// The closing lines, and what the caller is told.
fn report(
    environment: &mut Environment,
    request: &InvokeRequest,
    ending: Ending,
    duration: Duration,
    init_duration: Option<Duration>,
) -> InvokeOutcome {
    let memory_peak_bytes = environment.memory_peak_bytes();
    let mut outcome = outcome_of(environment, &ending, duration, init_duration);
    environment.tell(PlatformEvent::Report(Report {
        request_id: request.request_id.clone(),
        trace_id: request.trace_id.clone(),
        duration,
        init_duration,
        memory_mib: environment.placement.spec.memory_mib,
        memory_peak_bytes,
        status: ending.status,
        error_type: ending.error_type,
    }));
    outcome.log_tail = request.wants_log_tail.then(|| environment.output.tail());
    environment.hand_on();
    outcome
}

fn start_of(request: &InvokeRequest, version: &str) -> PlatformEvent {
    PlatformEvent::Start {
        request_id: request.request_id.clone(),
        version: version.to_owned(),
        trace_id: request.trace_id.clone(),
    }
}

/// Programs that layers bring to run beside the runtime, in the order of their names, and the first that cannot be started. Every
/// file there is meant as one, whatever its name: one that was passed over would be missed by nobody. So is every link.
// SECURITY: no link is followed, neither one there nor one in the folder's place: it would lead to what this host has.
fn extensions_of(layers: Option<&Path>) -> (Vec<String>, Option<Unlaunchable>) {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(folder) = layers.map(|layers| layers.join("extensions")) else { return Default::default() };
    let is_folder = folder.symlink_metadata().is_ok_and(|found| found.is_dir());
    let Some(entries) = is_folder.then(|| std::fs::read_dir(folder).ok()).flatten() else {
        return Default::default();
    };
    let file = |entry: std::fs::DirEntry| {
        // The entry's own.
        let found = entry.metadata().ok().filter(|found| !found.is_dir())?;
        let is_program = found.is_symlink() || found.permissions().mode() & 0o111 != 0;
        Some((entry.file_name().into_string().ok()?, is_program))
    };
    let mut files: Vec<(String, bool)> = entries.filter_map(Result::ok).filter_map(file).collect();
    files.sort();
    let mut programs = Vec::new();
    for (name, is_program) in files {
        let cause = match is_program {
            _ if programs.len() == EXTENSIONS_MAX => LaunchProblem::TooManyExtensions,
            false => LaunchProblem::PermissionDenied,
            true => {
                programs.push(name);
                continue;
            }
        };
        return (programs, Some(Unlaunchable { name, cause }));
    }
    (programs, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_an_extension_and_one_too_many_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let layers = tempfile::tempdir().unwrap();
        let folder = layers.path().join("extensions");
        std::fs::create_dir_all(folder.join("a-folder")).unwrap();
        let add = |name: &str, mode: u32| {
            std::fs::write(folder.join(name), "").unwrap();
            std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let long = "n".repeat(200);
        for name in [".hidden", "sp ace", "\u{fc}n\u{ef}", &long] {
            add(name, 0o755);
        }
        let found = extensions_of(Some(layers.path()));
        assert_eq!(found, ([".hidden", &long, "sp ace", "\u{fc}n\u{ef}"].map(str::to_owned).to_vec(), None));
        (0..6).for_each(|number| add(&format!("o{number}"), 0o755));
        let (programs, none) = extensions_of(Some(layers.path()));
        assert_eq!((programs.len(), none), (10, None));
        add("z", 0o755);
        let (_, eleventh) = extensions_of(Some(layers.path()));
        let cause = LaunchProblem::TooManyExtensions;
        assert_eq!(eleventh, Some(Unlaunchable { name: "\u{fc}n\u{ef}".into(), cause }));
        add("o3", 0o644);
        let (_, first) = extensions_of(Some(layers.path()));
        assert_eq!(first, Some(Unlaunchable { name: "o3".into(), cause: LaunchProblem::PermissionDenied }));
        assert_eq!(extensions_of(None), (Vec::new(), None));
    }

    #[test]
    fn extensions_are_not_looked_for_behind_links() {
        use std::os::unix::fs::symlink;
        let layers = tempfile::tempdir().unwrap();
        let folder = layers.path().join("extensions");
        symlink("/usr/bin", &folder).unwrap();
        assert_eq!(extensions_of(Some(layers.path())), (Vec::new(), None));
        std::fs::remove_file(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        // Whether these are there, and programs, is not what the host says.
        for (name, target) in [("a", "/etc/passwd"), ("b", "/opt/missing"), ("c", "/usr")] {
            symlink(target, folder.join(name)).unwrap();
        }
        assert_eq!(extensions_of(Some(layers.path())), (["a", "b", "c"].map(str::to_owned).to_vec(), None));
    }

    #[test]
    fn what_comes_up_too_slowly_in_an_invocation_has_timed_out() {
        let crashed = InitFailure::Extension { error_type: "Extension.Crash".into() };
        for (failure, phase, reason) in [
            (&InitFailure::TimedOut, INVOKE_PHASE, "timeout"),
            (&InitFailure::TimedOut, INIT_PHASE, "failure"),
            (&crashed, INVOKE_PHASE, "failure"),
        ] {
            assert_eq!(reason_of(failure, phase).as_str(), reason, "{failure:?} {phase}");
        }
    }
}
