//! Key hierarchy, envelopes, random, secret memory.
