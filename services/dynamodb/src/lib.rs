//! Tables and items.

pub mod attribute;
pub mod invalid;
pub mod number;
