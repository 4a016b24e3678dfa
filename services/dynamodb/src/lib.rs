//! Tables and items.

pub mod attribute;
pub mod expression;
#[doc(hidden)]
pub mod fuzz;
pub mod invalid;
pub mod item;
pub mod key;
pub mod number;
