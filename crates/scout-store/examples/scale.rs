use std::time::Instant;
use jiff::Timestamp;
use scout_envs::*;
use scout_store::*;
use roaring::RoaringBitmap;
#[tokio::main]
async fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let images: u32 = std::env::args().nth(2).unwrap().parse().unwrap();
    let t0 = Instant::now();
    let store = SqliteStore::open(dir.as_ref(), Access::ReadWrite).unwrap();
    let now = Timestamp::now();
    let org = store.enroll(&"acme".parse().unwrap(), now).await.unwrap();
    let reg = store.registry(org, "r", "r", now).await.unwrap().id;
    let mut slow = 0.0f64;
    for i in 0..images {
        let repo: RepositoryName = format!("r{}", i / 10).parse().unwrap();
        let repo = store.record_repositories(org, reg, &[repo], false, now).await.unwrap()[0].id;
        let dg = |n: u32| { let mut b = [0u8; 32]; b[..4].copy_from_slice(&n.to_be_bytes()); let h: [u8;32] = { use sha2::Digest as _; sha2::Sha256::digest(b).into() }; Digest::sha256(&h) };
        store.observe(org, repo, Observation { tag: format!("t{i}").parse().unwrap(), digest: dg(i), pushed_at: None, seen_at: now, all_images: true }).await.unwrap();
        for w in store.lease_index_work(org, reg, now, now, 1).await.unwrap() {
            let packages = (0..300u32).map(|p| {
                let v = if p < 295 { p * 7 + (i % 50) } else { i * 7 + p + 100000 };
                let name = format!("package-{p}"); let version = format!("1.{v}-1+deb12u3");
                MatchKey { package_type: PackageType::Deb, ecosystem: Ecosystem::new("Debian:12"), source_name: name.clone(), source_version: version.clone(), name, version, module: None }
            }).collect();
            let im = NewImage { manifest_digest: dg(i), config_digest: dg(i), platform: Platform::new("linux","amd64",None), config: ImageConfig::default(), distribution: None, gaps: vec![], has_package_database: true, layers: (0..10).map(|l| dg(l)).collect(), analysis_version: 1, compressed_bytes: 1, package_count: 300, packages, owned_packages: vec![] };
            let t = Instant::now();
            store.finish_index_work(&w, ArtifactOutcome::Indexed(vec![FoundImage::New(Box::new(im))]), now).await.unwrap();
            slow = slow.max(t.elapsed().as_secs_f64());
        }
    }
    println!("{images} images: {:?}, slowest finish {slow:.3}s", t0.elapsed());
    let t = Instant::now();
    let judge = store.lease("judge", now, now).await.unwrap().unwrap();
    store.record_feeds(&judge, vec![FeedRecord { name: "Debian".into(), releases: Default::default(), records: 1, newest_modified: None, fingerprint: format!("{:?}", now), loaded_at: now }]).await.unwrap();
    println!("record_feeds {:?}", t.elapsed());
    let t = Instant::now();
    let (mut after, mut n, mut read) = (None, 0, std::time::Duration::ZERO);
    loop {
        let r = Instant::now();
        let s = store.stale_packages(after, 2000).await.unwrap();
        read += r.elapsed();
        if s.is_empty() { break }
        n += s.len();
        after = s.last().map(|p| p.0);
        let f = s.into_iter().map(|(package, _)| PackageFindings { package, feed: format!("{:?}", now), findings: if package.0 % 5 == 0 { (0..10).map(|v| Finding { vulnerability: VulnerabilityId::new(format!("CVE-2024-{:04}", (package.0 + v) % 5000)), severity: Severity::High, severity_source: SeveritySource::Distribution, records: vec!["DSA-1".into()], fixed_versions: vec!["2".into()] }).collect() } else { vec![] } }).collect();
        store.record_findings(&judge, f).await.unwrap();
    }
    println!("{n} packages matched {:?} of which listing {read:?}", t.elapsed());
    let t = Instant::now();
    let input = store.judge_input(org).await.unwrap();
    println!("judge_input {:?}: {} tags {} images", t.elapsed(), input.tags.len(), input.images.len());
    let mut all = RoaringBitmap::new();
    for i in &input.images { all |= &i.packages; }
    let t = Instant::now();
    let p = store.packages(&all).await.unwrap();
    println!("packages {} {:?}", p.len(), t.elapsed());
    let t = Instant::now();
    let f = store.findings(&all).await.unwrap();
    println!("findings of {} packages {:?}", f.len(), t.elapsed());
    let t = Instant::now();
    let sparse: RoaringBitmap = all.iter().step_by(100).collect();
    let f = store.findings(&sparse).await.unwrap();
    println!("sparse {} findings of {} packages {:?}", sparse.len(), f.len(), t.elapsed());
    let t = Instant::now();
    let s = store.stale_packages(None, 2000).await.unwrap();
    println!("nothing stale {} {:?}", s.len(), t.elapsed());
    let t = Instant::now();
    let a = store.artifacts(org, None).await.unwrap();
    println!("artifacts {} {:?}", a.len(), t.elapsed());
    let t = Instant::now();
    println!("ecosystems {:?} {:?}", store.ecosystems_in_use().await.unwrap(), t.elapsed());
}
