//! The IAM policy language: parse, match, evaluate, explain. Pure.
