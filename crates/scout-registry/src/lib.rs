//! Where images are: an OCI distribution client and adapters behind one trait.
