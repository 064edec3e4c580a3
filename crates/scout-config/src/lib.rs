//! Environment, Docker credentials, registry strings, opening stores: what the programs share.
