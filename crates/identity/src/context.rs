//! The condition keys that a principal brings to every decision.
