//! The contract every service fulfils, the pipeline, the test kit.
