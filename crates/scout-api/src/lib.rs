//! The Scout HTTP API: wire types, tokens, and a client.
