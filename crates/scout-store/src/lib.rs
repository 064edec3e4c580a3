//! What is known: images, layers, packages, findings, work and snapshots.
