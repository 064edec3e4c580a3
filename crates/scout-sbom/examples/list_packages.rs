//! Lists what is installed in an image: from an OCI image layout (directory and tag), or from
//! layer files of any compression, given from the bottom up.
//!
//! `list_packages [--json] LAYOUT_DIR TAG` or `list_packages [--json] LAYER_FILE...`

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use scout_sbom::{Budget, Composition, LayerAnalysis, Limits, analyze_layer, compose, purl};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let as_json = arguments.first().is_some_and(|first| first == "--json");
    if as_json {
        arguments.remove(0);
    }
    let layers = match arguments.as_slice() {
        [layout, tag] if Path::new(layout).is_dir() => layer_files(Path::new(layout), tag)?,
        [] => return Err("usage: list_packages [--json] LAYOUT_DIR TAG | LAYER_FILE...".into()),
        files => files.iter().map(PathBuf::from).collect(),
    };
    let limits = Limits::default();
    let budget = Budget::new(std::env::temp_dir());
    let mut analyses = Vec::new();
    for layer in layers {
        let started = Instant::now();
        let analyzed = analyze_layer(File::open(&layer)?, &limits, &budget)?;
        let stored = analyzed.analysis.encode();
        report(&format!(
            "{} {} -> {} bytes, {} entries, {} bytes stored, {} ms",
            analyzed.diff_id.short(),
            analyzed.compressed_bytes,
            analyzed.uncompressed_bytes,
            analyzed.analysis.entry_count(),
            stored.len(),
            started.elapsed().as_millis()
        ));
        analyses.push(LayerAnalysis::decode(&stored)?);
    }
    let started = Instant::now();
    let image = compose(&analyses);
    report(&format!("composed in {} ms", started.elapsed().as_millis()));
    report(&format!("{:?}", budget.stats()));
    print(&image, as_json)
}

#[expect(clippy::print_stderr, reason = "a program for people")]
fn report(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::print_stdout, reason = "a program for people")]
fn print(image: &Composition, as_json: bool) -> Result<(), Box<dyn Error>> {
    if as_json {
        let packages: Vec<Value> = image
            .packages
            .iter()
            .map(|installed| {
                json!({
                    "purl": purl(&installed.package, image.distribution.as_ref()),
                    "package": installed.package,
                    "paths": installed.paths,
                    "layer": installed.layer,
                    "owner": installed.owner,
                    "certainty": installed.certainty,
                })
            })
            .collect();
        let document = json!({
            "distribution": image.distribution,
            "packages": packages,
            "gaps": image.gaps,
        });
        println!("{}", serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    if let Some(distribution) = &image.distribution {
        println!("{}", distribution.display_name());
    }
    for database in &image.databases {
        println!("database {} ({})", database.path, database.package_type);
    }
    for installed in &image.packages {
        let owner = installed.owner.as_deref().unwrap_or("-");
        let url = purl(&installed.package, image.distribution.as_ref());
        println!("layer {} owner {owner} {url}", installed.layer);
    }
    for gap in &image.gaps {
        println!("gap: {gap}");
    }
    println!("{} packages", image.packages.len());
    Ok(())
}

/// Returns the layer files of a tag; of an index, those of its first image.
fn layer_files(layout: &Path, tag: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let index = read_json(&layout.join("index.json"))?;
    let named =
        |manifest: &&Value| manifest["annotations"]["org.opencontainers.image.ref.name"] == *tag;
    let descriptor = index["manifests"]
        .as_array()
        .and_then(|manifests| manifests.iter().find(named))
        .ok_or_else(|| format!("no tag {tag} in {}", layout.display()))?;
    let mut manifest = read_json(&blob(layout, descriptor)?)?;
    if let Some(first) = manifest["manifests"].get(0).cloned() {
        manifest = read_json(&blob(layout, &first)?)?;
    }
    let layers = manifest["layers"].as_array().ok_or("no layers")?;
    layers.iter().map(|layer| blob(layout, layer)).collect()
}

fn blob(layout: &Path, descriptor: &Value) -> Result<PathBuf, Box<dyn Error>> {
    let digest = descriptor["digest"].as_str().ok_or("no digest")?;
    let (algorithm, hex) = digest.split_once(':').ok_or("no digest")?;
    Ok(layout.join("blobs").join(algorithm).join(hex))
}

fn read_json(path: &Path) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}
