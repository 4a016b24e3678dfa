//! Reads the config and credentials files of the AWS tools, as those read them: what one says of a profile, the other finds.
//!
//! Those tools are Python's, and take each line as its `configparser` does: `=` or `:` behind a key in any case, comments in
//! lines of their own, deeper lines as more of the value above, and what stands in `[DEFAULT]` in every section. What is not
//! to be read so is refused with its line's number, and never by its content: it may be a secret.

use std::collections::BTreeMap;

/// Applies to every section.
const EVERYWHERE: &str = "DEFAULT";

/// What stands behind a key.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Said {
    Text(String),
    /// Pairs of a level below.
    Nested(BTreeMap<String, String>),
}

impl Said {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nested(_) => None,
        }
    }
}

/// What one section says, by keys in small letters.
pub(crate) type Section = BTreeMap<String, Said>;

/// What a file says, section by section. A file that is not there says nothing.
#[derive(Default)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct AwsFile(Vec<(String, Section)>);

impl AwsFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The AWS tools would refuse it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = Lines::default();
        let text = text.replace("\r\n", "\n");
        for (line, number) in text.split(['\n', '\r']).zip(1_usize..) {
            lines.take(line).map_err(|why| format!("line {number}: {why}"))?;
        }
        lines.read()
    }

    /// The section under exactly this title: a profile of a credentials file.
    pub(crate) fn section(&self, title: &str) -> Option<&Section> {
        self.0.iter().find(|(own, _)| own == title).map(|(_, section)| section)
    }

    /// The profile of this name in a config file.
    pub(crate) fn profile(&self, name: &str) -> Option<&Section> {
        let is_it = |title: &str| names(title, "profile", name) || (title == "default" && name == title);
        self.last(is_it)
    }

    /// The `services` section of this name in a config file.
    pub(crate) fn services(&self, name: &str) -> Option<&Section> {
        self.last(|title| names(title, "services", name))
    }

    /// Of several sections of one name the last one counts, and whole.
    fn last(&self, is_it: impl Fn(&str) -> bool) -> Option<&Section> {
        self.0.iter().rev().find(|(title, _)| is_it(title)).map(|(_, section)| section)
    }
}

/// True where a section's title is of a kind, and says this name behind it.
fn names(title: &str, kind: &str, name: &str) -> bool {
    title.starts_with(kind) && words(title).is_some_and(|words| matches!(&words[..], [_, own] if own == name))
}

/// Where a pair belongs.
#[derive(Clone, Copy, Default)]
enum Place {
    /// No section began yet.
    #[default]
    Nowhere,
    Everywhere,
    LastSection,
}

/// A file while its lines are read.
#[derive(Default)]
struct Lines {
    sections: Vec<(String, BTreeMap<String, Vec<String>>)>,
    everywhere: BTreeMap<String, Vec<String>>,
    place: Place,
    key: Option<String>,
    indent: usize,
}

impl Lines {
    fn current(&mut self) -> Option<&mut BTreeMap<String, Vec<String>>> {
        match self.place {
            Place::Nowhere => None,
            Place::Everywhere => Some(&mut self.everywhere),
            Place::LastSection => self.sections.last_mut().map(|(_, pairs)| pairs),
        }
    }

    /// One more line of the value above.
    fn go_on(&mut self, line: &str) {
        if let Some(key) = self.key.clone()
            && let Some(value) = self.current().and_then(|pairs| pairs.get_mut(&key))
        {
            value.push(line.to_owned());
        }
    }

    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let said = line.trim_matches(is_space);
        if said.starts_with(['#', ';']) {
            return Ok(());
        }
        if said.is_empty() {
            self.go_on("");
            return Ok(());
        }
        let indent = line.chars().take_while(|char| is_space(*char)).count();
        if self.key.is_some() && indent > self.indent {
            self.go_on(said);
            return Ok(());
        }
        self.indent = indent;
        match title(said)? {
            Some(title) => self.begin(title),
            None => self.pair(said),
        }
    }

    fn begin(&mut self, title: &str) -> Result<(), &'static str> {
        self.key = None;
        if title == EVERYWHERE {
            self.place = Place::Everywhere;
            return Ok(());
        }
        self.place = Place::LastSection;
        if self.sections.iter().any(|(own, _)| own == title) {
            return Err("the section is there already");
        }
        self.sections.push((title.to_owned(), BTreeMap::new()));
        Ok(())
    }

    fn pair(&mut self, said: &str) -> Result<(), &'static str> {
        let pairs = self.current().ok_or("no section begins before it")?;
        let (key, value) = said.split_once(['=', ':']).ok_or("it is no section, and no key with a value")?;
        let key = key.trim_end_matches(is_space).to_lowercase();
        if key.is_empty() {
            return Err("the value has no key");
        }
        let value = vec![value.trim_start_matches(is_space).to_owned()];
        if pairs.insert(key.clone(), value).is_some() {
            return Err("the key is there already");
        }
        self.key = Some(key);
        Ok(())
    }

    fn read(self) -> Result<AwsFile, String> {
        let everywhere = self.everywhere;
        let section = |(title, own): (String, BTreeMap<String, Vec<String>>)| {
            let mut pairs = everywhere.clone();
            pairs.extend(own);
            let said = pairs.into_iter().map(|(key, lines)| Ok((key, value(&lines)?)));
            Ok((title, said.collect::<Result<_, String>>()?))
        };
        self.sections.into_iter().map(section).collect::<Result<_, String>>().map(AwsFile)
    }
}

/// What Python takes for white space.
fn is_space(char: char) -> bool {
    char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char)
}

/// What ends a line for Python where it takes a text apart.
fn ends_line(char: char) -> bool {
    matches!(char, '\n' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A section's title.
fn title(said: &str) -> Result<Option<&str>, &'static str> {
    let Some((title, _)) = said.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) else {
        return Ok(None);
    };
    match title {
        "" => Ok(None),
        // How it is read depends on the version of Python.
        _ if title.contains(']') => Err("the section's title ends twice"),
        _ => Ok(Some(title)),
    }
}

fn value(lines: &[String]) -> Result<Said, String> {
    let text = lines.join("\n").trim_end_matches(is_space).to_owned();
    let Some(nested) = text.strip_prefix('\n') else { return Ok(Said::Text(text)) };
    let lines =
        nested.split(ends_line).map(|line| line.trim_matches(is_space)).filter(|line| !line.is_empty());
    let pair = |line: &str| {
        let (key, value) = line.split_once('=').ok_or("lines below a key are no pairs")?;
        Ok((key.trim_matches(is_space).to_owned(), value.trim_matches(is_space).to_owned()))
    };
    lines.map(pair).collect::<Result<_, String>>().map(Said::Nested)
}

/// The words of a title as a shell takes them; none where a quotation does not end.
fn words(title: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut chars = title.chars();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => quoted(&mut chars, '\'', word.get_or_insert_default())?,
            '"' => quoted(&mut chars, '"', word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next()?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

/// Takes what stands in quotation marks; in double ones a backslash protects them and itself.
fn quoted(chars: &mut std::str::Chars<'_>, mark: char, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            end if end == mark => return Some(()),
            '\\' if mark == '"' => match chars.next()? {
                protected @ ('"' | '\\') => word.push(protected),
                other => word.extend(['\\', other]),
            },
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(text: &str) -> AwsFile {
        AwsFile::parse(text).unwrap()
    }

    fn texts(section: Option<&Section>) -> Vec<(&str, &str)> {
        let pairs = section.into_iter().flatten();
        pairs.map(|(key, said)| (key.as_str(), said.text().unwrap_or("nested"))).collect()
    }

    #[test]
    fn lines_are_read_as_the_aws_tools_read_them() {
        let table: [(&str, &[(&str, &str)]); 17] = [
            ("[p]\na = b", &[("a", "b")]),
            ("[p]\r\nROLE_ARN: b : c\r\n", &[("role_arn", "b : c")]),
            ("[p]\ra=b=c\r", &[("a", "b=c")]),
            ("[p] x\na:b", &[("a", "b")]),
            ("  [p]\n  a = b\n  c = d", &[("a", "b"), ("c", "d")]),
            ("[p]\na = b\n  c = d\ne = f", &[("a", "b\nc = d"), ("e", "f")]),
            ("[p]\na = b\n  [q]\n", &[("a", "b\n[q]")]),
            ("[p]\na = b\n\n# c = d\n  ; e\n  g\n", &[("a", "b\n\ng")]),
            ("[p]\na = b # c", &[("a", "b # c")]),
            ("[p]\na =\nb = c", &[("a", ""), ("b", "c")]),
            ("[p]\na =\n  c = d\n  e = f=g\nh = i", &[("a", "nested"), ("h", "i")]),
            ("[DEFAULT]\na = b\n[p]\nc = d", &[("a", "b"), ("c", "d")]),
            ("[p]\na = c\n[DEFAULT]\na = b\nd = e\n", &[("a", "c"), ("d", "e")]),
            ("[p]\n[a = b", &[("[a", "b")]),
            ("[p]\na key = b", &[("a key", "b")]),
            ("[q]\na = b", &[]),
            ("[ p ]\na = b", &[]),
        ];
        for (text, said) in table {
            assert_eq!(texts(file(text).section("p")), said, "{text:?}");
        }
        let nested = file("[p]\ns3 =\n  A = b\u{1c} \n\n  c=d\n");
        let pairs = [("A", "b"), ("c", "d")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(nested.section("p").unwrap()["s3"], Said::Nested(pairs.into()));
    }

    #[test]
    fn what_the_aws_tools_refuse_is_refused_without_its_content() {
        for text in [
            "hidden = 1",
            "\u{feff}[p]\nhidden = 1",
            "[p]\nhidden",
            "[p]\n= hidden",
            "[p]\nhidden = 1\nHIDDEN: 2",
            "[hidden]\n[hidden]",
            "[DEFAULT]\nhidden = 1\n[DEFAULT]\nhidden = 1",
            "[p]\na =\n  hidden",
            "[hidden] ]\na = b",
        ] {
            let refused = AwsFile::parse(text).unwrap_err();
            assert!(!refused.to_lowercase().contains("hidden"), "{text:?}: {refused}");
        }
        assert_eq!(
            AwsFile::parse("[p]\n\nx").unwrap_err(),
            "line 3: it is no section, and no key with a value"
        );
    }

    #[test]
    fn profiles_are_found_by_whatever_their_titles_are_written_like() {
        for (title, name) in [
            ("profile x", "x"),
            ("profile   x", "x"),
            ("profile\tx", "x"),
            ("profile \"a b\"", "a b"),
            ("profile 'a b'", "a b"),
            ("profile a\\ b", "a b"),
            ("profile \"a\\\"b\\\\c\\d\"", "a\"b\\c\\d"),
            ("profile a'b'\"c\"", "abc"),
            ("profile ''", ""),
            ("profile default", "default"),
            ("default", "default"),
        ] {
            let file = file(&format!("[{title}]\na = b"));
            assert_eq!(texts(file.profile(name)), [("a", "b")], "{title}");
        }
        for (title, name) in [
            ("x", "x"),
            ("profile x y", "x"),
            ("profile \"x", "\"x"),
            ("profile x\\", "x"),
            ("a profile", "profile"),
        ] {
            assert!(file(&format!("[{title}]\na = b")).profile(name).is_none(), "{title}");
        }
        let twice = file("[profile default]\na = 1\n[default]\nb = 2");
        assert_eq!(texts(twice.profile("default")), [("b", "2")], "the last one, and whole");
        let services = file("[services s]\ncloudformation =\n  endpoint_url = u\n");
        assert!(matches!(services.services("s").unwrap()["cloudformation"], Said::Nested(_)));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_refused(text in "[\\[\\]=:#;\\\\'\" \tpaA\n\r\u{1c}ü-]{0,80}") {
            if let Ok(file) = AwsFile::parse(&text) {
                for (title, _) in &file.0 {
                    let _ = (words(title), file.profile(title));
                }
            }
        }

        #[test]
        fn a_role_is_found_however_it_is_written(
            (before, after) in ("[ \t]{0,3}", "[ \t]{0,3}"),
            delimiter in "[=:]",
            upper in any::<bool>(),
            (indent, blank) in ("[ ]{0,4}", "(\n|  \n|# x\n|  ; y = z\n){0,3}"),
            title in prop::sample::select(&["profile p", "profile  p", "profile \"p\"", "profile 'p' "][..]),
        ) {
            let key = if upper { "ROLE_ARN" } else { "role_arn" };
            let text = format!("[{title}]\n{blank}{indent}region = r\n{blank}{indent}{key}{before}{delimiter}{after}arn:x\n{blank}");
            let read = AwsFile::parse(&text).map_err(TestCaseError::fail)?;
            let said = read.profile("p").and_then(|profile| profile.get("role_arn")).and_then(Said::text);
            prop_assert_eq!(said.map(|text| text.lines().next().unwrap()), Some("arn:x"));
        }
    }
}
