//! Reads a bill of materials (CycloneDX, SPDX or Scout's own JSON) and writes it in another form.
//!
//! `convert_document FILE json|cyclonedx|spdx`

use std::error::Error;

use scout_sbom::{Document, DocumentFormat};

#[expect(clippy::print_stdout, reason = "a program for people")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, format] = arguments.as_slice() else {
        return Err("usage: convert_document FILE json|cyclonedx|spdx".into());
    };
    let format: DocumentFormat = format.parse()?;
    let document = Document::read(&std::fs::read(file)?)?;
    print!("{}", document.write(format)?);
    Ok(())
}
