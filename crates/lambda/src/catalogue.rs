//! All functions in memory: what an invocation looks up without reading the store. Snapshots, replaced whole;
//! knows how rows are read at the start and written by edits, and no operation.

use std::collections::{BTreeMap, HashMap, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use base::Scope;
use bytes::Bytes;
use sandbox::InitType;
use store::{Batch, Expect, KvError, Store};
use tokio::sync::{Mutex, MutexGuard, Notify};

use crate::event_config::EventConfig;
use crate::fleet::Fleet;
use crate::function::{Alias, FunctionRecord, RuntimeManagement, VersionRecord, new_revision, version_text};
use crate::keys;
use crate::name::{Qualifier, function_arn};
use crate::policy::Policy;
use crate::provision::{self, Progress, Provision, Provisioned, Scaling};
use crate::url::UrlConfig;

/// Edits of different functions rarely share one of so many locks.
const EDIT_LOCKS: usize = 64;

/// A function as it is now. Never changed: an edit puts another in its place.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    pub(crate) latest: Arc<Version>,
    pub(crate) versions: BTreeMap<u64, Arc<Version>>,
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) policies: BTreeMap<String, Policy>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) reserved: Option<u32>,
    /// By qualifier.
    pub(crate) event_configs: BTreeMap<String, EventConfig>,
    /// Recursive loops go on.
    pub(crate) allows_loops: bool,
    pub(crate) provisioned: BTreeMap<String, Provisioned>,
    pub(crate) scaling: BTreeMap<String, Scaling>,
    /// The ARN of its code signing configuration.
    pub(crate) code_signing: Option<String>,
    /// By the text of the version.
    pub(crate) runtime_management: BTreeMap<String, RuntimeManagement>,
    pub(crate) urls: BTreeMap<String, UrlConfig>,
    pub(crate) load: Arc<Load>,
}

/// A version with its warm environments.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) record: VersionRecord,
    /// `$LATEST` or the number.
    pub(crate) text: String,
    pub(crate) log_group: Arc<str>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) provision: Arc<Provision>,
}

/// How many invocations run, of a function and of its account in its region.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) function: AtomicUsize,
    pub(crate) account: Arc<AccountLoad>,
}

#[derive(Debug, Default)]
pub(crate) struct AccountLoad {
    pub(crate) unreserved: AtomicUsize,
    /// The sum of what functions have set aside.
    pub(crate) reserved: AtomicUsize,
}

impl Version {
    pub(crate) fn new(record: VersionRecord) -> Arc<Self> {
        Arc::new(Self::of(record))
    }

    fn of(record: VersionRecord) -> Self {
        let text = version_text(record.number);
        let log_group = record.settings.logging.group.as_str().into();
        Self { record, text, log_group, fleet: Arc::default(), provision: Arc::default() }
    }

    /// The same under another revision, with the same environments.
    fn revised(&self) -> Arc<Self> {
        let record = VersionRecord { revision: new_revision(), ..self.record.clone() };
        let (fleet, provision) = (self.fleet.clone(), self.provision.clone());
        Arc::new(Self { fleet, provision, ..Self::of(record) })
    }

    /// This version as another node left it: the same environments serve it, unless they would run something else.
    fn become_of(self: &Arc<Self>, record: VersionRecord) -> Arc<Self> {
        if record == self.record {
            return self.clone();
        }
        if (VersionRecord { revision: record.revision.clone(), ..self.record.clone() }) == record {
            let (fleet, provision) = (self.fleet.clone(), self.provision.clone());
            return Arc::new(Self { fleet, provision, ..Self::of(record) });
        }
        Self::new(record)
    }

    /// What an environment is told of its start, unless it is provisioned.
    pub(crate) fn init_type(&self) -> InitType {
        let snapshot = self.record.number != 0 && self.record.settings.snap_start == "PublishedVersions";
        if snapshot { InitType::SnapStart } else { InitType::OnDemand }
    }
}

impl Function {
    /// Gives `$LATEST` another revision.
    pub(crate) fn touch_latest(&mut self) {
        self.latest = self.latest.revised();
    }

    /// Gives what `qualifier` names another revision, and answers with the rows that this changes beside the
    /// function's own. Environments stay.
    pub(crate) fn touch(&mut self, qualifier: Option<Qualifier<'_>>) -> Batch {
        match qualifier {
            None | Some(Qualifier::Latest) => self.touch_latest(),
            Some(Qualifier::Number(number)) => {
                if let Some(version) = self.versions.get_mut(&number) {
                    *version = version.revised();
                    let row = minicbor::to_vec(&version.record).expect("writing to a Vec does not fail");
                    return Batch::new().put(keys::version(&self.scope, &self.name, number), row);
                }
            }
            Some(Qualifier::Alias(name)) => {
                if let Some(alias) = self.aliases.get_mut(name) {
                    alias.revision = new_revision();
                }
            }
        }
        Batch::new()
    }

    /// The revision of what `qualifier` names.
    pub(crate) fn revision(&self, qualifier: Option<Qualifier<'_>>) -> Option<&str> {
        if let Some(Qualifier::Alias(name)) = qualifier {
            return self.aliases.get(name).map(|alias| alias.revision.as_str());
        }
        self.version(qualifier, || 1.0).map(|version| version.record.revision.as_str())
    }

    /// The ARN, without a version.
    pub(crate) fn arn(&self) -> String {
        function_arn(&self.scope, &self.name)
    }

    /// The version that `qualifier` means; an alias decides by `roll`, evenly spread over 0..1.
    pub(crate) fn version(
        &self,
        qualifier: Option<Qualifier<'_>>,
        roll: impl FnOnce() -> f64,
    ) -> Option<&Arc<Version>> {
        match qualifier {
            None | Some(Qualifier::Latest) => Some(&self.latest),
            Some(Qualifier::Number(number)) => self.versions.get(&number),
            Some(Qualifier::Alias(name)) => {
                let alias = self.aliases.get(name)?;
                let number = if alias.weights.is_empty() { alias.version } else { alias.pick(roll()) };
                self.numbered(number)
            }
        }
    }

    /// The version of this number, 0 being `$LATEST`.
    pub(crate) fn numbered(&self, number: u64) -> Option<&Arc<Version>> {
        if number == 0 { Some(&self.latest) } else { self.versions.get(&number) }
    }

    pub(crate) fn all_versions(&self) -> impl Iterator<Item = &Arc<Version>> {
        std::iter::once(&self.latest).chain(self.versions.values())
    }

    fn record(&self) -> FunctionRecord {
        FunctionRecord {
            latest: self.latest.record.clone(),
            aliases: self.aliases.clone(),
            policies: self.policies.clone(),
            tags: self.tags.clone(),
            reserved: self.reserved,
            event_configs: self.event_configs.clone(),
            allows_loops: self.allows_loops,
            provisioned: self.provisioned.clone(),
            scaling: self.scaling.clone(),
            code_signing: self.code_signing.clone(),
            runtime_management: self.runtime_management.clone(),
            urls: self.urls.clone(),
        }
    }

    fn is_of(&self, record: &FunctionRecord, versions: &BTreeMap<u64, VersionRecord>) -> bool {
        let same = |(number, record): (&u64, &VersionRecord)| {
            self.versions.get(number).is_some_and(|version| version.record == *record)
        };
        self.record() == *record && self.versions.len() == versions.len() && versions.iter().all(same)
    }

    /// The versions whose environments a provisioning of `qualifier` makes.
    pub(crate) fn reached_by(&self, qualifier: &str) -> Vec<&Arc<Version>> {
        let shares = provision::shares(qualifier, 0, &self.aliases);
        shares.into_iter().filter_map(|(number, _)| self.numbered(number)).collect()
    }

    /// How far the provisioning of `qualifier` has come.
    pub(crate) fn progress(&self, qualifier: &str) -> Progress {
        let none = Progress { allocated: 0, failure: None };
        self.reached_by(qualifier).into_iter().map(|v| v.provision.progress()).fold(none, Progress::and)
    }

    /// Tells each version how many environments it shall have initialised; whether there is anything to do.
    fn want_provisioned(&self) -> bool {
        let mut wanted: HashMap<u64, usize> = HashMap::new();
        for (qualifier, provisioned) in &self.provisioned {
            for (number, share) in provision::shares(qualifier, provisioned.count, &self.aliases) {
                *wanted.entry(number).or_default() += share;
            }
        }
        for (qualifier, Scaling { min, .. }) in &self.scaling {
            for (number, share) in provision::shares(qualifier, min.unwrap_or(0), &self.aliases) {
                *wanted.entry(number).or_default() += share;
            }
        }
        for version in self.all_versions() {
            if version.provision.want(wanted.get(&version.record.number).copied().unwrap_or(0)) {
                version.fleet.end_surplus();
            }
        }
        // A configuration that is set again may have failed before.
        !(self.provisioned.is_empty() && self.scaling.is_empty())
    }

    /// What it sets aside of its account's concurrency.
    pub(crate) fn set_aside(&self) -> usize {
        let provisioned = || self.provisioned.values().map(|p| p.count).sum();
        self.reserved.unwrap_or_else(provisioned) as usize
    }

    /// What names an alias or version that is there no more goes with it.
    fn forget_qualifiers(&mut self) {
        let (aliases, versions) = (&self.aliases, &self.versions);
        let is_there = |qualifier: &String| match Qualifier::parse(qualifier) {
            Qualifier::Latest => true,
            Qualifier::Number(number) => versions.contains_key(&number),
            Qualifier::Alias(name) => aliases.contains_key(name),
        };
        self.provisioned.retain(|qualifier, _| is_there(qualifier));
        self.scaling.retain(|qualifier, _| is_there(qualifier));
    }
}

/// A function and its published versions, as the store has them.
type Rows = (FunctionRecord, BTreeMap<u64, VersionRecord>);

#[derive(Debug)]
pub(crate) struct Catalogue {
    store: Store,
    scopes: RwLock<HashMap<Scope, Region>>,
    /// Where the function of a URL's id is, and its alias or "".
    urls: RwLock<HashMap<String, (Scope, String, String)>>,
    edits: Vec<Mutex<()>>,
    /// Environments are to be initialised, or one that was has ended.
    pub(crate) provision_changed: Arc<Notify>,
}

/// The functions of one account in one region.
#[derive(Debug, Default)]
struct Region {
    functions: BTreeMap<String, Arc<Function>>,
    load: Arc<AccountLoad>,
}

/// The right to change one function, held while an operation reads, decides and commits.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    catalogue: &'a Catalogue,
    scope: Scope,
    name: String,
    pub(crate) now: Option<Arc<Function>>,
    _turn: MutexGuard<'a, ()>,
}

impl Catalogue {
    pub(crate) fn new(store: Store) -> Self {
        let edits = (0..EDIT_LOCKS).map(|_| Mutex::new(())).collect();
        Self {
            store,
            scopes: RwLock::default(),
            urls: RwLock::default(),
            edits,
            provision_changed: Arc::default(),
        }
    }

    /// Reads all functions from the store.
    pub(crate) async fn load(&self) -> Result<(), KvError> {
        for (place, (record, versions)) in self.rows().await? {
            let function = self.restored(place, record, versions, None);
            self.replace(None, Some(Arc::new(function)));
        }
        Ok(())
    }

    /// As [`load`](Self::load), when other nodes may have changed some of what is here.
    pub(crate) async fn reload(&self) -> Result<(), KvError> {
        let rows = self.rows().await?;
        for function in self.all() {
            if !rows.contains_key(&(function.scope.clone(), function.name.clone())) {
                self.bring(&function.scope, &function.name).await?;
            }
        }
        for ((scope, name), (record, versions)) in rows {
            let known = self.get(&scope, &name);
            if known.is_none_or(|function| !function.is_of(&record, &versions)) {
                self.bring(&scope, &name).await?;
            }
        }
        Ok(())
    }

    async fn rows(&self) -> Result<HashMap<(Scope, String), Rows>, KvError> {
        let mut versions: HashMap<(Scope, String), BTreeMap<u64, VersionRecord>> = HashMap::new();
        for (key, value) in self.store.rows(keys::versions()).await? {
            let Some(place) = keys::parse_scoped(&key) else { continue };
            let record: VersionRecord = decode("version", &key, &value)?;
            versions.entry(place).or_default().insert(record.number, record);
        }
        let mut rows = HashMap::new();
        for (key, value) in self.store.rows(keys::functions()).await? {
            let Some(place) = keys::parse_scoped(&key) else { continue };
            let record: FunctionRecord = decode("function", &key, &value)?;
            let versions = versions.remove(&place).unwrap_or_default();
            rows.insert(place, (record, versions));
        }
        Ok(rows)
    }

    /// Reads a function again: another node may have made, changed or deleted it since this one looked.
    pub(crate) async fn bring(&self, scope: &Scope, name: &str) -> Result<(), KvError> {
        let edit = self.edit(scope, name).await;
        let key = keys::function(scope, name);
        let old = edit.now.as_ref();
        let Some(row) = self.store.get(&key).await? else {
            edit.end_gone(None);
            self.replace(old, None);
            return Ok(());
        };
        let record: FunctionRecord = decode("function", &key, &row.value)?;
        let mut versions = BTreeMap::new();
        for (key, value) in self.store.rows(keys::versions_of(scope, name)).await? {
            let record: VersionRecord = decode("version", &key, &value)?;
            versions.insert(record.number, record);
        }
        let function = self.restored((scope.clone(), name.to_owned()), record, versions, old);
        let function = Arc::new(function);
        edit.end_gone(Some(&function));
        self.replace(old, Some(function));
        Ok(())
    }

    /// What of `old` is still as it was goes on: versions with their environments, and what runs now.
    fn restored(
        &self,
        (scope, name): (Scope, String),
        record: FunctionRecord,
        versions: BTreeMap<u64, VersionRecord>,
        old: Option<&Arc<Function>>,
    ) -> Function {
        let load = || Arc::new(Load { account: self.account_load(&scope), ..Load::default() });
        let version = |record: VersionRecord| match old.and_then(|old| old.numbered(record.number)) {
            Some(known) => known.become_of(record),
            None => Version::new(record),
        };
        Function {
            load: old.map_or_else(load, |old| old.load.clone()),
            scope,
            name,
            latest: version(record.latest),
            versions: versions.into_iter().map(|(number, record)| (number, version(record))).collect(),
            aliases: record.aliases,
            policies: record.policies,
            tags: record.tags,
            reserved: record.reserved,
            event_configs: record.event_configs,
            allows_loops: record.allows_loops,
            provisioned: record.provisioned,
            scaling: record.scaling,
            code_signing: record.code_signing,
            runtime_management: record.runtime_management,
            urls: record.urls,
        }
    }

    pub(crate) fn get(&self, scope: &Scope, name: &str) -> Option<Arc<Function>> {
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        scopes.get(scope)?.functions.get(name).cloned()
    }

    /// The function with the URL of this id, and the alias that it is for, or "".
    pub(crate) fn by_url(&self, id: &str) -> Option<(Arc<Function>, String)> {
        let (scope, name, qualifier) =
            self.urls.read().unwrap_or_else(PoisonError::into_inner).get(id)?.clone();
        Some((self.get(&scope, &name)?, qualifier))
    }

    /// The functions of `scope` by name.
    pub(crate) fn list(&self, scope: &Scope) -> Vec<Arc<Function>> {
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        scopes.get(scope).map(|region| region.functions.values().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Function>> {
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        scopes.values().flat_map(|region| region.functions.values().cloned()).collect()
    }

    pub(crate) fn account_load(&self, scope: &Scope) -> Arc<AccountLoad> {
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        scopes.entry(scope.clone()).or_default().load.clone()
    }

    /// Waits for the turn to change a function; it need not exist.
    pub(crate) async fn edit(&self, scope: &Scope, name: &str) -> Edit<'_> {
        let mut hasher = DefaultHasher::new();
        (scope, name).hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % EDIT_LOCKS as u64).unwrap_or(0);
        let turn = self.edits[index].lock().await;
        let now = self.get(scope, name);
        Edit { catalogue: self, scope: scope.clone(), name: name.to_owned(), now, _turn: turn }
    }

    fn replace(&self, old: Option<&Arc<Function>>, new: Option<Arc<Function>>) {
        let Some(named) = new.as_ref().or(old) else { return };
        let (scope, name) = (named.scope.clone(), named.name.clone());
        let load = self.account_load(&scope);
        let reserved = |function: Option<&Arc<Function>>| function.map_or(0, |function| function.set_aside());
        load.reserved.fetch_add(reserved(new.as_ref()), Ordering::Relaxed);
        load.reserved.fetch_sub(reserved(old), Ordering::Relaxed);
        if new.as_ref().is_some_and(|function| function.want_provisioned()) {
            self.provision_changed.notify_one();
        }
        self.replace_urls(old, new.as_ref());
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        let functions = &mut scopes.entry(scope).or_default().functions;
        match new {
            Some(function) => functions.insert(name, function),
            None => functions.remove(&name),
        };
    }
}

impl Catalogue {
    fn replace_urls(&self, old: Option<&Arc<Function>>, new: Option<&Arc<Function>>) {
        let has_none = |function: Option<&Arc<Function>>| function.is_none_or(|f| f.urls.is_empty());
        if has_none(old) && has_none(new) {
            return;
        }
        let mut urls = self.urls.write().unwrap_or_else(PoisonError::into_inner);
        for config in old.iter().flat_map(|function| function.urls.values()) {
            urls.remove(&config.id);
        }
        for (qualifier, config) in new.iter().flat_map(|function| &function.urls) {
            let Some(function) = new else { continue };
            let place = (function.scope.clone(), function.name.clone(), qualifier.clone());
            urls.insert(config.id.clone(), place);
        }
    }
}

impl Edit<'_> {
    /// Makes `function` durable with whatever else is in `batch`, then visible. Environments of versions that it
    /// no longer has end, busy ones after their invocation.
    pub(crate) async fn commit(&self, mut function: Option<Function>, batch: Batch) -> Result<(), KvError> {
        let key = keys::function(&self.scope, &self.name);
        if let Some(function) = &mut function {
            function.forget_qualifiers();
        }
        let batch = self.guarded(batch, &key).await?;
        let batch = match &function {
            Some(function) => {
                batch.put(key, minicbor::to_vec(function.record()).expect("writing to a Vec does not fail"))
            }
            None => batch.delete(key),
        };
        self.catalogue.store.commit(batch).await?;
        let new = function.map(Arc::new);
        self.end_gone(new.as_ref());
        self.catalogue.replace(self.now.as_ref(), new);
        Ok(())
    }

    /// `batch`, which another node's change of the function makes fail: what was decided here would undo it.
    async fn guarded(&self, batch: Batch, key: &Bytes) -> Result<Batch, KvError> {
        let store = &self.catalogue.store;
        if !store.is_shared() {
            return Ok(batch);
        }
        let row = store.get(key).await?;
        let record =
            row.as_ref().map(|row| decode::<FunctionRecord>("function", key, &row.value)).transpose()?;
        if record != self.now.as_ref().map(|function| function.record()) {
            return Err(KvError::Contended);
        }
        let expect = row.map_or(Expect::Absent, |row| Expect::Version(row.version));
        Ok(batch.expect(key.clone(), expect).put(keys::epoch(), Bytes::new()))
    }

    /// Ends the environments of versions that `new` no longer has, busy ones after their invocation.
    fn end_gone(&self, new: Option<&Arc<Function>>) {
        let kept: Vec<&Arc<Version>> = new.into_iter().flat_map(|function| function.all_versions()).collect();
        let old = self.now.iter().flat_map(|function| function.all_versions());
        let gone = old.filter(|old| !kept.iter().any(|new| Arc::ptr_eq(&new.fleet, &old.fleet)));
        gone.for_each(|version| version.fleet.close());
    }
}

/// A row that cannot be read is damage, not a missing function.
fn decode<'a, T: minicbor::Decode<'a, ()>>(what: &str, key: &Bytes, value: &'a Bytes) -> Result<T, KvError> {
    minicbor::decode(value).map_err(|error| KvError::Damaged(format!("{what} at {key:?}: {error}")))
}
