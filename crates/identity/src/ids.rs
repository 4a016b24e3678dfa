//! Unique ids of IAM: access keys and `AIDA…`, `AROA…`, `AGPA…`, `ANPA…` entity ids.
