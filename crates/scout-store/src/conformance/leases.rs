//! Rules for named leases.

use super::sample::{World, assert_lost, at, judge, parse, snapshot};
use crate::error::Result;
use crate::store::Store;

/// The holder keeps its lease under the same token; after it is given back there is a new one.
pub(super) async fn a_lease_is_renewed_and_given_back(store: &dyn Store) -> Result<()> {
    let Some(first) = store.lease("judge", at(0), at(10)).await? else {
        panic!("nobody holds the lease, but it was not given");
    };
    assert_eq!((first.name.as_str(), first.until), ("judge", at(10)));
    let renewed = store.lease("judge", at(5), at(15)).await?;
    let renewed = renewed.map(|lease| (lease.fence, lease.until));
    assert_eq!(renewed, Some((first.fence, at(15))));
    let other = store.lease("sync", at(5), at(15)).await?;
    assert!(other.is_some_and(|other| other.fence != first.fence));

    store.release(&first).await?;
    store.release(&first).await?;
    let again = store.lease("judge", at(6), at(16)).await?;
    assert!(
        again
            .as_ref()
            .is_some_and(|again| again.fence > first.fence)
    );
    // An old token frees nothing.
    store.release(&first).await?;
    let kept = store.lease("judge", at(7), at(17)).await?;
    assert_eq!(
        kept.map(|lease| lease.fence),
        again.map(|lease| lease.fence)
    );
    Ok(())
}

/// Whoever is not the judge any more cannot write what the judge writes.
pub(super) async fn only_the_judge_writes_judgements(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let former = judge(store).await?;
    store.release(&former).await?;
    let Some(work) = store.judge_work(at(0)).await?.pop() else {
        panic!("a first listing has to be judged");
    };
    assert_lost(store.publish(&former, work, snapshot(at(1))).await);
    assert_lost(store.record_feeds(&former, Vec::new()).await);
    assert_lost(store.record_kev(&former, None).await);
    assert_lost(store.record_findings(&former, Vec::new()).await);
    assert_eq!(store.snapshot(world.org).await?, None);
    assert_eq!(world.asked().await?, Some(work.version));
    Ok(())
}

/// A named lease is refused to others until it ends, and then taken under a greater token.
pub(super) async fn a_named_lease_has_one_holder(one: &dyn Store, other: &dyn Store) -> Result<()> {
    let Some(first) = one.lease("judge", at(0), at(10)).await? else {
        panic!("nobody holds the lease, but it was not given");
    };
    assert_eq!(other.lease("judge", at(9), at(19)).await?, None);
    let Some(second) = other.lease("judge", at(10), at(20)).await? else {
        panic!("the lease has ended, but it was not given");
    };
    assert!(second.fence > first.fence);
    assert_eq!(one.lease("judge", at(11), at(21)).await?, None);
    assert_lost(one.record_kev(&first, None).await);
    other.record_kev(&second, None).await?;
    other.release(&second).await?;
    assert!(one.lease("judge", at(12), at(22)).await?.is_some());
    Ok(())
}

/// What a process was answered to have written, others see at once.
pub(super) async fn what_one_writes_the_other_reads(
    one: &dyn Store,
    other: &dyn Store,
) -> Result<()> {
    let org = one.enroll(&parse("acme"), at(0)).await?;
    assert_eq!(other.org(&parse("acme")).await?, Some(org));
    let judge = judge(one).await?;
    for round in 1..20 {
        one.enqueue_judgement(org).await?;
        let Some(work) = other.judge_work(at(0)).await?.pop() else {
            panic!("round {round} is not seen");
        };
        let mut next = snapshot(at(round));
        next.advisories_loaded_at = Some(at(round));
        let generation = one.publish(&judge, work, next.clone()).await?;
        next.generation = generation;
        assert_eq!(other.snapshot(org).await?, Some(next));
        assert_eq!(other.judge_work(at(0)).await?, []);
    }
    Ok(())
}
