//! What a package manager prints, line by line: shown as it comes, and its end kept for the error.
//!
//! SECURITY: strangers' scripts print, too. Nothing of it reaches a terminal but letters: no control characters, lines of a bounded
//! length, a bounded number of them.

use std::collections::VecDeque;

/// Lines that an error shows.
const KEPT_MAX: usize = 15;
/// Lines that are shown as they come.
const SHOWN_MAX: usize = 400;
/// The longest line, in bytes; what follows of it is left out.
const LINE_BYTES_MAX: usize = 400;

/// What npm prints for each of hundreds of files that it gets, and how many of them make one line.
const FETCHED: &str = "npm http fetch GET 200 ";
const CACHED: &str = "npm http cache ";
const FETCHED_SHOWN: usize = 20;

/// The lines so far.
#[derive(Default)]
pub(super) struct Told {
    kept: VecDeque<String>,
    shown: usize,
    fetched: usize,
    begun: Vec<u8>,
}

impl Told {
    /// Takes what was printed now, and shows the lines that are complete.
    pub(super) fn take(&mut self, printed: &[u8], mut show: impl FnMut(&str)) {
        for byte in printed {
            match byte {
                b'\n' | b'\r' => self.line(&mut show),
                byte if self.begun.len() < LINE_BYTES_MAX => self.begun.push(*byte),
                _ => {}
            }
        }
    }

    fn line(&mut self, show: &mut impl FnMut(&str)) {
        let begun = std::mem::take(&mut self.begun);
        let line: String = String::from_utf8_lossy(&begun).chars().filter(|c| !c.is_control()).collect();
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        if line.starts_with(CACHED) {
            return;
        }
        if line.starts_with(FETCHED) {
            self.fetched += 1;
            if self.fetched.is_multiple_of(FETCHED_SHOWN) && self.fetched / FETCHED_SHOWN < SHOWN_MAX {
                show(&format!("npm got {} files", self.fetched));
            }
            return;
        }
        if self.shown < SHOWN_MAX {
            self.shown += 1;
            show(line);
        }
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(line.to_owned());
    }

    /// The last lines.
    pub(super) fn end(mut self) -> String {
        self.line(&mut |_| ());
        Vec::from(self.kept).join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_as_they_come_without_what_a_terminal_obeys() {
        let (mut told, mut shown) = (Told::default(), Vec::new());
        told.take(b"Collect", |line| shown.push(line.to_owned()));
        told.take(b"ing x\n\n\x1b]0;title\x07 y\r", |line| shown.push(line.to_owned()));
        assert_eq!(shown, ["Collecting x", "]0;title y"]);
        told.take(b"last", |_| ());
        assert_eq!(told.end(), "Collecting x\n]0;title y\nlast");
    }

    #[test]
    fn what_npm_gets_is_counted_and_what_it_does_not_get_is_shown() {
        let (mut told, mut shown) = (Told::default(), Vec::new());
        for n in 0..45 {
            told.take(format!("{FETCHED}https://r/{n}\n").as_bytes(), |line| shown.push(line.to_owned()));
        }
        told.take(b"npm http cache x@https://r/x.tgz 0ms (cache hit)\n", |line| shown.push(line.to_owned()));
        told.take(b"npm http fetch GET 404 https://r/x\n", |line| shown.push(line.to_owned()));
        assert_eq!(shown, ["npm got 20 files", "npm got 40 files", "npm http fetch GET 404 https://r/x"]);
        assert_eq!(told.end(), "npm http fetch GET 404 https://r/x");
    }

    #[test]
    fn a_flood_is_bounded_and_its_end_is_kept() {
        let (mut told, mut shown) = (Told::default(), 0);
        for n in 0..10_000 {
            told.take(format!("{n}\n").as_bytes(), |_| shown += 1);
        }
        told.take(&vec![b'x'; 1 << 20], |_| shown += 1);
        assert_eq!(shown, SHOWN_MAX);
        let end = told.end();
        assert_eq!(end.lines().count(), KEPT_MAX);
        assert!(end.starts_with("9986\n") && end.ends_with(&"x".repeat(LINE_BYTES_MAX)), "{end}");
    }
}
