//! CloudTrail's error shapes.

service::service_error! {
    /// What LookupEvents answers when it refuses.
    pub enum Error {
        /// A lookup attribute is not one that events have, or there is more than one.
        InvalidLookupAttributes = "InvalidLookupAttributesException",
        /// The end lies before the start.
        InvalidTimeRange = "InvalidTimeRangeException",
        /// `MaxResults` is not between 1 and 50.
        InvalidMaxResults = "InvalidMaxResultsException",
        /// The token was not made by this query.
        InvalidNextToken = "InvalidNextTokenException",
        /// There are no events of this category.
        InvalidEventCategory = "InvalidEventCategoryException",
    }
}
