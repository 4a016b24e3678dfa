//! Users, groups, roles, policies, access keys.
