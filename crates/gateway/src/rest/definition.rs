//! Everything that an API is made of, read together: what is copied when it is cloned, frozen when it is deployed, and
//! named by its methods.

use store::{Batch, Store};

use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::authorizer::AuthorizerRecord;
use crate::rest::copy::Placed;
use crate::rest::documentation::DocumentationPartRecord;
use crate::rest::gateway_response::GatewayResponseRecord;
use crate::rest::model::{self, ModelRecord};
use crate::rest::records::{ApiRecord, MethodRecord, Snapshot, Tree};
use crate::rest::request_validator::RequestValidatorRecord;
use crate::rest::rows;

/// The parts of an API that answer requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) authorizers: Vec<AuthorizerRecord>,
    /// The rows that there are, see [`model::all`].
    pub(crate) models: Vec<ModelRecord>,
    pub(crate) validators: Vec<RequestValidatorRecord>,
    pub(crate) gateway_responses: Vec<GatewayResponseRecord>,
}

impl Parts {
    pub(crate) async fn read(store: &Store, api: &ApiRecord) -> Result<Self> {
        let owner = Owner::Api(api);
        Ok(Self {
            authorizers: parts::all(store, owner).await?,
            models: parts::all(store, owner).await?,
            validators: parts::all(store, owner).await?,
            gateway_responses: parts::all(store, owner).await?,
        })
    }

    /// Adds them to the batch that makes their owner.
    pub(crate) fn put(&self, batch: Batch, api: &ApiRecord) -> Batch {
        let owner = Owner::Api(api);
        let batch = self.authorizers.iter().fold(batch, |batch, part| parts::put(batch, owner, part));
        let batch = self.models.iter().fold(batch, |batch, part| parts::put(batch, owner, part));
        let batch = self.validators.iter().fold(batch, |batch, part| parts::put(batch, owner, part));
        self.gateway_responses.iter().fold(batch, |batch, part| parts::put(batch, owner, part))
    }

    fn remove(&self, batch: Batch, api: &ApiRecord) -> Batch {
        let owner = Owner::Api(api);
        let batch = self.authorizers.iter().fold(batch, |batch, part| parts::remove(batch, owner, part));
        let batch = self.models.iter().fold(batch, |batch, part| parts::remove(batch, owner, part));
        let batch = self.validators.iter().fold(batch, |batch, part| parts::remove(batch, owner, part));
        self.gateway_responses.iter().fold(batch, |batch, part| parts::remove(batch, owner, part))
    }

    /// Into what a deployment freezes; what there is none of is not written.
    pub(crate) fn freeze(&self, snapshot: &mut Snapshot) {
        fn some<T: Clone>(parts: &[T]) -> Option<Vec<T>> {
            (!parts.is_empty()).then(|| parts.to_vec())
        }
        snapshot.authorizers.clone_from(&self.authorizers);
        snapshot.models = some(&self.models);
        snapshot.validators = some(&self.validators);
        snapshot.gateway_responses = some(&self.gateway_responses);
    }

    /// Whether the API has a model of this name.
    pub(crate) fn has_model(&self, name: &str) -> bool {
        let row = self.models.iter().find(|model| model.name == name);
        row.map_or_else(|| ModelRecord::by_default(0, name).is_some(), |model| !model.gone)
    }

    /// Fails unless the models that `model` refers to are there.
    pub(crate) fn check_references(&self, model: &ModelRecord) -> Result<()> {
        match model.references().into_iter().find(|name| *name != model.name && !self.has_model(name)) {
            Some(name) => Err(GatewayError::bad_request(format!(
                "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model reference \
                 specified: {name}]"
            ))),
            None => Ok(()),
        }
    }

    pub(crate) fn has_validator(&self, id: &str) -> bool {
        self.validators.iter().any(|validator| validator.id == id)
    }
}

/// All of an API.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) api: ApiRecord,
    pub(crate) tree: Tree,
    pub(crate) methods: Vec<Placed>,
    pub(crate) parts: Parts,
    pub(crate) documentation: Vec<DocumentationPartRecord>,
}

impl Definition {
    /// As CreateRestApi makes it.
    pub(crate) fn new(api: ApiRecord) -> Self {
        Self { parts: Parts::default(), ..Self::empty(api) }
    }

    /// An API with nothing in it: not even the models that others have by themselves.
    pub(crate) fn empty(api: ApiRecord) -> Self {
        let tombstones = ["Empty", "Error"].into_iter().filter_map(ModelRecord::tombstone).collect();
        Self {
            tree: Tree::with_root(&api.root_resource_id),
            methods: Vec::new(),
            parts: Parts { models: tombstones, ..Parts::default() },
            documentation: Vec::new(),
            api,
        }
    }

    pub(crate) async fn read(store: &Store, api: ApiRecord) -> Result<Self> {
        let (tree, methods) = read_tree(store, &api).await?;
        let parts = Parts::read(store, &api).await?;
        let documentation = parts::all(store, Owner::Api(&api)).await?;
        Ok(Self { api, tree, methods, parts, documentation })
    }

    /// The same in place of `known`. Of two changes of a row the later one counts.
    pub(crate) fn replace(&self, known: &Self, batch: Batch) -> Batch {
        let (api, owner) = (&self.api, Owner::Api(&self.api));
        let batch = known.methods.iter().fold(batch, |batch, (resource, method)| {
            batch.delete(rows::method_key(api.row, resource, &method.http_method))
        });
        let batch = known.parts.remove(batch, api);
        let batch = known.documentation.iter().fold(batch, |batch, part| parts::remove(batch, owner, part));
        self.put(batch)
    }

    /// All its rows but that of the API itself, in a batch.
    pub(crate) fn put(&self, batch: Batch) -> Batch {
        let (api, owner) = (&self.api, Owner::Api(&self.api));
        let batch = batch.put(rows::tree_key(api.row), rows::encode(&self.tree));
        let batch = self.methods.iter().fold(batch, |batch, (resource, method)| {
            batch.put(rows::method_key(api.row, resource, &method.http_method), rows::encode(method))
        });
        let batch = self.parts.put(batch, api);
        self.documentation.iter().fold(batch, |batch, part| parts::put(batch, owner, part))
    }
}

/// The models of an API, also those that nobody made.
pub(crate) async fn models(store: &Store, api: &ApiRecord) -> Result<Vec<ModelRecord>> {
    Ok(model::all(parts::all(store, Owner::Api(api)).await?, api.row))
}

/// The resources of an API and their methods by the resources' ids.
pub(crate) async fn read_tree(store: &Store, api: &ApiRecord) -> Result<(Tree, Vec<Placed>)> {
    let tree: Tree = rows::read(store, &rows::tree_key(api.row)).await?.unwrap_or_default();
    let mut methods = Vec::new();
    for (id, node) in &tree.resources {
        let keys = node.methods.iter().map(|method| rows::method_key(api.row, id, method));
        for row in store.multi_get(&keys.collect::<Vec<_>>()).await? {
            methods.extend(rows::decode_row(row.as_ref())?.map(|method| (id.clone(), method)));
        }
    }
    Ok((tree, methods))
}

/// The first method, by path, of which `is` holds: its path and it.
pub(crate) async fn find_method(
    store: &Store,
    api: &ApiRecord,
    is: impl Fn(&MethodRecord) -> bool,
) -> Result<Option<(String, MethodRecord)>> {
    let (tree, mut methods) = read_tree(store, api).await?;
    for (path, id) in tree.by_path() {
        if let Some(at) = methods.iter().position(|(owner, method)| owner == id && is(method)) {
            return Ok(Some((path, methods.swap_remove(at).1)));
        }
    }
    Ok(None)
}
