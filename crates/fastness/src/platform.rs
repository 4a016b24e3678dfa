//! The wiring: builds every part from the options and connects them, in the order in which they depend on each other.
//!
//! No rule of any service is here.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::Clock;
use cloudformation::CloudFormation;
use compute::{CodeStore, Compute, EgressProxy, EgressProxyOptions, EgressRule, HostLimits};
use crypto::RootKey;
use edge::{Authority, AuthorityError, Edge, Limits, Router, TlsIdentity};
use gateway::{Callbacks, FunctionUrls, Gateway, Stages};
use identity::Directory;
use identity::web_identity::Issuers;
use lambda::LambdaParts;
use observe::AuditTrail;
use service::{Pipeline, PipelineParts, Rate};
use store::{Store, StoreOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::PlatformOptions;
use crate::egress::EgressRecords;
use crate::functions::{HostLauncher, LaterEdge};
use crate::{Error, credentials, egress, functions, issuers};

/// How long invocations may go on when the platform stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Everything that can be opened before the asynchronous runtime starts.
pub(crate) struct Platform {
    options: PlatformOptions,
    data_dir: PathBuf,
    keys: RootKey,
    store: Store,
    sandboxes: Arc<sandbox::Spawner>,
    egress_rules: Vec<EgressRule>,
    issuers: Issuers,
}

/// A platform that answers.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) pipeline: Pipeline,
    /// `http://127.0.0.1:4566`
    pub(crate) endpoint: String,
    pub(crate) data_dir: PathBuf,
    /// What makes sandboxes here.
    pub(crate) sandboxes: sandbox::Spawner,
    /// Runs functions, and says on what.
    pub(crate) compute: Compute,
    /// What isolates functions on this host, and what does not, in one line.
    pub(crate) isolation: String,
    /// What clients are to trust, where the platform's own authority vouches for it.
    pub(crate) ca_bundle: Option<PathBuf>,
}

impl Platform {
    /// Opens the data folder, or makes it.
    pub(crate) fn open(options: PlatformOptions) -> Result<Self, Error> {
        observe::logs::init(&options.log, observe::logs::Format::Text)?;
        let egress_rules = egress::rules(&options.allow_egress)?;
        let issuers = issuers::named(&options.oidc_issuers)?;
        let data_dir = make_private(&options.data_dir)?;
        let mut spawner = sandbox::SpawnerOptions::new(data_dir.join("sandbox"));
        spawner.accept_loss.clone_from(&options.accept_missing_layers);
        if let Some(mib) = options.max_environment_storage_mib {
            spawner.storage_mib_max = mib;
        }
        let keys = RootKey::load_or_create(&data_dir.join("root.key"))?;
        let store = StoreOptions {
            path: store_folder(&data_dir),
            sealer: keys.derive("store"),
            clock: Clock::system(),
        };
        // One waits for the kernel and the other for the disk: side by side, a start takes half the time.
        let (sandboxes, store) = std::thread::scope(|scope| {
            let sandboxes = scope.spawn(|| sandbox::Spawner::start(spawner));
            let store = Store::open(store);
            (sandboxes.join(), store)
        });
        let sandboxes = sandboxes.map_err(|_| "starting the sandbox spawner panicked")?;
        let sandboxes = Arc::new(sandboxes.map_err(with_way_out)?);
        tell_layers(&sandboxes.layers());
        let store = store?;
        Ok(Self { options, data_dir, keys, store, sandboxes, egress_rules, issuers })
    }

    /// Serves, runs `work` beside it, and drains when `work` ends or the process is told to stop.
    pub(crate) fn run<W, F>(self, work: W) -> Result<(), Error>
    where
        W: FnOnce(Running) -> F,
        F: Future<Output = Result<(), Error>>,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let result = runtime.block_on(self.serve(work));
        runtime.shutdown_timeout(Duration::from_secs(5));
        result
    }

    async fn serve<W, F>(self, work: W) -> Result<(), Error>
    where
        W: FnOnce(Running) -> F,
        F: Future<Output = Result<(), Error>>,
    {
        let (tls, ca_bundle) = self.tls_identity()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (stop, stopping) = watch::channel(false);
        let built = self.build().await?;
        let listening = built.edge.clone().bind(self.options.listen, tls).await?;
        let endpoint = format!("{scheme}://{}", listening.address());
        let _ = built.address.set(listening.address());
        built.urls.served_at(scheme, listening.address().port());
        built.callbacks.served_at(&endpoint);
        let public = self.options.public_url.clone();
        let public = public.unwrap_or_else(|| format!("{scheme}://localhost:{}", listening.address().port()));
        built.pipeline.directory().issues_at(&public);
        built.own_address.served_at(&public);
        let mut jobs = built.pipeline.start_jobs(&stopping);
        let serving = tokio::spawn(listening.run(stopping));
        let running = Running {
            pipeline: built.pipeline.clone(),
            endpoint,
            data_dir: self.data_dir.clone(),
            sandboxes: sandbox::Spawner::clone(&self.sandboxes),
            compute: built.compute.clone(),
            isolation: isolation(&self.sandboxes.layers()),
            ca_bundle,
        };
        running.note_outputs(&BTreeMap::new())?;
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let result = tokio::select! {
            result = work(running) => result,
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        };
        let _ = stop.send(true);
        serving.await?;
        while jobs.join_next().await.is_some() {}
        built.compute.stop(DRAIN).await;
        built.pipeline.audit().flush().await?;
        result
    }

    /// The identity to serve with, and the file that clients need to trust it.
    fn tls_identity(&self) -> Result<(Option<TlsIdentity>, Option<PathBuf>), Error> {
        let options = &self.options;
        if let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) {
            return Ok((Some(TlsIdentity::load(certificate, key)?), None));
        }
        if !options.tls_self_issued {
            return Ok((None, None));
        }
        let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        if !options.listen.ip().is_unspecified() {
            names.push(options.listen.ip().to_string());
        }
        names.extend(options.tls_names.iter().cloned());
        let clock = Clock::system();
        let sealer = self.keys.derive("certificate authority");
        let authority = Authority::load_or_create(&self.data_dir.join("tls"), &sealer, &names, clock.now())?;
        let ca_bundle = authority.certificate().to_owned();
        Ok((Some(TlsIdentity::issued(authority, options.region.clone(), clock)?), Some(ca_bundle)))
    }

    /// What functions may take of this host at one time.
    fn host_limits(&self) -> HostLimits {
        HostLimits {
            environments_max: self.options.max_environments,
            memory_mib_max: self.options.max_environment_memory_mib,
        }
    }

    /// How often an account may call a service.
    fn rate(&self) -> Rate {
        let per_second = self.options.calls_per_second;
        Rate { per_second, burst: per_second.saturating_mul(2) }
    }

    /// The one way out of functions, with the operator's rules.
    fn egress(
        &self,
        records: EgressRecords,
        platform: &Arc<OnceLock<SocketAddr>>,
        edge: &LaterEdge,
    ) -> EgressProxy {
        EgressProxy::new(EgressProxyOptions {
            rules: self.egress_rules.clone(),
            log: Arc::new(records),
            platform: Arc::clone(platform),
            own: Some(functions::own_door(edge)),
            resolver: None,
        })
    }

    /// Whoever vouches for the platform's door inside of environments, by all names that it has there, and for nothing else.
    fn door_authority(&self, clock: &Clock) -> Result<Authority, Error> {
        let (folder, sealer) = (self.data_dir.join("doors"), self.keys.derive("door authority"));
        let names = [sandbox::PLATFORM_HOST, "localhost"].map(str::to_owned);
        let open = || Authority::load_or_create(&folder, &sealer, &names, clock.now());
        Ok(match open() {
            // One of before, made for fewer names. Nobody trusts it but environments, and they ended with the process that made them.
            Err(AuthorityError::NotCovered { .. }) => {
                std::fs::remove_dir_all(&folder)?;
                open()?
            }
            opened => opened?,
        })
    }

    /// Runs functions on the interpreters that the search path names.
    fn launcher(&self, authority: &Path) -> Result<HostLauncher, Error> {
        let search_path = std::env::var_os("PATH").unwrap_or_default();
        let is_exact = self.options.exact_runtimes;
        Ok(HostLauncher::new(&self.sandboxes, &self.data_dir, search_path, authority, is_exact)?)
    }

    /// The answers to requests. Health is not well while no sandbox can be made.
    fn router(&self, pipeline: &Pipeline, gateway: Gateway) -> Router {
        let sandboxes = Arc::clone(&self.sandboxes);
        Router::new(pipeline.clone(), gateway).ready_while(move || sandboxes.is_alive())
    }

    async fn build(&self) -> Result<Built, Error> {
        let clock = Clock::system();
        let (account, region) = (self.options.account_id, self.options.region.clone());
        let directory = Directory::new(self.store.clone(), self.keys.derive("sessions"));
        self.bootstrap(&directory, &clock).await?;
        let audit = AuditTrail::new(self.store.clone())?;
        let code = CodeStore::open(&self.data_dir)?;
        let later = LaterEdge::default();
        let stages = Stages::load(&self.store)?;
        let address = Arc::new(OnceLock::new());
        let records = EgressRecords {
            trail: audit.clone(),
            directory: directory.clone(),
            clock: clock.clone(),
            region: region.clone(),
        };
        let egress = self.egress(records, &address, &later);
        let urls = FunctionUrls::load(&self.store)?;
        let callbacks = Callbacks::new(self.store.clone(), clock.clone());
        let door_authority = self.door_authority(&clock)?;
        let authority = door_authority.certificate();
        let launcher = self.launcher(authority)?;
        let (lambda, compute) = lambda::service(LambdaParts {
            urls: urls.clone(),
            store: self.store.clone(),
            directory: directory.clone(),
            clock: clock.clone(),
            region: region.clone(),
            launcher: Arc::new(launcher),
            code,
            door: functions::door(&later),
            egress: Some(egress.door()),
            limits: self.host_limits(),
            code_bytes_max: self.options.max_account_code_mib.saturating_mul(1024 * 1024),
        })?;
        let own_address = dynamodb::OwnAddress::default();
        let [dynamodb, dynamodb_streams] = dynamodb::services(&self.store, own_address.clone())?;
        let services = vec![
            iam::service(directory.clone()),
            sts::service(directory.clone(), self.issuers.clone()),
            organizations::service(directory.clone()),
            lambda,
            apigateway::service(self.store.clone(), stages.clone()),
            dynamodb,
            dynamodb_streams,
            s3::service(self.store.clone(), self.data_dir.join("blobs"), self.keys.derive("s3"))?,
            logs::service(self.store.clone()),
            ssm::service(self.keys.derive("ssm")),
            cloudtrail::service(),
            accessanalyzer::service(directory.clone()),
            cloudformation::service(CloudFormation::new(self.store.clone(), callbacks.clone())),
        ];
        let pipeline = Pipeline::new(PipelineParts {
            services,
            directory,
            audit,
            store: self.store.clone(),
            clock: clock.clone(),
            home: account,
            region: region.clone(),
            rate: self.rate(),
            message_sealer: self.keys.derive("authorization messages"),
        });
        let gateway = Gateway::new(pipeline.clone(), stages).with_function_urls(urls.clone());
        let gateway = gateway.with_callbacks(callbacks.clone());
        let edge = Edge::new(self.router(&pipeline, gateway), Limits::DEFAULT)
            .with_door_tls(TlsIdentity::issued(door_authority, region, clock)?);
        let _ = later.set(edge.clone());
        Ok(Built { pipeline, edge, compute, address, urls, callbacks, own_address })
    }

    /// The first start makes the account and its administrator's key, and writes the key where its owner finds it. Stores of
    /// before are brought along.
    async fn bootstrap(&self, directory: &Directory, clock: &Clock) -> Result<(), Error> {
        let given = match (&self.options.root_access_key_id, &self.options.root_secret_access_key) {
            (Some(id), Some(secret)) => {
                Some(identity::RootKey { access_key_id: id.clone(), secret: secret.clone() })
            }
            (None, None) => None,
            _ => {
                let both = "FASTNESS_ROOT_ACCESS_KEY_ID and FASTNESS_ROOT_SECRET_ACCESS_KEY go together";
                return Err(both.into());
            }
        };
        // A slip of the pen must not found a second account over the only copy of the first one's key.
        if let Some(other) = directory.made_for_another(self.options.account_id)? {
            let (asked, folder) = (self.options.account_id, self.data_dir.display());
            return Err(format!("`{folder}` is the data folder of account {other}, and --account-id asks for {asked}: leave it out, or name another --data-dir").into());
        }
        let made = directory.bootstrap_account(self.options.account_id, given, clock.now()).await?;
        // ARNs, names and signatures have the region in them: with another one nothing that is there would be found.
        let asked = self.options.region.as_str();
        let kept = directory.keep_region(self.options.account_id, asked).await?;
        if kept != asked {
            let folder = self.data_dir.display();
            return Err(format!("`{folder}` is the data folder of the region {kept}, and --region asks for {asked}: leave it out, or name another --data-dir").into());
        }
        if let Some(key) = made {
            credentials::write(&self.data_dir, &key.access_key_id, &key.secret)?;
        }
        // SECURITY: before anything reads a policy, whom it names by name alone is named by unique id.
        let policies =
            [&dynamodb::POLICIES[..], &apigateway::POLICIES, &[s3::POLICIES, lambda::POLICIES]].concat();
        Ok(directory.bind_stored(&policies).await?)
    }
}

struct Built {
    pipeline: Pipeline,
    edge: Edge,
    compute: Compute,
    urls: FunctionUrls,
    callbacks: Callbacks,
    /// Where callers reach it, as DynamoDB tells them.
    own_address: dynamodb::OwnAddress,
    /// Where the platform listens, once it does.
    address: Arc<OnceLock<SocketAddr>>,
}

impl Running {
    /// The AWS config file for this platform.
    pub(crate) fn config_path(&self) -> PathBuf {
        self.data_dir.join("config")
    }

    /// Writes the AWS config file, with a profile for each output that is a role.
    pub(crate) fn note_outputs(&self, outputs: &BTreeMap<String, String>) -> Result<(), Error> {
        let endpoint = credentials::Endpoint {
            url: &self.endpoint,
            region: self.pipeline.region().as_str(),
            ca_bundle: self.ca_bundle.as_deref(),
        };
        let text = credentials::config_file(&endpoint, outputs);
        Ok(credentials::replace(&self.config_path(), text.as_bytes())?)
    }
}

/// Where the store of a data folder is.
pub(crate) fn store_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("store")
}

/// Where only layers are missing, says how to do without them.
fn with_way_out(error: sandbox::StartError) -> Error {
    let sandbox::StartError::Layers(missing) = &error else { return error.into() };
    let names: Vec<&str> = missing.iter().map(|layer| layer.name.as_str()).collect();
    format!("{error}; to run functions without them: --accept-missing-layers {}", names.join(",")).into()
}

/// Says what isolates functions on this host, and warns of what does not.
fn tell_layers(layers: &[sandbox::LayerStatus]) {
    for sandbox::LayerStatus { name, active, detail, essential } in layers {
        match (active, essential) {
            (true, _) => tracing::info!(layer = name, detail, "isolation"),
            (false, true) => {
                tracing::warn!(layer = name, detail, "functions run without an essential layer of isolation")
            }
            (false, false) => {
                tracing::warn!(layer = name, detail, "functions run without a layer of isolation")
            }
        }
    }
}

/// The layers by name: those that are active, and after `without`, those that are not.
fn isolation(layers: &[sandbox::LayerStatus]) -> String {
    let names = |active: bool| {
        let chosen = layers.iter().filter(|layer| layer.active == active).map(|layer| layer.name.as_str());
        chosen.collect::<Vec<_>>().join(", ")
    };
    let missing = names(false);
    if missing.is_empty() { names(true) } else { format!("{}; without {missing}", names(true)) }
}

/// Makes the data folder, for its owner's eyes only, and answers its full path.
fn make_private(folder: &Path) -> Result<PathBuf, Error> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    let failed = |error| format!("cannot make the data folder `{}`: {error}", folder.display());
    builder.create(folder).map_err(failed)?;
    Ok(folder.canonicalize().map_err(failed)?)
}
