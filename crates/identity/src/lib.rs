//! SigV4, presigned URLs, sessions to a Principal; the policies of a principal.
