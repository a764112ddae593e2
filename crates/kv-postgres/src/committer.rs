//! Writing: each committer takes all jobs that wait, makes them one database transaction, sends all its statements at
//! once and tells who waited. A transaction of several jobs that fails at a guard is done again job by job, so that
//! only the job whose guard it is hears of it. Knows no decisions: what reaches it is settled.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use kv::Seq;
use tokio::time::sleep;
use tokio_postgres::{Error, types::ToSql};

use crate::{
    dialect::Sql,
    failure::Failure,
    job::{Group, Job, Plan, Rows},
    link::{Link, Session, jittered},
    queue::Queue,
    reader::same,
    waker::Waker,
};

pub(crate) type Jobs = Arc<Queue<Job>>;

/// How often a transaction that had to give way is tried before its writers are told.
const TRIES_MAX: u32 = 8;
const TRY_PAUSE: Duration = Duration::from_millis(3);

/// The loop of one committer.
pub(crate) async fn run(jobs: Jobs, link: Link, waker: Arc<Waker>) {
    while let Some(group) = jobs.take(Group::choose).await {
        let session = match link.session().await {
            Ok(session) => session,
            Err(error) => {
                let waiting = jobs.drain();
                for job in group.into_jobs().into_iter().chain(waiting) {
                    job.finish(Err(Failure::Store(same(&error))));
                }
                continue;
            }
        };
        match commit(&session, &group, &waker).await {
            Ok(base) => finish(group, base, &waker),
            Err(Failure::Guard | Failure::NotACounter | Failure::Again) if group.jobs().len() > 1 => {
                one_by_one(&session, group, &waker).await;
            }
            Err(failure) => fail(group, failure, &session, &waker).await,
        }
    }
}

async fn one_by_one(session: &Session, group: Group, waker: &Waker) {
    for job in group.into_jobs() {
        let group = Group::alone(job);
        match commit(session, &group, waker).await {
            Ok(base) => finish(group, base, waker),
            Err(failure) => fail(group, failure, session, waker).await,
        }
    }
}

/// Tells the group's jobs, after trying again where that is right.
async fn fail(group: Group, mut failure: Failure, session: &Session, waker: &Waker) {
    let mut tries = 1;
    while matches!(failure, Failure::Again) && tries < TRIES_MAX {
        sleep(jittered(TRY_PAUSE * tries)).await;
        match commit(session, &group, waker).await {
            Ok(base) => return finish(group, base, waker),
            Err(again) => failure = again,
        }
        tries += 1;
    }
    let mut jobs = group.into_jobs();
    let last = jobs.pop();
    if let Failure::Store(error) = &failure {
        jobs.into_iter().for_each(|job| job.finish(Err(Failure::Store(same(error)))));
    } else {
        jobs.into_iter().for_each(|job| job.finish(Err(Failure::Again)));
    }
    if let Some(last) = last {
        last.finish(Err(failure));
    }
}

/// Visible and durable: wakes who watches, then answers.
fn finish(group: Group, Committed { base, horizon }: Committed, waker: &Waker) {
    if waker.wants_keys() {
        let keys: Vec<Bytes> = group.jobs().iter().flat_map(Job::changed).cloned().collect();
        let last = base | (group.jobs().len() as Seq - 1);
        waker.committed(keys, last, horizon.is_some_and(|horizon| horizon > last));
    }
    for (slot, job) in (0..).zip(group.into_jobs()) {
        job.finish(Ok(base | slot));
    }
}

/// What a transaction was told by the database.
struct Committed {
    /// The sequence of its first job.
    base: Seq,
    /// The safe horizon right after it, asked for when somebody watches.
    horizon: Option<Seq>,
}

/// Sends all statements of the group's transaction before it waits for the first answer.
async fn commit(session: &Session, group: &Group, waker: &Waker) -> Result<Committed, Failure> {
    let plan = group.plan();
    let mut steps: Vec<Step<'_>> = Vec::new();
    if plan.only_puts() {
        steps.push((Kind::Base, Box::pin(put(session, Sql::PutAlone, &plan.puts))));
    } else {
        steps.push((Kind::Other, Box::pin(plain(session, "BEGIN"))));
        if !plan.guarded.is_empty() {
            steps.push((Kind::Guard, Box::pin(guard(session, &plan))));
        }
        if !plan.claims.is_empty() {
            steps.push((Kind::Guard, Box::pin(put_new(session, Sql::Claim, &plan.claims))));
        }
        if !plan.puts.is_empty() {
            steps.push((Kind::Other, Box::pin(put(session, Sql::Put, &plan.puts))));
        }
        if !plan.deletes.is_empty() {
            steps.push((Kind::Other, Box::pin(delete(session, &plan.deletes))));
        }
        // Last, for a sum's row is one that many want: it is locked only until the commit.
        if !plan.adds.is_empty() {
            steps.push((Kind::Add, Box::pin(put_new(session, Sql::Add, &plan.adds))));
        }
        steps.push((Kind::Base, Box::pin(number(session, Sql::Mark))));
        steps.push((Kind::Commit, Box::pin(plain(session, "COMMIT"))));
    }
    if waker.wants_keys() {
        steps.push((Kind::Horizon, Box::pin(number(session, Sql::Horizon))));
    }
    let (kinds, answers): (Vec<Kind>, Vec<_>) = steps.into_iter().unzip();
    // Polled in their order, and the first poll sends.
    let answers = session.bounded(join_all(answers)).await?;
    committed(kinds.into_iter().zip(answers))
}

/// What a statement is there for: tells what its error means and whose number it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Guard,
    Add,
    Base,
    Commit,
    Horizon,
    Other,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Option<i64>, Error>> + Send + 'a>>;
type Step<'a> = (Kind, Answer<'a>);

/// The first error counts: those after it only say that the transaction is over. A lost answer to the COMMIT is an
/// error, whatever the database did.
fn committed(
    answers: impl Iterator<Item = (Kind, Result<Option<i64>, Error>)>,
) -> Result<Committed, Failure> {
    let mut done = Committed { base: 0, horizon: None };
    for (kind, answer) in answers {
        match (kind, answer) {
            (Kind::Base, Ok(base)) => done.base = base.unwrap_or_default().cast_unsigned() & !0xff,
            (Kind::Horizon, Ok(horizon)) => done.horizon = horizon.map(i64::cast_unsigned),
            (_, Ok(_)) => {}
            // Committed all the same; the watchers are told again when it is known to be settled.
            (Kind::Horizon, Err(_)) => {}
            (Kind::Add, Err(error)) => {
                return Err(match Failure::of(error) {
                    Failure::Guard => Failure::NotACounter,
                    other => other,
                });
            }
            (_, Err(error)) => return Err(Failure::of(error)),
        }
    }
    Ok(done)
}

async fn plain(session: &Session, text: &str) -> Result<Option<i64>, Error> {
    session.client.batch_execute(text).await.map(|()| None)
}

async fn number(session: &Session, sql: Sql) -> Result<Option<i64>, Error> {
    session.client.query_one(session.sql(sql), &[]).await.map(|row| row.get(0))
}

async fn guard(session: &Session, plan: &Plan<'_>) -> Result<Option<i64>, Error> {
    let count = plan.guarded.len() as i64;
    session
        .client
        .execute(session.sql(Sql::Guard), &[&plan.guarded, &plan.versions, &count])
        .await
        .map(|_| None)
}

async fn delete(session: &Session, keys: &[&[u8]]) -> Result<Option<i64>, Error> {
    session.client.execute(session.sql(Sql::Delete), &[&keys]).await.map(|_| None)
}

/// Rows whose keys are known.
async fn put_new(session: &Session, sql: Sql, rows: &Rows<'_>) -> Result<Option<i64>, Error> {
    let (values, rests) = columns(rows);
    session.client.execute(session.sql(sql), &[&rows.keys, &values, &rows.slots, &rests]).await.map(|_| None)
}

/// Rows of which some get the sequence into their keys. Answers a sequence of the transaction when it runs alone.
async fn put(session: &Session, sql: Sql, rows: &Rows<'_>) -> Result<Option<i64>, Error> {
    let (values, rests) = columns(rows);
    let params: [&(dyn ToSql + Sync); 5] = [&rows.keys, &rows.suffixes, &values, &rows.slots, &rests];
    let answer = session.client.query(session.sql(sql), &params).await?;
    Ok(answer.first().and_then(|row| row.get(0)))
}

fn columns<'r>(rows: &'r Rows<'_>) -> (Vec<&'r [u8]>, Vec<Option<&'r [u8]>>) {
    let values = rows.values.iter().map(Bytes::as_ref).collect();
    (values, rows.rests.iter().map(Option::as_deref).collect())
}
