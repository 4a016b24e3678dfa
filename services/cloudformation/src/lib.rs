//! Stacks, provisioned by calling the other services as the caller.
