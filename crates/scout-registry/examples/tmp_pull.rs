//! tmp
use futures_util::TryStreamExt;
use scout_registry::*;
#[tokio::main]
async fn main() {
    let a: Vec<String> = std::env::args().collect();
    let spec = RegistrySpec::parse(&a[1]).unwrap();
    let o = BuildOptions::new("x").with_credentials(RegistryCredentials::Basic{user:"scout".into(),password:"secret".into()});
    let r = spec.build(o).unwrap();
    let t = std::time::Instant::now();
    for repo in r.repositories().await.unwrap() { for tag in r.tags(&repo).await.unwrap() {
        let res = r.resolve(&repo,&tag).await.unwrap();
        let Manifest::Image(i) = r.manifest(&repo,&res.digest).await.unwrap().parse().unwrap() else { continue };
        for l in &i.layers { let mut n=0; let mut s = r.blob(&repo,l).await.unwrap(); while let Some(c)=s.try_next().await.unwrap(){n+=c.len();} assert_eq!(n as u64,l.size); }
    }}
    println!("{:?} {:#?}", t.elapsed(), r.stats());
}
