//! REST APIs, the control plane of the gateway.
