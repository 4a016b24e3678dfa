//! Tables and items.
