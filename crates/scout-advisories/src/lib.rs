//! OSV records in, findings out: the version order of each ecosystem.
