//! API Gateway data plane: routes, authorization, integrations.
