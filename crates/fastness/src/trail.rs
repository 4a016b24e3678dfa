//! The events of a stack as they are told: each once, oldest first, however many pages they stand on.
//!
//! Calls nothing: whoever has pages gives them.

use std::collections::HashSet;

use cloudformation::api::StackEvent;

/// A page of events, newest first, and where the next one begins.
pub(crate) type Page = (Vec<StackEvent>, Option<String>);

/// What was told, and what is to be told next.
#[derive(Default)]
pub(crate) struct Trail {
    told: HashSet<String>,
    /// Newest first.
    found: Vec<StackEvent>,
}

impl Trail {
    /// Begins behind the events of a stack's first page: what is older was told before them.
    pub(crate) fn behind((page, _): Page) -> Self {
        let told = page.into_iter().map(|event| event.event_id).collect();
        Self { told, found: Vec::new() }
    }

    /// Takes a page, and answers where to look for more that is new.
    pub(crate) fn take(&mut self, (page, next): Page) -> Option<String> {
        for event in page {
            if self.told.contains(&event.event_id) {
                return None;
            }
            self.found.push(event);
        }
        next
    }

    /// What is new since the last time.
    pub(crate) fn news(&mut self) -> Vec<StackEvent> {
        let mut found = std::mem::take(&mut self.found);
        found.reverse();
        self.told.extend(found.iter().map(|event| event.event_id.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(ids: &[&str], next: Option<&str>) -> Page {
        let event = |id: &&str| StackEvent { event_id: (*id).to_owned(), ..StackEvent::default() };
        (ids.iter().map(event).collect(), next.map(str::to_owned))
    }

    fn news(trail: &mut Trail) -> Vec<String> {
        trail.news().into_iter().map(|event| event.event_id).collect()
    }

    #[test]
    fn every_event_is_told_once_over_all_pages() {
        let mut trail = Trail::behind(page(&["b", "a"], None));
        assert_eq!(trail.take(page(&["e", "d"], Some("2"))), Some("2".to_owned()));
        assert_eq!(trail.take(page(&["c", "b"], Some("3"))), None);
        assert_eq!(news(&mut trail), ["c", "d", "e"]);
        assert_eq!(trail.take(page(&["f", "e"], Some("2"))), None);
        assert_eq!(news(&mut trail), ["f"]);
        assert!(news(&mut trail).is_empty());
    }
}
