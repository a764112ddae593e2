//! One connection that comes back by itself. Who uses it gets the session of the moment, or after a short wait hears
//! that there is none. Knows statements by name, not what they are for.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{join_all, poll_fn};
use kv::KvError;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket, Statement, tls::NoTlsStream};
use tokio_util::sync::CancellationToken;

use crate::{
    dialect::{Dialect, Role, Sql},
    failure::{self, Failure},
    schema,
    target::Target,
};

/// So long after a connection was lost requests wait for the next; those that come later are told at once.
const PATIENCE: Duration = Duration::from_millis(1_500);
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Makes connections, and tells the log once when the database is lost and once when it is back.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) target: Target,
    /// The time a statement may take.
    pub(crate) deadline: Duration,
    pub(crate) ended: CancellationToken,
    lost: AtomicBool,
    /// The first that reaches the database again tells the others.
    back: Notify,
}

/// A connection with its statements.
pub(crate) struct Session {
    pub(crate) client: Client,
    statements: Vec<(Sql, Statement)>,
    /// Cancelled: it did not answer in time, and what it may answer later is nobody's.
    given_up: CancellationToken,
    deadline: Duration,
}

#[derive(Debug, Clone)]
enum Current {
    Session(Arc<Session>),
    LostSince(Instant),
}

#[derive(Debug)]
pub(crate) struct Link {
    current: watch::Receiver<Current>,
    connector: Arc<Connector>,
}

type Driver = Connection<Socket, NoTlsStream>;

impl Connector {
    pub(crate) fn new(target: Target, deadline: Duration) -> Self {
        Self {
            target,
            deadline,
            ended: CancellationToken::new(),
            lost: AtomicBool::new(false),
            back: Notify::new(),
        }
    }

    /// A new connection; its driver runs until it breaks or the session is given up. `notified` gets what others say.
    async fn connect(
        &self,
        role: Role,
        notified: Option<mpsc::Sender<String>>,
    ) -> Result<(Session, CancellationToken), KvError> {
        let unavailable = |error: tokio_postgres::Error| KvError::Unavailable(failure::text(&error));
        let (client, driver) = self.target.config.connect(NoTls).await.map_err(unavailable)?;
        let given_up = CancellationToken::new();
        let broken = CancellationToken::new();
        tokio::spawn(drive(driver, notified, given_up.clone(), broken.clone()));
        let client = GiveUpOnDrop { client: Some(client), given_up: given_up.clone() };
        let session = client.as_ref();
        session
            .batch_execute(&Dialect::session(self.deadline.as_millis()))
            .await
            .map_err(|error| KvError::from(Failure::of(error)))?;
        let offset = schema::open(session, &self.target.schema).await?;
        let dialect = Dialect::new(&self.target.schema, offset);
        let names = role.statements();
        let texts: Vec<String> = names.iter().map(|sql| dialect.text(*sql)).collect();
        let prepared = join_all(texts.iter().map(|text| session.prepare(text))).await;
        let mut statements = Vec::with_capacity(names.len());
        for (sql, statement) in names.iter().zip(prepared) {
            statements.push((*sql, statement.map_err(|error| KvError::from(Failure::of(error)))?));
        }
        let client = client.keep();
        Ok((Session { client, statements, given_up, deadline: self.deadline }, broken))
    }

    /// [`Self::connect`], bounded.
    pub(crate) async fn open(
        &self,
        role: Role,
        notified: Option<mpsc::Sender<String>>,
    ) -> Result<(Session, CancellationToken), KvError> {
        timeout(self.deadline, self.connect(role, notified)).await.unwrap_or_else(|_| Err(self.late()))
    }

    fn late(&self) -> KvError {
        KvError::Unavailable(format!("{} did not answer within {:?}", self.target, self.deadline))
    }

    pub(crate) fn note_lost(&self, cause: &dyn fmt::Display) {
        if !self.ended.is_cancelled() && !self.lost.swap(true, Ordering::Relaxed) {
            tracing::error!(database = %self.target, %cause, "the database is lost: trying to reach it again");
        }
    }

    pub(crate) fn note_back(&self) {
        if self.lost.swap(false, Ordering::Relaxed) {
            tracing::info!(database = %self.target, "the database is back");
            self.back.notify_waiters();
        }
    }
}

/// Ends the driver when connecting does not come to its end.
struct GiveUpOnDrop {
    client: Option<Client>,
    given_up: CancellationToken,
}

impl GiveUpOnDrop {
    fn as_ref(&self) -> &Client {
        self.client.as_ref().expect("it is taken by `keep` alone")
    }

    fn keep(mut self) -> Client {
        self.client.take().expect("it is taken here alone")
    }
}

impl Drop for GiveUpOnDrop {
    fn drop(&mut self) {
        if self.client.is_some() {
            self.given_up.cancel();
        }
    }
}

/// Moves bytes until the connection ends or is given up.
async fn drive(
    mut driver: Driver,
    notified: Option<mpsc::Sender<String>>,
    given_up: CancellationToken,
    broken: CancellationToken,
) {
    let _broken = broken.drop_guard();
    loop {
        let message = tokio::select! {
            message = poll_fn(|cx| driver.poll_message(cx)) => message,
            () = given_up.cancelled() => return,
        };
        match (message, &notified) {
            // A full channel: the net of the waker catches what falls.
            (Some(Ok(AsyncMessage::Notification(told))), Some(notified)) => {
                let _ = notified.try_send(told.payload().to_owned());
            }
            (Some(Ok(_)), _) => {}
            (Some(Err(_)) | None, _) => return,
        }
    }
}

impl Session {
    pub(crate) fn sql(&self, sql: Sql) -> &Statement {
        let found = self.statements.iter().find(|(name, _)| *name == sql);
        &found.expect("the role of the connection has this statement").1
    }

    /// Waits for an answer until the deadline; a session that is late is given up.
    pub(crate) async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        self.bounded(answer).await?.map_err(Failure::of)
    }

    /// As [`Self::within`], for several answers, some of which may be errors.
    pub(crate) async fn bounded<T>(&self, answer: impl Future<Output = T>) -> Result<T, Failure> {
        // The database ends a statement at the deadline and says so: a little later means that it does not speak.
        match timeout(self.deadline + PATIENCE, answer).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                self.given_up.cancel();
                let text = format!("no answer within {:?}", self.deadline);
                Err(Failure::Store(KvError::Unavailable(text)))
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.given_up.cancel();
    }
}

impl Link {
    /// Connects in the background, and again whenever the connection ends.
    pub(crate) fn start(connector: &Arc<Connector>, role: Role) -> Self {
        let (sender, current) = watch::channel(Current::LostSince(Instant::now()));
        tokio::spawn(keep(connector.clone(), role, sender));
        Self { current, connector: connector.clone() }
    }

    pub(crate) async fn session(&self) -> Result<Arc<Session>, KvError> {
        let mut current = self.current.clone();
        let asked = Instant::now();
        loop {
            let since = match &*current.borrow_and_update() {
                Current::Session(session) => return Ok(session.clone()),
                Current::LostSince(since) => *since,
            };
            // While others have their connections this one is on its way.
            let since = if self.connector.lost.load(Ordering::Relaxed) { since } else { asked };
            let changed = timeout_at(since + PATIENCE, current.changed()).await;
            if self.connector.ended.is_cancelled() {
                return Err(KvError::Closed);
            }
            if !matches!(changed, Ok(Ok(()))) {
                return Err(KvError::Unavailable(format!("no connection to {}", self.connector.target)));
            }
        }
    }
}

async fn keep(connector: Arc<Connector>, role: Role, sender: watch::Sender<Current>) {
    let mut pause = PAUSE_MIN;
    while !connector.ended.is_cancelled() {
        let opened = tokio::select! {
            opened = connector.open(role, None) => opened,
            () = connector.ended.cancelled() => return,
        };
        match opened {
            Ok((session, broken)) => {
                connector.note_back();
                pause = PAUSE_MIN;
                sender.send_replace(Current::Session(Arc::new(session)));
                tokio::select! {
                    () = broken.cancelled() => connector.note_lost(&"the connection broke"),
                    () = connector.ended.cancelled() => {}
                }
                sender.send_replace(Current::LostSince(Instant::now()));
            }
            Err(error) => {
                connector.note_lost(&error);
                tokio::select! {
                    () = sleep(jittered(pause)) => {}
                    () = connector.back.notified() => {}
                    () = connector.ended.cancelled() => {}
                }
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// Between half and all of it: nodes that lost one database do not come back in step.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or_default();
    pause.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}
