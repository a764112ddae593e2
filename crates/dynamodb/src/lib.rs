//! Amazon DynamoDB and its streams: tables, items, secondary indexes, streams of changes. Knows no HTTP: requests come
//! as the typed inputs of `api`, rows go to `store`.
//!
//! # Code map
//!
//! - [`ops`]: one operation a file: validate, read, decide, commit, reply
//! - [`table`], [`schema`], [`describe`]: a table as stored, as declared by a request, as shown
//! - [`catalogue`]: which tables there are; [`hold`]: until when one may be used; [`census`]: how many items they hold
//! - [`layout`]: the keys of all records
//! - [`asked`], [`request`], [`translation`]: what requests ask for, parsed; what came before expressions as expressions
//! - [`plan`]: one write, held against its table; [`write`]: what it does to items, indexes and streams; [`change`]: how
//!   it is committed; [`transaction`]: many at once, with [`token`]s against doing it twice
//! - [`collection`]: how large item collections are
//! - [`statement`]: statements of PartiQL held against a table; [`next_token`]: where they go on
//! - [`page`]: reading ranges of items for Query and Scan
//! - [`record`], [`streams`], [`iterator`], [`feed`]: streams and their readers
//! - [`upkeep`]: what is left to do after a table has changed; [`build`]: filling an index that was added later;
//!   [`orphans`]: what crashes left of deleted ones
//! - [`expiry`]: time to live
//! - [`settings`]: [`policy`], [`kinesis`], [`insights`]: what is stored of a table and told back
//! - [`recovery`], [`history`]: what is kept to lead a table back to any time; [`picture`]: the copy that is so made
//! - [`backup`], [`restore`]: backups, and tables made of them; [`job`], [`jobs`]: work behind requests
//! - [`vector`]: indexes of vectors
//! - [`export`], [`written`]: tables as objects; [`import`], [`bulk`], [`load`], [`lines`], [`parsed`]: objects as tables
//! - [`capacity`]: what requests cost; [`throttle`]: what they may; [`error`]: what they are refused with
//!
//! # Invariants
//!
//! 1. An item, its index entries and its stream record are written in one batch, or none is.
//! 2. All records of one item are in one shard, in the order of their commits.
//! 3. A request holds the `Arc` of its table until its write is committed; [`Catalogue::quiesce`] waits for that.
//! 4. What a decision depends on is in its arguments: it may run again.
//! 5. Reading the catalogue takes no lock, and GetItem builds no item that is only passed on.

mod asked;
mod backup;
mod build;
mod bulk;
mod capacity;
mod catalogue;
mod census;
mod change;
mod collection;
mod describe;
mod error;
mod expiry;
mod export;
mod feed;
mod history;
mod hold;
mod import;
mod insights;
mod iterator;
mod job;
mod jobs;
mod kinesis;
mod layout;
mod lines;
mod load;
mod name;
mod next_token;
mod ops;
mod orphans;
mod page;
mod parsed;
mod picture;
mod plan;
mod policy;
mod quota;
mod record;
mod recovery;
mod request;
mod restore;
mod schema;
mod settings;
mod statement;
mod streams;
mod table;
mod tag;
mod throttle;
mod token;
mod transaction;
mod translation;
mod upkeep;
mod vector;
mod warm;
mod write;
mod written;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::dynamodb as dynamodb_api;
use api::dynamodbstreams as streams_api;
use base::{Clock, Cx};
use ports::BoxFuture;
use store::Store;
use wire::{Failure, Request, Response};

use crate::catalogue::Catalogue;
use crate::census::Census;
use crate::error::{Error, Result, text};
use crate::jobs::Jobs;
use crate::table::{Stream, Table};
use crate::throttle::{Admission, Throttle};
use crate::upkeep::{Following, Upkeep};

/// The service. Cheap to share behind an `Arc`; everything durable is in the store.
pub struct DynamoDb {
    store: Store,
    clock: Clock,
    catalogue: Arc<Catalogue>,
    census: Census,
    upkeep: Arc<Upkeep>,
    _following: Arc<Following>,
    jobs: Jobs,
    /// None: nothing is throttled.
    throttle: Option<Throttle>,
}

/// Between two looks for what is past its day.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Between two looks for jobs whose node is no more.
const RESUME_EVERY: Duration = Duration::from_secs(15);
/// Between two looks for items that expired.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

impl DynamoDb {
    /// Reads the catalogue from `store`, and goes on with what was being filled or cleared.
    ///
    /// # Errors
    /// When the store cannot be read or holds records that this version does not understand.
    pub async fn new(store: Store, clock: Clock) -> Result<Self, Failure> {
        let shared = store.is_shared();
        Self::load(store, clock, shared).await
    }

    /// One of several services on the same store.
    ///
    /// # Errors
    /// As those of [`Self::new`].
    pub async fn node(store: Store, clock: Clock) -> Result<Self, Failure> {
        Self::load(store, clock, true).await
    }

    async fn load(store: Store, clock: Clock, shared: bool) -> Result<Self, Failure> {
        let catalogue = Arc::new(Catalogue::load(&store, shared).await?);
        let upkeep = Upkeep::new(store.clone(), clock.clone(), catalogue.clone()).await?;
        upkeep.tend_all();
        let following = Arc::new(upkeep.follow());
        let census = Census::new(store.clone(), clock.clone());
        let jobs = Jobs::new(store.clone(), clock.clone(), catalogue.clone()).await?;
        Ok(Self { store, clock, catalogue, census, upkeep, _following: following, jobs, throttle: None })
    }

    /// Where exports are written to and imports are read from.
    pub fn with_objects(self, objects: Arc<dyn ports::Objects>) -> Self {
        Self { jobs: self.jobs.with_objects(objects), ..self }
    }

    /// Refuses requests beyond the capacity of a table or index, as AWS does.
    pub fn with_throttling(self) -> Self {
        Self { throttle: Some(Throttle::default()), ..self }
    }

    /// Answers a request. Boxed here, so that the operations are compiled with this crate, and once.
    pub fn answer<'a>(&'a self, cx: &'a Cx, request: Request) -> BoxFuture<'a, Response> {
        Box::pin(api::dynamodb::dispatch(self, cx, request))
    }

    /// Answers a request for the tables' streams.
    pub fn answer_streams<'a>(&'a self, cx: &'a Cx, request: Request) -> BoxFuture<'a, Response> {
        Box::pin(api::dynamodbstreams::dispatch(self, cx, request))
    }

    /// What a request that comes now may consume.
    fn admission(&self) -> Admission<'_> {
        Admission::new(self.throttle.as_ref(), &self.clock)
    }

    /// Goes on with the backups, restores, exports and imports that had not ended when the last server did.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn resume(&self) -> Result<(), Failure> {
        Ok(self.jobs.resume().await?)
    }

    /// Returns when no backup, restore, export, import or change of a table goes on in this process.
    pub async fn quiet(&self) {
        self.jobs.quiet().await;
        self.upkeep.quiet().await;
    }

    /// Deletes what is past its day, for ever: run it beside the server.
    pub async fn run(&self) {
        if let Err(error) = self.resume().await {
            note(&error, "jobs that had not ended do not go on");
        }
        let past_their_day = async {
            loop {
                self.clock.sleep(SWEEP_EVERY).await;
                if let Err(error) = self.sweep().await {
                    note(&error, "what is past its day could not be deleted");
                }
            }
        };
        let expired = async {
            loop {
                self.clock.sleep(EXPIRE_EVERY).await;
                if let Err(error) = self.expire().await {
                    note(&error, "expired items could not be deleted");
                }
            }
        };
        let left_by_others = async {
            loop {
                self.clock.sleep(RESUME_EVERY).await;
                if let Err(error) = self.resume().await {
                    note(&error, "jobs that other nodes left do not go on");
                }
            }
        };
        tokio::join!(past_their_day, expired, left_by_others);
    }

    /// Deletes the items whose time to live is over, once.
    pub async fn expire(&self) -> Result<(), Failure> {
        if self.catalogue.all().iter().any(|table| table.live_expiry().is_some()) {
            expiry::sweep(&self.store, &self.catalogue, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Deletes stream records older than 24 hours, tokens older than ten minutes, and what a crash left of deleted
    /// tables, once.
    pub async fn sweep(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        streams::sweep(&self.store, now).await?;
        token::sweep(&self.store, now).await?;
        let held = job::held(&self.store).await?;
        history::sweep(&self.store, &self.catalogue, &held, now).await?;
        backup::sweep(&self.jobs).await?;
        Ok(orphans::sweep(&self.store, &self.catalogue, &held).await?)
    }

    /// The table that an operation on items names.
    async fn table(&self, cx: &Cx, text: &str) -> Result<Arc<Table>> {
        let name = name::table_name(&cx.scope, text)?;
        cx.trace.set_resource("dynamodb", name);
        let table = self.catalogue.open(&cx.scope, name).await?;
        let table = table.filter(|table| table.making().is_none());
        table.ok_or_else(|| Error::NotFound(text::NO_RESOURCE.to_owned()))
    }

    /// The table that an operation on tables names, as it is now; its error names it too.
    async fn named_table(&self, cx: &Cx, text: &str) -> Result<Arc<Table>> {
        let name = name::table_name(&cx.scope, text)?;
        cx.trace.set_resource("dynamodb", name);
        let table = self.catalogue.fresh(&cx.scope, name).await?;
        let table = table.filter(|table| table.making().is_none());
        table.ok_or_else(|| Error::NotFound(text::no_table(name)))
    }

    /// The table of this name, even if it is still being made.
    async fn any_table(&self, cx: &Cx, text: &str) -> Result<Arc<Table>> {
        let name = name::table_name(&cx.scope, text)?;
        let table = self.catalogue.fresh(&cx.scope, name).await?;
        table.ok_or_else(|| Error::NotFound(text::no_table(name)))
    }

    /// The table that an operation on backups names: whole, and missed in words of its own.
    async fn backed_up_table(&self, cx: &Cx, name: &str) -> Result<Arc<Table>> {
        let table = self.catalogue.fresh(&cx.scope, name).await?;
        let table = table.filter(|table| table.making().is_none());
        table.ok_or_else(|| Error::TableNotFound(name.to_owned()))
    }

    async fn tagged_table(&self, cx: &Cx, arn: &str) -> Result<Arc<Table>> {
        let name = name::tagged_table(&cx.scope, arn)?;
        let table = self.catalogue.fresh(&cx.scope, name).await?;
        table.filter(|table| table.making().is_none()).ok_or_else(|| name::no_tagged(arn))
    }

    async fn stream(&self, cx: &Cx, arn: &str) -> Result<Stream> {
        let parts = name::stream_parts(&cx.scope, arn)?;
        let found = streams::find(&self.store, &cx.scope, parts, self.clock.now()).await?;
        found.ok_or_else(|| Error::NotFound(feed::no_stream(arn)))
    }
}

/// Of work in the background, which comes again. While the database is lost, the engine has said so.
fn note(failure: &Failure, what: &str) {
    match failure.status {
        503 => tracing::debug!(code = %failure.code, "{what}"),
        _ => tracing::warn!(code = %failure.code, "{what}"),
    }
}

impl fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDb").finish_non_exhaustive()
    }
}

/// The operations of a trait, each handed to the file of its name.
macro_rules! serve {
    ($api:ident::$service:ident { $($operation:ident($input:ident) -> $output:ident;)* }) => {
        impl $api::$service for DynamoDb {
            $(async fn $operation(&self, cx: &Cx, input: $api::$input) -> Result<$api::$output, Failure> {
                Ok(ops::$operation::run(self, cx, input).await?)
            })*
        }
    };
}

serve!(dynamodb_api::DynamoDb {
    batch_execute_statement(BatchExecuteStatementInput) -> BatchExecuteStatementOutput;
    batch_get_item(BatchGetItemInput) -> BatchGetItemOutput;
    batch_write_item(BatchWriteItemInput) -> BatchWriteItemOutput;
    cancel_bulk_operation(CancelBulkOperationInput) -> CancelBulkOperationOutput;
    create_backup(CreateBackupInput) -> CreateBackupOutput;
    create_global_table(CreateGlobalTableInput) -> CreateGlobalTableOutput;
    create_table(CreateTableInput) -> CreateTableOutput;
    delete_backup(DeleteBackupInput) -> DeleteBackupOutput;
    delete_item(DeleteItemInput) -> DeleteItemOutput;
    delete_resource_policy(DeleteResourcePolicyInput) -> DeleteResourcePolicyOutput;
    delete_table(DeleteTableInput) -> DeleteTableOutput;
    describe_backup(DescribeBackupInput) -> DescribeBackupOutput;
    describe_bulk_operation(DescribeBulkOperationInput) -> DescribeBulkOperationOutput;
    describe_continuous_backups(DescribeContinuousBackupsInput) -> DescribeContinuousBackupsOutput;
    describe_contributor_insights(DescribeContributorInsightsInput) -> DescribeContributorInsightsOutput;
    describe_endpoints(DescribeEndpointsInput) -> DescribeEndpointsOutput;
    describe_export(DescribeExportInput) -> DescribeExportOutput;
    describe_global_table(DescribeGlobalTableInput) -> DescribeGlobalTableOutput;
    describe_global_table_settings(DescribeGlobalTableSettingsInput) -> DescribeGlobalTableSettingsOutput;
    describe_import(DescribeImportInput) -> DescribeImportOutput;
    describe_kinesis_streaming_destination(DescribeKinesisStreamingDestinationInput) -> DescribeKinesisStreamingDestinationOutput;
    describe_limits(DescribeLimitsInput) -> DescribeLimitsOutput;
    describe_table(DescribeTableInput) -> DescribeTableOutput;
    describe_table_replica_auto_scaling(DescribeTableReplicaAutoScalingInput) -> DescribeTableReplicaAutoScalingOutput;
    describe_time_to_live(DescribeTimeToLiveInput) -> DescribeTimeToLiveOutput;
    disable_kinesis_streaming_destination(KinesisStreamingDestinationInput) -> KinesisStreamingDestinationOutput;
    enable_kinesis_streaming_destination(KinesisStreamingDestinationInput) -> KinesisStreamingDestinationOutput;
    execute_statement(ExecuteStatementInput) -> ExecuteStatementOutput;
    execute_transaction(ExecuteTransactionInput) -> ExecuteTransactionOutput;
    export_table_to_point_in_time(ExportTableToPointInTimeInput) -> ExportTableToPointInTimeOutput;
    get_item(GetItemInput) -> GetItemOutput;
    get_resource_policy(GetResourcePolicyInput) -> GetResourcePolicyOutput;
    import_table(ImportTableInput) -> ImportTableOutput;
    list_backups(ListBackupsInput) -> ListBackupsOutput;
    list_bulk_operations(ListBulkOperationsInput) -> ListBulkOperationsOutput;
    list_contributor_insights(ListContributorInsightsInput) -> ListContributorInsightsOutput;
    list_exports(ListExportsInput) -> ListExportsOutput;
    list_global_tables(ListGlobalTablesInput) -> ListGlobalTablesOutput;
    list_imports(ListImportsInput) -> ListImportsOutput;
    list_tables(ListTablesInput) -> ListTablesOutput;
    list_tags_of_resource(ListTagsOfResourceInput) -> ListTagsOfResourceOutput;
    put_item(PutItemInput) -> PutItemOutput;
    put_resource_policy(PutResourcePolicyInput) -> PutResourcePolicyOutput;
    query(QueryInput) -> QueryOutput;
    restore_table_from_backup(RestoreTableFromBackupInput) -> RestoreTableFromBackupOutput;
    restore_table_to_point_in_time(RestoreTableToPointInTimeInput) -> RestoreTableToPointInTimeOutput;
    scan(ScanInput) -> ScanOutput;
    search_vectors(SearchVectorsInput) -> SearchVectorsOutput;
    start_bulk_put_items(StartBulkPutItemsInput) -> StartBulkPutItemsOutput;
    tag_resource(TagResourceInput) -> TagResourceOutput;
    transact_get_items(TransactGetItemsInput) -> TransactGetItemsOutput;
    transact_write_items(TransactWriteItemsInput) -> TransactWriteItemsOutput;
    untag_resource(UntagResourceInput) -> UntagResourceOutput;
    update_continuous_backups(UpdateContinuousBackupsInput) -> UpdateContinuousBackupsOutput;
    update_contributor_insights(UpdateContributorInsightsInput) -> UpdateContributorInsightsOutput;
    update_global_table(UpdateGlobalTableInput) -> UpdateGlobalTableOutput;
    update_global_table_settings(UpdateGlobalTableSettingsInput) -> UpdateGlobalTableSettingsOutput;
    update_item(UpdateItemInput) -> UpdateItemOutput;
    update_kinesis_streaming_destination(UpdateKinesisStreamingDestinationInput) -> UpdateKinesisStreamingDestinationOutput;
    update_table(UpdateTableInput) -> UpdateTableOutput;
    update_table_replica_auto_scaling(UpdateTableReplicaAutoScalingInput) -> UpdateTableReplicaAutoScalingOutput;
    update_time_to_live(UpdateTimeToLiveInput) -> UpdateTimeToLiveOutput;
});

serve!(streams_api::DynamoDbStreams {
    describe_stream(DescribeStreamInput) -> DescribeStreamOutput;
    get_records(GetRecordsInput) -> GetRecordsOutput;
    get_shard_iterator(GetShardIteratorInput) -> GetShardIteratorOutput;
    list_streams(ListStreamsInput) -> ListStreamsOutput;
});
