//! Keeps as many environments initialised as versions shall have: woken by a change of a function and by the end of
//! an environment. Knows no operation.

use std::sync::Arc;

use base::Scope;
use sandbox::InitType;
use tokio::sync::Semaphore;

use crate::Lambda;
use crate::catalogue::{Function, Version};
use crate::provision::{INIT_FAILED, Place};

/// Environments made at a time: those that an invocation waits for go first.
const AT_A_TIME: usize = 2;

impl Lambda {
    pub(crate) fn spawn_provisioner(&self) {
        let (me, stopping) = (self.me.clone(), self.stopping.clone());
        let changed = self.catalogue.provision_changed.clone();
        let turns = Arc::new(Semaphore::new(AT_A_TIME));
        self.workers.spawn(async move {
            loop {
                let Some(lambda) = me.upgrade() else { return };
                lambda.provision(&turns);
                drop(lambda);
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = changed.notified() => {}
                }
            }
        });
    }

    fn provision(&self, turns: &Arc<Semaphore>) {
        let wanting = |version: &&Arc<Version>| version.provision.wanted() > 0;
        for function in self.catalogue.all() {
            for version in function.all_versions().filter(wanting) {
                while let Some(place) = version.provision.claim(&self.catalogue.provision_changed) {
                    let (me, turns) = (self.arc(), turns.clone());
                    let (function, version) = (function.clone(), version.clone());
                    self.workers.spawn(async move {
                        let stopping = me.stopping.clone();
                        tokio::select! {
                            () = stopping.cancelled() => {}
                            Ok(_turn) = turns.acquire() => me.fill(&function, &version, place).await,
                        }
                    });
                }
            }
        }
    }

    async fn fill(&self, function: &Function, version: &Arc<Version>, place: Place) {
        let mut place = Some(place);
        if !self.runner.prepare(function, version, (InitType::Provisioned, &mut place)).await {
            // Before the place is left, which wakes who would try again.
            version.provision.fail(INIT_FAILED);
        }
        drop(place);
    }

    /// A version with SnapStart has an environment ready as soon as it is published.
    pub(crate) fn prepare_snapshot(&self, scope: &Scope, name: &str, number: u64) {
        let Some(function) = self.catalogue.get(scope, name) else { return };
        let Some(version) = function.numbered(number).cloned() else { return };
        if version.init_type() != InitType::SnapStart {
            return;
        }
        let me = self.arc();
        self.workers.spawn(async move {
            let (stopping, mut place) = (me.stopping.clone(), None);
            tokio::select! {
                () = stopping.cancelled() => {}
                _ = me.runner.prepare(&function, &version, (InitType::SnapStart, &mut place)) => {}
            }
        });
    }
}
