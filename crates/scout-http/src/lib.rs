//! The HTTP rules of Scout once: bounded bodies, timeouts, redirects, redacted addresses.
