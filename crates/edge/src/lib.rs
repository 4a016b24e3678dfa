//! Listeners, TLS, size, time and connection limits, request ids.
