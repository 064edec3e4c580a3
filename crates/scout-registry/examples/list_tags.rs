//! Lists the images of a registry or image layout, with what each tag points to.
//!
//! `list_tags REGISTRY_STRING [USER PASSWORD]`

use std::error::Error;
use std::process::ExitCode;

use scout_registry::{BuildOptions, ConfigFile, Manifest, RegistryCredentials, RegistrySpec};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stderr, reason = "an example talks to a person")]
async fn main() -> ExitCode {
    let Err(error) = list().await else {
        return ExitCode::SUCCESS;
    };
    eprint!("list_tags: {error}");
    let mut cause = error.source();
    while let Some(deeper) = cause {
        eprint!(": {deeper}");
        cause = deeper.source();
    }
    eprintln!();
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "an example talks to a person")]
async fn list() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(text) = arguments.next() else {
        return Err("usage: list_tags REGISTRY_STRING [USER PASSWORD]".into());
    };
    let credentials = match (arguments.next(), arguments.next()) {
        (Some(user), Some(password)) => RegistryCredentials::Basic {
            user,
            password: password.into(),
        },
        _ => RegistryCredentials::Anonymous,
    };
    let spec = RegistrySpec::parse(&text)?;
    let ca_pem = spec.ca_file().map(std::fs::read).transpose()?;
    let options = BuildOptions::new("scout-list-tags/0.1")
        .with_credentials(credentials)
        .with_ca_pem(ca_pem);
    let registry = spec.build(options)?;
    registry.check().await?;
    for repository in registry.repositories().await? {
        for listed in registry.tags(&repository).await? {
            let tag = listed.tag;
            let resolved = match listed.resolved {
                Some(resolved) => resolved,
                None => registry.resolve(&repository, &tag).await?,
            };
            let document = registry.manifest(&repository, &resolved.digest).await?;
            let about = match document.parse()? {
                Manifest::Index(index) => format!("index of {}", index.entries.len()),
                Manifest::Image(image) if !image.is_container_image() => image.kind().to_owned(),
                Manifest::Image(image) => {
                    let limit = ConfigFile::MAX_LEN;
                    let config = registry
                        .blob_bytes(&repository, &image.config, limit)
                        .await?;
                    let platform = ConfigFile::parse(&config)?.platform;
                    let platform = platform.map(|platform| platform.to_string());
                    format!(
                        "{}, {} layers",
                        platform.unwrap_or_default(),
                        image.layers.len()
                    )
                }
                _ => String::new(),
            };
            let (host, digest) = (registry.host(), resolved.digest.short());
            println!("{host}/{repository}:{tag} {digest} {about}");
        }
    }
    println!("{:#?}", registry.stats());
    Ok(())
}
